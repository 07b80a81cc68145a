/**
 * Training: epochs over shuffled mini-batches.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "./batch.ts";
import type { Damping } from "./damping/damping.ts";
import { type FgnError, invalid } from "./error.ts";
import { evaluate, type Evaluation } from "./evaluate.ts";
import { picker } from "./gather.ts";
import { copyModel, type Model } from "./network/model.ts";
import { type Random, seedRandom, shuffle } from "./random.ts";
import { checkBatch } from "./session.ts";
import { type RunnerOptions, startRun } from "./runner.ts";
import type { StepReport } from "./step.ts";

/** Options of {@link train}. */
export interface TrainOptions<M extends Model = Model, S = unknown> extends RunnerOptions<M, S> {
  /** Passes over the data (default 5). */
  readonly epochs?: number;
  /** Examples a step (default 128); the last batch of an epoch is smaller. */
  readonly batchSize?: number;
  /** Seed of the shuffling (default 0). */
  readonly seed?: number;
  /** Evaluated after every epoch. */
  readonly validation?: Batch;
  /** A step record every so many steps (default 10). */
  readonly reportEvery?: number;
}

/** Where a run stands. */
export interface Position {
  /** From 1. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly steps: number;
}

/** A record of progress: after some steps, and after every epoch. */
export type Progress<M extends Model = Model> =
  | Position & { readonly _tag: "step"; readonly report: StepReport }
  | Position & {
    readonly _tag: "epoch";
    /** A copy of the parameters; those that the optimizer says to keep, where there is one. */
    readonly params: M;
    /** The damping for the next step. */
    readonly damping: Damping;
    /** On the validation batch, when there is one. */
    readonly evaluation: Evaluation | undefined;
  };

type Checked = Required<Pick<TrainOptions, "epochs" | "batchSize" | "reportEvery">>;

function checkOptions<M extends Model, S>(options: TrainOptions<M, S>): E.Either<FgnError, Checked> {
  const { epochs = 5, batchSize = 128, reportEvery = 10 } = options;
  for (const [name, value] of Object.entries({ epochs, batchSize, reportEvery })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) return invalid(name, value, "a whole number from 1");
  }
  return E.right({ epochs, batchSize, reportEvery });
}

function check<M extends Model, S>(params: M, data: Batch, options: TrainOptions<M, S>): E.Either<FgnError, Checked> {
  const checked = checkOptions(options);
  if (checked._tag === "Left") return checked;
  for (const part of options.validation === undefined ? [data] : [data, options.validation]) {
    const matched = checkBatch(params, part);
    if (matched._tag === "Left") return matched;
  }
  return checked;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * Trains a model with `fgnStep`, or with an optimizer such as `robust()`, over shuffled mini-batches and yields records
 * of progress; the last one is the result. Ends after the first `Left`. Between records other tasks of the program get their turn. The
 * given model and data are not written to; the same arguments give the same bytes in every runtime. A batch
 * whose weights, by example and class, are all zero is passed over.
 *
 * Errors: those of `fgnStep`; `InvalidOption`.
 *
 * @example
 * ```ts
 * import { batch, matrix, train, zeroHead } from "@fgn/fgn";
 *
 * const features = matrix(4, 2, [1, 0, 0, 1, 2, 0, 0, 2]);
 * const head = zeroHead({ features: 2, classes: 2 });
 * if (features._tag === "Right" && head._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1, 0, 1] });
 *   if (data._tag === "Right") {
 *     for await (const record of train(head.right, data.right, { epochs: 3 })) {
 *       if (record._tag === "Right" && record.right._tag === "epoch") console.log(record.right.epoch);
 *     }
 *   }
 * }
 * ```
 */
export async function* train<M extends Model, S = never>(
  params: M,
  data: Batch,
  options: TrainOptions<NoInfer<M>, S> = {},
): AsyncGenerator<E.Either<FgnError, Progress<M>>, void, undefined> {
  const checked = check(params, data, options);
  if (checked._tag === "Left") return yield checked;
  const { epochs, batchSize, reportEvery } = checked.right;
  const rows = data.features.rows;
  const steps = epochs * Math.ceil(rows / batchSize);
  const pick = picker(data, batchSize, params._tag === "network");
  const started = startRun(params, options);
  if (started._tag === "Left") return yield started;
  const run = started.right;
  let random: Random = seedRandom(options.seed ?? 0);
  for (let epoch = 1, step = 0; epoch <= epochs; epoch++) {
    const shuffled = shuffle(rows, random);
    random = shuffled.random;
    for (let first = 0; first < rows; first += batchSize) {
      step++;
      const part = pick(shuffled.order.subarray(first, first + batchSize));
      const done = run.step(part);
      if (done._tag === "Left") {
        if (done.left._tag === "ZeroWeights") continue;
        return yield done;
      }
      if (step % reportEvery !== 0) continue;
      yield E.right({ _tag: "step", epoch, step, steps, report: done.right });
      await pause();
    }
    const evaluation = options.validation && evaluate(run.params(), options.validation, options);
    if (evaluation?._tag === "Left") return yield evaluation;
    yield E.right({
      _tag: "epoch",
      epoch,
      step,
      steps,
      params: copyModel(run.params()),
      damping: run.damping(),
      evaluation: evaluation?.right,
    });
    await pause();
  }
}
