/**
 * Predictions with the names of their classes.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkOptions, COUNT, type Rules, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { featureRows } from "../data/select.ts";
import { featuresOf, type Rows } from "../features/features.ts";
import { KERNEL, type KernelOption } from "../problem/session.ts";
import { checkClassifier, type Classifier, PROBABILITY } from "./classifier.ts";
import type { Label } from "./labels.ts";
import { likeliest, tempered } from "./predictions.ts";

/** Options of {@link classify}. */
export interface ClassifyOptions extends KernelOption {
  /** How many of the likeliest classes to name (default 1). */
  readonly top?: number;
  /** The least probability of a prediction that is not "unsure" (default: the classifier's; 0: none is). */
  readonly threshold?: number;
}

const CLASSIFY: Rules<ClassifyOptions> = /* @__PURE__ */ union(KERNEL, { top: COUNT, threshold: PROBABILITY });

/** A class, and how likely it is. */
export interface Likely {
  /** The label of the class. */
  readonly label: Label;
  /** Its probability. */
  readonly probability: number;
}

/** What a classifier says of a row. */
export interface Prediction {
  /** The label of the likeliest class, or null where that is less likely than the threshold: unsure. */
  readonly label: Label | null;
  /** The probability of the likeliest class. */
  readonly probability: number;
  /** The likeliest classes, likeliest first, whatever the threshold. */
  readonly top: readonly Likely[];
}

/** Rows of one pass: bounds memory, whatever their number. */
const ROWS = 4096;

function predictionOf(row: Float32Array, labels: readonly Label[], k: number, threshold: number): Prediction {
  const top = likeliest(row, k).map((c) => ({ label: labels[c] as Label, probability: row[c] as number }));
  const [{ label, probability }] = top as [Likely];
  return { label: probability >= threshold ? label : null, probability, top };
}

/**
 * The likeliest class of each row by its label, with the probability, and the `top` likeliest ones. A prediction below the
 * threshold has the label null: unsure. Rows are of the kind that the classifier was trained on; unknown values of a
 * column of texts count as none of those known.
 *
 * Errors: `WrongKind`, `InvalidOption`, those of {@link makeFeatures} and of `logits`; those of `encodeClassifier` for what
 * is no classifier.
 *
 * @example
 * ```ts
 * import { classify, getOrThrow, trainClassifier } from "fgn";
 *
 * const data = { features: [[1, 0], [0.9, 0.1], [0, 1], [0.2, 0.8]], labels: ["billing", "billing", "bug", "bug"] };
 * const { classifier } = await getOrThrow(trainClassifier(data, { epochs: 20 }));
 * const [prediction] = getOrThrow(classify(classifier, [[0.1, 0.7]], { top: 2 }));
 * console.log(prediction?.label, prediction?.top.map(({ label }) => label)); // bug ["bug", "billing"]
 * ```
 */
export function classify(
  classifier: Classifier,
  rows: Rows,
  options: ClassifyOptions = {},
): E.Either<FgnError, readonly Prediction[]> {
  return guard("classify", { classifier, rows, options }, () => {
    const checked = checkOptions(options, CLASSIFY);
    if (checked._tag === "Left") return checked;
    const { top = 1, threshold, ...kernel } = checked.right, known = checkClassifier(classifier);
    if (known._tag === "Left") return known;
    const features = featuresOf(known.right.recipe, rows);
    if (features._tag === "Left") return features;
    const { labels } = known.right, least = threshold ?? known.right.threshold ?? 0, predictions: Prediction[] = [];
    for (let first = 0; first < features.right.rows; first += ROWS) {
      const part = featureRows(features.right, first, Math.min(first + ROWS, features.right.rows));
      const found = tempered(known.right, part, kernel);
      if (found._tag === "Left") return found;
      const { rows, cols, data } = found.right;
      for (let row = 0; row < rows; row++) {
        predictions.push(predictionOf(data.subarray(row * cols, (row + 1) * cols), labels, top, least));
      }
    }
    return E.right(predictions);
  });
}
