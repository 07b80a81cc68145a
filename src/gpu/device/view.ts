/**
 * Row-major matrices in device memory, and how they are cut into blocks of rows that a binding can hold.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../../check/error.ts";
import { TILE } from "./shader.ts";

/** Limits of a device. */
export interface Limits {
  /** Bytes of a storage binding. */
  readonly binding: number;
  /** Bytes of a buffer. */
  readonly buffer: number;
  /** Workgroups along one dimension of a dispatch. */
  readonly groups: number;
}

/** A matrix of 32-bit words. */
export interface View {
  readonly buffer: GPUBuffer;
  /** Bytes before the first row. */
  readonly offset: number;
  readonly rows: number;
  readonly cols: number;
}

/** A part of a buffer, in bytes. */
export interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** A whole buffer as a matrix. */
export const view = (buffer: GPUBuffer, rows: number, cols: number): View => ({ buffer, offset: 0, rows, cols });

/** The rows [from, to). */
export const rowsOf = ({ buffer, offset, cols }: View, from: number, to: number): Range => ({
  buffer,
  offset: offset + 4 * from * cols,
  size: 4 * (to - from) * cols,
});

/** The whole of a matrix. */
export const whole = (of: View): Range => rowsOf(of, 0, of.rows);

/** Rows of a block: whole tiles, so that its first byte is a multiple of 256, of which a binding holds every matrix. */
const blockOf = ({ binding, groups }: Limits, cols: number): number => {
  const tiles = Math.floor(binding / (4 * cols * TILE));
  return Math.min(tiles, Math.floor(groups / TILE)) * TILE;
};

/**
 * Blocks [from, to) of `rows` rows, each within a binding for a matrix of `cols` columns (the most of several); one block
 * where the whole is smaller than a tile.
 */
export function* blocks(limits: Limits, rows: number, ...cols: number[]): Generator<readonly [number, number]> {
  const step = blockOf(limits, Math.max(1, ...cols)) || rows;
  for (let from = 0; from < rows; from += step) yield [from, Math.min(rows, from + step)];
}

/** Whether the device can hold a matrix and work on it block by block. Errors: `OutOfMemory`. */
export function checkFits(limits: Limits, what: string, rows: number, cols: number): E.Either<FgnError, void> {
  const bytes = 4 * rows * cols;
  if (
    bytes <= limits.buffer && (blockOf(limits, cols) > 0 || bytes <= limits.binding) && cols <= limits.groups * TILE
  ) {
    return E.right(undefined);
  }
  return fail(
    "OutOfMemory",
    { bytes },
    `${what}: ${rows} × ${cols} numbers are more than this device takes (${limits.buffer} bytes a buffer, ${limits.binding} a binding)`,
    "Use a smaller batch, narrower layers or the CPU backend, or give a device that was requested with its adapter's limits",
  );
}
