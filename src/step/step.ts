/**
 * One Fast Gauss-Newton step.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import { type Damping, firstTrial, nextDamping, observe, relative } from "../damping/damping.ts";
import type { Batch } from "../data/batch.ts";
import { f64, NONE } from "../kernel/arena.ts";
import { checkCustom } from "../network/custom.ts";
import { donateModel } from "../network/donate.ts";
import { arraysOf } from "../network/flat.ts";
import { copyModel, type Model } from "../network/model.ts";
import { computeRemainder, penalty } from "../problem/remainder.ts";
import { competitorMargins } from "../row_system/competitors.ts";
import type { MetricUpdate } from "../row_system/metric_rule.ts";
import type { RowSystemKind } from "../solver/row_matrix.ts";
import type { Stop } from "../solver/solver.ts";
import { majorise } from "../tape/margins.ts";
import { forward, storeVector } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";
import { computeShift, gradientNorm, type Method, predictedReduction, type Stage } from "./attempt.ts";
import type { StepOptions } from "./options.ts";
import { methodOf, openPlan, openSystem, type Plan, plan } from "./plan.ts";
import { acceptStep, type Attempt, search } from "./search.ts";

/** What a step saw and did. Losses are those of the objective: (weighted) means over the batch, with penalty. */
export interface StepReport {
  /** Cross-entropy at the given parameters, natural logarithm. */
  readonly lossBefore: number;
  /** Cross-entropy on the same batch at the returned parameters. */
  readonly lossAfter: number | undefined;
  /** ‖g‖₂ of the mean loss, from the float32 Gram matrix: good to about 1e-3 of the norm of its largest term. */
  readonly gradientNorm: number;
  /**
   * −(gᵀd + ½ dᵀHd) of the last attempt, H the undamped curvature of the step: full when refined, with competitor rows if
   * any. NaN where a trust region shortened the step and the loss after it was not asked for.
   */
  readonly predictedReduction: number;
  /** Loss before − loss after of the last attempt, also when it was rejected. */
  readonly actualReduction: number | undefined;
  /** Actual over predicted reduction; undefined where one is unknown or the predicted one is 0. */
  readonly gainRatio: number | undefined;
  /** False when every attempt was rejected: the parameters are then the given ones. */
  readonly accepted: boolean;
  /** Attempts rejected before the last one. */
  readonly rejections: number;
  /** λ of the last attempt. */
  readonly lambda: number;
  /** Whether the row system was an explicit Gram matrix or matrix-free. */
  readonly system: RowSystemKind;
  /** The solver used. */
  readonly solver: "cholesky" | "cg";
  /** Its iterations (0 for Cholesky). */
  readonly iterations: number;
  /** Why it stopped. */
  readonly stop: Stop;
  /** ‖r − (S + λI)u‖/‖r‖ reached; of the full Gauss-Newton system when that was solved. */
  readonly residual: number;
}

/** The result of a step. */
export interface Step<M extends Model = Model> {
  /** The new parameters. */
  readonly params: M;
  /** The damping for the next step. */
  readonly damping: Damping;
  /**
   * B row coefficients a of the step, d = Jᵀa (with ℓ2, soft targets or momentum: of its part in the row space; with
   * `competitors`: of the examples' own rows): a warm start for the same batch; zero when the full system was solved.
   */
  readonly dual: Float64Array;
  /** What it saw and did. */
  readonly report: StepReport;
}

/** The report of a search; internal. */
export function report(lossBefore: number, norm: number, system: RowSystemKind, done: Attempt): StepReport {
  const { candidate, lambda, accepted, rejections, lossAfter } = done;
  const { residual, solved: { solver, iterations, stop } } = candidate, predicted = predictedReduction(candidate);
  const actualReduction = lossAfter === undefined ? undefined : lossBefore - lossAfter;
  const known = actualReduction !== undefined && predicted > 0;
  return {
    lossBefore,
    lossAfter: accepted ? lossAfter : lossBefore,
    gradientNorm: norm,
    predictedReduction: predicted,
    actualReduction,
    gainRatio: known ? actualReduction / predicted : undefined,
    accepted,
    rejections,
    lambda,
    system,
    solver,
    iterations,
    stop,
    residual,
  };
}

