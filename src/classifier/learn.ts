/**
 * Learning from a few examples, new classes included.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkOptions, COUNT, FLAG, POSITIVE, type Rules, TWO_OR_MORE, union } from "../check/rule.ts";
import { show } from "../check/show.ts";
import { guard } from "../check/total.ts";
import { type Batch, batch } from "../data/batch.ts";
import { batchRows } from "../data/select.ts";
import { featuresOf } from "../features/features.ts";
import { hashOf } from "../math/hash.ts";
import { adapt } from "../optimizer/adapt.ts";
import { KERNEL, type KernelOption } from "../problem/session.ts";
import { checkClassifier, type Classifier } from "./classifier.ts";
import { checkCounts, type Given, type LabelledRows, readData } from "./data.ts";
import { failLabels, type Label, numberLabels } from "./labels.ts";
import { inOneUnit, type Learnt } from "./units.ts";

/** Options of {@link learn}. */
export interface LearnOptions extends KernelOption {
  /** Passes over the examples (default 2). */
  readonly epochs?: number;
  /** Examples of one update (default 4): fewer learn faster, and take longer. */
  readonly batchSize?: number;
  /** The knob of `online`: above its default for noisy labels and to keep more of what is known. */
  readonly ratio?: number;
  /** The most classes that the classifier may grow to (default 65,536). */
  readonly maxClasses?: number;
  /** Whether to take the memory of the classifier given, which is empty then, whatever comes of it (default false). */
  readonly donate?: boolean;
}

const LEARN: Rules<LearnOptions> = /* @__PURE__ */ union(KERNEL, {
  epochs: COUNT,
  batchSize: COUNT,
  ratio: POSITIVE,
  maxClasses: TWO_OR_MORE,
  donate: FLAG,
});

/** The labels of the classifier with new ones behind them, in the order of the examples. Errors: `InvalidLabels`. */
function withNew(
  { labels: known }: Classifier,
  { labels, place }: Given,
  most: number,
): E.Either<FgnError, readonly Label[]> {
  const names = new Set(known), [first] = known;
  for (const [row, label] of labels.entries()) {
    if (typeof label !== typeof first) {
      const kind = typeof first === "string" ? "texts" : "numbers";
      return failLabels(
        row,
        `${place(row)} is ${show(label)}, but the labels of the classifier are ${kind}`,
        `Give ${kind}`,
      );
    }
    if (!names.has(label) && names.size >= Math.max(most, known.length)) {
      const message = `${place(row)} is ${show(label)}, a new class beyond the ${names.size} that there may be`;
      return failLabels(row, message, "Check the labels for misspelt names, or raise maxClasses");
    }
    names.add(label);
  }
  return E.right([...names]);
}

/** Updates on a few examples at a time. What an update made, the next may take the memory of. */
function update(
  start: Learnt,
  data: Batch,
  { donate = false, maxClasses = 65_536, epochs = 2, batchSize = 4, ...options }: LearnOptions,
): E.Either<FgnError, Learnt> {
  const rows = data.labels.length;
  let learnt = start;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let first = 0; first < rows; first += batchSize) {
      const part = batchRows(data, first, Math.min(first + batchSize, rows)), mayTake = donate || learnt !== start;
      const updated = adapt(learnt.network, learnt.moments, part, { ...options, maxClasses, donate: mayTake });
      if (updated._tag === "Left") return updated;
      learnt = { network: updated.right.params, moments: updated.right.state };
    }
  }
  return E.right(learnt);
}

/**
 * The classifier that has learnt from a few examples of classes that it knows and of new ones, which come behind those it
 * has: two passes of `online` over them, four at a time, in the metric of the moments that the classifier keeps of what it
 * was trained on, so that what it knows is disturbed least, in whatever units its columns come. That holds for dense features: a layer that reads sparse ones
 * has no such metric, and learns little without forgetting. The classifier given stays as it is, unless it is donated.
 * Features are made as for the rows that it was trained on, temperature and threshold stay; `measured` becomes null.
 *
 * Errors: `InvalidState` (the classifier has no moments), `InvalidLabels` (of another kind, too many classes),
 * `InvalidLayer` (a new class, and a last layer that cannot grow); as {@link classify}, and those of `adapt`.
 *
 * @example
 * ```ts
 * import { classify, getOrThrow, learn, trainClassifier } from "fgn";
 *
 * const data = { features: [[1, 0], [0.9, 0.1], [0, 1], [0.2, 0.8]], labels: ["billing", "billing", "bug", "bug"] };
 * const { classifier } = await getOrThrow(trainClassifier(data, { epochs: 20 }));
 * const more = getOrThrow(learn(classifier, { features: [[-1, -1], [-0.9, -1.1]], labels: ["praise", "praise"] }));
 * const predictions = getOrThrow(classify(more, [[1, 0.1], [0.1, 0.9], [-1.1, -1]]));
 * console.log(predictions.map(({ label }) => label)); // ["billing", "bug", "praise"]
 * ```
 */
export function learn(
  classifier: Classifier,
  data: LabelledRows,
  options: LearnOptions = {},
): E.Either<FgnError, Classifier> {
  return guard("learn", { classifier, data, options }, () => {
    const checked = checkOptions(options, LEARN);
    if (checked._tag === "Left") return checked;
    const known = checkClassifier(classifier);
    if (known._tag === "Left") return known;
    const given = readData(data);
    if (given._tag === "Left") return given;
    return learnFrom(known.right, given.right, checked.right);
  });
}

function learnFrom(classifier: Classifier, given: Given, options: LearnOptions): E.Either<FgnError, Classifier> {
  const { network, recipe, moments, fingerprint } = classifier;
  if (moments === null) {
    return fail(
      "InvalidState",
      { path: "moments", value: null },
      "the classifier has no moments of what it was trained on: learning would undo it",
      "Make it by trainClassifier, or by classifierOf with known rows",
    );
  }
  const names = withNew(classifier, given, options.maxClasses ?? 65_536);
  if (names._tag === "Left") return names;
  const features = featuresOf(recipe, given.rows);
  if (features._tag === "Left") return features;
  const counts = checkCounts(given, features.right);
  if (counts._tag === "Left") return counts;
  const classes = numberLabels(given.labels, names.right, given.place);
  if (classes._tag === "Left") return classes;
  const examples = batch({ features: features.right, labels: classes.right });
  if (examples._tag === "Left") return examples;
  return E.map((learnt: Learnt): Classifier => ({
    ...classifier,
    ...learnt,
    labels: names.right,
    measured: null,
    fingerprint: hashOf([fingerprint, features.right, given.labels]),
  }))(inOneUnit({ network, moments }, examples.right, (start, rows) => update(start, rows, options)));
}
