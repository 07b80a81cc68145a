// The metric of a layer over sparse features: its inputs centred by the mean of the batch, which is zero in every column
// without an entry, so that a step still changes the rows of the table that the batch reads and no other.

import { f32, f64, NONE, u32 } from "../../kernel/arena.ts";
import { type SparseMetric, up4 } from "../tape.ts";
import type { CentringPlaces, SparseProductSpec } from "./sparse_spec.ts";

/** The metric as it stands. */
export interface Centring {
  centred: boolean;
  /** b, or 0 without a bias. */
  constant: number;
  /** X μ, and ‖μ‖². */
  scores: Float64Array;
  square: number;
}

/** The Euclidean metric. */
export const uncentred = (hasBias: boolean): Centring => ({
  centred: false,
  constant: hasBias ? 1 : 0,
  scores: new Float64Array(0),
  square: 0,
});

/** Whether a metric is the Euclidean one, of a layer with a bias. */
export const isEuclidean = ({ centred, constant }: Centring): boolean => !centred && constant === 1;

/** Fills n₄ × B panels with what (X − μ)(X − μ)ᵀ + b has beside X Xᵀ. */
export function fillCentring(
  { kernel, rows }: Pick<SparseProductSpec, "kernel" | "rows">,
  { centred, constant, scores, square }: Centring,
  out: number,
): void {
  const n = up4(rows), panels = f32(kernel, out, n * n);
  if (!centred) return void panels.fill(constant);
  for (let first = 0; first < rows; first += 16) {
    const lanes = Math.min(16, n - first);
    for (let i = 0; i < n; i++) {
      const row = constant + square - (scores[i] ?? 0);
      for (let l = 0; l < lanes; l++) panels[first * n + i * lanes + l] = row - (scores[first + l] ?? 0);
    }
  }
}

/** Turns ‖x_i‖² at the block of scratch into ‖x_i − μ‖². */
export function addCentringSquares(
  { kernel, rows, scratch }: Pick<SparseProductSpec, "kernel" | "rows" | "scratch">,
  { centred, scores, square }: Centring,
): void {
  if (!centred) return;
  const squares = f64(kernel, scratch.block, rows);
  squares.forEach((value, i) => squares[i] = Math.max(0, value - 2 * (scores[i] as number) + square));
}

/** Takes the centre out of a step of R = diag(coefficient) Δ: dW −= μ ΣR, db += (b + ‖μ‖²) ΣR − Σ (X μ)∘R. */
export function projectCentring(
  { kernel, rows, output }: SparseProductSpec,
  { mean, weighted, offsets, indices, sums }: CentringPlaces,
  { centred, constant, scores, square }: Centring,
  coefficient: number,
  weight: number,
  bias: number,
): void {
  const { exports } = kernel, m = output.width, second = sums + 4 * m;
  const products = f32(kernel, weighted, up4(rows)).fill(0), each = f32(kernel, coefficient, rows);
  each.forEach((value, i) => products[i] = value * (scores[i] ?? 0));
  f32(kernel, sums, 2 * m).fill(0);
  exports.weightedRowSums(m, rows, coefficient, output.signal, NONE, sums);
  if (centred) exports.weightedRowSums(m, rows, weighted, output.signal, NONE, second);
  const total = f32(kernel, sums, m), scored = f32(kernel, second, m), db = f32(kernel, bias, m);
  for (let k = 0; k < m; k++) {
    db[k] = (db[k] as number) + (constant + square) * (total[k] as number) - (scored[k] as number);
    total[k] = -(total[k] as number);
  }
  if (centred) exports.csrUpdate(1, offsets, indices, mean, m, sums, weight);
}

/** The metric of a layer over sparse features, which changes how it stands. */
export function sparseMetric(spec: SparseProductSpec, places: CentringPlaces, centring: Centring): SparseMetric {
  const { kernel, rows, input, bias, scratch } = spec, { exports } = kernel;
  return {
    _tag: "sparse",
    centre: (shares) => {
      const { mean, scores, offsets, indices } = places, { cols } = input;
      f32(kernel, mean, cols).fill(0);
      exports.csrUpdate(rows, input.offsets, input.indices, input.values, 1, shares, mean);
      f32(kernel, scores, rows).fill(0);
      exports.csrProduct(rows, input.offsets, input.indices, input.values, 1, mean, scores);
      u32(kernel, offsets, 2).set([0, cols]);
      const numbers = u32(kernel, indices, cols);
      for (let j = 0; j < cols; j++) numbers[j] = j;
      centring.centred = true;
      centring.scores = Float64Array.from(f32(kernel, scores, rows));
      centring.square = f32(kernel, mean, cols).reduce((sum, v) => sum + v * v, 0);
      return centring.square;
    },
    inputNorm: (shares) => {
      exports.csrSquares(rows, input.offsets, input.values, scratch.block);
      addCentringSquares(spec, centring);
      const alpha = f32(kernel, shares, up4(rows));
      return f64(kernel, scratch.block, rows).reduce((sum, v, i) => sum + (alpha[i] as number) * v, 0);
    },
    setConstant: (value) => {
      if (bias !== null) centring.constant = value;
    },
    reset: () => void Object.assign(centring, uncentred(bias !== null)),
  };
}
