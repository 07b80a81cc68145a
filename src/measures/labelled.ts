/**
 * Rows of probabilities with their labels: what every measure is taken of.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind } from "../check/kind.ts";
import { checkCount, type Numbers } from "../check/numbers.ts";
import { ANY, type Rules } from "../check/rule.ts";
import { checkLength, checkSize } from "../check/size.ts";
import { batch, checkClasses } from "../data/batch.ts";
import { checkDistributions } from "../data/distribution.ts";
import { isMatrix, type Matrix } from "../data/matrix.ts";

/** Which rows a measure leaves out. */
export interface LabelOptions {
  /** The label that stands for "no label", such as −1: such rows are left out. */
  readonly ignoredLabel?: number;
}

/** Which rows a measure leaves out, and what the others weigh. */
export interface MeasureOptions extends LabelOptions {
  /** A weight ≥ 0 a row, around 1, as those of a batch: a row of weight k counts k times, one of weight 0 not at all. */
  readonly weights?: Numbers;
}

/** Rules of {@link LabelOptions}; `batch` judges the label. */
export const LABELS: Rules<LabelOptions> = { ignoredLabel: ANY };
/** Rules of {@link MeasureOptions}; `batch` judges both. */
export const WEIGHTED: Rules<MeasureOptions> = { ignoredLabel: ANY, weights: ANY };

/** Rows of values, one a class, with their labels. */
export interface Labelled {
  readonly rows: number;
  readonly classes: number;
  /** rows × classes values. */
  readonly data: Float32Array;
  /** 0 where a row has none. */
  readonly labels: Uint32Array;
  /** 0 for rows that are left out; null: all 1. */
  readonly weights: Float32Array | null;
}

/** Rows of probabilities with their labels and predictions. */
export interface Predicted extends Labelled {
  /** The likeliest class of each row, the lower where several are. */
  readonly predicted: Uint32Array;
}

/** A matrix of at least one row and two classes, whose values are not looked at. */
function checkShape(what: string, matrix: Matrix): E.Either<FgnError, Matrix> {
  const kind = checkKind(what, matrix, isMatrix(matrix), "a matrix of rows × classes");
  if (kind._tag === "Left") return kind;
  const { rows, cols, data } = matrix, height = checkSize(`rows of ${what}`, rows, 0);
  if (height._tag === "Left") return height;
  const width = checkSize(`classes of ${what}`, cols, 2);
  if (width._tag === "Left") return width;
  const length = checkLength(what, data.length, rows * cols);
  return length._tag === "Left" ? length : E.right(matrix);
}

/**
 * The likeliest class of each row of probabilities. Errors: `WrongKind`, `InvalidSize`, `ShapeMismatch`, `NotFinite`,
 * `InvalidProbabilities`.
 * @internal
 */
export function checkProbabilities(probabilities: Matrix): E.Either<FgnError, Uint32Array> {
  const shape = checkShape("probabilities", probabilities);
  return shape._tag === "Left" ? shape : checkDistributions("probabilities", probabilities);
}

/**
 * Rows of values with their labels; the values are not looked at. Errors: `WrongKind`, `InvalidSize`, `ShapeMismatch`,
 * `EmptyBatch`, and those of `batch` for labels and weights.
 * @internal
 */
export function readLabelled(
  what: string,
  matrix: Matrix,
  labels: Numbers,
  options: MeasureOptions,
): E.Either<FgnError, Labelled> {
  const shape = checkShape(what, matrix);
  if (shape._tag === "Left") return shape;
  const { rows, cols, data } = matrix;
  if (rows === 0) return fail("EmptyBatch", {}, `there is no row of ${what}`, "Give at least one row");
  const count = checkCount("labels", labels, rows);
  if (count._tag === "Left") return count;
  const { ignoredLabel, weights } = options;
  const read = batch({
    features: matrix,
    labels,
    ...(ignoredLabel === undefined ? {} : { ignoredLabel }),
    ...(weights === undefined ? {} : { weights }),
  });
  if (read._tag === "Left") return read;
  const within = checkClasses(read.right.labels, cols);
  if (within._tag === "Left") return within;
  return E.right({ rows, classes: cols, data, labels: within.right, weights: read.right.weights });
}

/**
 * Rows of probabilities with their labels and predictions. Errors: those of {@link checkProbabilities} and
 * {@link readLabelled}.
 * @internal
 */
export function readPredicted(
  probabilities: Matrix,
  labels: Numbers,
  options: MeasureOptions,
): E.Either<FgnError, Predicted> {
  const labelled = readLabelled("probabilities", probabilities, labels, options);
  if (labelled._tag === "Left") return labelled;
  const predicted = checkDistributions("probabilities", probabilities);
  return predicted._tag === "Left" ? predicted : E.right({ ...labelled.right, predicted: predicted.right });
}

/**
 * The rows that count, in order.
 * @internal
 */
export const countedRows = ({ rows, weights }: Labelled): Uint32Array =>
  Uint32Array.from({ length: rows }, (_, row) => row).filter((row) => weights === null || weights[row] !== 0);

/**
 * The weight of a row.
 * @internal
 */
export const weightOf = ({ weights }: Labelled, row: number): number => weights === null ? 1 : weights[row] as number;
