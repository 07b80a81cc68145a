/**
 * Loss, gradient and products with the Jacobian of the logits, and the row system behind a step.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, overflow } from "../check/error.ts";
import { checkKind } from "../check/kind.ts";
import { type Numbers, readNumbers } from "../check/numbers.ts";
import { checkOptions } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { type Batch, checkTargets } from "../data/batch.ts";
import { isMatrix, type Matrix } from "../data/matrix.ts";
import type { Features } from "../data/sparse.ts";
import { f32, f64, NONE } from "../kernel/arena.ts";
import type { Model } from "../network/model.ts";
import type { ObjectiveOptions } from "../problem/objective.ts";
import { computeRemainder, penaltyAt } from "../problem/remainder.ts";
import {
  checkFeatures,
  KERNEL,
  type KernelOption,
  OBJECTIVE_ON_KERNEL,
  openBatch,
  type Session,
  type Wants,
} from "../problem/session.ts";
import { checkVector, readVector, writeVector } from "../problem/vectors.ts";
import { checkRange, gramSystem, readSystem, whiten } from "../row_system/gram.ts";
import { addDual, sendBack } from "../tape/jacobian.ts";
import { margins } from "../tape/margins.ts";
import { forward, project, tangent } from "../tape/tape.ts";
import { packLogits, readLogits } from "../tape/workspace.ts";

/** A loss with its gradient. */
export interface LossAndGradient {
  /** Mean cross-entropy, or the objective of the options. */
  readonly loss: number;
  /** Its gradient: P numbers in the order of `parameters`. */
  readonly gradient: Float32Array;
}

/**
 * A checked batch, open and passed forward.
 * @internal
 */
export function openPassed(
  model: Model,
  batch: Batch,
  wants: Wants,
  options: ObjectiveOptions & KernelOption,
): E.Either<FgnError, Session> {
  const session = openBatch(model, batch, wants, options);
  if (session._tag === "Left") return session;
  const { tape } = session.right.ws;
  forward(tape, { vector: tape.theta, trial: false });
  return tape.fault === undefined ? session : E.left(tape.fault);
}

const withoutLabels = (features: Features): Batch => ({
  features,
  labels: new Uint32Array(features.rows),
  targets: null,
  weights: null,
});

/**
 * Mean cross-entropy over the batch and its gradient g = −Jᵀ(α∘s), which equals the softmax gradient
 * Σ α_i (p_i − e_{y_i}) sent back through the model; of the objective when the options say more. P numbers in
 * the order of `parameters`. Errors: as `fgnStep`.
 *
 * @example
 * ```ts
 * import { batch, getOrThrow, lossAndGradient, matrix, zeroHead } from "fgn";
 *
 * const head = getOrThrow(zeroHead({ features: 2, classes: 4 }));
 * const features = getOrThrow(matrix(2, 2, [1, 2, 3, 4]));
 * const data = getOrThrow(batch({ features, labels: [0, 1] }));
 * const { loss, gradient } = getOrThrow(lossAndGradient(head, data));
 * console.log(loss, gradient.length); // 1.386… 12: ln 4, and 4·2 weights with 4 biases
 * ```
 */
export function lossAndGradient(
  params: Model,
  batch: Batch,
  options: ObjectiveOptions & KernelOption = {},
): E.Either<FgnError, LossAndGradient> {
  return guard("lossAndGradient", { params, batch, options }, () => differentiate(params, batch, options));
}

/** The loss and its gradient. */
function differentiate(
  params: Model,
  batch: Batch,
  options: ObjectiveOptions & KernelOption,
): E.Either<FgnError, LossAndGradient> {
  const checked = checkOptions(options, OBJECTIVE_ON_KERNEL);
  if (checked._tag === "Left") return checked;
  const session = openPassed(params, batch, { signals: true, vectors: 1 }, checked.right);
  if (session._tag === "Left") return session;
  const { ws, objective: { penalty } } = session.right;
  const { kernel, tape, at, vectors: [vector = NONE] } = ws;
  computeRemainder(ws, vector, penalty);
  const loss = margins(ws) + penaltyAt(ws, penalty, tape.theta);
  if (!Number.isFinite(loss)) return overflow("the loss");
  sendBack(ws, at.exponentials);
  addDual(ws, at.slope, vector);
  kernel.exports.scale(tape.length, -1, vector);
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (kernel.exports.allFinite(tape.length, vector) === 0) return overflow("the gradient");
  return E.right({ loss, gradient: readVector(ws, params, vector) });
}

/**
 * J v: the derivatives of the logits (B × C) along a direction of the P trainable parameters.
 * Errors: `ShapeMismatch`, `NotFinite`, and those of `logits`.
 *
 * @example
 * ```ts
 * import { getOrThrow, jvp, matrix, zeroHead } from "fgn";
 *
 * const head = getOrThrow(zeroHead({ features: 1, classes: 2 }));
 * const features = getOrThrow(matrix(1, 1, [3]));
 * console.log(getOrThrow(jvp(head, features, [1, 0, 0, 10])).data); // [3, 10]: weight 0 and bias 1 move
 * ```
 */
export function jvp(
  params: Model,
  features: Features,
  direction: Numbers,
  option: KernelOption = {},
): E.Either<FgnError, Matrix> {
  return guard(
    "jvp",
    { params, features, direction, option },
    () => multiplyForward(params, features, direction, option),
  );
}

