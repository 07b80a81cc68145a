/**
 * How confident a prediction has to be for a wanted precision.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Numbers } from "../check/numbers.ts";
import { checkFields, checkOptions, type Rule } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import { countedRows, type MeasureOptions, type Predicted, readPredicted, WEIGHTED, weightOf } from "./labelled.ts";

const PRECISION: Rule = [
  (value) => typeof value === "number" && value > 0 && value <= 1,
  "a share above 0 and up to 1",
];

/** A threshold, and what it keeps of the rows. */
export interface Threshold {
  /** The lowest confidence to act on, or null where no threshold reaches the wanted precision. */
  readonly threshold: number | null;
  /** Share of the rows kept that are right; without a threshold the highest share that one has, 0 of no rows. */
  readonly precision: number;
  /** How many rows it keeps, by weight; 0 without a threshold. */
  readonly kept: number;
  /** The number of rows that it chose from, by weight. */
  readonly examples: number;
}

/** What {@link thresholdFor} gives. */
export interface Thresholds {
  /** One threshold for all predictions. */
  readonly overall: Threshold;
  /** A threshold for the predictions of each class, by its number. */
  readonly classes: readonly Threshold[];
}

/** The threshold that keeps most of rows in order of falling confidence. */
function widest(given: Predicted, rows: readonly number[], confidences: Float32Array, wanted: number): Threshold {
  let examples = 0, correct = 0, best = 0;
  let kept: Threshold | undefined;
  for (const [i, row] of rows.entries()) {
    const weight = weightOf(given, row), confidence = confidences[row] as number;
    examples += weight;
    if (given.predicted[row] === given.labels[row]) correct += weight;
    // Rows of the same confidence are kept together.
    const next = rows[i + 1];
    if (next !== undefined && confidences[next] === confidence) continue;
    const precision = correct / examples;
    if (precision > best) best = precision;
    if (precision >= wanted) kept = { threshold: confidence, precision, kept: examples, examples: 0 };
  }
  return { ...kept ?? { threshold: null, precision: best, kept: 0 }, examples };
}

/** Thresholds of all rows and of those of each predicted class. */
function thresholdsOf(given: Predicted, wanted: number): Thresholds {
  const { rows, classes, data, predicted } = given;
  const confidences = Float32Array.from({ length: rows }, (_, row) => {
    return data[row * classes + (predicted[row] as number)] as number;
  });
  const order = Array.from(countedRows(given)).sort((a, b) => (confidences[b] as number) - (confidences[a] as number));
  const by = Array.from({ length: classes }, (): number[] => []);
  for (const row of order) by[predicted[row] as number]?.push(row);
  return {
    overall: widest(given, order, confidences, wanted),
    classes: by.map((rows) => widest(given, rows, confidences, wanted)),
  };
}

/**
 * The lowest confidence from which predictions have a wanted precision, over all of them and for each predicted class:
 * rows whose likeliest class has at least that probability are right in the wanted share. Of all such thresholds it is
 * the one that keeps most rows; where none is, it is null, with the best precision there is.
 *
 * The precision is that of these rows, which are to be held out. One chosen among many on few rows promises too much: look
 * at `kept`, and measure it on other rows.
 *
 * Errors: as `classReport`.
 *
 * @param probabilities rows × classes, as `probabilities` gives them
 * @param labels a class index from 0 a row
 * @param precision the share of predictions that are to be right, in (0, 1]
 * @example
 * ```ts
 * import { getOrThrow, matrix, thresholdFor } from "fgn";
 *
 * const p = getOrThrow(matrix([[0.875, 0.125], [0.75, 0.25], [0.25, 0.75], [0.625, 0.375]]));
 * const { overall, classes } = getOrThrow(thresholdFor(p, [0, 0, 1, 1], 0.9));
 * console.log(overall); // { threshold: 0.75, precision: 1, kept: 3, examples: 4 }
 * console.log(classes[0]?.kept); // 2
 * ```
 */
export function thresholdFor(
  probabilities: Matrix,
  labels: Numbers,
  precision: number,
  options: MeasureOptions = {},
): E.Either<FgnError, Thresholds> {
  return guard("thresholdFor", { probabilities, labels, precision, options }, () => {
    const checked = checkOptions(options, WEIGHTED);
    if (checked._tag === "Left") return checked;
    const wanted = checkFields({ precision }, { precision: PRECISION });
    if (wanted._tag === "Left") return wanted;
    const given = readPredicted(probabilities, labels, checked.right);
    return given._tag === "Left" ? given : E.right(thresholdsOf(given.right, precision));
  });
}
