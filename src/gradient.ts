/**
 * Loss and gradient of a head, and the margins and Gram matrix behind a step.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "./batch.ts";
import type { FgnError } from "./error.ts";
import { f64 } from "./kernel/arena.ts";
import * as linear from "./kernel/linear.ts";
import { gram, readSystem, whiten } from "./kernel/system.ts";
import type { LinearHead } from "./network/linear.ts";
import { type KernelOption, openBatch } from "./session.ts";

/** A loss with its gradient, shaped like the head. */
export interface LossAndGradient {
  /** Mean cross-entropy. */
  readonly loss: number;
  /** Its gradient, shaped like the head. */
  readonly gradient: LinearHead;
}

/**
 * Mean cross-entropy over the batch and its gradient g = −Jᵀ(α∘s), which equals the softmax gradient
 * Σ α_i (p_i − e_{y_i}) x_iᵀ. Errors: as `fgnStep`.
 */
export function lossAndGradient(
  params: LinearHead,
  batch: Batch,
  option: KernelOption = {},
): E.Either<FgnError, LossAndGradient> {
  const opened = openBatch(params, batch, { update: true, system: false, retry: false }, option);
  if (opened._tag === "Left") return opened;
  const ws = opened.right;
  linear.forward(ws);
  const loss = linear.margins(ws);
  const weight = new Float32Array(params.weight.data.length);
  const bias = params.bias && new Float32Array(params.bias.length);
  linear.loadParameters(ws, { weight, bias });
  const slope = f64(ws.kernel, ws.at.slope, ws.rows), dual = f64(ws.kernel, ws.at.dual, ws.rows);
  for (let i = 0; i < ws.rows; i++) dual[i] = -(slope[i] as number);
  linear.backProject(ws, ws.at.dual);
  linear.readParameters(ws, { weight, bias });
  return E.right({ loss, gradient: { _tag: "linear", weight: { ...params.weight, data: weight }, bias } });
}

/** The quantities of the row system, one row an example. */
export interface RowSystem {
  /** Mean loss Σ α ℓ. */
  readonly loss: number;
  /** B margins m. */
  readonly margins: Float64Array;
  /** B slopes α s, s = σ(−m): minus the derivative of the mean loss by the margin. */
  readonly slopes: Float64Array;
  /** B row weights w = √(α p s), the margin clamped below at −30. */
  readonly rowWeights: Float64Array;
  /** B entries of the right-hand side r, w∘r = α s. */
  readonly rhs: Float64Array;
  /** B × B Gram matrix K = J Jᵀ of the margin Jacobian, row-major; its products were summed in float32. */
  readonly gram: Float64Array;
}

/**
 * The row system of a batch, for looking at: margins, weights and K = (X Xᵀ + 1) ∘ ((E_y − Q)(E_y − Q)ᵀ).
 * `fgnStep` solves (diag(w) K diag(w) + λI) u = r. Errors: as `fgnStep`.
 */
export function rowSystem(params: LinearHead, batch: Batch, option: KernelOption = {}): E.Either<FgnError, RowSystem> {
  const opened = openBatch(params, batch, { update: true, system: true, retry: false }, option);
  if (opened._tag === "Left") return opened;
  const ws = opened.right;
  linear.forward(ws);
  const loss = linear.margins(ws);
  gram(ws);
  f64(ws.kernel, ws.at.dual, ws.rows).fill(1);
  whiten(ws, ws.at.dual);
  const copy = (address: number): Float64Array => f64(ws.kernel, address, ws.rows).slice();
  return E.right({
    loss,
    margins: copy(ws.at.margin),
    slopes: copy(ws.at.slope),
    rowWeights: copy(ws.at.rowWeight),
    rhs: copy(ws.at.rhs),
    gram: readSystem(ws),
  });
}
