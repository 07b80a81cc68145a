// Signals scaled block by block, which projections read, and row-major values in and out of panels.

import { f32, NONE } from "../../kernel/arena.ts";
import type { LoadedKernel } from "../../kernel/kernel.ts";
import type { Scratch } from "../tape.ts";

/** The surroundings of every operation. */
export interface Context {
  readonly kernel: LoadedKernel;
  /** B. */
  readonly rows: number;
  readonly scratch: Scratch;
}

/** Rows that a product finishes before it loads other columns; where products are cut, they are cut at multiples. */
export const ROW_BLOCK = 32;

/** Rows of scaled signals at a time: enough work for several threads to share, and no slower for one. */
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

/** Examples of a full panel. */
export const PANEL = 16;

/** Packs rows of `width` values into width × B panels, a panel at a time; rows that are left out become zeros. */
export function packValues({ kernel, rows, scratch }: Context, width: number, values: Float32Array, to: number): void {
  for (let from = 0; from < rows; from += PANEL) {
    const count = Math.min(PANEL, rows - from);
    const part = values.subarray(from * width, (from + count) * width);
    f32(kernel, scratch.panels, count * width).fill(0, part.length).set(part);
    kernel.exports.packTransposed(scratch.panels, count, width, to + 4 * from * width);
  }
}

/** A B × width row-major copy of panels, example i times the i-th float32 at `scale` (NONE: unscaled). */
export function unpackValues(
  { kernel, rows, scratch }: Context,
  width: number,
  panels: number,
  scale = NONE,
): Float32Array {
  const out = new Float32Array(rows * width);
  for (let from = 0; from < rows; from += PANEL) {
    const count = Math.min(PANEL, rows - from), factor = scale === NONE ? NONE : scale + 4 * from;
    kernel.exports.unpackTransposed(panels + 4 * from * width, width, count, factor, scratch.panels);
    out.set(f32(kernel, scratch.panels, count * width), from * width);
  }
  return out;
}
