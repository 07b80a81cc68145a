/**
 * Held-out examples.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, invalid } from "../check/error.ts";
import { guard } from "../check/total.ts";
import { type Batch, checkTargets } from "../data/batch.ts";
import { picker } from "../data/select.ts";
import { checkColumns } from "../data/scales.ts";
import { drawFrom, permute, seedRandom } from "../math/random.ts";
import type { Model } from "../network/model.ts";
import { objective } from "../problem/objective.ts";
import { checkBatch } from "../problem/session.ts";
import type { TrainOptions } from "./options.ts";

/** Examples to train on, and others. */
export interface Split {
  /** Examples to train on, in the order of the data. */
  readonly train: Batch;
  /** Examples held out, in the order of the data. */
  readonly validation: Batch;
}

/** Seeds the split apart from the shuffling. */
const SALT = 0x5eed;

/**
 * Holds out a share of the examples of each class, drawn at random: at least one example, and never all. A class with two
 * examples or more has one at least on either side, so that with many rare classes more than the share may be held out.
 * Classes with a single example are drawn from together, and so are the examples without weight, ignored labels among
 * them. The class under soft targets is that of the label: without labels the likeliest. The same for the same seed in
 * every runtime. Errors: `InvalidOption`.
 *
 * @example
 * ```ts
 * import { batch, getOrThrow, holdOut, matrix } from "fgn";
 *
 * const features = getOrThrow(matrix(6, 1, [1, 2, 3, 4, 5, 6]));
 * const data = getOrThrow(batch({ features, labels: [0, 0, 0, 0, 1, 1] }));
 * const { train, validation } = getOrThrow(holdOut(data, 0.25));
 * console.log(train.labels, validation.labels); // [0, 0, 0, 1] [0, 1]
 * ```
 */
export function holdOut(data: Batch, share: number, seed = 0): E.Either<FgnError, Split> {
  return guard("holdOut", { data, share, seed }, () => split(data, share, seed));
}

/** A split of the data. */
function split(data: Batch, share: number, seed: number): E.Either<FgnError, Split> {
  const whole = checkColumns(data);
  if (whole._tag === "Left") return whole;
  const own = whole.right, { features, targets } = own;
  const soft = checkTargets(targets, features.rows, targets?.cols ?? 0);
  if (soft._tag === "Left") return soft;
  if (!Number.isFinite(seed)) return invalid("seed", seed, "a number");
  return divide(own, share, seed, "share");
}

/** Rows that are drawn from together, in random order. */
interface Stratum {
  readonly rows: readonly number[];
  /** Least and most of them that may be held out. */
  readonly least: number;
  readonly most: number;
}

/** The keys of strata that are no class: rows without weight, and those that are alone in their class. */
const WEIGHTLESS = -1, SINGLE = -2;

/** Rows by what they are drawn from together with: their class, where it has two that count or more. */
function strataOf({ labels, weights }: Batch, seed: number): ReadonlyMap<number, readonly number[]> {
  const counts = (row: number): boolean => weights === null || (weights[row] as number) > 0;
  const sizes = new Map<number, number>(), strata = new Map<number, number[]>();
  labels.forEach((label, row) => counts(row) && sizes.set(label, (sizes.get(label) ?? 0) + 1));
  for (const row of permute(labels.length, seedRandom((seed ^ SALT) >>> 0)).order) {
    const label = labels[row] as number;
    const key = !counts(row) ? WEIGHTLESS : sizes.get(label) === 1 ? SINGLE : label;
    const others = strata.get(key);
    if (others === undefined) strata.set(key, [row]);
    else others.push(row);
  }
  return strata;
}

/** Strata of which each gives a row at least; a single row is trained on, unless it has no weight. */
const oneOfEach = (strata: ReadonlyMap<number, readonly number[]>): readonly Stratum[] =>
  Array.from(strata, ([key, rows]) => ({
    rows,
    least: Math.min(1, rows.length - 1),
    most: Math.max(rows.length - 1, key === WEIGHTLESS ? 1 : 0),
  }));

