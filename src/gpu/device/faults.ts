/**
 * Errors of backends that cannot compute.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../../check/error.ts";

/** A `DeviceLost`. */
export const failLost = (cause: string): E.Either<FgnError, never> =>
  fail(
    "DeviceLost",
    { cause },
    `the device is gone (${cause})`,
    "Make another backend and put parameters and batches on it again; keep checkpoints by `download`",
  );

/** A `DeviceFailure`. */
export const failRefused = (cause: string): E.Either<FgnError, never> =>
  fail(
    "DeviceFailure",
    { cause },
    `the GPU device refused a command (${cause})`,
    "Use the backend that `cpu()` makes, and report this with the adapter's name: no input should lead here",
  );

/** An `UnsupportedRuntime`. */
export const failNoGpu = (cause: string): E.Either<FgnError, never> =>
  fail(
    "UnsupportedRuntime",
    { cause },
    `this runtime gives no GPU device (${cause})`,
    "Use the backend that `cpu()` makes, `preferGpu(cpu())` to choose by itself, or pass a device of a WebGPU implementation",
  );

/** An `Unsupported`. */
export const failUnsupported = (what: string): E.Either<FgnError, never> =>
  fail(
    "Unsupported",
    { what },
    `the WebGPU backend does not do this: ${what}`,
    "Leave it out, or use the backend that `cpu()` makes",
  );
