/**
 * Moments of the columns of features, summed in float64 in the order of the rows.
 *
 * @module
 */

import type { Matrix } from "./matrix.ts";
import type { SparseMatrix } from "./sparse.ts";

/** Moments of D columns. */
export interface ColumnMoments {
  /** Means; zeros where moments are about 0. */
  readonly mean: Float64Array;
  /** Roots of the mean squares about the mean. */
  readonly deviation: Float64Array;
  /** Largest magnitudes. */
  readonly most: Float64Array;
  /** Shares of the rows that are off the column's base value, the commonest of 0, its least and its largest value. */
  readonly off: Float64Array;
}

const sumOf = (weights: ArrayLike<number> | null, rows: number): number => {
  if (weights === null) return rows;
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += weights[i] as number;
  return sum;
};

/** Means, least and largest values of the rows that have weight. */
function rangeOf({ rows, cols, data }: Matrix, weights: ArrayLike<number> | null, total: number) {
  const mean = new Float64Array(cols);
  const least = new Float64Array(cols).fill(Infinity), largest = new Float64Array(cols).fill(-Infinity);
  for (let i = 0, at = 0; i < rows; i++, at += cols) {
    const weight = weights === null ? 1 : weights[i] as number;
    if (weight === 0) continue;
    for (let j = 0; j < cols; j++) {
      const x = data[at + j] as number;
      mean[j] = (mean[j] as number) + weight * x;
      if (x < (least[j] as number)) least[j] = x;
      if (x > (largest[j] as number)) largest[j] = x;
    }
  }
  return { mean: mean.map((sum) => sum / total), least, largest };
}

/** Moments of dense columns, about their means or about 0, which is then their base value. */
export function denseMoments(features: Matrix, weights: ArrayLike<number> | null, centre: boolean): ColumnMoments {
  const { rows, cols, data } = features, total = sumOf(weights, rows);
  const { mean: means, least, largest } = rangeOf(features, weights, total);
  const mean = centre ? means : new Float64Array(cols), deviation = new Float64Array(cols);
  const offZero = new Float64Array(cols), offLeast = new Float64Array(cols), offLargest = new Float64Array(cols);
  for (let i = 0, at = 0; i < rows; i++, at += cols) {
    const weight = weights === null ? 1 : weights[i] as number;
    if (weight === 0) continue;
    for (let j = 0; j < cols; j++) {
      const x = data[at + j] as number, d = x - (mean[j] as number);
      deviation[j] = (deviation[j] as number) + weight * d * d;
      if (x !== 0) offZero[j] = (offZero[j] as number) + weight;
      if (x !== least[j]) offLeast[j] = (offLeast[j] as number) + weight;
      if (x !== largest[j]) offLargest[j] = (offLargest[j] as number) + weight;
    }
  }
  return {
    mean,
    deviation: deviation.map((sum) => Math.sqrt(sum / total)),
    most: largest.map((value, j) => Math.max(value, -(least[j] as number))),
    off: centre
      ? offZero.map((sum, j) => Math.min(sum, offLeast[j] as number, offLargest[j] as number) / total)
      : offZero.map((sum) => sum / total),
  };
}

/** Moments of sparse columns about 0, which is their base value. */
export function sparseMoments(features: SparseMatrix, weights: ArrayLike<number> | null): ColumnMoments {
  const { rows, cols, offsets, indices, data } = features, total = sumOf(weights, rows);
  const deviation = new Float64Array(cols), most = new Float64Array(cols), off = new Float64Array(cols);
  for (let i = 0; i < rows; i++) {
    const weight = weights === null ? 1 : weights[i] as number;
    if (weight === 0) continue;
    for (let at = offsets[i] as number; at < (offsets[i + 1] as number); at++) {
      const j = indices[at] as number, x = data[at] as number;
      if (x === 0) continue;
      deviation[j] = (deviation[j] as number) + weight * x * x;
      most[j] = Math.max(most[j] as number, Math.abs(x));
      off[j] = (off[j] as number) + weight;
    }
  }
  return {
    mean: new Float64Array(cols),
    deviation: deviation.map((sum) => Math.sqrt(sum / total)),
    most,
    off: off.map((sum) => sum / total),
  };
}