/** 1 for each row held out: of each stratum its share rounded down, and one more of those that lack most (Hamilton). */
function draw(strata: readonly Stratum[], share: number, rows: number): Uint8Array {
  const isHeld = new Uint8Array(rows);
  const parts = strata.map((stratum) => {
    const quota = share * stratum.rows.length;
    return { stratum, quota, count: Math.min(stratum.most, Math.max(stratum.least, Math.floor(quota))) };
  });
  let lacking = Math.max(1, Math.round(share * rows)) - parts.reduce((sum, { count }) => sum + count, 0);
  const byLack = parts.sort((a, b) => (b.quota - b.count) - (a.quota - a.count));
  for (const { stratum, count } of byLack) {
    const more = lacking > 0 && count < stratum.most ? 1 : 0;
    lacking -= more;
    for (const row of stratum.rows.slice(0, count + more)) isHeld[row] = 1;
  }
  return isHeld;
}

/**
 * 1 for each row that {@link holdOut} holds out of data that was checked.
 * @internal
 */
export const heldRows = (data: Batch, share: number, seed: number): Uint8Array =>
  draw(oneOfEach(strataOf(data, seed)), share, data.labels.length);

/**
 * The rows of one side.
 * @internal
 */
export function pickSide(data: Batch, isHeld: Uint8Array, side: 0 | 1): Batch {
  const order = Uint32Array.from(data.labels.keys()).filter((row) => isHeld[row] === side);
  return picker(data, order.length, false)(order);
}

/** {@link holdOut} for the option that gives the share. */
function divide(data: Batch, share: number, seed: number, option: string): E.Either<FgnError, Split> {
  const { rows } = data.features;
  if (!(typeof share === "number" && share > 0 && share < 1)) return invalid(option, share, "a share in (0, 1)");
  if (rows < 2) return invalid(option, share, "a share of at least two examples: there is one");
  const isHeld = heldRows(data, share, seed);
  return E.right({ train: pickSide(data, isHeld, 0), validation: pickSide(data, isHeld, 1) });
}

/** Seeds a draw of a few rows, and their order, apart from the split. */
const FEW = 0xfe3;

/**
 * A share below ½ of the rows that count, at most so many, in random order: of each class its share, rounded up or down by
 * chance, and never a row that is alone in its class. The same for the same seed in every runtime.
 * @internal
 */
export function drawFew(data: Batch, share: number, most: number, seed: number): Uint32Array {
  const own = (seed ^ FEW) >>> 0, source = drawFrom(seedRandom(own));
  const rows = Array.from(strataOf(data, own)).flatMap(([key, stratum]) => key < 0 ? [] : stratum);
  const count = Math.min(most, Math.round(share * rows.length)), stride = rows.length / count;
  // One row every so many, class after class, from a start by chance.
  const start = source.next() / 2 ** 32;
  const drawn = Uint32Array.from({ length: count }, (_, i) => rows[Math.floor((i + start) * stride)] as number);
  return permute(count, source.state()).order.map((place) => drawn[place] as number);
}

/** Examples to train on, and validation examples where the options ask for them. */
export interface SplitData {
  readonly train: Batch;
  readonly validation: Batch | null;
  /** How much the training examples count, by themselves and by their class; null: all the same. */
  readonly counts: ArrayLike<number> | null;
}

/** Both parts hold an example that counts: training on none changes nothing, and says so too late. */
function weigh(
  { train, validation }: Omit<SplitData, "counts">,
  params: Model,
  { classWeights }: Pick<TrainOptions, "classWeights">,
): E.Either<FgnError, SplitData> {
  const aim = objective({ ...train, targets: null }, params, classWeights === undefined ? {} : { classWeights });
  if (aim._tag === "Left") return aim;
  const counts = classWeights === undefined ? train.weights : aim.right.alpha;
  if (validation?.weights?.every((weight) => weight === 0) !== true) return E.right({ train, validation, counts });
  const count = validation.weights.length;
  const remedy = "Give at least one of them a weight, or hold out a larger share";
  return fail("ZeroWeights", { count }, "all weights of the validation examples are zero", remedy);
}

/**
 * The data as the options split it, checked against the model.
 * @internal
 */
export function splitData<M extends Model, S>(
  params: M,
  data: Batch,
  options: TrainOptions<M, S>,
  seed: number,
): E.Either<FgnError, SplitData> {
  const validation = options.validation ?? null;
  const whole = checkBatch(params, data);
  if (whole._tag === "Left") return whole;
  const apart = validation === null || typeof validation === "number" ? null : checkBatch(params, validation);
  if (apart?._tag === "Left") return apart;
  const divided: E.Either<FgnError, Omit<SplitData, "counts">> = typeof validation === "number"
    ? divide(whole.right, validation, seed, "validation")
    : E.right({ train: whole.right, validation: apart && apart.right });
  return divided._tag === "Left" ? divided : weigh(divided.right, params, options);
}
