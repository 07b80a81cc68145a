/**
 * How well a classifier does on labelled rows, by the names of its classes.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkOptions, COUNT, type Rules, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import { featuresOf } from "../features/features.ts";
import { classReport, type ClassScores, type Scores } from "../measures/class_report.ts";
import { type ConfusedPair, confusion } from "../measures/confusion.ts";
import { type Reliability, reliability } from "../measures/reliability.ts";
import { KERNEL, type KernelOption } from "../problem/session.ts";
import { checkClassifier, type Classifier } from "./classifier.ts";
import { checkCounts, type LabelledRows, readData } from "./data.ts";
import { type Label, numberLabels, similarLabels } from "./labels.ts";
import { tempered } from "./predictions.ts";

/** Options of {@link report}. */
export interface ReportOptions extends KernelOption {
  /** How many of the likeliest classes `topK` looks at (default 5). */
  readonly k?: number;
  /** The most pairs of confused classes (default 100). */
  readonly most?: number;
}

const REPORT: Rules<ReportOptions> = /* @__PURE__ */ union(KERNEL, { k: COUNT, most: COUNT });

/** The scores of a class under its label. */
export interface LabelScores extends ClassScores {
  /** The label of the class. */
  readonly label: Label;
}

/** A class and another that it is taken for, by their labels. */
export interface ConfusedLabels extends Omit<ConfusedPair, "label" | "predicted"> {
  /** The label of the rows. */
  readonly label: Label;
  /** The label that they are predicted as. */
  readonly predicted: Label;
}

/** Rows that are as likely as the threshold asks, and how many of them are right. */
export interface Answered {
  /** The least probability of a prediction that is not "unsure". */
  readonly threshold: number;
  /** How many rows have one. */
  readonly rows: number;
  /** Share of them that are right; null where there are none. */
  readonly accuracy: number | null;
}

/** What {@link report} gives. */
export interface ClassifierReport {
  /** How many rows. */
  readonly rows: number;
  /** Share of the rows whose label is the likeliest class. */
  readonly accuracy: number;
  /** Share of the rows whose label is among the k likeliest classes. */
  readonly topK: number;
  /** Mean of −ln p at the label. */
  readonly logLoss: number;
  /** The scores of each class, in the order of the classifier's labels. */
  readonly classes: readonly LabelScores[];
  /** Mean scores of the classes that are among labels or predictions. */
  readonly macro: Scores;
  /** Mean scores of the classes by their support. */
  readonly weighted: Scores;
  /** The pairs of classes that are confused most, largest count first. */
  readonly confused: readonly ConfusedLabels[];
  /** Counts, classes × classes, one label a row and one prediction a column; null beyond 100 classes. */
  readonly matrix: Matrix | null;
  /** Whether probabilities are what they say. */
  readonly reliability: Reliability;
  /** What the classifier's threshold lets through; null: it has none. */
  readonly answered: Answered | null;
  /** Labels that differ by case or space alone, which are probably one: each group of them. */
  readonly similar: readonly (readonly Label[])[];
}

/** What a threshold lets through. */
function answeredBy({ data, cols }: Matrix, classes: Uint32Array, threshold: number): Answered {
  let rows = 0, correct = 0;
  for (const [row, label] of classes.entries()) {
    const p = data.subarray(row * cols, (row + 1) * cols), best = p.indexOf(Math.max(...p));
    if ((p[best] as number) < threshold) continue;
    rows++;
    if (best === label) correct++;
  }
  return { threshold, rows, accuracy: rows === 0 ? null : correct / rows };
}

/**
 * The report of probabilities of rows whose classes are known. Errors: those of the measures.
 * @internal
 */
export function reportOf(
  { labels, threshold }: Pick<Classifier, "labels" | "threshold">,
  probabilities: Matrix,
  classes: Uint32Array,
  { k = 5, most = 100 }: Pick<ReportOptions, "k" | "most"> = {},
): E.Either<FgnError, ClassifierReport> {
  const scores = classReport(probabilities, classes, { k });
  if (scores._tag === "Left") return scores;
  const pairs = confusion(probabilities, classes, { most });
  if (pairs._tag === "Left") return pairs;
  const bins = reliability(probabilities, classes);
  if (bins._tag === "Left") return bins;
  const { accuracy, topK, logLoss, macro, weighted, examples } = scores.right;
  const nameOf = (index: number): Label => labels[index] as Label;
  return E.right({
    rows: examples,
    accuracy,
    topK,
    logLoss,
    classes: scores.right.classes.map((one, index) => ({ label: nameOf(index), ...one })),
    macro,
    weighted,
    confused: pairs.right.pairs.map((pair) => ({
      ...pair,
      label: nameOf(pair.label),
      predicted: nameOf(pair.predicted),
    })),
    matrix: pairs.right.matrix,
    reliability: bins.right,
    answered: threshold === null ? null : answeredBy(probabilities, classes, threshold),
    similar: similarLabels(labels),
  });
}

/**
 * How well a classifier does on labelled rows that it was not trained on: accuracy, top-k accuracy and log loss; support,
 * precision, recall and F1 of each class with their averages; the pairs that are confused most; calibration; what its
 * threshold lets through; labels that differ by case or space alone. The measures are those of `classReport`, `confusion`
 * and `reliability`.
 *
 * Errors: as {@link classify}; `InvalidLabels` (missing, or none of the classifier's), `ShapeMismatch`.
 *
 * @example
 * ```ts
 * import { classifierOf, getOrThrow, linearHead, report } from "fgn";
 *
 * const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [4, 0, 0, 4], [0, 0]));
 * const compass = getOrThrow(classifierOf(head, ["east", "north"]));
 * const data = { features: [[1, 0], [0.8, 0.1], [0, 1], [1, 0.9]], labels: ["east", "east", "north", "north"] };
 * const { accuracy, classes, confused } = getOrThrow(report(compass, data));
 * console.log(accuracy, classes[0]?.label, classes[0]?.recall, classes[1]?.recall); // 0.75 east 1 0.5
 * console.log(confused[0]?.label, confused[0]?.predicted, confused[0]?.count); // north east 1
 * ```
 */
export function report(
  classifier: Classifier,
  data: LabelledRows,
  options: ReportOptions = {},
): E.Either<FgnError, ClassifierReport> {
  return guard("report", { classifier, data, options }, () => {
    const checked = checkOptions(options, REPORT);
    if (checked._tag === "Left") return checked;
    const { k, most, ...kernel } = checked.right, known = checkClassifier(classifier);
    if (known._tag === "Left") return known;
    const given = readData(data);
    if (given._tag === "Left") return given;
    const { rows, labels, place } = given.right, features = featuresOf(known.right.recipe, rows);
    if (features._tag === "Left") return features;
    const counts = checkCounts(given.right, features.right);
    if (counts._tag === "Left") return counts;
    const classes = numberLabels(labels, known.right.labels, place);
    if (classes._tag === "Left") return classes;
    const found = tempered(known.right, features.right, kernel);
    if (found._tag === "Left") return found;
    const wanted = { ...(k === undefined ? {} : { k }), ...(most === undefined ? {} : { most }) };
    return reportOf(known.right, found.right, classes.right, wanted);
  });
}