/** Σ α_i s_i; internal. */
export const meanSlope = ({ kernel, at, rows }: Workspace): number =>
  f64(kernel, at.slope, rows).reduce((sum, slope) => sum + slope, 0);

/** A step's end: the parameters written where `allocate` says. Errors: `Overflow`, `DonatedParameters`. */
function finish<M extends Model>(
  model: M,
  { ws }: Stage,
  allocate: (like: M) => M,
): E.Either<FgnError, M> {
  const { kernel, tape } = ws;
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (kernel.exports.allFinite(tape.length, tape.theta) === 0) return overflow("the new parameters");
  // A function of the model itself may have given them up meanwhile.
  const held = model._tag === "custom" ? checkCustom(model) : null;
  if (held?._tag === "Left") return held;
  const result = allocate(model);
  storeVector(tape, tape.theta, arraysOf(result));
  return E.right(result);
}

/** A step that is ready to be taken: margins and row system are there; internal. */
export interface Ready {
  readonly stage: Stage;
  readonly lossBefore: number;
  /** Σω: the number of examples that damping counts. */
  readonly totalWeight: number;
  /** Rows that are examples; the others are those of their competitors. */
  readonly examples: number;
}

/** Searches for a step and takes it; internal. Errors: `NotPositiveDefinite`, `Overflow`, `ModelFailure`. */
export function takeStep<M extends Model>(
  model: M,
  { stage, lossBefore, totalWeight, examples }: Ready,
  damping: Damping,
  planned: Pick<Plan, "damping">,
  allocate: (like: M) => M,
): E.Either<FgnError, Step<M>> {
  const { ws, system, vectors, method } = stage;
  const { tape } = ws;
  computeShift(ws, vectors);
  const { meanDiagonal } = system;
  // Features that are all zero without a bias have no Gram matrix to be relative to, and no gradient.
  const unit = meanDiagonal > 0 ? meanDiagonal / totalWeight : 1;
  const norm = gradientNorm(stage);
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (!Number.isFinite(norm)) return overflow("the gradient");
  const seen = { slope: meanSlope(ws), power: ws.kernel.exports.power };
  const observed = observe(planned.damping, seen);
  const done = search(stage, lossBefore, observed, firstTrial(observed, unit, seen));
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (done._tag === "Left") return done;
  const { lambda, accepted } = done.right;
  const following = nextDamping(observed, lambda, accepted);
  const told = report(lossBefore, norm, system.kind, done.right);
  const dual = method._tag === "fgn" ? f64(ws.kernel, ws.at.dual, examples).slice() : new Float64Array(examples);
  if (!accepted) return E.right({ params: model, damping: following, dual, report: told });
  acceptStep(stage, done.right.lossAfter !== undefined);
  const result = finish(model, stage, allocate);
  if (result._tag === "Left") return result;
  return E.right({
    params: result.right,
    damping: typeof damping === "number" ? damping : following,
    dual,
    report: told,
  });
}

/** Where the new parameters go: into the memory of the given ones, or into copies of them; internal. */
export const allocation = ({ donate }: StepOptions): <M extends Model>(like: M) => M =>
  donate === true ? donateModel : copyModel;

/** A step by any method, with a say in where the new parameters go; internal. */
export function stepInto<M extends Model>(
  model: M,
  batch: Batch,
  damping: Damping,
  options: StepOptions,
  method: Method,
  allocate: (like: M) => M = allocation(options),
  rule: MetricUpdate<unknown> | null = null,
): E.Either<FgnError, Step<M>> {
  const planned = plan(model, batch, damping, options, method, rule);
  if (planned._tag === "Left") return planned;
  const opened = openPlan(model, planned.right.batch, planned.right, options);
  if (opened._tag === "Left") return opened;
  const { session: { ws, objective: { l2, totalWeight } }, vectors } = opened.right;
  const { tape } = ws;
  forward(tape, { vector: tape.theta, trial: false });
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (vectors.remainder !== NONE) computeRemainder(ws, vectors.remainder, l2);
  const examples = batch.labels.length;
  const lossBefore = competitorMargins(ws, examples) + penalty(ws, l2, tape.theta);
  if (!Number.isFinite(lossBefore)) return overflow("the loss");
  if (planned.right.majorized) majorise(ws);
  const system = openSystem(ws, planned.right, vectors);
  if (system._tag === "Left") return system;
  const { solver, twoStage, limit, judged } = planned.right;
  const stage: Stage = { ws, system: system.right, vectors, l2, solver, method, twoStage, limit, judged };
  return takeStep(model, { stage, lossBefore, totalWeight, examples }, damping, planned.right, allocate);
}

