/**
 * The two-stage system: for a dense last layer, the dropped curvature bounded by a multiple of the identity over the
 * classes,
 *
 *     H_x = Σ α_i η s_i ‖dW h_i + db‖²,
 *
 * is solved for inside the damped system. With h_i = √(α_i η s_i), K_x the Gram matrix of the layer's inputs and
 * S = diag(h) K_x diag(h) + λ'I, its inverse turns K_x into K_x − N K_x and the layer's scaled signals R into Rᵀ(I − N),
 * N = K_x diag(h) S⁻¹ diag(h). η = ½ bounds the dropped term from above.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { f32, f64, NONE } from "../kernel/arena.ts";
import { factorize } from "../solver/cholesky.ts";
import { fillGram } from "../tape/ops/gram.ts";
import type { TwoStagePart } from "../tape/row_part.ts";
import { up4 } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";
import { whiten } from "./gram.ts";

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

/** Sums K in two: that of the hidden layers, and the two factors of the last. */
export function sumTwoStageGram(ws: Workspace): void {
  const { kernel, tape, at, rows } = ws;
  const { exports } = kernel;
  const size = up4(rows) ** 2;
  f32(kernel, at.hidden, size).fill(0);
  for (const op of tape.ops.slice(0, -1)) op.rowPart?.gram({ sum: at.hidden, left: at.left, right: at.right });
  const last = lastLayer(ws);
  last.inputGram(at.inputs);
  last.signalGram(at.signals);
  exports.mirror(rows, at.inputs);
  combine(ws, at.inputs);
}

/** F = L⁻¹ diag(h) for S = L Lᵀ. Errors: `NotPositiveDefinite`. */
function invertStage(ws: Workspace, lambdaPrime: number, eta: number): E.Either<FgnError, void> {
  const { kernel, at, rows, stride } = ws;
  const { exports } = kernel;
  const h = f64(kernel, at.stageWeight, rows), slope = f64(kernel, at.slope, rows);
  for (let i = 0; i < rows; i++) h[i] = Math.sqrt(eta * (slope[i] as number));
  exports.whiten(rows, at.inputs, NONE, at.stageWeight, at.whitened, stride, at.stageDiagonal, at.whitening);
  const factored = factorize(ws, lambdaPrime, "system of the last layer");
  if (factored._tag === "Right") {
    exports.triangularInverse(rows, at.factor, stride, at.stageWeight, at.inversion, at.inverse);
  }
  return factored;
}

/** Visits the panels of an n × n operand: their first column and how many they hold. */
function eachPanel(n: number, visit: (from: number, width: number) => void): void {
  for (let j = 0; j < n; j += 16) visit(j, Math.min(16, n - j));
}

/** Eᵀ = K_x Fᵀ, row-major: F is lower triangular, so that a panel of Fᵀ ends with the rows of its columns. */
function writeReduced({ kernel, at, rows }: Workspace): void {
  const { exports } = kernel;
  const n = up4(rows);
  f32(kernel, at.reduced, n * n).fill(0);
  exports.unpackRows(at.inputs, n, n, at.byRow);
  exports.packTransposed(at.inverse, n, n, at.packed);
  eachPanel(n, (j, width) => {
    exports.product(0, n, width, j + width, at.byRow, n, at.packed + 4 * n * j, at.reduced + 4 * j, n);
  });
}

/** I − N as a packed operand, N = EᵀF, from Eᵀ row-major: a panel of F begins with the rows of its columns. */
function writeMixing({ kernel, at, rows }: Workspace): void {
  const { exports } = kernel;
  const n = up4(rows), size = n * n;
  f32(kernel, at.mixing, size).fill(0);
  exports.packRows(at.inverse, n, n, at.packed);
  eachPanel(n, (j, width) => {
    const panel = 4 * n * j;
    exports.productPanels(
      0,
      n,
      n,
      width,
      n - j,
      at.reduced + 4 * j,
      n,
      at.packed + panel + 4 * width * j,
      at.mixing + panel,
    );
  });
  exports.scale(size, -1, at.mixing);
  const mixing = f32(kernel, at.mixing, size);
  for (let i = 0; i < rows; i++) {
    const first = i & ~15, lanes = Math.min(16, n - first);
    const place = first * n + i * lanes + (i - first);
    mixing[place] = (mixing[place] as number) + 1;
  }
}

/**
 * Corrects S of the workspace for the last layer's term at λ', and the projections of that layer with it.
 * Errors: `NotPositiveDefinite`.
 */
export function correct(ws: Workspace, lambdaPrime: number, eta: number): E.Either<FgnError, void> {
  const { kernel, at, rows } = ws;
  const { exports } = kernel;
  const n = up4(rows), size = n * n;
  const inverted = invertStage(ws, lambdaPrime, eta);
  if (inverted._tag === "Left") return inverted;
  writeReduced(ws);
  writeMixing(ws);
  exports.packTransposed(at.reduced, n, n, at.packed);
  fillGram(ws, n, at.packed, 0, at.removed); // EᵀE
  f32(kernel, at.remaining, size).set(f32(kernel, at.inputs, size));
  exports.axpy(size, -1, at.removed, at.remaining);
  combine(ws, at.remaining);
  whiten(ws, at.rowWeight);
  lastLayer(ws).mix(at.mixing);
  return E.right(undefined);
}
