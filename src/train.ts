/**
 * Training: epochs over shuffled mini-batches.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "./batch.ts";
import { type Damping, invalid, relative } from "./damping.ts";
import type { FgnError } from "./error.ts";
import { evaluate, type Evaluation } from "./evaluate.ts";
import type { LinearHead } from "./network/linear.ts";
import { type Random, seedRandom, shuffle } from "./random.ts";
import { checkBatch } from "./session.ts";
import { type Allocate, stepInto, type StepOptions, type StepReport } from "./step.ts";

/** Options of {@link train}. */
export interface TrainOptions extends StepOptions {
  /** Passes over the data (default 5). */
  readonly epochs?: number;
  /** Examples a step (default 128); the last batch of an epoch is smaller. */
  readonly batchSize?: number;
  /** Seed of the shuffling (default 0). */
  readonly seed?: number;
  /** Default `relative(1)`. */
  readonly damping?: Damping;
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
export type Progress =
  | Position & { readonly _tag: "step"; readonly report: StepReport }
  | Position & {
    readonly _tag: "epoch";
    /** A copy of the parameters. */
    readonly params: LinearHead;
    /** The damping for the next step. */
    readonly damping: Damping;
    /** On the validation batch, when there is one. */
    readonly evaluation: Evaluation | undefined;
  };

type Checked = Required<Pick<TrainOptions, "epochs" | "batchSize" | "reportEvery">>;

function checkOptions(options: TrainOptions): E.Either<FgnError, Checked> {
  const { epochs = 5, batchSize = 128, reportEvery = 10 } = options;
  for (const [name, value] of Object.entries({ epochs, batchSize, reportEvery })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) return invalid(name, value, "a whole number from 1");
  }
  return E.right({ epochs, batchSize, reportEvery });
}

function check(params: LinearHead, data: Batch, options: TrainOptions): E.Either<FgnError, Checked> {
  const checked = checkOptions(options);
  if (checked._tag === "Left") return checked;
  for (const part of options.validation === undefined ? [data] : [data, options.validation]) {
    const matched = checkBatch(params, part);
    if (matched._tag === "Left") return matched;
  }
  return checked;
}

/** Rows of a batch, gathered into one buffer that the next gathering overwrites: never handed out. */
function gatherer(data: Batch, batchSize: number): (rows: Uint32Array) => Batch {
  const { cols } = data.features;
  const features = new Float32Array(Math.min(batchSize, data.features.rows) * cols);
  return (rows) => {
    rows.forEach((row, i) => features.set(data.features.data.subarray(row * cols, (row + 1) * cols), i * cols));
    const { weights } = data;
    return {
      features: { rows: rows.length, cols, data: features.subarray(0, rows.length * cols) },
      labels: Uint32Array.from(rows, (row) => data.labels[row] as number),
      weights: weights && Float32Array.from(rows, (row) => weights[row] as number),
    };
  };
}

const copy = ({ weight, bias }: LinearHead): LinearHead => ({
  _tag: "linear",
  weight: { ...weight, data: weight.data.slice() },
  bias: bias && bias.slice(),
});

/**
 * Two heads used in turn for the steps inside a run: fresh arrays would cost more than a step (their pages
 * are faulted in one by one). What a record hands out is a copy.
 */
function alternating(params: LinearHead): Allocate {
  let next = copy(params), other = copy(params);
  return () => {
    [next, other] = [other, next];
    return next;
  };
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * Trains a head with `fgnStep` over shuffled mini-batches and yields records of progress; the last one is
 * the result. Ends after the first `Left`. Between records other tasks of the program get their turn. The
 * given head and data are not written to; the same arguments give the same bytes in every runtime. A batch
 * whose weights are all zero is passed over.
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
export async function* train(
  params: LinearHead,
  data: Batch,
  options: TrainOptions = {},
): AsyncGenerator<E.Either<FgnError, Progress>, void, undefined> {
  const checked = check(params, data, options);
  if (checked._tag === "Left") return yield checked;
  const { epochs, batchSize, reportEvery } = checked.right;
  const rows = data.features.rows;
  const steps = epochs * Math.ceil(rows / batchSize);
  const gather = gatherer(data, batchSize);
  const allocate = alternating(params);
  let head = params, damping = options.damping ?? relative(1), random: Random = seedRandom(options.seed ?? 0);
  for (let epoch = 1, step = 0; epoch <= epochs; epoch++) {
    const shuffled = shuffle(rows, random);
    random = shuffled.random;
    for (let first = 0; first < rows; first += batchSize) {
      step++;
      const part = gather(shuffled.order.subarray(first, first + batchSize));
      if (part.weights?.every((w) => w === 0)) continue;
      const done = stepInto(head, part, damping, { lossAfter: false, ...options }, allocate);
      if (done._tag === "Left") return yield done;
      ({ params: head, damping } = done.right);
      if (step % reportEvery !== 0) continue;
      yield E.right({ _tag: "step", epoch, step, steps, report: done.right.report });
      await pause();
    }
    const evaluation = options.validation && evaluate(head, options.validation, options);
    if (evaluation?._tag === "Left") return yield evaluation;
    yield E.right({ _tag: "epoch", epoch, step, steps, params: copy(head), damping, evaluation: evaluation?.right });
    await pause();
  }
}
