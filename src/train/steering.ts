/**
 * The rows that shrinkage and caution are read off: held out of the training rows, or in turn by folds.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import { isSparse } from "../data/sparse.ts";
import { permute, seedRandom } from "../math/random.ts";
import { parameterCount } from "../network/flat.ts";
import type { Model } from "../network/model.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import { tableOf } from "../optimizer/row_average.ts";
import { countShrunk } from "../optimizer/shrink.ts";
import type { TrainOptions } from "./options.ts";
import { drawFew } from "./split.ts";

/** The share of the rows that is held out, how many at most, and from how many rows on by default. */
const HELD = 1 / 16, MOST = 256, ENOUGH = 2000;
/** By default folds steer with fewer rows than that, from so many on, and with so many parameters at most: they hold ten copies. */
const FEWEST = 100, MOST_PARAMETERS = 2 ** 18;
/** Seeds the folds apart from what else is drawn. */
const SALT = 0xf01d;

/** Number of folds. */
export const FOLDS = 4;

/** What follows from the data whatever the rows are. */
interface Common {
  /** The weights of the classes, or null: all 1. */
  readonly classWeights: readonly number[] | null;
  /** The mean of those over the rows: as many rows count with them as without. */
  readonly meanWeight: number;
  /** Whether the features are sparse. */
  readonly sparse: boolean;
}

/** The rows that shrinkage is read off; they follow from data, options and seed. */
export type Steering =
  | Common & {
    readonly _tag: "heldOut";
    /** The rows held out, in the order of their turns. */
    readonly held: Uint32Array;
    /** The rows trained on, in the order of the data. */
    readonly trained: Uint32Array;
  }
  | Common & {
    readonly _tag: "folds";
    /** The fold of each row. */
    readonly foldOf: Uint8Array;
  };

/** Options that decide on it. */
type Asked = Pick<TrainOptions, "classWeights" | "shrinkage">;

/** What holds for any rows; the class weights are checked. */
function commonOf({ features, labels, weights }: Batch, { classWeights }: Asked): Common {
  const sparse = isSparse(features);
  if (classWeights === undefined) return { classWeights: null, meanWeight: 1, sparse };
  const byClass = Array.from(classWeights, Number);
  let count = 0, sum = 0;
  labels.forEach((label, row) => {
    const weight = weights?.[row] ?? 1;
    count += weight;
    sum += weight * (byClass[label] as number);
  });
  return { classWeights: byClass, meanWeight: sum / count, sparse };
}

/** The folds of rows, whose sizes differ by one at most. */
function dealFolds(rows: number, seed: number): Uint8Array {
  const foldOf = new Uint8Array(rows);
  permute(rows, seedRandom((seed ^ SALT) >>> 0)).order.forEach((row, place) => foldOf[row] = place % FOLDS);
  return foldOf;
}

/** The number of rows that count. */
const countOf = ({ labels, weights }: Batch): number =>
  weights === null ? labels.length : weights.reduce((count, weight) => count + (weight > 0 ? 1 : 0), 0);

/** What `auto` is. Judging by the average of a table takes a pass over all of it, and so does shrinking: a step touches few rows. */
function chooseWay(model: Model, data: Batch): "heldOut" | "folds" | null {
  const count = countOf(data);
  if (tableOf(model) !== null || count < FEWEST) return null;
  if (count >= ENOUGH) return "heldOut";
  return parameterCount(model) <= MOST_PARAMETERS ? "folds" : null;
}

/**
 * The rows that the shrinkage of a run is read off, or null: it does not shrink. Errors: `InvalidOption` for what is asked
 * for and cannot be.
 */
export function steer<M extends Model, S>(
  model: M,
  data: Batch,
  { shrink }: Optimizer<M, S>,
  options: Asked,
  seed: number,
): E.Either<FgnError, Steering | null> {
  const { shrinkage = "auto" } = options, isAsked = shrinkage === "heldOut" || shrinkage === "folds";
  const refuse = (wanted: string): E.Either<FgnError, null> =>
    isAsked ? invalid("shrinkage", shrinkage, wanted) : E.right(null);
  if (shrinkage === "off") return E.right(null);
  if (shrink === undefined) return refuse('"auto" or "off" with this optimizer; robust() is one that shrinks');
  if (countShrunk(model) === 0) return refuse('"auto" or "off" with this model, of which no dense layer trains');
  const way = shrinkage === "auto" ? chooseWay(model, data) : shrinkage;
  if (way === null) return E.right(null);
  if (way === "folds") {
    return E.right({ _tag: "folds", foldOf: dealFolds(data.features.rows, seed), ...commonOf(data, options) });
  }
  const held = drawFew(data, HELD, MOST, seed), isHeld = new Set(held);
  if (held.length === 0) return refuse('"folds" or "off" with so few examples of each class');
  const trained = Uint32Array.from(data.labels.keys()).filter((row) => !isHeld.has(row));
  return E.right({ _tag: "heldOut", held, trained, ...commonOf(data, options) });
}
