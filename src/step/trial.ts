/**
 * Trials of a step on the CPU: its parameters and the loss there.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { f32, NONE } from "../kernel/arena.ts";
import type { Pieces } from "../kernel/pieces.ts";
import { penaltyAt } from "../problem/remainder.ts";
import { writeCoefficients } from "../tape/jacobian.ts";
import { loss } from "../tape/margins.ts";
import { forward, movesAll } from "../tape/tape.ts";
import { applyStep, attempt, shorten } from "./attempt.ts";
import type { Attempt, Search, Tried } from "./search.ts";
import type { Stage } from "./stage.ts";

/** Whether a trial moves the outputs of all layers, so that it needs no trial parameters. */
const movesOutputs = ({ ws: { tape }, vectors }: Stage): boolean => vectors.direction === NONE && movesAll(tape);

/** Where the trial's parameters go: beside θ when there may be another attempt, else θ itself. */
function trialParameters(stage: Stage): number {
  const { ws: { kernel, tape }, vectors } = stage;
  if (movesOutputs(stage)) return tape.theta;
  const to = vectors.trial === NONE ? tape.theta : vectors.trial;
  if (to !== tape.theta) f32(kernel, to, tape.length).set(f32(kernel, tape.theta, tape.length));
  applyStep(stage, to);
  return to;
}

/** The objective at the trial parameters. */
function trialLoss(stage: Stage): number {
  const { ws, vectors } = stage;
  const vector = trialParameters(stage);
  if (ws.micro !== null) return ws.micro.loss(vector) + penaltyAt(ws, stage.penalty, vector);
  const moved = vectors.direction === NONE ? { moved: writeCoefficients(ws, ws.at.dual) } : {};
  forward(ws.tape, { vector, trial: true, ...moved });
  return loss(ws, ws.tape.logits.trial) + penaltyAt(ws, stage.penalty, vector);
}

/** θ ← the parameters of the candidate, unless the trial has put them there. */
export function acceptStep(stage: Stage): void {
  const { ws: { kernel, tape }, vectors, judged } = stage;
  if (!judged || movesOutputs(stage)) applyStep(stage, tape.theta);
  else if (vectors.trial !== NONE) f32(kernel, tape.theta, tape.length).set(f32(kernel, vectors.trial, tape.length));
}

/** Makes an attempt: solves for it, or shortens, and tries it out. Errors: `NotPositiveDefinite`, `Overflow`. */
function* tryOut(stage: Stage, asked: Attempt): Pieces<E.Either<FgnError, Tried>> {
  const solved = asked._tag === "solve"
    ? yield* attempt(stage, asked.lambda)
    : E.right(shorten(stage, asked.candidate, asked.share));
  if (solved._tag === "Left") return solved;
  return E.right({ candidate: solved.right, lossAfter: stage.judged ? trialLoss(stage) : undefined });
}

/** Runs a search whose attempts are made here. */
export function* tryHere<A>(stage: Stage, steps: Search<A>): Pieces<A> {
  let next = steps.next();
  while (next.done !== true) next = steps.next(yield* tryOut(stage, next.value));
  return next.value;
}
