/**
 * Precision, recall and F1 of each class, their averages, and what counts all rows alike.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Numbers } from "../check/numbers.ts";
import { checkOptions, COUNT, type Rules, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import { countedRows, type MeasureOptions, type Predicted, readPredicted, WEIGHTED, weightOf } from "./labelled.ts";
import { logLoss } from "./log_loss.ts";

/** Options of {@link classReport}. */
export interface ClassReportOptions extends MeasureOptions {
  /** How many of the likeliest classes `topK` looks at (default 5, as `top5` of `evaluate`). */
  readonly k?: number;
}

const CLASS_REPORT: Rules<ClassReportOptions> = /* @__PURE__ */ union(WEIGHTED, { k: COUNT });

/** Precision, recall and F1. */
export interface Scores {
  /** Share of the rows predicted as the class that are of it; 0 where none is predicted as it. */
  readonly precision: number;
  /** Share of the rows of the class that are predicted as it; 0 where it has none. */
  readonly recall: number;
  /** 2 · precision · recall / (precision + recall); 0 where both are 0. */
  readonly f1: number;
}

/** Scores of one class. */
export interface ClassScores extends Scores {
  /** Rows of the class, by weight. */
  readonly support: number;
  /** Rows predicted as the class, by weight. */
  readonly predicted: number;
}

/** What {@link classReport} gives. */
export interface ClassReport {
  /** Scores of each class, by its number. */
  readonly classes: readonly ClassScores[];
  /** Mean scores of the classes that are among labels or predictions. */
  readonly macro: Scores;
  /** Mean scores of the classes, each weighted by its support; its recall is the accuracy. */
  readonly weighted: Scores;
  /** Share of the rows whose label is the likeliest class; the lower class where several are likeliest. */
  readonly accuracy: number;
  /** Share of the rows whose label is among the k likeliest classes; the lower class first where several are alike. */
  readonly topK: number;
  /** Mean of −ln p at the label; a p of 0 counts as 2⁻¹⁴⁹. */
  readonly logLoss: number;
  /** Number of rows that count. */
  readonly examples: number;
}

/** The sums over rows of what is counted by class, and of what counts all rows alike. */
interface Sums {
  readonly support: Float64Array;
  readonly predicted: Float64Array;
  readonly correct: Float64Array;
  readonly topK: number;
  readonly loss: number;
  readonly total: number;
}

/** Number of classes likelier than the label of a row. */
function rankOf({ classes, data, labels }: Predicted, row: number): number {
  const at = row * classes, label = labels[row] as number, p = data[at + label] as number;
  let rank = 0;
  for (let c = 0; c < classes; c++) {
    const other = data[at + c] as number;
    if (other > p || (other === p && c < label)) rank++;
  }
  return rank;
}

function sumUp(given: Predicted, counted: Uint32Array, k: number): Sums {
  const { classes, data, labels } = given;
  const support = new Float64Array(classes), predicted = new Float64Array(classes), correct = new Float64Array(classes);
  let topK = 0, loss = 0, total = 0;
  for (const row of counted) {
    const weight = weightOf(given, row), label = labels[row] as number, top = given.predicted[row] as number;
    support[label] = (support[label] as number) + weight;
    predicted[top] = (predicted[top] as number) + weight;
    if (top === label) correct[label] = (correct[label] as number) + weight;
    if (rankOf(given, row) < k) topK += weight;
    loss += weight * logLoss(data[row * classes + label] as number);
    total += weight;
  }
  return { support, predicted, correct, topK, loss, total };
}

const share = (part: number, whole: number): number => whole === 0 ? 0 : part / whole;

function scoresOf({ support, predicted, correct }: Sums): ClassScores[] {
  return Array.from(support, (rows, c) => {
    const right = correct[c] as number, claimed = predicted[c] as number;
    const precision = share(right, claimed), recall = share(right, rows);
    return { support: rows, predicted: claimed, precision, recall, f1: share(2 * right, rows + claimed) };
  });
}

/** Mean scores of classes, by their weights. */
function meanScores(classes: readonly ClassScores[], weigh: (scores: ClassScores) => number): Scores {
  let precision = 0, recall = 0, f1 = 0, total = 0;
  for (const scores of classes) {
    const weight = weigh(scores);
    precision += weight * scores.precision;
    recall += weight * scores.recall;
    f1 += weight * scores.f1;
    total += weight;
  }
  return { precision: precision / total, recall: recall / total, f1: f1 / total };
}

/**
 * How well probabilities tell each class: precision, recall and F1 by class with their averages, accuracy, top-k accuracy
 * and log loss.
 *
 * A share of nothing is 0, and macro averages leave out classes that are neither among the labels nor among the
 * predictions: both as in scikit-learn's `classification_report`. The prediction of a row is its likeliest class. The log
 * loss is that of `evaluate`, but for what float32 probabilities cannot tell: a label whose probability is 0 counts as
 * 2⁻¹⁴⁹, which costs 103.28, where `evaluate` knows the logits.
 *
 * Errors: `WrongKind`, `InvalidSize`, `ShapeMismatch`, `NotFinite`, `InvalidProbabilities`, `EmptyBatch`,
 * `LabelOutOfRange`, `NegativeWeight`, `ZeroWeights` (also: no label left), `InvalidOption`.
 *
 * @param probabilities rows × classes, as `probabilities` gives them
 * @param labels a class index from 0 a row
 * @example
 * ```ts
 * import { classReport, getOrThrow, matrix } from "fgn";
 *
 * const p = getOrThrow(matrix([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.3, 0.2], [0.2, 0.1, 0.7]]));
 * const report = getOrThrow(classReport(p, [0, 1, 1, 2]));
 * console.log(report.accuracy, report.classes[1]?.precision, report.classes[1]?.recall); // 0.75 1 0.5
 * console.log(report.macro.f1.toFixed(3), report.logLoss.toFixed(3)); // 0.778 0.607
 * ```
 */
export function classReport(
  probabilities: Matrix,
  labels: Numbers,
  options: ClassReportOptions = {},
): E.Either<FgnError, ClassReport> {
  return guard("classReport", { probabilities, labels, options }, () => {
    const checked = checkOptions(options, CLASS_REPORT);
    if (checked._tag === "Left") return checked;
    const given = readPredicted(probabilities, labels, checked.right);
    return given._tag === "Left" ? given : E.right(reportOf(given.right, checked.right.k ?? 5));
  });
}

function reportOf(given: Predicted, k: number): ClassReport {
  const counted = countedRows(given), sums = sumUp(given, counted, k), classes = scoresOf(sums);
  return {
    classes,
    macro: meanScores(classes, ({ support, predicted }) => support > 0 || predicted > 0 ? 1 : 0),
    weighted: meanScores(classes, ({ support }) => support),
    accuracy: sums.correct.reduce((sum, weight) => sum + weight, 0) / sums.total,
    topK: sums.topK / sums.total,
    logLoss: sums.loss / sums.total,
    examples: counted.length,
  };
}