/** A product with the Jacobian. */
function multiplyForward(
  params: Model,
  features: Features,
  direction: Numbers,
  option: KernelOption,
): E.Either<FgnError, Matrix> {
  const checked = checkOptions(option, KERNEL);
  if (checked._tag === "Left") return checked;
  const fits = checkFeatures(params, features);
  if (fits._tag === "Left") return fits;
  const v = checkVector(params, "direction", direction);
  if (v._tag === "Left") return v;
  const wants = { signals: true, tangents: true, vectors: 1 };
  const session = openPassed(params, withoutLabels(fits.right), wants, checked.right);
  if (session._tag === "Left") return session;
  const { ws } = session.right;
  const { tape, vectors: [vector = NONE] } = ws;
  writeVector(ws, params, v.right, vector);
  tangent(tape, vector);
  if (tape.fault !== undefined) return E.left(tape.fault);
  const data = tape.logits.depends ? readLogits(ws, tape.logits.tangent) : new Float32Array(ws.rows * ws.classes);
  return data.every(Number.isFinite) ? E.right({ rows: ws.rows, cols: ws.classes, data }) : overflow("the tangent");
}

/**
 * Jᵀ c: the derivatives of ⟨logits, c⟩ by the P trainable parameters, for a cotangent c (B × C).
 * Errors: `ShapeMismatch`, `NotFinite`, and those of `logits`.
 *
 * @example
 * ```ts
 * import { getOrThrow, matrix, vjp, zeroHead } from "fgn";
 *
 * const head = getOrThrow(zeroHead({ features: 1, classes: 2 }));
 * const features = getOrThrow(matrix(1, 1, [3]));
 * const cotangent = getOrThrow(matrix(1, 2, [1, -1]));
 * console.log(getOrThrow(vjp(head, features, cotangent))); // [3, -3, 1, -1]: weights, then biases
 * ```
 */
export function vjp(
  params: Model,
  features: Features,
  cotangent: Matrix,
  option: KernelOption = {},
): E.Either<FgnError, Float32Array> {
  return guard("vjp", { params, features, cotangent, option }, () => multiplyBack(params, features, cotangent, option));
}

/** A product with the transposed Jacobian. */
function multiplyBack(
  params: Model,
  features: Features,
  cotangent: Matrix,
  option: KernelOption,
): E.Either<FgnError, Float32Array> {
  const checked = checkOptions(option, KERNEL);
  if (checked._tag === "Left") return checked;
  const fits = checkFeatures(params, features);
  if (fits._tag === "Left") return fits;
  const kind = checkKind(
    "cotangent",
    cotangent,
    isMatrix(cotangent),
    "what matrix made",
  );
  if (kind._tag === "Left") return kind;
  const shape = checkTargets(cotangent, fits.right.rows, params.outputs, "cotangent");
  if (shape._tag === "Left") return shape;
  const c = readNumbers("cotangent", cotangent.data, cotangent.data.length, cotangent.cols);
  if (c._tag === "Left") return c;
  const session = openPassed(params, withoutLabels(fits.right), { signals: true, vectors: 1 }, checked.right);
  if (session._tag === "Left") return session;
  const { ws } = session.right;
  const { kernel, tape, vectors: [vector = NONE] } = ws;
  const { logits } = tape;
  f32(kernel, vector, tape.length).fill(0);
  if (logits.depends) {
    packLogits(ws, c.right, logits.signal);
    sendBack(ws, logits.signal);
    project(tape, tape.ones, vector);
  }
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (kernel.exports.allFinite(tape.length, vector) === 0) return overflow("the product");
  return E.right(readVector(ws, params, vector));
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
 * The row system of a batch, for looking at: margins, weights and K = Σ_l (A_l A_lᵀ + 1) ∘ (Δ_l Δ_lᵀ) over the
 * layers, Δ = E_y − Q at the logits. `fgnStep` solves (diag(w) K diag(w) + λI) u = r. Errors: as `fgnStep`;
 * `InvalidOption` for a model of your own, which has no Gram matrix.
 *
 * @example
 * ```ts
 * import { batch, getOrThrow, matrix, rowSystem, zeroHead } from "fgn";
 *
 * const head = getOrThrow(zeroHead({ features: 2, classes: 3 }));
 * const features = getOrThrow(matrix(2, 2, [1, 0, 0, 1]));
 * const data = getOrThrow(batch({ features, labels: [0, 1] }));
 * console.log(getOrThrow(rowSystem(head, data)).gram); // [3, -0.75, -0.75, 3]
 * ```
 */
export function rowSystem(
  params: Model,
  batch: Batch,
  options: ObjectiveOptions & KernelOption = {},
): E.Either<FgnError, RowSystem> {
  return guard("rowSystem", { params, batch, options }, () => makeSystem(params, batch, options));
}

/** The row system of a batch. */
function makeSystem(
  params: Model,
  batch: Batch,
  options: ObjectiveOptions & KernelOption,
): E.Either<FgnError, RowSystem> {
  if (params?._tag === "custom") {
    const details = { option: "system", value: "gram" };
    return fail("InvalidOption", details, "a model of your own has no Gram matrix", "Give a network");
  }
  const checked = checkOptions(options, OBJECTIVE_ON_KERNEL);
  if (checked._tag === "Left") return checked;
  const session = openPassed(params, batch, { signals: true, gram: true }, checked.right);
  if (session._tag === "Left") return session;
  const { ws } = session.right;
  const { kernel, at, rows } = ws;
  const loss = margins(ws);
  if (!Number.isFinite(loss)) return overflow("the loss");
  sendBack(ws, at.exponentials);
  const range = checkRange(ws, gramSystem(ws), batch.features);
  if (range._tag === "Left") return range;
  f64(kernel, at.unitWeight, rows).fill(1);
  whiten(ws, at.unitWeight);
  const copy = (address: number): Float64Array => f64(kernel, address, rows).slice();
  return E.right({
    loss,
    margins: copy(at.margin),
    slopes: copy(at.slope),
    rowWeights: copy(at.rowWeight),
    rhs: copy(at.rhs),
    gram: readSystem(ws),
  });
}
