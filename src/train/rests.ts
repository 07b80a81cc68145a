/**
 * Rests within a computation, in which other tasks of the program have their turn and it may be ended.
 *
 * @module
 */

import type { LoadedKernel } from "../kernel/kernel.ts";
import { type Pieces, runAtOnce } from "../kernel/pieces.ts";

/** Milliseconds between two rests. */
const EVERY = 50;

/**
 * Runs what `start` begins, with a rest every so often: `rest` takes it, and says whether to go on, given the milliseconds
 * since the start. Undefined where it was not to. What another call on the kernel took the memory from in a rest begins anew,
 * and then rests no more.
 */
export async function runWithRests<A>(
  start: () => Pieces<A>,
  kernel: LoadedKernel,
  rest: (milliseconds: number) => Promise<boolean>,
): Promise<A | undefined> {
  const pieces = start(), began = performance.now();
  let last = began, next = pieces.next();
  while (next.done !== true) {
    if (performance.now() - last >= EVERY) {
      const { layouts } = kernel;
      if (!await rest(performance.now() - began)) return undefined;
      if (kernel.layouts !== layouts) return runAtOnce(start());
      last = performance.now();
    }
    next = pieces.next();
  }
  return next.value;
}
