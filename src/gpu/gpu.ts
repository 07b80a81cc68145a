/**
 * Backends: the same step on the CPU or on a GPU by WebGPU, with parameters and data that stay where they are.
 *
 * @module
 */

export type { Backend, Resident, ResidentBatch, ResidentStep } from "./backend.ts";
export type { BackendStepOptions } from "./step/options.ts";
export { cpu } from "./cpu.ts";
export type { Traffic } from "./device/traffic.ts";
export { preferGpu, webGpu } from "./web_gpu.ts";
export type { GpuDevice, WebGpuOptions } from "./web_gpu_options.ts";
