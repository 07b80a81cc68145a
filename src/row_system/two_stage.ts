/**
 * The two-stage system: for a dense last layer, the dropped curvature bounded by a multiple of the identity over the
 * classes,
 *
 *     H_x = Σ α_i η s_i ‖dW h_i + db‖²,
 *
 * is solved for inside the damped system. With h_i = √(α_i η s_i), K_x the Gram matrix of the layer's inputs and
 * S = diag(h) K_x diag(h) + λI, its inverse turns K_x into K_x − N K_x and the layer's scaled signals R into Rᵀ(I − N),
 * N = K_x diag(h) S⁻¹ diag(h). η = ½ bounds the dropped term from above.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../error.ts";
import { f32, f64 } from "../kernel/arena.ts";
import type { Workspace } from "../kernel/rows.ts";
import { type Op, up4 } from "../kernel/tape.ts";
import { whiten } from "./gram.ts";

/** The last operation, which must be a dense product that trains. */
function lastLayer({ tape }: Workspace): Op {
  return tape.ops.at(-1) as Op; // the plan lets no other last layer through
}

/** K = hidden + inputs ∘ signals, with `inputs` panels of the given Gram matrix. */
function combine({ kernel, at, rows }: Workspace, inputs: number): void {
  const size = up4(rows) ** 2;
  f32(kernel, at.gram, size).set(f32(kernel, at.hidden, size));
  kernel.exports.multiplyAdd(size, inputs, at.signals, at.gram);
}

/** Builds the parts of K: those of the hidden layers, and the two factors of the last. */
export function buildParts(ws: Workspace): void {
  const { kernel, tape, at, rows } = ws;
  const { exports } = kernel;
  const size = up4(rows) ** 2;
  const last = lastLayer(ws);
  f32(kernel, at.hidden, size).fill(0);
  for (const op of tape.ops) if (op !== last) op.gram?.({ sum: at.hidden, left: at.left, right: at.right });
  last.factors?.(at.inputs, at.signals);
  exports.mirror(rows, at.inputs);
  combine(ws, at.inputs);
}

/** F = L⁻¹ diag(h) for S = L Lᵀ. Errors: `NotPositiveDefinite`. */
function invertStage(ws: Workspace, lambda: number, eta: number): E.Either<FgnError, void> {
  const { kernel, at, rows, stride } = ws;
  const { exports } = kernel;
  const h = f64(kernel, at.curvature, rows), slope = f64(kernel, at.slope, rows);
  for (let i = 0; i < rows; i++) h[i] = Math.sqrt(eta * (slope[i] as number));
  exports.whiten(rows, at.inputs, 0, at.curvature, at.whitened, stride, at.diagonal, at.work);
  const row = exports.cholesky(rows, at.whitened, at.factor, stride, lambda);
  if (row < rows) {
    return fail(
      "NotPositiveDefinite",
      { row, lambda },
      `with λ = ${lambda} the system of the last layer is singular to working precision at row ${row}`,
      "Raise the damping",
    );
  }
  exports.triangularInverse(rows, at.factor, stride, at.curvature, at.inverse, at.work);
  return E.right(undefined);
}

/** I − N as a packed operand, N = EᵀF, from E row-major and F packed. */
function writeMixing({ kernel, at, rows }: Workspace): void {
  const { exports } = kernel;
  const n = up4(rows), size = n * n;
  f32(kernel, at.mixing, size).fill(0);
  exports.packRows(at.inverse, n, n, at.packed);
  exports.productTransposedPanels(0, n, n, n, n, at.reduced, n, at.packed, at.mixing);
  exports.scale(size, -1, at.mixing);
  const mixing = f32(kernel, at.mixing, size);
  for (let i = 0; i < rows; i++) {
    const first = i & ~15, lanes = Math.min(16, n - first);
    const place = first * n + i * lanes + (i - first);
    mixing[place] = (mixing[place] as number) + 1;
  }
}

/**
 * Corrects S of the workspace for the last layer's term at a damping λ, and the projections of that layer with it.
 * Errors: `NotPositiveDefinite`.
 */
export function correct(ws: Workspace, lambda: number, eta: number): E.Either<FgnError, void> {
  const { kernel, at, rows } = ws;
  const { exports } = kernel;
  const n = up4(rows), size = n * n;
  const inverted = invertStage(ws, lambda, eta);
  if (inverted._tag === "Left") return inverted;
  f32(kernel, at.reduced, size).fill(0);
  exports.product(0, n, n, n, at.inverse, n, at.inputs, at.reduced, n); // E = F K_x
  writeMixing(ws);
  exports.packRows(at.reduced, n, n, at.packed);
  f32(kernel, at.left, size).fill(0);
  for (let j = 0; j < rows; j += 16) exports.gramPanel(j, rows, n, at.packed, at.left); // EᵀE
  f32(kernel, at.right, size).set(f32(kernel, at.inputs, size));
  exports.axpy(size, -1, at.left, at.right);
  combine(ws, at.right);
  whiten(ws, at.rowWeight);
  lastLayer(ws).mix(at.mixing);
  return E.right(undefined);
}
