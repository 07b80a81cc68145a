/**
 * Calibrated confidence: weights shrink while rows that are not trained on say that the model is too sure of itself, and steps
 * are more careful while these are explained less than others.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import type { Matrix } from "../data/matrix.ts";
import { copyModel, type Model } from "../network/model.ts";
import { averagedWhole } from "../optimizer/by_row.ts";
import { keptBy } from "../optimizer/inner.ts";
import type { Optimizer, UpdateOptions } from "../optimizer/optimizer.ts";
import type { Shrinkage } from "../optimizer/shrink.ts";
import { logits } from "../passes/evaluate.ts";
import { kernelAlone } from "../problem/session.ts";
import { cautionOf, followMisfits, type Misfits, NO_MISFITS } from "./caution.ts";
import { excess, follow as followScale, type Judged, NO_SCALE, type Scale, shareOf } from "./scale.ts";
import { FOLDS, type Steering } from "./steering.ts";

/**
 * Held-out rows are judged before every fourth update, so many at a time: eight an update, and one pass costs little more than
 * a quarter of it would.
 */
const EVERY = 4;
export const FEW = 8 * EVERY;
/** The share that a table of sparse features owes before it shrinks, which takes a pass over all of it. */
const OWED = 0.1;

/** A model in training. */
export interface Trainee<M extends Model, S> {
  model: M;
  state: S;
}

/** Where shrinkage stands, as data that a checkpoint holds; a run moves it on in place. */
export interface Shrinking<M extends Model, S> {
  scale: Scale;
  misfits: Misfits;
  /** The place of the held-out row whose turn is next. */
  turn: number;
  /** The number of updates done when it last shrank, and the share: a run may end between that and the next update. */
  at: number;
  share: number;
  /** The share that a table of sparse features has yet to shrink by. */
  owed: number;
  /** For each fold a run beside the run, on the rows of the others; none without folds. */
  readonly shadows: readonly Trainee<M, S>[];
}

/** What batches are made and stepped on by. */
export interface Stepping<M extends Model, S> {
  readonly optimizer: Optimizer<M, S>;
  /** Rows as a batch, which the next call may overwrite. */
  readonly pick: (rows: Uint32Array) => Batch;
  readonly updateOptions: UpdateOptions;
}

/** A model of its own with the optimizer's first state. Where it is to shrink, the rows of a table change at any time. */
export const startTrainee = <M extends Model, S>(
  steering: Steering | null,
  model: M,
  { init }: Optimizer<M, S>,
): Trainee<M, S> => ({ model, state: steering === null ? init(model) : averagedWhole(init(model)) });

/** Where shrinkage stands before the first update. */
export function startShrinking<M extends Model, S>(
  steering: Steering | null,
  model: M,
  optimizer: Optimizer<M, S>,
): Shrinking<M, S> | null {
  if (steering === null) return null;
  const length = steering._tag === "folds" ? FOLDS : 0;
  const shadows = Array.from({ length }, () => startTrainee(steering, copyModel(model), optimizer));
  return { scale: NO_SCALE, misfits: NO_MISFITS, turn: 0, at: 0, share: 0, owed: 0, shadows };
}

/** Rows as averaged parameters judge them, or null: there is none that counts. */
function judge<M extends Model, S>(
  kept: M,
  rows: Uint32Array,
  { classWeights, meanWeight }: Steering,
  { pick, updateOptions }: Stepping<M, S>,
): E.Either<FgnError, Judged | null> {
  if (rows.length === 0) return E.right(null);
  const { features, labels, targets, weights } = pick(rows);
  const counts = Float64Array.from(
    labels,
    (label, i) => (weights?.[i] ?? 1) * (classWeights === null ? 1 : (classWeights[label] as number) / meanWeight),
  );
  if (!counts.some((count) => count > 0)) return E.right(null);
  const rest = { labels, targets: targets && targets.data, smoothing: updateOptions.labelSmoothing ?? 0, counts };
  return E.map(({ data }: Matrix): Judged => ({ logits: data, ...rest }))(
    logits(kept, features, kernelAlone(updateOptions)),
  );
}

/** Who judges which rows before an update on some: those held out, and as many of the batch. */
function judgements<M extends Model, S>(
  trainee: Trainee<M, S>,
  { turn, shadows }: Shrinking<M, S>,
  steering: Steering,
  rows: Uint32Array,
): readonly (readonly [Trainee<M, S>, heldOut: Uint32Array, trained: Uint32Array])[] {
  if (steering._tag === "folds") {
    return shadows.map((shadow, fold) => {
      const heldOut = rows.filter((row) => steering.foldOf[row] === fold);
      return [shadow, heldOut, rows.filter((row) => steering.foldOf[row] !== fold).subarray(0, heldOut.length)];
    });
  }
  const { held } = steering, length = Math.min(FEW, held.length);
  const heldOut = Uint32Array.from({ length }, (_, i) => held[(turn + i) % held.length] as number);
  return [[trainee, heldOut, rows.subarray(0, length)]];
}

