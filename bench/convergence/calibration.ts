// The expected calibration error (Naeini et al. 2015; Guo et al. 2017).

import type { Matrix } from "../../src/data/matrix.ts";

/** Bins of equal width, from 0 to 1. */
const BINS = 15;

/**
 * Σ over the bins of |examples whose class was right − Σ of their top probability| / examples: a row's bin is that of its
 * highest probability, its prediction the first class that has it.
 */
export function calibrationError({ rows, cols, data }: Matrix, labels: ArrayLike<number>): number {
  const gaps = new Float64Array(BINS);
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * cols, (i + 1) * cols);
    const top = row.reduce((best, p, k) => p > (row[best] as number) ? k : best, 0), p = row[top] as number;
    const bin = Math.min(BINS - 1, Math.max(0, Math.ceil(p * BINS) - 1));
    gaps[bin] = (gaps[bin] as number) + (top === labels[i] ? 1 : 0) - p;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / rows;
}
