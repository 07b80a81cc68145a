// One training run with what it scores on the way: by the parameters and by their running average, in the same run.

import { type Batch, evaluate, type Evaluation, type Network, seedRandom } from "../../mod.ts";
import { permute } from "../../src/math/random.ts";
import { picker } from "../../src/data/select.ts";
import type { AnyOptimizer } from "./methods.ts";
import { BATCH, type Data, initial, type Task } from "./tasks.ts";

/** How well parameters do on examples they were not trained on. */
export interface Score {
  readonly accuracy: number;
  readonly loss: number;
}

/** Scores after so many epochs, of the parameters (where they were asked for) and of their average. */
export interface Point {
  readonly epoch: number;
  readonly last: Score | null;
  readonly averaged: Score;
}

/** A run; `failed` says why it has fewer points than were asked for. */
export interface Run {
  readonly steps: number;
  readonly points: readonly Point[];
  readonly failed: string | null;
}

/** When a run is scored, in epochs: by the average, and by the parameters as well. */
export interface Schedule {
  readonly epochs: number;
  readonly averaged: readonly number[];
  readonly last: readonly number[];
}

const scoreOf = ({ accuracy, loss }: Evaluation): Score => ({ accuracy, loss });

/** A sum that is no number any more, as a run that diverged has it. */
class Diverged extends Error {}

function score(params: Network, examples: Batch): Score {
  const evaluation = evaluate(params, examples);
  if (evaluation._tag === "Left") throw new Diverged(evaluation.left._tag);
  return scoreOf(evaluation.right);
}

/** The rows of every step of an epoch, in the order of the seed, as `train` draws them. */
function* batches(rows: number, epochs: number, seed: number): Generator<Uint32Array> {
  let random = seedRandom(seed);
  for (let epoch = 0; epoch < epochs; epoch++) {
    const shuffled = permute(rows, random);
    random = shuffled.random;
    for (let from = 0; from < rows; from += BATCH) yield shuffled.order.subarray(from, from + BATCH);
  }
}

/**
 * Trains from the start of a seed and scores on the data's test examples; the optimizer's `result` is the average of its
 * parameters.
 */
export function trainRun(task: Task, data: Data, optimizer: AnyOptimizer, seed: number, schedule: Schedule): Run {
  const { rows } = data.train.features, perEpoch = Math.ceil(rows / BATCH);
  const pick = picker(data.train, BATCH, true);
  const due = new Map(schedule.averaged.map((epoch) => [Math.round(epoch * perEpoch), epoch]));
  const points: Point[] = [];
  let params = initial(task, seed), state = optimizer.init(params), steps = 0;
  try {
    for (const chosen of batches(rows, schedule.epochs, seed)) {
      const update = optimizer.update(params, state, pick(chosen), { donate: true });
      if (update._tag === "Left") throw new Diverged(update.left._tag);
      ({ params, state } = update.right);
      const epoch = due.get(++steps);
      if (epoch === undefined) continue;
      const last = schedule.last.includes(epoch) ? score(params, data.test) : null;
      points.push({ epoch, last, averaged: score(optimizer.result(params, state), data.test) });
    }
  } catch (error) {
    if (!(error instanceof Diverged)) throw error;
    return { steps, points, failed: error.message };
  }
  return { steps, points, failed: null };
}
