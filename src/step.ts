/**
 * One Fast Gauss-Newton step.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "./batch.ts";
import { accepts, checkDamping, type Damping, firstLambda, nextDamping, relative } from "./damping.ts";
import { fail, type FgnError } from "./error.ts";
import * as linear from "./kernel/linear.ts";
import { gradientNorm, gram } from "./kernel/system.ts";
import type { LinearHead } from "./network/linear.ts";
import { type KernelOption, openBatch } from "./session.ts";
import {
  type CheckedSolver,
  checkSolver,
  type Solution,
  solve,
  type SolverOptions,
  type Stop,
} from "./solver/solver.ts";

/** Options of {@link fgnStep}. */
export interface StepOptions extends SolverOptions, KernelOption {
  /**
   * Whether to evaluate the batch loss after the step (default true). Without it the step is cheaper by
   * B²C multiply-adds and the report lacks what needs it. Levenberg–Marquardt always evaluates it.
   */
  readonly lossAfter?: boolean;
}

/** What a step saw and did. Losses are (weighted) means over the batch. */
export interface StepReport {
  /** Cross-entropy at the given parameters, natural logarithm. */
  readonly lossBefore: number;
  /** Cross-entropy on the same batch at the returned parameters. */
  readonly lossAfter: number | undefined;
  /** ‖g‖₂ of the mean loss, from the float32 Gram matrix: good to about 1e-3 of the norm of its largest term. */
  readonly gradientNorm: number;
  /** −(gᵀd + ½ dᵀHd) of the last attempt, H the undamped Gauss-Newton curvature. */
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
  /** The solver used. */
  readonly solver: "cholesky" | "cg";
  /** Its iterations (0 for Cholesky). */
  readonly iterations: number;
  /** Why it stopped. */
  readonly stop: Stop;
  /** ‖r − (S + λI)u‖/‖r‖ reached. */
  readonly residual: number;
}

/** The result of a step. */
export interface Step {
  /** The new parameters. */
  readonly params: LinearHead;
  /** The damping for the next step. */
  readonly damping: Damping;
  /** What it saw and did. */
  readonly report: StepReport;
}

interface Attempt {
  readonly solution: Solution;
  readonly lambda: number;
  readonly lossAfter: number | undefined;
  readonly accepted: boolean;
  readonly rejections: number;
}

type TaggedDamping = Exclude<Damping, number>;

/** Solves at λ, and evaluates the loss that the step would reach where that is wanted. */
function attempt(
  ws: linear.Workspace,
  lambda: number,
  solver: CheckedSolver,
  trial: number | undefined,
): E.Either<FgnError, { readonly solution: Solution; readonly lossAfter: number | undefined }> {
  const solution = solve(ws, lambda, solver);
  if (solution._tag === "Left") return solution;
  if (trial === undefined) return E.right({ solution: solution.right, lossAfter: undefined });
  linear.moveLogits(ws, ws.at.dual, trial);
  return E.right({ solution: solution.right, lossAfter: linear.loss(ws, trial) });
}

/** Attempts until one is accepted; a retry reuses the Gram matrix and changes the diagonal alone. */
function search(
  ws: linear.Workspace,
  lossBefore: number,
  damping: TaggedDamping,
  unit: number,
  solver: CheckedSolver,
  wantsLoss: boolean,
): E.Either<FgnError, Attempt> {
  const retries = damping._tag === "levenbergMarquardt";
  const attempts = retries ? damping.attempts : 1;
  let lambda = firstLambda(damping, unit);
  for (let rejections = 0;; rejections++) {
    if (retries) linear.copyLogits(ws);
    const trial = retries ? ws.at.trial : wantsLoss ? ws.at.logits : undefined;
    const tried = attempt(ws, lambda, solver, trial);
    const singular = tried._tag === "Left" && tried.left._tag === "NotPositiveDefinite";
    if (tried._tag === "Left" && !(retries && singular && rejections + 1 < attempts)) return tried;
    if (tried._tag === "Right") {
      const { solution, lossAfter } = tried.right;
      const accepted = accepts(damping, lossBefore - (lossAfter ?? lossBefore), solution.predictedReduction);
      if (accepted || rejections + 1 >= attempts) {
        return E.right({ solution, lossAfter, lambda, accepted, rejections });
      }
    }
    if (retries) lambda *= damping.raise;
  }
}

