/**
 * Held-out examples.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, invalid } from "../check/error.ts";
import { guard } from "../check/total.ts";
import { type Batch, checkBatchKind } from "../data/batch.ts";
import { picker } from "../data/select.ts";
import { seedRandom, shuffle } from "../math/random.ts";
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
 * Holds out a share of the examples, drawn at random: at least one, and never all. The same for the same seed in every
 * runtime. Errors: `InvalidOption`.
 *
 * @example
 * ```ts
 * import { batch, getOrThrow, holdOut, matrix } from "fgn";
 *
 * const features = getOrThrow(matrix(4, 1, [1, 2, 3, 4]));
 * const { train, validation } = getOrThrow(holdOut(getOrThrow(batch({ features, labels: [0, 1, 0, 1] })), 0.25));
 * console.log(train.labels.length, validation.labels.length); // 3 1
 * ```
 */
export function holdOut(data: Batch, share: number, seed = 0): E.Either<FgnError, Split> {
  return guard("holdOut", { data, share, seed }, () => split(data, share, seed));
}

/** A split of the data. */
function split(data: Batch, share: number, seed: number): E.Either<FgnError, Split> {
  const kind = checkBatchKind(data);
  if (kind._tag === "Left") return kind;
  if (!Number.isFinite(seed)) return invalid("seed", seed, "a number");
  return divide(data, share, seed, "share");
}

/** {@link holdOut} for the option that gives the share. */
function divide(data: Batch, share: number, seed: number, option: string): E.Either<FgnError, Split> {
  const { rows } = data.features;
  if (!(typeof share === "number" && share > 0 && share < 1)) return invalid(option, share, "a share in (0, 1)");
  if (rows < 2) return invalid(option, share, "a share of at least two examples: there is one");
  const count = Math.min(rows - 1, Math.max(1, Math.round(share * rows)));
  const { order } = shuffle(rows, seedRandom((seed ^ SALT) >>> 0));
  const pick = (from: number, to: number): Batch => picker(data, to - from, false)(order.slice(from, to).sort());
  return E.right({ train: pick(count, rows), validation: pick(0, count) });
}

/** Examples to train on, and validation examples where the options ask for them. */
export interface SplitData {
  readonly train: Batch;
  readonly validation: Batch | null;
}

/** Both parts hold an example that counts: training on none changes nothing, and says so too late. */
function checkWeights(
  { train, validation }: SplitData,
  classes: number,
  { classWeights }: Pick<TrainOptions, "classWeights">,
): E.Either<FgnError, void> {
  const aim = objective({ ...train, targets: null }, classes, classWeights === undefined ? {} : { classWeights });
  if (aim._tag === "Left") return aim;
  if (validation?.weights?.every((weight) => weight === 0) !== true) return E.right(undefined);
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
  for (const part of validation === null || typeof validation === "number" ? [data] : [data, validation]) {
    const matched = checkBatch(params, part);
    if (matched._tag === "Left") return matched;
  }
  const divided: E.Either<FgnError, SplitData> = typeof validation === "number"
    ? divide(data, validation, seed, "validation")
    : E.right({ train: data, validation });
  if (divided._tag === "Left") return divided;
  const weighted = checkWeights(divided.right, params.outputs, options);
  return weighted._tag === "Left" ? weighted : divided;
}
