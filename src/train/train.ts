/**
 * Training: epochs over shuffled mini-batches.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { thrownBy } from "../check/total.ts";
import type { Batch } from "../data/batch.ts";
import { permute } from "../math/random.ts";
import type { Network } from "../network/layer.ts";
import { copyModel, type Model, withArrays } from "../network/model.ts";
import type { RobustState } from "../optimizer/robust.ts";
import { keptBy } from "../optimizer/inner.ts";
import { evaluate, type Evaluation } from "../passes/evaluate.ts";
import { kernelAlone } from "../problem/session.ts";
import { type Course, startCourse, stepOf, type Stepped, type Stopped } from "./course.ts";
import type { TrainOptions } from "./options.ts";
import { noteEvaluation } from "./run.ts";
import { save, setUp } from "./setup.ts";
import { giveBack } from "./standardise.ts";

/** Where a run stands. */
export interface Position {
  /** The epoch under way, from 1; at the end the last one. */
  readonly epoch: number;
  /** Steps taken. */
  readonly steps: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
}

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
  | Position & Stepped & { readonly _tag: "step" }
  | Position & Measured<M> & { readonly _tag: "epoch" }
  | Position & Measured<M> & { readonly _tag: "done"; readonly stopped: Stopped };

const positionOf = <M extends Model, S>({ run, totalSteps, checked: { epochs } }: Course<M, S>): Position => ({
  epoch: Math.min(run.epoch, epochs),
  steps: run.step,
  totalSteps,
});

/** The parameters that the optimizer says to keep, for raw features: before the first step those given. */
function resultOf<M extends Model, S>(
  { given, run: { model, state, scales, step }, optimizer }: Course<M, S>,
): E.Either<FgnError, M> {
  if (step === 0 && scales !== null) return E.right(copyModel(given));
  return E.map((kept: M) => giveBack(kept, scales))(keptBy(optimizer, model, state));
}

/** The parameters to keep, evaluated on the validation examples. */
function measure<M extends Model, S>(course: Course<M, S>): E.Either<FgnError, Measured<M>> {
  const { validation, options } = course, kept = resultOf(course);
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
