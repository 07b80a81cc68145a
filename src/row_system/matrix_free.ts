/**
 * The matrix-free row system: u ↦ w ∘ K (w ∘ u) without K. A network multiplies by K operation by operation, in each one's
 * metric; of a model without a Gram matrix, and of micro-batches, K a = J Jᵀ a is a projection and a tangent pass. For
 * these models and for batches whose B × B matrix costs more than it saves.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { f32, f64 } from "../kernel/arena.ts";
import { drawFrom, seedRandom } from "../math/random.ts";
import type { RowMatrix } from "../solver/row_matrix.ts";
import { addDual, gramProduct, marginTangent, weigh, whitenedTangent } from "../tape/jacobian.ts";
import { isExplicit } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";
import { meanDiagonal } from "./gram.ts";

/** out ← Jᵀ a for B dual numbers (float64) at `dual`. */
function formDualVector(ws: Workspace, dual: number, out: number): void {
  f32(ws.kernel, out, ws.tape.length).fill(0);
  addDual(ws, dual, out);
}

/** K_ii of a network, from the norms of its layers' inputs and signals. */
export function writeExactDiagonal({ kernel, tape, at, rows }: Workspace): void {
  const squares = new Float64Array(rows);
  for (const op of tape.ops) op.rowPart?.squares(squares);
  const sum = f32(kernel, at.sum, rows), diagonal = f64(kernel, at.diagonal, rows);
  for (let i = 0; i < rows; i++) diagonal[i] = (squares[i] as number) / (sum[i] as number) ** 2;
}

/** Probes of the estimate below; its deviation is about √(2/PROBES) of the off-diagonal share. */
const PROBES = 4;

/** Σ α_i K_ii = E‖Jᵀ(√α ∘ z)‖² over random signs z (Hutchinson), for every row alike: all a custom model gives. */
function estimateDiagonal(ws: Workspace, vector: number): void {
  const { kernel, tape, at, rows } = ws;
  const source = drawFrom(seedRandom(1));
  let total = 0;
  for (let probe = 0; probe < PROBES; probe++) {
    const dual = f64(kernel, at.dual, rows), alpha = f64(kernel, at.alpha, rows);
    for (let i = 0; i < rows; i++) dual[i] = Math.sqrt(alpha[i] as number) * (source.next() >= 2 ** 31 ? 1 : -1);
    formDualVector(ws, at.dual, vector);
    total += kernel.exports.norm(tape.length, vector) ** 2 / PROBES;
  }
  f64(kernel, at.diagonal, rows).fill(total);
}

/** Largest relative difference of the two products below that float32 models show, with a margin. */
const MISMATCH = 1e-3;

/**
 * Adds a random vector of the same length: directions that a gradient may have left out. Uniform numbers, for equal
 * signs would cancel where gradients sum to zero over the classes.
 */
function addProbe({ kernel, tape }: Workspace, vector: number, length: number): void {
  const source = drawFrom(seedRandom(2));
  const bound = length * Math.sqrt(3 / tape.length), v = f32(kernel, vector, tape.length);
  for (let i = 0; i < v.length; i++) v[i] = (v[i] as number) + bound * (source.next() / 2 ** 31 - 1);
}

/**
 * The two products of a custom model compared: ⟨J v, a⟩ and ⟨v, Jᵀa⟩, with a the slopes and v = Jᵀa + z, z random.
 * Errors: `ModelMismatch`, `ModelFailure`.
 */
function checkProducts(ws: Workspace, vector: number): E.Either<FgnError, void> {
  const { kernel, tape, at, rows } = ws;
  formDualVector(ws, at.slope, vector);
  const length = kernel.exports.norm(tape.length, vector);
  const gradient = f32(kernel, vector, tape.length).slice();
  addProbe(ws, vector, length);
  const backward = f32(kernel, vector, tape.length).reduce((sum, v, i) => sum + v * (gradient[i] as number), 0);
  marginTangent(ws, vector, at.image);
  if (tape.fault !== undefined) return E.left(tape.fault);
  const a = f64(kernel, at.slope, rows), t = f64(kernel, at.image, rows);
  let forward = 0, size = Math.abs(backward);
  for (let i = 0; i < rows; i++) {
    forward += (a[i] as number) * (t[i] as number);
    size += Math.abs((a[i] as number) * (t[i] as number));
  }
  if (Math.abs(forward - backward) <= MISMATCH * size) return E.right(undefined);
  return fail(
    "ModelMismatch",
    { forward, backward },
    `jvp and vjp of the model disagree: ⟨Jv, a⟩ = ${forward}, but ⟨v, Jᵀa⟩ = ${backward}`,
    "Check jvp against finite differences of forward, then vjp against jvp",
  );
}

/** Whether the system is multiplied by operation by operation, which takes no parameter vector. */
export const multipliesByParts = ({ tape, micro }: Pick<Workspace, "tape" | "micro">): boolean =>
  micro === null && isExplicit(tape);

/** The operator of a network whose rows all lie in the kernel. */
function partsSystem(ws: Workspace): RowMatrix {
  const { kernel, at, rows } = ws;
  const multiply = (u: number, out: number): void => {
    weigh(ws, u, at.weighted);
    gramProduct(ws, at.weighted, out);
    weigh(ws, out, out);
  };
  return {
    kind: "matrixFree",
    meanDiagonal: meanDiagonal(ws),
    multiply,
    square: (u) => {
      multiply(u, at.image);
      return kernel.exports.dot64(rows, u, at.image);
    },
  };
}

/**
 * Opens the operator over the margin signals; the exact diagonal of rows in micro-batches is there already. Where it does not
 * multiply by parts it uses one parameter vector, which each product leaves at Ĵᵀu. Errors: `ModelMismatch`, `ModelFailure`.
 */
export function matrixFreeSystem(ws: Workspace, vector: number): E.Either<FgnError, RowMatrix> {
  const { kernel, tape, at } = ws;
  if (multipliesByParts(ws)) {
    writeExactDiagonal(ws);
    return E.right(partsSystem(ws));
  }
  if (!isExplicit(tape)) {
    const checked = checkProducts(ws, vector);
    if (checked._tag === "Left") return checked;
    estimateDiagonal(ws, vector);
  }
  const sendDual = (u: number): void => {
    weigh(ws, u, at.weighted);
    formDualVector(ws, at.weighted, vector);
  };
  return E.right({
    kind: "matrixFree",
    meanDiagonal: meanDiagonal(ws),
    multiply: (u, out) => {
      sendDual(u);
      whitenedTangent(ws, vector, out);
    },
    square: (u) => {
      sendDual(u);
      return kernel.exports.norm(tape.length, vector) ** 2;
    },
  });
}
