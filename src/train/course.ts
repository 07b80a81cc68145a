/**
 * Runs on their way: the next step, with its rests, and what shrinks before and after it.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import { picker } from "../data/select.ts";
import type { Model } from "../network/model.ts";
import type { Update, UpdateOptions } from "../optimizer/optimizer.ts";
import { piecesOf } from "../optimizer/pieces.ts";
import { kernelOf } from "../problem/session.ts";
import type { StepReport } from "../step/step.ts";
import type { TrainOptions } from "./options.ts";
import { runWithRests } from "./rests.ts";
import type { Setup } from "./setup.ts";
import { FEW, shrinkBefore, type Stepping, updateShadows } from "./shrinkage.ts";

/** Why a run ended. */
export type Stopped = "finished" | "earlyStopping" | "maxSeconds" | "aborted";

/** A step, and what came before it. */
export interface Stepped {
  /** The report of the step. */
  readonly report: StepReport;
  /** The share that the model shrank by before the step, since it was too sure of itself: see the option `shrinkage`. */
  readonly shrinkage: number;
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
export interface Course<M extends Model, S> extends Setup<M, S>, Stepping<M, S> {
  readonly breathe: (now: boolean) => Promise<void>;
  /** The number of rows that are trained on. */
  readonly rows: number;
  readonly totalSteps: number;
  /** Why the run is to end before its next step, or within one, or null. */
  readonly interrupted: (within?: boolean) => Stopped | null;
}

/** The way of a run from where it stands. */
export function startCourse<M extends Model, S>(
  setup: Setup<M, S>,
  interrupted: Course<M, S>["interrupted"],
): Course<M, S> {
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
export async function stepOf<M extends Model, S>(
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
