/**
 * A training run under way: where it stands, as data that a checkpoint holds.
 *
 * @module
 */

import { type Random, seedRandom } from "../math/random.ts";
import type { Model } from "../network/model.ts";
import { copyArrays } from "../optimizer/average.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { Evaluation } from "../passes/evaluate.ts";
import { type Shrinking, startShrinking, startTrainee, type Trainee } from "./shrinkage.ts";
import type { Steering } from "./steering.ts";
import type { TrainingScales } from "./standardise.ts";

/** The best parameters so far, by the validation examples, for raw features. */
export interface Best {
  /** The trainable arrays. */
  readonly arrays: readonly Float32Array[];
  readonly evaluation: Evaluation;
  readonly epoch: number;
}

/** Where a run stands. Its loop moves it on in place; its parameters and state are its own. */
export interface Run<M extends Model, S> extends Trainee<M, S> {
  /** Null: it does not shrink. */
  readonly shrinking: Shrinking<M, S> | null;
  /** The generator before the shuffle of this epoch. */
  random: Random;
  /** The epoch under way, from 1. */
  epoch: number;
  /** Examples of this epoch that are done. */
  done: number;
  /** Steps done. */
  step: number;
  best: Best | null;
  /** Epochs since the best. */
  stale: number;
  /** The scales that features are standardised by, or null: none. */
  readonly scales: TrainingScales | null;
}

/** A run at its start, with parameters of its own. */
export const startRun = <M extends Model, S>(
  model: M,
  scales: TrainingScales | null,
  steering: Steering | null,
  optimizer: Optimizer<M, S>,
  seed: number,
): Run<M, S> => ({
  ...startTrainee(steering, model, optimizer),
  shrinking: startShrinking(steering, model, optimizer),
  random: seedRandom(seed),
  epoch: 1,
  done: 0,
  step: 0,
  best: null,
  stale: 0,
  scales,
});

/** Notes an evaluation at the end of an epoch. */
export function noteEvaluation<M extends Model, S>(
  run: Run<M, S>,
  params: M,
  evaluation: Evaluation,
  by: "loss" | "accuracy",
): void {
  const { best } = run;
  const better = best === null ||
    (by === "loss" ? evaluation.loss < best.evaluation.loss : evaluation.accuracy > best.evaluation.accuracy);
  if (better) run.best = { arrays: copyArrays(params), evaluation: { ...evaluation }, epoch: run.epoch };
  run.stale = better ? 0 : run.stale + 1;
}
