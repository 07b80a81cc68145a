/**
 * The opt-in kernel with relaxed SIMD (fused multiply-add): faster in some engines, but its results differ
 * between them in the last bits.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { instantiate, type Kernel } from "./kernel.ts";
import { relaxed } from "./relaxed.generated.ts";

let shared: E.Either<FgnError, Kernel> | undefined;

/**
 * The relaxed kernel, compiled on the first call; pass it as `kernel` in the options of a step.
 *
 * Errors: `UnsupportedRuntime` where the engine has no relaxed SIMD.
 *
 * @example
 * ```ts
 * import { relaxedKernel } from "fgn/relaxed";
 *
 * const kernel = relaxedKernel();
 * console.log(kernel._tag === "Right" ? kernel.right.name : kernel.left.remedy);
 * ```
 */
export function relaxedKernel(): E.Either<FgnError, Kernel> {
  return shared ??= instantiate(relaxed);
}
