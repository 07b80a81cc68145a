/**
 * The WebGPU backend.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { FgnError } from "../check/error.ts";
import { checkKind } from "../check/kind.ts";
import { guardAsync } from "../check/total.ts";
import type { Backend } from "./backend.ts";
import { webGpuWithin } from "./open.ts";
import type { WebGpuOptions } from "./web_gpu_options.ts";

/**
 * A backend on a GPU by WebGPU. Results are those of the CPU to about 1e-5, not to the byte: devices round differently.
 *
 * Without options it asks for an adapter and a device with its limits; `close()` then destroys the device. A device of
 * the caller's is left alone. Operations of one backend run one after another, in the order they were started in.
 *
 * Errors: `UnsupportedRuntime` (no WebGPU, no adapter), `DeviceFailure`, `InvalidOption`, `WrongKind`,
 * `CompilationForbidden`.
 *
 * @example
 * ```ts
 * import { webGpu } from "fgn/gpu";
 *
 * const backend = await webGpu()();
 * console.log(backend._tag === "Right" ? backend.right.description : backend.left.remedy);
 * if (backend._tag === "Right") backend.right.close();
 * ```
 */
export const webGpu = (options: WebGpuOptions = {}): TaskEither<FgnError, Backend> => webGpuWithin(options, {});

/**
 * The WebGPU backend, or `fallback` where this runtime has no WebGPU or no adapter; `name` says which it is. Other errors
 * stay errors. Errors: as {@link webGpu}, without `UnsupportedRuntime`.
 *
 * @example
 * ```ts
 * import { getOrThrow } from "fgn";
 * import { cpu, preferGpu } from "fgn/gpu";
 *
 * const backend = await getOrThrow(preferGpu(cpu()));
 * console.log(["webgpu", "cpu"].includes(backend.name)); // true
 * backend.close();
 * ```
 */
export function preferGpu(fallback: Backend, options: WebGpuOptions = {}): TaskEither<FgnError, Backend> {
  return () => guardAsync("preferGpu", { fallback, options }, preferDevice(fallback, options));
}

/** A device, or the fallback. */
function preferDevice(fallback: Backend, options: WebGpuOptions): TaskEither<FgnError, Backend> {
  return async () => {
    const usable = checkKind(
      "the fallback",
      fallback,
      typeof fallback?.fgnStep === "function",
      "a backend, such as cpu()",
    );
    if (usable._tag === "Left") return usable;
    const backend = await webGpu(options)();
    return backend._tag === "Left" && backend.left._tag === "UnsupportedRuntime" ? E.right(fallback) : backend;
  };
}
