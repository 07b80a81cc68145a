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
import type { Optimizer, Update, UpdateOptions } from "../optimizer/optimizer.ts";
import { piecesOf } from "../optimizer/pieces.ts";
import { robust, type RobustState } from "../optimizer/robust.ts";
import { evaluate, type Evaluation } from "../passes/evaluate.ts";
import { kernelAlone, kernelOf } from "../problem/session.ts";
import type { StepReport } from "../step/step.ts";
import { identify, type Identity, type Plan, resumeRun, writeCheckpoint } from "./checkpoint.ts";
import { checkTraining, type TrainOptions } from "./options.ts";
import { runWithRests } from "./rests.ts";
import { noteEvaluation, type Run, startRun } from "./run.ts";
import { FEW, shrinkBefore, type Stepping, updateShadows } from "./shrinkage.ts";
import { splitData } from "./split.ts";
import { steer } from "./steering.ts";
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

/** A step, and what came before it. */
export interface Stepped {
  /** The report of the step. */
  readonly report: StepReport;
  /** The share that the model shrank by before the step, since it was too sure of itself: see the option `shrinkage`. */
  readonly shrinkage: number;
}

/** A record of progress: after some steps, after every epoch, and at the end. */
export type Progress<M extends Model = Network> =
  | Position & Stepped & { readonly _tag: "step" }
  | Position & Measured<M> & { readonly _tag: "epoch" }
  | Position & Measured<M> & { readonly _tag: "done"; readonly stopped: Stopped };

/** A run opened on its data. */
interface Setup<M extends Model, S> extends Plan<M, S> {
  /** The parameters that the caller gave. */
  readonly given: M;
  readonly run: Run<M, S>;
  readonly identity: Identity | null;
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
  const { train, validation, counts } = split.right;
  const steered = steer(params, train, optimizer, options, checked.seed);
  if (steered._tag === "Left") return steered;
  const steering = steered.right;
  const setup = { given: params, train, validation, optimizer, steering, checked, options };
  // Held-out rows are as good as others to say how large columns are.
  const scales = checked.standardise ? scalesFor(params, train.features, counts, checked.clip) : E.right(null);
  if (scales._tag === "Left") return scales;
  const start = (): E.Either<FgnError, Run<M, S>> =>
    callValue(
      `${optimizer.name}.init`,
      () => startRun(startModel(params, scales.right), scales.right, steering, optimizer, checked.seed),
    );
  if (options.checkpoint === undefined) {
    return E.map((run: Run<M, S>): Setup<M, S> => ({ ...setup, identity: null, run }))(start());
  }
  const kernel = kernelOf(options);
  if (kernel._tag === "Left") return kernel;
  const identity = identify(params, setup, kernel.right);
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
interface Course<M extends Model, S> extends Setup<M, S>, Stepping<M, S> {
  readonly breathe: (now: boolean) => Promise<void>;
  /** The number of rows that are trained on. */
  readonly rows: number;
  readonly totalSteps: number;
  /** Why the run is to end before its next step, or within one, or null. */
  readonly interrupted: (within?: boolean) => Stopped | null;
}

function startCourse<M extends Model, S>(setup: Setup<M, S>, interrupted: Course<M, S>["interrupted"]): Course<M, S> {
  const { run, train: examples, steering, checked: { epochs, batchSize }, options } = setup;
  const rows = steering?._tag === "heldOut" ? steering.trained.length : examples.features.rows;
  return {
    ...setup,
    rows,
    pick: picker(
      examples,
      Math.max(batchSize, FEW),
      run.model._tag === "network",
      run.scales,
      run.scales?.limit ?? Infinity,
    ),
    breathe: makeBreather(),
    updateOptions: updateOptionsOf(options),
    totalSteps: epochs * Math.ceil(rows / batchSize),
    interrupted,
  };
}

const positionOf = <M extends Model, S>({ run, totalSteps, checked: { epochs } }: Course<M, S>): Position => ({
  epoch: Math.min(run.epoch, epochs),
  steps: run.step,
  totalSteps,
});

/** Milliseconds that a step may take before it ends with the time of the run. */
const GRACE = 500;

/**
 * An update, with rests where it has pieces: other tasks have their turn, and the run may end within it. Undefined: it does.
 */
async function updateOf<M extends Model, S>(
  { run: { model, state }, optimizer: { update }, updateOptions, breathe, interrupted }: Course<M, S>,
  part: Batch,
): Promise<E.Either<FgnError, Update<M, S>> | undefined> {
  const pieces = piecesOf(update), kernel = kernelOf(updateOptions);
  if (pieces === undefined || kernel._tag === "Left") return update(model, state, part, updateOptions);
  return await runWithRests(() => pieces(model, state, part, updateOptions), kernel.right, async (milliseconds) => {
    await breathe(true);
    return interrupted(milliseconds >= GRACE) === null;
  });
}

/** The next step, on the rows that `order` says. Undefined: a batch without weight; a reason: the run ends within it. */
async function stepOf<M extends Model, S>(
  course: Course<M, S>,
  order: Uint32Array,
): Promise<E.Either<FgnError, Stepped | Stopped | undefined>> {
  const { run, steering, pick, checked: { batchSize }, interrupted } = course, { shrinking } = run;
  const rows = order.subarray(run.done, run.done + batchSize), steers = shrinking !== null && steering !== null;
  const share = steers ? shrinkBefore(run, run.step, shrinking, steering, rows, course) : E.right(0);
  if (share._tag === "Left") return share;
  const update = await updateOf(course, pick(rows));
  if (update === undefined) return E.right(interrupted(true) ?? "aborted");
  const followed = steers ? updateShadows(shrinking, steering, rows, course) : E.right(undefined);
  if (followed._tag === "Left") return followed;
  run.done += batchSize;
  run.step++;
  if (update._tag === "Left") return update.left._tag === "ZeroWeights" ? E.right(undefined) : update;
  run.model = update.right.params;
  run.state = update.right.state;
  return E.right({ report: update.right.report, shrinkage: share.right });
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
  const { run, rows, steering, breathe, interrupted, checked: { reportEvery, every, by } } = course;
  const { order: places, random } = permute(rows, run.random);
  const order = steering?._tag === "heldOut" ? places.map((place) => steering.trained[place] as number) : places;
  while (run.done < rows) {
    const ended = interrupted(), step = ended === null ? await stepOf(course, order) : E.right(ended);
    if (step._tag === "Left") return yield* endWith<M>(step);
    const stopped = typeof step.right === "string" ? step.right : null;
    const saved = stopped !== null || run.step % every === 0 ? await save(course) : E.right(undefined);
    if (saved._tag === "Left") return yield* endWith<M>(saved);
    if (stopped !== null) return stopped;
    const { right: stepped } = step, reports = typeof stepped === "object" && run.step % reportEvery === 0;
    if (reports) yield E.right({ _tag: "step", ...positionOf(course), ...stepped });
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
  const spent = (within: boolean): boolean =>
    (within || run.step > first) && performance.now() - clock >= maxSeconds * 1000;
  const interrupted = (within = false): Stopped | null =>
    options.signal?.aborted ? "aborted" : spent(within) ? "maxSeconds" : null;
  const course = startCourse(opened.right, interrupted);
  let stopped: Stopped | "failed" | null = null;
  while (run.epoch <= epochs && stopped === null) {
    const gains = options.earlyStopping === undefined || run.stale < patience;
    stopped = gains ? yield* epochOf(course) : "earlyStopping";
    if (stopped === "failed") return;
  }
  yield endOf(course, stopped ?? "finished");
}
