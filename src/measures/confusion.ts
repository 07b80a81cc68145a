/**
 * Which classes are taken for which.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Numbers } from "../check/numbers.ts";
import { checkOptions, COUNT, FLAG, type Rules, union } from "../check/rule.ts";
import { allocateFloats } from "../check/size.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import { countedRows, type MeasureOptions, type Predicted, readPredicted, WEIGHTED, weightOf } from "./labelled.ts";

/** Options of {@link confusion}. */
export interface ConfusionOptions extends MeasureOptions {
  /** Whether to give the matrix of counts, which has classes² entries (default: up to 100 classes). */
  readonly matrix?: boolean;
  /** The most pairs to list (default 100). */
  readonly most?: number;
}

const CONFUSION: Rules<ConfusionOptions> = /* @__PURE__ */ union(WEIGHTED, { matrix: FLAG, most: COUNT });

/** A class, and another that it is taken for. */
export interface ConfusedPair {
  /** The class of the rows. */
  readonly label: number;
  /** The class that they are predicted as. */
  readonly predicted: number;
  /** How many rows, by weight. */
  readonly count: number;
  /** Their share of the rows of the label. */
  readonly share: number;
  /** Their share of all rows that are predicted wrongly. */
  readonly errorShare: number;
}

/** What {@link confusion} gives. */
export interface Confusion {
  /** The pairs with most rows, largest count first, then by label and prediction. */
  readonly pairs: readonly ConfusedPair[];
  /** How many rows are predicted wrongly, by weight. */
  readonly errors: number;
  /** classes × classes counts, one label a row and one prediction a column; null where it is not given. */
  readonly matrix: Matrix | null;
}

/** The most classes whose matrix is given without being asked for. */
const MOST_CLASSES = 100;

/** Weights by label · classes + prediction, of the cells that are not empty. */
function countCells(given: Predicted): ReadonlyMap<number, number> {
  const cells = new Map<number, number>();
  for (const row of countedRows(given)) {
    const cell = (given.labels[row] as number) * given.classes + (given.predicted[row] as number);
    cells.set(cell, (cells.get(cell) ?? 0) + weightOf(given, row));
  }
  return cells;
}

function matrixOf(cells: ReadonlyMap<number, number>, classes: number): E.Either<FgnError, Matrix> {
  const data = allocateFloats("the matrix of confusions", classes * classes);
  if (data._tag === "Left") return data;
  for (const [cell, count] of cells) data.right[cell] = count;
  return E.right({ rows: classes, cols: classes, data: data.right });
}

/** All pairs of classes that are confused, without their shares. */
const pairsOf = (cells: ReadonlyMap<number, number>, classes: number) =>
  Array.from(cells, ([cell, count]) => ({ label: Math.floor(cell / classes), predicted: cell % classes, count }))
    .filter(({ label, predicted }) => label !== predicted)
    .sort((a, b) => b.count - a.count || a.label - b.label || a.predicted - b.predicted);

function supportOf(cells: ReadonlyMap<number, number>, classes: number): Float64Array {
  const support = new Float64Array(classes);
  for (const [cell, count] of cells) {
    const label = Math.floor(cell / classes);
    support[label] = (support[label] as number) + count;
  }
  return support;
}

/**
 * The pairs of classes that are confused most, and the matrix of counts. Cells that are empty take no memory without the
 * matrix, so that many thousands of classes are fine. The prediction of a row is its likeliest class, the lower where
 * several are.
 *
 * Counts of the matrix are exact up to 2²⁴ rows a cell. Errors: as `classReport`; `OutOfMemory`.
 *
 * @param probabilities rows × classes, as `probabilities` gives them
 * @param labels a class index from 0 a row
 * @example
 * ```ts
 * import { confusion, getOrThrow, matrix } from "fgn";
 *
 * const p = getOrThrow(matrix([[0.7, 0.2, 0.1], [0.6, 0.1, 0.3], [0.5, 0.3, 0.2], [0.2, 0.1, 0.7]]));
 * const { pairs, matrix: counts } = getOrThrow(confusion(p, [0, 1, 1, 2]));
 * console.log(pairs); // [{ label: 1, predicted: 0, count: 2, share: 1, errorShare: 1 }]
 * console.log(counts?.data); // [1, 0, 0, 2, 0, 0, 0, 0, 1]
 * ```
 */
export function confusion(
  probabilities: Matrix,
  labels: Numbers,
  options: ConfusionOptions = {},
): E.Either<FgnError, Confusion> {
  return guard("confusion", { probabilities, labels, options }, () => {
    const checked = checkOptions(options, CONFUSION);
    if (checked._tag === "Left") return checked;
    const given = readPredicted(probabilities, labels, checked.right);
    return given._tag === "Left" ? given : confusionOf(given.right, checked.right);
  });
}

function confusionOf(given: Predicted, options: ConfusionOptions): E.Either<FgnError, Confusion> {
  const { classes } = given, { matrix: wanted = classes <= MOST_CLASSES, most = 100 } = options;
  const cells = countCells(given), support = supportOf(cells, classes), all = pairsOf(cells, classes);
  const errors = all.reduce((sum, { count }) => sum + count, 0);
  const pairs = all.slice(0, most).map((pair) => ({
    ...pair,
    share: pair.count / (support[pair.label] as number),
    errorShare: pair.count / errors,
  }));
  if (!wanted) return E.right({ pairs, errors, matrix: null });
  const matrix = matrixOf(cells, classes);
  return matrix._tag === "Left" ? matrix : E.right({ pairs, errors, matrix: matrix.right });
}
