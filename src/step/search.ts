/**
 * The search for a step that is kept: attempts at rising damping or falling length, each tried on the batch.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import { accepts, attemptsOf, type Outcome, retry, type TaggedDamping, type Trial } from "../damping/damping.ts";
import { f32, NONE } from "../kernel/arena.ts";
import { penalty } from "../problem/remainder.ts";
import { coefficients } from "../tape/jacobian.ts";
import { loss } from "../tape/margins.ts";
import { forward, movesAll } from "../tape/tape.ts";
import { applyStep, attempt, type Candidate, predictedReduction, shorten, type Stage } from "./attempt.ts";

/** How a search ended. */
export interface Attempt {
  readonly candidate: Candidate;
  readonly lambda: number;
  readonly lossAfter: number | undefined;
  readonly accepted: boolean;
  readonly rejections: number;
}

/** A loss and what it says about an attempt. */
interface Judged {
  readonly lossAfter: number | undefined;
  readonly outcome: Outcome;
}

/** Whether a trial needs no trial parameters. */
const moves = ({ ws: { tape }, vectors }: Stage): boolean => vectors.direction === NONE && movesAll(tape);

/** Where the trial's parameters go: beside θ when there may be another attempt, else θ itself. */
function trialParameters(stage: Stage): number {
  const { ws: { kernel, tape }, vectors } = stage;
  if (moves(stage)) return tape.theta;
  const to = vectors.trial === NONE ? tape.theta : vectors.trial;
  if (to !== tape.theta) f32(kernel, to, tape.length).set(f32(kernel, tape.theta, tape.length));
  applyStep(stage, to);
  return to;
}

/** The objective at the trial parameters. */
function trialLoss(stage: Stage): number {
  const { ws, vectors } = stage;
  const vector = trialParameters(stage);
  if (ws.parts !== null) return ws.parts.loss(vector) + penalty(ws, stage.l2, vector);
  const moved = vectors.direction === NONE ? { moved: coefficients(ws, ws.at.dual) } : {};
  forward(ws.tape, { vector, trial: true, ...moved });
  return loss(ws, ws.tape.logits.trial) + penalty(ws, stage.l2, vector);
}

/** θ ← the parameters of the candidate, unless the trial has put them there. */
export function acceptStep(stage: Stage, tried: boolean): void {
  const { ws: { kernel, tape }, vectors } = stage;
  if (!tried || moves(stage)) applyStep(stage, tape.theta);
  else if (vectors.trial !== NONE) f32(kernel, tape.theta, tape.length).set(f32(kernel, vectors.trial, tape.length));
}

/** What the attempt at hand promised and did. */
function judge(stage: Stage, lossBefore: number, candidate: Candidate): Judged {
  const lossAfter = stage.judged ? trialLoss(stage) : undefined;
  const outcome = {
    lossBefore,
    actual: lossBefore - (lossAfter ?? lossBefore),
    predicted: predictedReduction(candidate),
    linear: candidate.gain,
  };
  return { lossAfter, outcome };
}

/** Attempts steps until one is accepted. Errors: `NotPositiveDefinite`, `Overflow`. */
export function search(
  stage: Stage,
  lossBefore: number,
  damping: TaggedDamping,
  first: Trial,
): E.Either<FgnError, Attempt> {
  const attempts = attemptsOf(damping);
  let trial = first, tried = attempt(stage, trial.lambda);
  for (let rejections = 0;; rejections++) {
    const last = rejections + 1 >= attempts;
    if (tried._tag === "Right") {
      const candidate = tried.right, { lossAfter, outcome } = judge(stage, lossBefore, candidate);
      const accepted = accepts(damping, outcome);
      if (accepted && lossAfter !== undefined && !Number.isFinite(lossAfter)) {
        return overflow("the loss after the step");
      }
      if (accepted || last) return E.right({ candidate, lossAfter, lambda: trial.lambda, accepted, rejections });
    }
    const next = retry(damping, trial);
    // A singular system, or a step beyond float32, asks for more damping.
    if (tried._tag === "Left" && (last || next.lambda === trial.lambda)) return tried;
    tried = tried._tag === "Right" && next.lambda === trial.lambda
      ? E.right(shorten(stage, tried.right, next.share))
      : attempt(stage, next.lambda);
    trial = next;
  }
}
