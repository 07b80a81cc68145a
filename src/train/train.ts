/**
 * Training: epochs over shuffled mini-batches.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { callValue } from "../check/callback.ts";
import type { FgnError } from "../check/error.ts";
import { thrownBy } from "../check/total.ts";
import type { Batch } from "../data/batch.ts";
import { picker } from "../data/select.ts";
import { callStore } from "../io/storage.ts";
import { permute } from "../math/random.ts";
import type { Network } from "../network/layer.ts";
import { copyModel, type Model, withArrays } from "../network/model.ts";
import { asInner } from "../optimizer/inner.ts";
import type { Optimizer, UpdateOptions } from "../optimizer/optimizer.ts";
import { robust, type RobustState } from "../optimizer/robust.ts";
import { evaluate, type Evaluation } from "../passes/evaluate.ts";
import { kernelAlone, kernelOf } from "../problem/session.ts";
import type { StepReport } from "../step/step.ts";
import { identify, type Identity, resumeRun, writeCheckpoint } from "./checkpoint.ts";
import { type Checked, checkTraining, type TrainOptions } from "./options.ts";
import { noteEvaluation, type Run, startRun } from "./run.ts";
import { splitData } from "./split.ts";
import { giveBack, scalesFor, startModel } from "./standardise.ts";

/** Where a run stands. */
export interface Position {
  /** The epoch under way, from 1; at the end the last one. */
  readonly epoch: number;
  /** Steps taken. */
  readonly steps: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
}

/** Why a run ended. */
export type Stopped = "finished" | "earlyStopping" | "maxSeconds" | "aborted";

/** Parameters with what the validation examples say about them. */
export interface Measured<M extends Model> {
  /**
   * A copy of the parameters that the optimizer says to keep, for raw features, but for frozen layers, which are shared.
   * With early stopping those at the end are the best ones, and the epoch is theirs.
   */
  readonly params: M;
  /** On the validation examples, when there are some. */
  readonly evaluation: Evaluation | undefined;
}

/** A record of progress: after some steps, after every epoch, and at the end. */
export type Progress<M extends Model = Network> =
  | Position & { readonly _tag: "step"; readonly report: StepReport }
  | Position & Measured<M> & { readonly _tag: "epoch" }
  | Position & Measured<M> & { readonly _tag: "done"; readonly stopped: Stopped };

/** A run opened on its data. */
interface Setup<M extends Model, S> {
  /** The parameters that the caller gave. */
  readonly given: M;
  readonly run: Run<M, S>;
  readonly train: Batch;
  readonly validation: Batch | null;
  readonly optimizer: Optimizer<M, S>;
  readonly identity: Identity | null;
  readonly checked: Checked;
  readonly options: TrainOptions<M, S>;
}

/** Checks everything, and takes up the checkpoint where there is one. */
async function setUp<M extends Model, S>(
  params: M,
  data: Batch,
  asked: TrainOptions<M, S>,
): Promise<E.Either<FgnError, Setup<M, S>>> {
  const both = checkTraining(asked);
  if (both._tag === "Left") return both;
  const { given: options, checked } = both.right;
  const split = splitData(params, data, options, checked.seed);
  if (split._tag === "Left") return split;
  // Without an optimizer S is that of robust().
  const optimizer = asInner(options.optimizer ?? (robust<M>() as unknown as Optimizer<M, S>));
  const { train, validation, counts } = split.right,
    setup = { given: params, train, validation, optimizer, checked, options };
  const scales = checked.standardise ? scalesFor(params, train.features, counts) : E.right(null);
  if (scales._tag === "Left") return scales;
  const start = (): E.Either<FgnError, Run<M, S>> =>
    callValue(
      `${optimizer.name}.init`,
      () => startRun(startModel(params, scales.right), scales.right, optimizer, checked.seed),
    );
  if (options.checkpoint === undefined) {
    return E.map((run: Run<M, S>): Setup<M, S> => ({ ...setup, identity: null, run }))(start());
  }
  const kernel = kernelOf(options);
  if (kernel._tag === "Left") return kernel;
  const identity = identify(params, { train, validation }, optimizer, options, checked, kernel.right);
  const { store } = options.checkpoint, bytes = await callStore("load", () => store.load());
  if (bytes._tag === "Left") return bytes;
  if (bytes.right === null) {
    // An optimizer whose state no file can hold is refused before it has worked for nothing.
    const fresh = start();
    if (fresh._tag === "Left") return fresh;
    const written = writeCheckpoint(fresh.right, identity);
    return written._tag === "Left" ? written : E.right({ ...setup, identity, run: fresh.right });
  }
  const run = resumeRun<M, S>(bytes.right, params, identity);
  return run._tag === "Left" ? run : E.right({ ...setup, identity, run: run.right });
}

