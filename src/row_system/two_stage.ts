/**
 * The two-stage system: for a dense last layer, the dropped curvature bounded by a multiple of the identity over the
 * classes,
 *
 *     H_x = Σ α_i η s_i ‖dW h_i + db‖²,
 *
 * is solved for inside the damped system. With h_i = √(α_i η s_i), K_x = Ã Ãᵀ the Gram matrix of the layer's inputs and
 * S = diag(h) K_x diag(h) + λ'I, its inverse turns K_x into K_x − N K_x and the layer's scaled signals R into R (I − N),
 * N = K_x diag(h) S⁻¹ diag(h). η = ½ bounds the dropped term from above.
 *
 * It is solved for over the rows of the batch or over the columns of Ã, whichever are fewer; over the columns where no B × B
 * matrix is formed. Both factorize in float64 (assembly/stage_rows.ts, assembly/stage_columns.ts).
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { f32, f64, NONE } from "../kernel/arena.ts";
import type { Pieces } from "../kernel/pieces.ts";
import { factorize, factorizeMatrix } from "../solver/cholesky.ts";
import type { RowSystemKind } from "../solver/row_matrix.ts";
import type { ColumnStage, TwoStagePart } from "../tape/row_part.ts";
import { up4 } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";
import { whiten } from "./gram.ts";
import { writeExactDiagonal } from "./matrix_free.ts";

/** The part of the last layer. */
function lastLayer({ tape }: Workspace): TwoStagePart {
  return tape.ops.at(-1)?.rowPart?.twoStage as TwoStagePart; // the plan lets no other last layer through
}

/** K = hidden + inputs ∘ signals, with `inputs` panels of the given Gram matrix. */
function combine({ kernel, at, rows }: Workspace, inputs: number): void {
  const size = up4(rows) ** 2;
  f32(kernel, at.gram, size).set(f32(kernel, at.hidden, size));
  kernel.exports.multiplyAdd(size, inputs, at.signals, at.gram);
}

/** Sums K in parts: that of the hidden layers, and the two factors of the last. */
export function sumTwoStageGram(ws: Workspace): void {
  const { kernel, tape, at, rows } = ws, last = lastLayer(ws);
  f32(kernel, at.hidden, up4(rows) ** 2).fill(0);
  for (const op of tape.ops.slice(0, -1)) op.rowPart?.gram({ sum: at.hidden, left: at.left, right: at.right });
  const inputs = last.columns === null ? at.inputs : at.left;
  last.inputGram(inputs);
  last.signalGram(at.signals);
  combine(ws, inputs);
}

/** h² = α η s, and a share of λ' that is below the rounding of K_x: the system over the rows divides by h. */
function writeWeights({ kernel, at, rows }: Workspace, eta: number, least: number): void {
  const h = f64(kernel, at.stageWeight, rows), slope = f64(kernel, at.slope, rows);
  for (let i = 0; i < rows; i++) h[i] = Math.sqrt(eta * (slope[i] as number) + least);
}

/** The mean of the diagonal of K_x, or 1 where that is zero. */
function meanInput({ kernel, at, rows }: Workspace): number {
  const n = up4(rows), panels = f32(kernel, at.inputs, n * n);
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const first = i & ~15, lanes = Math.min(16, n - first);
    sum += panels[first * n + i * lanes + (i - first)] as number;
  }
  return sum > 0 ? sum / rows : 1;
}

/** The least h² K_x that counts beside λ'. */
const LEAST = 1e-8;

/** Over the rows. Errors: `NotPositiveDefinite`. */
function correctRows(ws: Workspace, last: TwoStagePart, lambdaPrime: number, eta: number): E.Either<FgnError, void> {
  const { kernel: { exports }, at, rows, stride } = ws;
  writeWeights(ws, eta, LEAST * lambdaPrime / meanInput(ws));
  exports.whiten(rows, at.inputs, NONE, at.stageWeight, at.whitened, stride, at.stageDiagonal, at.whitening);
  const factored = factorize(ws, lambdaPrime, "system of the last layer");
  if (factored._tag === "Left") return factored;
  exports.triangularInverse(rows, at.factor, stride, Math.sqrt(lambdaPrime), at.inversion, NONE);
  exports.complement(rows, at.inversion, stride, at.factor);
  const { stageWeight, whitening, hidden, signals, gram, mixing } = at;
  exports.writeStage(rows, at.factor, stride, lambdaPrime, stageWeight, whitening, hidden, signals, gram, mixing);
  whiten(ws, at.rowWeight);
  last.mix(mixing);
  return E.right(undefined);
}

/** Multiply-adds of examples that are gathered or solved for before the system may rest. */
const PIECE = 1e8;

/** Visits the examples in pieces, from multiples of 64 on. */
function* eachPiece(
  { rows }: Workspace,
  { width }: ColumnStage,
  visit: (from: number, to: number) => void,
): Pieces<void> {
  const step = Math.max(64, Math.floor(PIECE / width ** 2 / 64) * 64);
  for (let from = 0; from < rows; from += step) {
    visit(from, Math.min(rows, from + step));
    yield;
  }
}

/** Gathers the inputs of the last layer, if its system is over the columns: once for all λ'. */
export function* gatherColumns(ws: Workspace, eta: number): Pieces<void> {
  const { columns } = lastLayer(ws);
  if (columns === null) return;
  writeWeights(ws, eta, 0);
  columns.clear();
  yield* eachPiece(ws, columns, (from, to) => columns.gather(from, to, ws.at.stageWeight));
}

/** Over the columns. Errors: `NotPositiveDefinite`. */
function* correctColumns(
  ws: Workspace,
  columns: ColumnStage,
  lambdaPrime: number,
  kind: RowSystemKind,
): Pieces<E.Either<FgnError, void>> {
  const { system, factor, width, stride } = columns;
  const matrix = { rows: width, from: system, to: factor, stride };
  const factored = factorizeMatrix(ws.kernel, matrix, lambdaPrime, "system of the last layer");
  if (factored._tag === "Left") return factored;
  yield* eachPiece(ws, columns, (from, to) => columns.reduce(from, to, lambdaPrime));
  columns.take(lambdaPrime);
  if (kind === "matrixFree") writeExactDiagonal(ws);
  else {
    columns.gram(ws.at.remaining);
    combine(ws, ws.at.remaining);
    whiten(ws, ws.at.rowWeight);
  }
  return E.right(undefined);
}

/**
 * Corrects S of the workspace for the last layer's term at λ', and the projections of that layer with it.
 * Errors: `NotPositiveDefinite`.
 */
export function* correct(
  ws: Workspace,
  kind: RowSystemKind,
  lambdaPrime: number,
  eta: number,
): Pieces<E.Either<FgnError, void>> {
  const last = lastLayer(ws);
  if (last.columns === null) return correctRows(ws, last, lambdaPrime, eta);
  return yield* correctColumns(ws, last.columns, lambdaPrime, kind);
}
