/**
 * Options of the WebGPU backend, in types of their own: programs without those of the DOM or of WebGPU compile, too.
 *
 * @module
 */

/** A GPUDevice, as far as a program without the types of WebGPU has to know one. */
export interface GpuDevice {
  /** Its limits. */
  readonly limits: object;
  /** Where commands are submitted. */
  readonly queue: object;
  /** Settles when the device is lost. */
  readonly lost: Promise<unknown>;
  /** Makes a buffer. */
  createBuffer(descriptor: never): unknown;
  /** Makes a shader. */
  createShaderModule(descriptor: never): unknown;
  /** Makes a pipeline. */
  createComputePipeline(descriptor: never): unknown;
  /** Makes an encoder of commands. */
  createCommandEncoder(): unknown;
}

/** Options of `webGpu`. */
export interface WebGpuOptions {
  /** The caller's GPUDevice, which stays the caller's; default: one requested with its adapter's limits. */
  readonly device?: GpuDevice;
  /** The kind of adapter to ask for. */
  readonly powerPreference?: "low-power" | "high-performance";
}
