// One training run with what it scores on the way: of a baseline by a loop, with the parameters and their running average
// in the same run; of `robust()` by `train`, as users have it.

import { type Batch, evaluate, type Network, probabilities, reliability, seedRandom, train } from "../../mod.ts";
import { permute } from "../../src/math/random.ts";
import { picker } from "../../src/data/select.ts";
import { type AnyOptimizer, type Method, withAverage } from "./methods.ts";
import { standardised } from "./standardised.ts";
import { BATCH, type Data, initial, type Task } from "./tasks.ts";

/** How well parameters do on examples they were not trained on. */
export interface Score {
  readonly accuracy: number;
  /** Cross-entropy: the log loss. */
  readonly loss: number;
  /** The expected calibration error over bins of equal width; absent in runs from before it was taken. */
  readonly ece?: number;
}

/** Bins of the calibration error. */
const BINS = 15;

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

/** A sum that is no number any more, as a run that diverged has it. */
class Diverged extends Error {}

function score(params: Network, examples: Batch): Score {
  const evaluation = evaluate(params, examples);
  if (evaluation._tag === "Left") throw new Diverged(evaluation.left._tag);
  const predicted = probabilities(params, examples.features);
  if (predicted._tag === "Left") throw new Diverged(predicted.left._tag);
  const measured = reliability(predicted.right, examples.labels, { bins: BINS });
  if (measured._tag === "Left") throw new Diverged(measured.left._tag);
  const { accuracy, loss } = evaluation.right;
  return { accuracy, loss, ece: measured.right.ece };
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

/** What a run is: a task with its data and the seed of its order and start. */
interface Trial {
  readonly task: Task;
  readonly data: Data;
  readonly seed: number;
  readonly schedule: Schedule;
}

/** Steps of a baseline; the optimizer's `result` is the average of its parameters. */
function byLoop({ task, data, seed, schedule }: Trial, optimizer: AnyOptimizer): Run {
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

/** A run by `train` with its defaults, but for an optimizer where one is given: scored at the ends of epochs. */
async function byTrain({ task, data, seed, schedule }: Trial, optimizer: AnyOptimizer | undefined): Promise<Run> {
  const { epochs, averaged } = schedule, points: Point[] = [];
  const options = { epochs, batchSize: BATCH, seed, ...(optimizer !== undefined && { optimizer }) };
  let steps = 0;
  for await (const record of train(initial(task, seed), data.train, options)) {
    if (record._tag === "Left") return { steps, points, failed: record.left._tag };
    const { epoch, ...position } = record.right;
    steps = position.steps;
    if (position._tag !== "epoch" || !averaged.includes(epoch)) continue;
    points.push({ epoch, last: null, averaged: score(position.params, data.test) });
  }
  return { steps, points, failed: null };
}

/**
 * Trains from the start of a seed and scores on the data's test examples. Where the columns are raw, a baseline gets them
 * standardised by their training examples; `train` gets them as they are.
 */
export async function trainRun(
  task: Task,
  data: Data,
  method: Method,
  value: number | null,
  seed: number,
  schedule: Schedule,
): Promise<Run> {
  const trial = { task, data, seed, schedule };
  if (method.through === "train") return await byTrain(trial, value === null ? undefined : method.make(value));
  return byLoop(task.raw ? { ...trial, data: standardised(data) } : trial, withAverage(method, value ?? 1));
}