/** Saves where the run stands, if it is to be kept. */
async function save<M extends Model, S>({ run, identity, options }: Setup<M, S>): Promise<E.Either<FgnError, void>> {
  if (identity === null || options.checkpoint === undefined) return E.right(undefined);
  const { store } = options.checkpoint, bytes = writeCheckpoint(run, identity);
  return bytes._tag === "Left" ? bytes : await callStore("save", () => store.save(bytes.right));
}

/** A function that lets other tasks of the program have their turn: when records are given, and every so many milliseconds. */
function makeBreather(): (now: boolean) => Promise<void> {
  const EVERY = 50;
  let last = performance.now();
  return async (now) => {
    if (!now && performance.now() - last < EVERY) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}

/** Options of every update, beside the optimizer's own choices. */
const updateOptionsOf = <M extends Model, S>(options: TrainOptions<M, S>): UpdateOptions => {
  const { kernel, lossAfter, classWeights, labelSmoothing, l2, l2Biases, microBatch } = options;
  const entries = Object.entries({ kernel, lossAfter, classWeights, labelSmoothing, l2, l2Biases, microBatch });
  return { ...Object.fromEntries(entries.filter(([, value]) => value !== undefined)), donate: true };
};

/** A run on its way through its batches. */
interface Course<M extends Model, S> extends Setup<M, S> {
  readonly pick: (rows: Uint32Array) => Batch;
  readonly breathe: (now: boolean) => Promise<void>;
  readonly updateOptions: UpdateOptions;
  readonly totalSteps: number;
  /** Why the run is to end before its next step, or null. */
  readonly interrupted: () => Stopped | null;
}

function startCourse<M extends Model, S>(setup: Setup<M, S>, interrupted: () => Stopped | null): Course<M, S> {
  const { run, train: examples, checked: { epochs, batchSize }, options } = setup;
  return {
    ...setup,
    pick: picker(examples, batchSize, run.model._tag === "network", run.scales),
    breathe: makeBreather(),
    updateOptions: updateOptionsOf(options),
    totalSteps: epochs * Math.ceil(examples.features.rows / batchSize),
    interrupted,
  };
}

const positionOf = <M extends Model, S>({ run, totalSteps, checked: { epochs } }: Course<M, S>): Position => ({
  epoch: Math.min(run.epoch, epochs),
  steps: run.step,
  totalSteps,
});

/** The next step, on the rows that `order` says. Undefined: a batch without weight. */
function stepOf<M extends Model, S>(
  { run, optimizer, pick, updateOptions, checked: { batchSize } }: Course<M, S>,
  order: Uint32Array,
): E.Either<FgnError, StepReport | undefined> {
  const part = pick(order.subarray(run.done, run.done + batchSize));
  const update = optimizer.update(run.model, run.state, part, updateOptions);
  run.done += batchSize;
  run.step++;
  if (update._tag === "Left") return update.left._tag === "ZeroWeights" ? E.right(undefined) : update;
  run.model = update.right.params;
  run.state = update.right.state;
  return E.right(update.right.report);
}

/** The parameters that the optimizer says to keep, for raw features: before the first step those given. */
function resultOf<M extends Model, S>({ given, run: { model, state, scales, step }, optimizer }: Course<M, S>): M {
  return step === 0 && scales !== null ? copyModel(given) : giveBack(optimizer.result(model, state), scales);
}

/** The parameters to keep, evaluated on the validation examples. */
function measure<M extends Model, S>(course: Course<M, S>): E.Either<FgnError, Measured<M>> {
  const { optimizer, validation, options } = course;
  const kept = callValue(`${optimizer.name}.result`, () => resultOf(course));
  if (kept._tag === "Left") return kept;
  const params = kept.right,
    measured = validation === null ? E.right(undefined) : evaluate(params, validation, kernelAlone(options));
  return measured._tag === "Left" ? measured : E.right({ params, evaluation: measured.right });
}

/** The last record: the best parameters when those are asked for. */
function endOf<M extends Model, S>(course: Course<M, S>, stopped: Stopped): E.Either<FgnError, Progress<M>> {
  const { run: { model, best }, options } = course;
  const end = { _tag: "done", ...positionOf(course), stopped } as const;
  if (options.earlyStopping !== undefined && best !== null) {
    const { arrays, epoch, evaluation } = best;
    return E.right({ ...end, epoch, params: copyModel(withArrays(model, arrays)), evaluation: { ...evaluation } });
  }
  return E.map((measured: Measured<M>): Progress<M> => ({ ...end, ...measured }))(measure(course));
}

type Records<M extends Model, A> = AsyncGenerator<E.Either<FgnError, Progress<M>>, A, undefined>;

/** The rest of an epoch. Gives why the run ended within it, or null. */
async function* epochOf<M extends Model, S>(course: Course<M, S>): Records<M, Stopped | "failed" | null> {
  const { run, train: examples, breathe, interrupted, checked: { reportEvery, every, by } } = course;
  const rows = examples.features.rows;
  const { order, random } = permute(rows, run.random);
  while (run.done < rows) {
    const stopped = interrupted();
    const step = stopped === null ? stepOf(course, order) : E.right(undefined);
    if (step._tag === "Left") return yield* endWith<M>(step);
    const saved = stopped !== null || run.step % every === 0 ? await save(course) : E.right(undefined);
    if (saved._tag === "Left") return yield* endWith<M>(saved);
    if (stopped !== null) return stopped;
    const reports = step.right !== undefined && run.step % reportEvery === 0;
    if (reports) yield E.right({ _tag: "step", ...positionOf(course), report: step.right });
    await breathe(reports);
  }
  const measured = measure(course);
  if (measured._tag === "Left") return yield* endWith<M>(measured);
  const { evaluation, params } = measured.right, position = positionOf(course);
  if (evaluation !== undefined) noteEvaluation(run, params, evaluation, by);
  run.epoch++;
  run.done = 0;
  run.random = random;
  const saved = await save(course);
  if (saved._tag === "Left") return yield* endWith<M>(saved);
  yield E.right({ _tag: "epoch", ...position, ...measured.right });
  await breathe(true);
  return null;
}

/** The last record of a run that failed. */
async function* endWith<M extends Model>(error: E.Left<FgnError>): Records<M, "failed"> {
  yield error;
  return "failed";
}

/**
 * Trains a model over shuffled mini-batches and yields records of progress; the last one, `done`, is the result. Without
 * options it steps by `robust()`, which needs no tuning. Ends after the first `Left`. Between records other tasks of the
 * program get their turn. The given model and data are not written to; the same arguments give the same bytes in every
 * runtime, and so does a run that was stopped anywhere and taken up from its checkpoint. A batch whose weights, by example
 * and class, are all zero is passed over.
 *
 * Errors: those of the optimizer; `InvalidOption`; `ZeroWeights` (no example to train on, or to validate by, counts); of
 * checkpoints `InvalidFile`, `CheckpointMismatch`, `StorageFailed`, `NotPlain` (the optimizer's state).
 *
 * @example
 * ```ts
 * import { batch, matrix, train, zeroHead } from "fgn";
 *
 * const features = matrix(4, 2, [1, 0, 0, 1, 2, 0, 0, 2]);
 * const head = zeroHead({ features: 2, classes: 2 });
 * if (features._tag === "Right" && head._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1, 0, 1] });
 *   if (data._tag === "Right") {
 *     for await (const record of train(head.right, data.right, { epochs: 3 })) {
 *       if (record._tag === "Right" && record.right._tag === "done") console.log(record.right.params);
 *     }
 *   }
 * }
 * ```
 */
export async function* train<M extends Model, S = RobustState>(
  params: M,
  data: Batch,
  options: TrainOptions<NoInfer<M>, S> = {},
): AsyncGenerator<E.Either<FgnError, Progress<M>>, void, undefined> {
  try {
    yield* recordsOf<M, S>(params, data, options);
  } catch (cause) {
    yield thrownBy("train", { params, data, options }, cause);
  }
}

/** The records of a run. */
async function* recordsOf<M extends Model, S>(params: M, data: Batch, asked: TrainOptions<M, S>): Records<M, void> {
  const clock = performance.now();
  const opened = await setUp<M, S>(params, data, asked);
  if (opened._tag === "Left") return yield opened;
  const { run, options, checked: { epochs, patience, maxSeconds } } = opened.right, first = run.step;
  const spent = (): boolean => run.step > first && performance.now() - clock >= maxSeconds * 1000;
  const interrupted = (): Stopped | null => options.signal?.aborted ? "aborted" : spent() ? "maxSeconds" : null;
  const course = startCourse(opened.right, interrupted);
  let stopped: Stopped | "failed" | null = null;
  while (run.epoch <= epochs && stopped === null) {
    const gains = options.earlyStopping === undefined || run.stale < patience;
    stopped = gains ? yield* epochOf(course) : "earlyStopping";
    if (stopped === "failed") return;
  }
  yield endOf(course, stopped ?? "finished");
}