/** Reads the rows before an update, which stand for so many updates, and moves the means and sums on. */
function follow<M extends Model, S>(
  trainee: Trainee<M, S>,
  shrinking: Shrinking<M, S>,
  steering: Steering,
  rows: Uint32Array,
  stepping: Stepping<M, S>,
  updates: number,
): E.Either<FgnError, void> {
  const { optimizer } = stepping, groups: (Judged | null)[] = [], others: (Judged | null)[] = [];
  for (const [{ model, state }, heldOut, trained] of judgements(trainee, shrinking, steering, rows)) {
    const kept = keptBy(optimizer, model, state);
    if (kept._tag === "Left") return kept;
    const group = judge(kept.right, heldOut, steering, stepping);
    if (group._tag === "Left") return group;
    groups.push(group.right);
    if (optimizer.steer === undefined) continue;
    const other = judge(kept.right, trained, steering, stepping);
    if (other._tag === "Left") return other;
    others.push(other.right);
  }
  shrinking.scale = followScale(shrinking.scale, groups, updates);
  shrinking.misfits = followMisfits(shrinking.misfits, groups, others, updates);
  if (steering._tag === "heldOut") shrinking.turn = (shrinking.turn + FEW) % steering.held.length;
  return E.right(undefined);
}

/** The shrinkage before an update on rows, and where it stands then. */
function nextShrinkage<M extends Model, S>(
  trainee: Trainee<M, S>,
  shrinking: Shrinking<M, S>,
  steering: Steering,
  rows: Uint32Array,
  stepping: Stepping<M, S>,
): E.Either<FgnError, Shrinkage> {
  const updates = steering._tag === "heldOut" ? EVERY : 1;
  const followed = follow(trainee, shrinking, steering, rows, stepping, updates);
  if (followed._tag === "Left") return followed;
  const share = shareOf(shrinking.scale, updates);
  if (!steering.sparse) return E.right({ share });
  const owed = 1 - (1 - shrinking.owed) * (1 - share), sparse = owed < OWED ? 0 : owed;
  shrinking.owed = owed - sparse;
  return E.right({ share, sparse });
}

/** Makes the next updates of a run and its shadows as careful as the rows say. Errors: those of `steer`. */
function beCareful<M extends Model, S>(
  trainee: Trainee<M, S>,
  { misfits, scale, shadows }: Shrinking<M, S>,
  { optimizer: { steer } }: Stepping<M, S>,
): E.Either<FgnError, void> {
  if (steer === undefined) return E.right(undefined);
  const caution = cautionOf(misfits, excess(scale));
  for (const each of [trainee, ...shadows]) {
    const steered = steer(each.state, caution);
    if (steered._tag === "Left") return steered;
    each.state = steered.right;
  }
  return E.right(undefined);
}

/**
 * Shrinks a run and its shadows in place after `step` updates, before the next one on rows. Gives the share, 0 where
 * the model is not too sure of itself. Errors: those of `shrink` and of a forward pass.
 */
export function shrinkBefore<M extends Model, S>(
  trainee: Trainee<M, S>,
  step: number,
  shrinking: Shrinking<M, S>,
  steering: Steering,
  rows: Uint32Array,
  stepping: Stepping<M, S>,
): E.Either<FgnError, number> {
  const { shrink } = stepping.optimizer;
  if (step === 0 || (steering._tag === "heldOut" && step % EVERY !== 1)) return E.right(0);
  if (shrinking.at === step) return E.right(shrinking.share);
  const shrinkage = nextShrinkage(trainee, shrinking, steering, rows, stepping);
  if (shrinkage._tag === "Left") return shrinkage;
  const { share, sparse = 0 } = shrinkage.right;
  shrinking.at = step;
  shrinking.share = share;
  const careful = beCareful(trainee, shrinking, stepping);
  if (careful._tag === "Left") return careful;
  if (shrink === undefined || (share === 0 && sparse === 0)) return E.right(share);
  const options = { donate: true, ...kernelAlone(stepping.updateOptions) };
  for (const each of [trainee, ...shrinking.shadows]) {
    const shrunk = shrink(each.model, each.state, shrinkage.right, options);
    if (shrunk._tag === "Left") return shrunk;
    each.model = shrunk.right;
  }
  return E.right(share);
}

/** Updates each shadow in place on the rows outside its fold. Errors: those of the update. */
export function updateShadows<M extends Model, S>(
  { shadows }: Shrinking<M, S>,
  steering: Steering,
  rows: Uint32Array,
  { optimizer, pick, updateOptions }: Stepping<M, S>,
): E.Either<FgnError, void> {
  if (steering._tag === "heldOut") return E.right(undefined);
  for (const [fold, shadow] of shadows.entries()) {
    const others = rows.filter((row) => steering.foldOf[row] !== fold);
    if (others.length === 0) continue;
    const update = optimizer.update(shadow.model, shadow.state, pick(others), updateOptions);
    if (update._tag === "Left" && update.left._tag === "ZeroWeights") continue;
    if (update._tag === "Left") return update;
    shadow.model = update.right.params;
    shadow.state = update.right.state;
  }
  return E.right(undefined);
}