/**
 * One Fast Gauss-Newton step on a batch: solves (H + λI) d = −g and returns params + d.
 *
 * Each example has one scalar margin m = f_y − log Σ_{k≠y} e^{f_k}; the loss is log(1 + e^{−m}), which is the
 * cross-entropy, and H = Jᵀ diag(α p s) J with J the B × P Jacobian of the margins, p = σ(m), s = 1 − p and
 * α the normalised weights. The system is solved with one row an example,
 * (diag(w) J Jᵀ diag(w) + λI) u = r, w = √(α p s), w∘r = α s, d = Jᵀ(w∘u): B × B whatever C and P. H drops the
 * covariance among the competitors of the true class and equals the full Gauss-Newton matrix for C = 2.
 *
 * Pure: the arguments are never written to, and the same arguments give the same bytes in every runtime. With `donate` the
 * given parameters are given up, in exchange for their memory; nobody can read them any more.
 * Errors: `EmptyBatch`, `FeatureMismatch`, `ShapeMismatch`, `LabelOutOfRange`, `ZeroWeights`, `NegativeWeight`,
 * `NotFinite`, `InvalidDamping`, `InvalidOption`, `InvalidLayer` and `InvalidSize` (a network that does not fit, or has
 * nothing to train), `DonatedParameters`, `NotPositiveDefinite`, `Overflow`, `OutOfMemory`, `UnsupportedRuntime`, `CompilationForbidden`; of
 * a model of your own `ModelMismatch`, `ModelFailure`, `KernelBusy`.
 *
 * Source: Korbit and Zanon, Fast Gauss-Newton for Multiclass Cross-Entropy, arXiv 2605.06081.
 *
 * @param params a network (a linear head is one with a single dense layer) or a model of your own
 * @param batch B examples with D features
 * @param damping λ as a number, or `relative` (default: 1), `constant`, `levenbergMarquardt`, `backtracking` or `explained`
 * @example
 * ```ts
 * import { batch, fgnStep, matrix, zeroHead } from "fgn";
 * import { pipe } from "fp-ts/lib/function.js";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * const step = pipe(
 *   E.Do,
 *   E.bind("features", () => matrix(3, 2, [1, 0, 0, 1, 1, 1])),
 *   E.bind("data", ({ features }) => batch({ features, labels: [0, 1, 2] })),
 *   E.bind("head", () => zeroHead({ features: 2, classes: 3 })),
 *   E.chain(({ head, data }) => fgnStep(head, data)),
 * );
 * if (step._tag === "Right") console.log(step.right.report.lossAfter);
 * ```
 *
 * A loop that keeps nothing but the newest parameters gives each step the memory of the one before:
 *
 * ```ts
 * import { type Batch, fgnStep, type FgnError, type Network } from "fgn";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * function descend(head: Network, data: Batch, steps: number): E.Either<FgnError, Network> {
 *   let params: E.Either<FgnError, Network> = E.right(head);
 *   for (let n = 0; n < steps && params._tag === "Right"; n++) {
 *     // The first step leaves the caller's head as it is.
 *     const step = fgnStep(params.right, data, undefined, { donate: n > 0 });
 *     params = E.map(({ params: next }: { params: Network }) => next)(step);
 *   }
 *   return params;
 * }
 * ```
 */
export function fgnStep<M extends Model>(
  params: M,
  batch: Batch,
  damping: Damping = relative(1),
  options: StepOptions = {},
): E.Either<FgnError, Step<M>> {
  const method = methodOf(options);
  return method._tag === "Left" ? method : stepInto(params, batch, damping, options, method.right);
}
