// The last layer's part of a two-stage system: over the rows of the batch a matrix that mixes its scaled signals, over the
// columns of its inputs other inputs.

import { f32, f64, type Layout, NONE } from "../../kernel/arena.ts";
import type { ColumnStage } from "../row_part.ts";
import { strideOf, up4 } from "../tape.ts";
import { fillGram } from "./gram.ts";
import type { Operands } from "./metric.ts";
import { type Context, SIGNAL_ROWS } from "./signals.ts";

/** Where the system over the columns lies. */
interface ColumnPlaces {
  readonly width: number;
  readonly stride: number;
  /** Float64 matrices of width rows. */
  readonly system: number;
  readonly factor: number;
  readonly scratch: number;
  /** Z, width × B panels. */
  readonly reduced: number;
  /** √λ F⁻ᵀ, row-major, and packed. */
  readonly inverse: number;
  readonly packed: number;
  /** A block of rows of R Z. */
  readonly block: number;
}

/** Where a layer's part of a two-stage system lies. */
export interface StagePlaces {
  /** A block of mixed signals, or of steps. */
  readonly mixed: number;
  /** Null: the system is solved over the rows. */
  readonly columns: ColumnPlaces | null;
}

/** Examples that are gathered at a time, a row each; and the doubles of a row of those that are solved for at a time. */
const GATHERED = 32, SOLVED = 72;

/** Reserves a layer's part: over the columns where these are fewer than the rows, or no Gram matrix is formed. */
export function placeStage(
  layout: Layout,
  rows: number,
  inputs: number,
  hasBias: boolean,
  products: boolean,
): StagePlaces {
  const width = inputs + (hasBias ? 1 : 0), n = up4(width), stride = strideOf(n);
  if (width >= rows && !products) return { mixed: layout.reserve(4 * SIGNAL_ROWS * up4(rows)), columns: null };
  const doubles = (): number => layout.reserve(8 * n * stride), floats = (): number => layout.reserve(4 * n * n);
  const block = (): number => layout.reserve(4 * SIGNAL_ROWS * n);
  return {
    mixed: block(),
    columns: {
      width,
      stride,
      system: doubles(),
      factor: doubles(),
      scratch: layout.reserve(8 * Math.max(n, GATHERED) * Math.max(stride, SOLVED)),
      reduced: layout.reserve(4 * width * up4(rows)),
      inverse: floats(),
      packed: floats(),
      block: block(),
    },
  };
}

/** A layer's part of a two-stage system as it stands. */
export interface StageState {
  /** The matrix that mixes scaled signals, B × B, packed, or NONE. */
  mixing: number;
  /** √b of the inputs that Z was made of, which `operands` has in their place; null: those are as they were. */
  root: number | null;
}

/** The system over the columns, whose Z takes the place of the inputs among the operands. */
export function columnStage(
  context: Context,
  inputs: number,
  places: ColumnPlaces,
  operands: Operands,
  state: StageState,
): ColumnStage {
  const { kernel, rows } = context, { exports } = kernel;
  const { width, stride, system, factor, scratch, reduced, inverse, packed } = places;
  const given = { inputs: NONE, root: 0 };
  return {
    width,
    stride,
    system,
    factor,
    clear: () => {
      given.inputs = operands.readInputs();
      given.root = Math.sqrt(operands.constant);
      f64(kernel, system, up4(width) * stride).fill(0);
    },
    gather: (from, to, h) =>
      exports.addInputGram(from, to, rows, inputs, given.inputs, h, width, given.root, scratch, stride, system),
    reduce: (from, to, lambda) => {
      const scale = Math.sqrt(lambda);
      exports.reduceInputs(
        from,
        to,
        rows,
        inputs,
        given.inputs,
        scale,
        width,
        given.root,
        factor,
        stride,
        scratch,
        reduced,
      );
    },
    take: (lambda) => {
      const n = up4(width);
      exports.triangularInverse(width, factor, stride, Math.sqrt(lambda), scratch, inverse);
      exports.packRows(inverse, n, n, packed);
      state.root = given.root;
      Object.assign(operands, { readInputs: () => reduced, width, constant: 0, packed: NONE });
    },
    gram: (out) => fillGram(context, width, reduced, 0, out),
  };
}

/** A block of scaled signals times the mixing matrix. */
export function mixSignals(
  { kernel, rows, scratch }: Context,
  { mixed }: StagePlaces,
  mixing: number,
  count: number,
): number {
  const n = up4(rows);
  f32(kernel, mixed, count * n).fill(0);
  kernel.exports.product(0, count, n, n, scratch.block, n, mixing, mixed, n);
  return mixed;
}

/**
 * Steps of `count` outputs, R Z √λ F⁻ᵀ, from a block of scaled signals R and the packed Z: D numbers each go to `weight`,
 * the last one, over √b, to `bias` (NONE: there is none).
 */
export function projectColumns(
  { kernel, rows, scratch }: Context,
  { mixed, columns }: StagePlaces,
  root: number,
  count: number,
  right: number,
  weight: number,
  bias: number,
): void {
  const { width, packed, block } = columns as ColumnPlaces, { exports } = kernel;
  const n = up4(width), D = bias === NONE ? width : width - 1;
  f32(kernel, block, count * n).fill(0);
  f32(kernel, mixed, count * n).fill(0);
  exports.product(0, count, width, rows, scratch.block, up4(rows), right, block, n);
  exports.product(0, count, n, n, block, n, packed, mixed, n);
  const steps = f32(kernel, mixed, count * n), out = f32(kernel, weight, count * D);
  for (let i = 0; i < count; i++) out.set(steps.subarray(n * i, n * i + D), D * i);
  if (bias === NONE) return;
  const sums = f32(kernel, bias, count);
  for (let i = 0; i < count; i++) sums[i] = root === 0 ? 0 : (steps[n * i + D] as number) / root;
}
