/**
 * Sets of classes that hold the right one with a wanted probability.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Numbers } from "../check/numbers.ts";
import { checkFields, checkOptions, type Rule, SHARE } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import {
  checkProbabilities,
  countedRows,
  type Labelled,
  type LabelOptions,
  LABELS,
  readPredicted,
} from "./labelled.ts";

/** What {@link conformalThreshold} gives. */
export interface ConformalThreshold {
  /** The least probability of a class in a set; 0, which every class has, where there are too few rows. */
  readonly threshold: number;
  /** Number of rows that it comes from. */
  readonly examples: number;
}

/** The k-th largest probability of a label, k = ⌈(n + 1)(1 − error)⌉; 0 where k is above n. */
function quantile(given: Labelled, error: number): ConformalThreshold {
  const { classes, data, labels } = given;
  const own = Float32Array.from(countedRows(given), (row) => data[row * classes + (labels[row] as number)] as number);
  const examples = own.length, place = examples + 1 - Math.floor((examples + 1) * error);
  return { threshold: place > examples ? 0 : own.sort()[examples - place] as number, examples };
}

/**
 * The threshold of split conformal prediction: sets of the classes whose probability is at least it, as
 * {@link conformalSets} makes them, hold the right class of a new example with a probability of at least 1 − error, for
 * whatever model, if these rows and the new ones are drawn alike and the model was not trained on any of them.
 *
 * With the score 1 − p of the label, it is the ⌈(n + 1)(1 − error)⌉-th smallest score of n rows (Vovk, Gammerman and
 * Shafer 2005; least ambiguous sets: Sadinle, Lei and Wasserman 2019). n + 1 in place of n makes the promise hold for few
 * rows, too; below 1/error − 1 rows only the set of all classes keeps it, and the threshold is 0. The promise is over
 * all new examples and draws of the rows, not for each class or each kind of example.
 *
 * Errors: as `classReport`.
 *
 * @param probabilities rows × classes, as `probabilities` gives them
 * @param labels a class index from 0 a row
 * @param error the share of sets that may miss, in (0, 1), such as 0.1
 * @example
 * ```ts
 * import { conformalThreshold, getOrThrow, matrix } from "fgn";
 *
 * const p = getOrThrow(matrix([[0.75, 0.25], [0.5, 0.5], [0.125, 0.875], [1, 0]]));
 * console.log(getOrThrow(conformalThreshold(p, [0, 0, 1, 0], 0.4))); // { threshold: 0.75, examples: 4 }
 * console.log(getOrThrow(conformalThreshold(p, [0, 0, 1, 0], 0.1)).threshold); // 0: four rows promise no nine tenths
 * ```
 */
export function conformalThreshold(
  probabilities: Matrix,
  labels: Numbers,
  error: number,
  options: LabelOptions = {},
): E.Either<FgnError, ConformalThreshold> {
  return guard("conformalThreshold", { probabilities, labels, error, options }, () => {
    const checked = checkOptions(options, LABELS);
    if (checked._tag === "Left") return checked;
    const wanted = checkFields({ error }, { error: SHARE });
    if (wanted._tag === "Left") return wanted;
    const given = readPredicted(probabilities, labels, checked.right);
    return given._tag === "Left" ? given : E.right(quantile(given.right, error));
  });
}

const THRESHOLD: Rule = [
  (value) => typeof value === "number" && value >= 0 && value <= 1,
  "the threshold that conformalThreshold gave, from 0 to 1",
];

/** The classes of a row from a threshold up, the likeliest first. */
function setOf(row: Float32Array, threshold: number): Uint32Array {
  const classes: number[] = [];
  row.forEach((p, c) => p >= threshold && classes.push(c));
  return Uint32Array.from(classes.sort((a, b) => (row[b] as number) - (row[a] as number)));
}

/**
 * For each row the classes whose probability is at least the threshold of {@link conformalThreshold}, the likeliest first.
 * Sets of several classes say that the model cannot tell them apart; an empty one says that nothing is likely enough, as
 * for examples unlike those before. Errors: `WrongKind`, `InvalidSize`, `ShapeMismatch`, `NotFinite`,
 * `InvalidProbabilities`, `InvalidOption`.
 *
 * @example
 * ```ts
 * import { conformalSets, getOrThrow, matrix } from "fgn";
 *
 * const p = getOrThrow(matrix([[0.7, 0.2, 0.1], [0.1, 0.4, 0.5], [0.35, 0.33, 0.32]]));
 * console.log(getOrThrow(conformalSets(p, 0.4))); // [[0], [2, 1], []]
 * ```
 */
export function conformalSets(probabilities: Matrix, threshold: number): E.Either<FgnError, readonly Uint32Array[]> {
  return guard("conformalSets", { probabilities, threshold }, () => {
    const fits = checkFields({ threshold }, { threshold: THRESHOLD });
    if (fits._tag === "Left") return fits;
    const checked = checkProbabilities(probabilities);
    if (checked._tag === "Left") return checked;
    const { rows, cols, data } = probabilities;
    return E.right(Array.from({ length: rows }, (_, row) => {
      return setOf(data.subarray(row * cols, (row + 1) * cols), threshold);
    }));
  });
}
