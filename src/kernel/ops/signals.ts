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

/** Rows of one back-projection block: 32 rows stay near the core. */
export const ROW_BLOCK = 32;

/** Visits blocks of `signals` (width × B panels) · diag(coefficient), row-major: rows [from, to) at address `block`. */
export function eachRowBlock(
  { kernel, rows, scratch }: Context,
  width: number,
  signals: number,
  coefficient: number,
  visit: (from: number, to: number) => void,
): void {
  for (let from = 0; from < width; from += ROW_BLOCK) {
    const to = Math.min(width, from + ROW_BLOCK);
    kernel.exports.scaleColumns(from, to, width, rows, signals, coefficient, scratch.block);
    visit(from, to);
  }
}
