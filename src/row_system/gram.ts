/**
 * The explicit row system: K = Σ_l (A_l A_lᵀ + 1) ∘ (Δ_l Δ_lᵀ), one term a layer with parameters.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import type { Features } from "../data/sparse.ts";
import { f32, f64 } from "../kernel/arena.ts";
import type { RowMatrix } from "../solver/row_matrix.ts";
import { addDual } from "../tape/jacobian.ts";
import { up4 } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";

/** Σ α_i K_ii of the diagonal in the workspace. */
export function meanDiagonal({ kernel, at, rows }: Workspace): number {
  const diagonal = f64(kernel, at.diagonal, rows), alpha = f64(kernel, at.alpha, rows);
  let mean = 0;
  for (let i = 0; i < rows; i++) mean += (alpha[i] as number) * (diagonal[i] as number);
  return mean;
}

/** The normal numbers of float32: a Gram matrix below has lost its digits. */
const LEAST = 2 ** -126, BEYOND = 2 ** 128;

/** Whether a K̄ is one to be relative to. */
export const isRange = (mean: number): boolean => mean >= LEAST && mean < BEYOND;

/** Whether Jᵀ(α s) is zero: formed in the place of the parameters, which are put back. */
function isFlat(ws: Workspace): boolean {
  const { kernel, tape, at } = ws, theta = f32(kernel, tape.theta, tape.length), copy = theta.slice();
  theta.fill(0);
  addDual(ws, at.slope, tape.theta);
  const size = kernel.exports.norm(tape.length, tape.theta);
  f32(kernel, tape.theta, tape.length).set(copy);
  return size === 0;
}

/** Whether the squares of all features are below float32, and not all features zero. */
export const isTiny = ({ data }: Features): boolean => {
  let most = 0;
  for (const x of data) most = Math.max(most, Math.abs(x));
  return most > 0 && most * most < LEAST;
};

/** The error of a K beyond float32, or below. */
export const failRange = (): E.Either<FgnError, never> =>
  overflow("the Gram matrix, made of products of the features,");

/** Whether K is within float32; also where it is zero because the gradient is. Errors: `Overflow`. */
export function checkRange(
  ws: Workspace,
  { kind, meanDiagonal: mean, square }: RowMatrix,
  features: Features,
): E.Either<FgnError, unknown> {
  if (isRange(mean)) return E.right(mean);
  const flat = mean === 0 && !isTiny(features) && (kind === "gram" ? isFlat(ws) : square(ws.at.rhs) === 0);
  return flat ? E.right(mean) : failRange();
}

/** K of the margin signals, summed over the layers. */
export function sumGram({ kernel, tape, at, rows }: Workspace): void {
  f32(kernel, at.gram, up4(rows) ** 2).fill(0);
  for (const op of tape.ops) op.rowPart?.gram({ sum: at.gram, left: at.left, right: at.right });
}

/** S = diag(w) K diag(w) in float64, of the K that `build` leaves in the workspace. */
export function gramSystem(ws: Workspace, build: (ws: Workspace) => void = sumGram): RowMatrix {
  const { kernel, at, rows: B, stride } = ws;
  build(ws);
  whiten(ws, at.rowWeight);
  return {
    kind: "gram",
    meanDiagonal: meanDiagonal(ws),
    multiply: (u, out) => kernel.exports.multiply64(B, at.whitened, stride, u, out),
    square: (u) => {
      kernel.exports.multiply64(B, at.whitened, stride, u, at.image);
      return kernel.exports.dot64(B, u, at.image);
    },
  };
}

/** diag(w) K diag(w) for B row weights (float64) at address `weight`; the diagonal of K beside it. */
export function whiten({ kernel, at, rows, stride }: Workspace, weight: number): void {
  kernel.exports.whiten(rows, at.gram, at.sum, weight, at.whitened, stride, at.diagonal, at.whitening);
}

/** The system's matrix as a fresh B × B array, row-major. */
export function readSystem({ kernel, at, rows: B, stride }: Workspace): Float64Array {
  const all = f64(kernel, at.whitened, B * stride);
  const out = new Float64Array(B * B);
  for (let i = 0; i < B; i++) out.set(all.subarray(i * stride, i * stride + B), i * B);
  return out;
}
