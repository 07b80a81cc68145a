/**
 * The search for a step that is kept: attempts at rising damping or falling length, each tried on the batch.
 *
 * The search is a generator that leaves the attempts to whoever runs it: it yields what to try, and goes on with what came
 * of it. On the CPU attempts are made at once (`trial.ts`), on a device they are awaited. What it asks of a damping is said
 * in `src/damping/rule.ts`.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import type { Damping } from "../damping/damping.ts";
import type { Observation, Outcome } from "../damping/rule.ts";
import { ruleOf, type TaggedDamping } from "../damping/tagged.ts";
import { f64 } from "../kernel/arena.ts";
import { type Candidate, predictedReduction } from "./attempt.ts";
import type { Step, StepReport } from "./report.ts";
import type { OpenStage } from "./stage.ts";

/** The next try: the step at another λ, or a share of the one at hand, at the same λ. */
export type Attempt =
  | { readonly _tag: "solve"; readonly lambda: number }
  | { readonly _tag: "shorten"; readonly candidate: Candidate; readonly share: number };

/** The result of an attempt that could be solved for. */
export interface Tried {
  readonly candidate: Candidate;
  /** The loss at the parameters tried, not finite where these are not; undefined where it is not asked for. */
  readonly lossAfter: number | undefined;
}

/**
 * A computation that leaves attempts to whoever runs it: it yields one, and goes on with what came of it, or with the error
 * that the system could not be solved. Any other failure ends the run.
 */
export type Search<A> = Generator<Attempt, A, E.Either<FgnError, Tried>>;

/** The promise of an attempt and its result, for the damping. */
const outcomeOf = (lossBefore: number, { candidate, lossAfter }: Tried): Outcome => ({
  lossBefore,
  actual: lossBefore - (lossAfter ?? lossBefore),
  predicted: predictedReduction(candidate),
  linear: candidate.gain,
});

/** A step that is ready to be taken: margins and row system are there. */
export interface Ready<S extends OpenStage = OpenStage> {
  readonly stage: S;
  readonly lossBefore: number;
  /** Σω: the number of examples that damping counts. */
  readonly totalWeight: number;
  /** Rows that are examples; the others are those of their competitors. */
  readonly examples: number;
}

/** Where a search ended. */
type End = Pick<StepReport, "lambda" | "accepted" | "rejections">;

/** The report of a search. */
function reportOf({ stage, lossBefore }: Ready, norm: number, tried: Tried, end: End): StepReport {
  const { candidate, lossAfter } = tried, { lambda, accepted, rejections } = end;
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
    system: stage.system.kind,
    solver,
    iterations,
    stop,
    residual,
  };
}

/** The batch as the damping sees it. */
function observationOf({ stage: { ws, system: { meanDiagonal } }, totalWeight }: Ready): Observation {
  const { kernel, at, rows } = ws;
  return {
    // Features that are all zero without a bias have no Gram matrix to be relative to, and no gradient.
    unit: meanDiagonal > 0 ? meanDiagonal / totalWeight : 1,
    slope: f64(kernel, at.slope, rows).reduce((sum, slope) => sum + slope, 0),
    power: kernel.exports.power,
  };
}

/** The dual of the step at hand; zero where the full system was solved. */
const dualOf = ({ stage: { ws: { kernel, at }, method }, examples }: Ready): Float64Array =>
  method._tag === "fgn" ? f64(kernel, at.dual, examples).slice() : new Float64Array(examples);

/**
 * Attempts steps until one is accepted: all of a step but its parameters. `norm` is ‖g‖, `given` the damping as it was given,
 * of which a number stays one. Errors: `NotPositiveDefinite`, `Overflow`.
 */
export function* search(
  ready: Ready,
  norm: number,
  given: Damping,
  damping: TaggedDamping,
): Search<E.Either<FgnError, Omit<Step, "params">>> {
  if (!Number.isFinite(norm)) return overflow("the gradient");
  const { lossBefore } = ready, batch = observationOf(ready);
  const rule = ruleOf(damping), state = rule.observe(damping, batch), attempts = rule.attempts(state) ?? 1;
  let lambda = rule.first(state, batch), tried = yield { _tag: "solve", lambda };
  for (let rejections = 0;; rejections++) {
    const last = rejections + 1 >= attempts;
    if (tried._tag === "Right") {
      const { lossAfter } = tried.right, accepted = rule.accepts(state, outcomeOf(lossBefore, tried.right));
      if (accepted && !Number.isFinite(lossAfter ?? 0)) return overflow("the loss after the step");
      if (accepted || last) {
        const following = typeof given === "number" ? given : rule.next(state, lambda, accepted);
        const report = reportOf(ready, norm, tried.right, { lambda, accepted, rejections });
        return E.right({ damping: following, dual: dualOf(ready), report });
      }
    } else if (last) return tried;
    const next = rule.retry(state, lambda), same = next.lambda === lambda;
    // A singular system, or a step beyond float32, asks for more damping.
    if (tried._tag === "Left" && same) return tried;
    tried = yield tried._tag === "Right" && same
      ? { _tag: "shorten", candidate: tried.right.candidate, share: next.share }
      : { _tag: "solve", lambda: next.lambda };
    lambda = next.lambda;
  }
}
