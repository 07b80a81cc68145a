// Signals of a layer scaled by a coefficient an example, block by block: what projections read.

import type { LoadedKernel } from "../kernel.ts";
import type { Scratch } from "../tape.ts";

/** What every operation is made of. */
export interface Context {
  readonly kernel: LoadedKernel;
  /** B. */
  readonly rows: number;
  readonly scratch: Scratch;
}

/** Rows that a product finishes before it loads other columns; where products are cut, they are cut at multiples. */
export const ROW_BLOCK = 32;

/** Rows of scaled signals at a time: as fast as 32 for one thread, and enough work for several to share. */
export const SIGNAL_ROWS = 128;

/** Visits blocks of `signals` (width × B panels) · diag(coefficient), row-major: rows [from, to) at address `block`. */
export function eachRowBlock(
  { kernel, rows, scratch }: Context,
  width: number,
  signals: number,
  coefficient: number,
  visit: (from: number, to: number) => void,
): void {
  for (let from = 0; from < width; from += SIGNAL_ROWS) {
    const to = Math.min(width, from + SIGNAL_ROWS);
    kernel.exports.scaleColumns(from, to, width, rows, signals, coefficient, scratch.block);
    visit(from, to);
  }
}
