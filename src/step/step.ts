/**
 * One Fast Gauss-Newton step.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import { checkOptions } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { type Damping, relative } from "../damping/damping.ts";
import type { Batch } from "../data/batch.ts";
import { NONE } from "../kernel/arena.ts";
import { type Pieces, runAtOnce } from "../kernel/pieces.ts";
import { checkCustom } from "../network/custom.ts";
import { donateModel } from "../network/donate.ts";
import { arraysOf } from "../network/flat.ts";
import { copyModel, type Model } from "../network/model.ts";
import { checkBatch } from "../problem/session.ts";
import { computeRemainder, penaltyAt } from "../problem/remainder.ts";
import { competitorMargins } from "../row_system/competitors.ts";
import { checkRange } from "../row_system/gram.ts";
import type { MetricUpdate } from "../row_system/metric_rule.ts";
import { majorise } from "../tape/margins.ts";
import { forward, storeVector } from "../tape/tape.ts";
import { computeShift, gradientNorm } from "./attempt.ts";
import { openPlan, openSystem } from "./open.ts";
import { STEP, type StepOptions } from "./options.ts";
import { methodOf, type Plan, plan } from "./plan.ts";
import type { Step } from "./report.ts";
import { type Ready, search } from "./search.ts";
import { type Method, type Stage, stageOf } from "./stage.ts";
import { acceptStep, tryHere } from "./trial.ts";

export type { Step, StepReport } from "./report.ts";

/** The parameters of a step that is kept, written where `allocate` says. Errors: `Overflow`, `DonatedParameters`. */
function finish<M extends Model>(
  model: M,
  stage: Stage,
  allocate: (like: M) => M,
): E.Either<FgnError, M> {
  acceptStep(stage);
  const { ws: { kernel, tape } } = stage;
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (kernel.exports.allFinite(tape.length, tape.theta) === 0) return overflow("the new parameters");
  // A function of the model itself may have given them up meanwhile.
  const attached = model._tag === "custom" ? checkCustom(model) : null;
  if (attached?._tag === "Left") return attached;
  const result = allocate(model);
  storeVector(tape, tape.theta, arraysOf(result));
  return E.right(result);
}

/**
 * Searches for a step and takes it. Errors: `NotPositiveDefinite`, `Overflow`, `ModelFailure`.
 * @internal
 */
export function* takeStep<M extends Model>(
  model: M,
  ready: Ready<Stage>,
  damping: Damping,
  planned: Pick<Plan, "damping">,
  allocate: (like: M) => M,
): Pieces<E.Either<FgnError, Step<M>>> {
  const { stage } = ready, { ws, vectors } = stage, { tape } = ws;
  computeShift(ws, vectors);
  const norm = gradientNorm(stage);
  if (tape.fault !== undefined) return E.left(tape.fault);
  const ended = yield* tryHere(stage, search(ready, norm, damping, planned.damping));
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (ended._tag === "Left") return ended;
  const { damping: following, dual, report } = ended.right;
  const params = report.accepted ? finish(model, stage, allocate) : E.right(model);
  if (params._tag === "Left") return params;
  return E.right({ params: params.right, damping: following, dual, report });
}

/**
 * Where the new parameters go: into the memory of the given ones, or into copies of them.
 * @internal
 */
export const allocation = ({ donate }: StepOptions): <M extends Model>(like: M) => M =>
  donate === true ? donateModel : copyModel;

/**
 * A step by any method, with a say in where the new parameters go.
 * @internal
 */
export const stepInto = <M extends Model>(...given: Parameters<typeof stepInPieces<M>>): E.Either<FgnError, Step<M>> =>
  runAtOnce(stepInPieces(...given));

/**
 * The same in pieces. Until the last one nothing of what it is given is written to.
 * @internal
 */
export function* stepInPieces<M extends Model>(
  model: M,
  batch: Batch,
  damping: Damping,
  options: StepOptions,
  method: Method,
  allocate: (like: M) => M = allocation(options),
  rule: MetricUpdate<unknown> | null = null,
): Pieces<E.Either<FgnError, Step<M>>> {
  const fits = checkBatch(model, batch);
  if (fits._tag === "Left") return fits;
  return yield* stepCheckedInPieces(model, fits.right, damping, options, method, allocate, rule);
}

/**
 * {@link stepInPieces} on a batch that was checked to match the model.
 * @internal
 */
export function* stepCheckedInPieces<M extends Model>(
  model: M,
  batch: Batch,
  damping: Damping,
  options: StepOptions,
  method: Method,
  allocate: (like: M) => M,
  rule: MetricUpdate<unknown> | null,
): Pieces<E.Either<FgnError, Step<M>>> {
  const planned = plan(model, batch, damping, options, method, rule);
  if (planned._tag === "Left") return planned;
  const opened = openPlan(model, planned.right.batch, planned.right, options);
  if (opened._tag === "Left") return opened;
  const { session: { ws, objective: { penalty, totalWeight } }, vectors } = opened.right;
  const { tape } = ws;
  forward(tape, { vector: tape.theta, trial: false });
  if (tape.fault !== undefined) return E.left(tape.fault);
  yield;
  if (vectors.remainder !== NONE) computeRemainder(ws, vectors.remainder, penalty);
  const examples = batch.labels.length;
  const lossBefore = competitorMargins(ws, examples) + penaltyAt(ws, penalty, tape.theta);
  if (!Number.isFinite(lossBefore)) return overflow("the loss");
  if (planned.right.majorized) majorise(ws);
  yield;
  const system = yield* openSystem(ws, planned.right, vectors);
  if (system._tag === "Left") return system;
  const range = checkRange(ws, system.right, batch.features);
  if (range._tag === "Left") return range;
  const stage = stageOf(planned.right, { ws, system: system.right, vectors, penalty });
  return yield* takeStep(model, { stage, lossBefore, totalWeight, examples }, damping, planned.right, allocate);
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
 * nothing to train), `DonatedParameters`, `NotPositiveDefinite`, `Overflow`, `OutOfMemory`, `UnsupportedRuntime`,
 * `CompilationForbidden`; of a model of your own `ModelMismatch`, `ModelFailure`, `KernelBusy`.
 *
 * Source: Korbit and Zanon, Fast Gauss-Newton for Multiclass Cross-Entropy, arXiv 2605.06081.
 *
 * @param params a network (a linear head is one with a single dense layer) or a model of your own
 * @param batch B examples with D features
 * @param damping λ as a number, or `relative` (default: 1), `constant`, `levenbergMarquardt`, `backtracking` or `misfit`
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
  return guard("fgnStep", { params, batch, damping, options }, () => {
    const checked = checkOptions(options, STEP);
    return checked._tag === "Left" ? checked : stepInto(params, batch, damping, checked.right, methodOf(checked.right));
  });
}
