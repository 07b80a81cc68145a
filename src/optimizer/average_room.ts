/**
 * Room for averages in a kernel's memory, between its steps.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { f32, place } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import { kernelOf, type KernelOption } from "../problem/session.ts";

/** Floats of a block: two of them, 16 KiB each, stay in the L1 cache. */
const BLOCK = 4096;

/**
 * Two blocks in a kernel's memory.
 * @internal
 */
export interface AverageRoom {
  readonly kernel: LoadedKernel;
  readonly at: Readonly<Record<"now" | "average", number>>;
}

/**
 * Room for averages on the kernel of the options. It is opened before a step and used after it: once that has given up its
 * parameters nothing may fail. Errors: `KernelBusy`, `OutOfMemory`, and those of the default kernel.
 * @internal
 */
export function openAverage(options: KernelOption): E.Either<FgnError, AverageRoom> {
  const kernel = kernelOf(options);
  if (kernel._tag === "Left") return kernel;
  const at = place(kernel.right, { now: 4 * BLOCK, average: 4 * BLOCK });
  return at._tag === "Left" ? at : E.right({ kernel: kernel.right, at: at.right });
}

/**
 * average ← decay · average + (1 − decay) · now, summed in float64.
 * @internal
 */
export function mix(
  { kernel, at }: AverageRoom,
  decay: number,
  now: Float32Array,
  average: Float32Array,
): void {
  for (let from = 0; from < average.length; from += BLOCK) {
    const to = Math.min(from + BLOCK, average.length);
    const block = f32(kernel, at.average, to - from);
    block.set(average.subarray(from, to));
    f32(kernel, at.now, to - from).set(now.subarray(from, to));
    kernel.exports.average(to - from, decay, at.now, at.average);
    average.set(block, from);
  }
}

/**
 * Whether all values are finite.
 * @internal
 */
export function areFinite({ kernel, at }: AverageRoom, values: Float32Array): boolean {
  for (let from = 0; from < values.length; from += BLOCK) {
    const part = values.subarray(from, Math.min(from + BLOCK, values.length));
    f32(kernel, at.now, part.length).set(part);
    if (kernel.exports.allFinite(part.length, at.now) === 0) return false;
  }
  return true;
}