function report(lossBefore: number, norm: number, done: Attempt): StepReport {
  const { solution, lambda, accepted, rejections, lossAfter } = done;
  const { predictedReduction, solver, iterations, stop, residual } = solution;
  const actualReduction = lossAfter === undefined ? undefined : lossBefore - lossAfter;
  const known = actualReduction !== undefined && predictedReduction > 0;
  return {
    lossBefore,
    lossAfter: accepted ? lossAfter : lossBefore,
    gradientNorm: norm,
    predictedReduction,
    actualReduction,
    gainRatio: known ? actualReduction / predictedReduction : undefined,
    accepted,
    rejections,
    lambda,
    solver,
    iterations,
    stop,
    residual,
  };
}

function overflow(what: string): E.Either<FgnError, never> {
  return fail(
    "Overflow",
    { what },
    `${what} left the range of float32`,
    "Scale the features to about unit size, check parameters and features for extreme values, or raise the damping",
  );
}

/** Where new parameters are written: `fgnStep` makes fresh arrays, training reuses its own. Internal. */
export type Allocate = (like: LinearHead) => LinearHead;

const fresh: Allocate = ({ weight, bias }) => ({
  _tag: "linear",
  weight: { ...weight, data: new Float32Array(weight.data.length) },
  bias: bias && new Float32Array(bias.length),
});

/** {@link fgnStep} with a say in where the new parameters go; internal. */
export function stepInto(
  params: LinearHead,
  batch: Batch,
  damping: Damping,
  options: StepOptions,
  allocate: Allocate,
): E.Either<FgnError, Step> {
  const checked = checkDamping(damping);
  if (checked._tag === "Left") return checked;
  const solver = checkSolver(options);
  if (solver._tag === "Left") return solver;
  const needs = { update: true, system: true, retry: checked.right._tag === "levenbergMarquardt" };
  const opened = openBatch(params, batch, needs, options);
  if (opened._tag === "Left") return opened;
  const ws = opened.right;
  linear.forward(ws);
  const lossBefore = linear.margins(ws);
  if (!Number.isFinite(lossBefore)) return overflow("the loss");
  const meanDiagonal = gram(ws);
  if (!Number.isFinite(meanDiagonal)) return overflow("the Gram matrix");
  // Features that are all zero without a bias have no Gram matrix to be relative to, and no gradient.
  const unit = meanDiagonal > 0 ? meanDiagonal / ws.totalWeight : 1;
  const norm = gradientNorm(ws);
  const done = search(ws, lossBefore, checked.right, unit, solver.right, options.lossAfter ?? true);
  if (done._tag === "Left") return done;
  const { lambda, accepted } = done.right;
  const next = nextDamping(checked.right, lambda, accepted);
  const told = report(lossBefore, norm, done.right);
  if (!accepted) return E.right({ params, damping: next, report: told });
  linear.backProject(ws, ws.at.dual);
  if (!linear.parametersFinite(ws)) return overflow("the new parameters");
  const result = allocate(params);
  linear.readParameters(ws, { weight: result.weight.data, bias: result.bias });
  return E.right({ params: result, damping: typeof damping === "number" ? damping : next, report: told });
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
 * Pure: the arguments are never written to, and the same arguments give the same bytes in every runtime.
 * Errors: `FeatureMismatch`, `LabelOutOfRange`, `ShapeMismatch`, `EmptyBatch`, `InvalidDamping`,
 * `InvalidOption`, `NotPositiveDefinite`, `Overflow`, `OutOfMemory`, `UnsupportedRuntime`,
 * `CompilationForbidden`.
 *
 * Source: Korbit and Zanon, Fast Gauss-Newton for Multiclass Cross-Entropy, arXiv 2605.06081.
 *
 * @param params the head, C × D and C
 * @param batch B examples with D features
 * @param damping λ as a number, or `relative` (default: 1), `constant` or `levenbergMarquardt`
 * @example
 * ```ts
 * import { batch, fgnStep, matrix, zeroHead } from "@fgn/fgn";
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
 */
export function fgnStep(
  params: LinearHead,
  batch: Batch,
  damping: Damping = relative(1),
  options: StepOptions = {},
): E.Either<FgnError, Step> {
  return stepInto(params, batch, damping, options, fresh);
}
