/**
 * From rows and labels to a classifier.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { type FgnError, invalid } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { guardAsync } from "../check/total.ts";
import type { Batch } from "../data/batch.ts";
import type { Matrix } from "../data/matrix.ts";
import { temperature } from "../measures/temperature.ts";
import { thresholdFor } from "../measures/thresholds.ts";
import type { Network } from "../network/layer.ts";
import { observe } from "../optimizer/observe.ts";
import type { OnlineState } from "../optimizer/online.ts";
import type { RobustState } from "../optimizer/robust.ts";
import { logits } from "../passes/evaluate.ts";
import { kernelAlone } from "../problem/session.ts";
import { fit, type Trained } from "../train/fit.ts";
import type { Classifier } from "./classifier.ts";
import type { LabelledRows } from "./data.ts";
import { checkClassifierOptions, type ClassifierOptions, fitOptions } from "./options.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { tempered } from "./predictions.ts";
import { type ClassifierReport, reportOf } from "./report.ts";

/** What {@link trainClassifier} gives. */
export interface TrainedClassifier extends Pick<Trained<Network>, "stopped" | "steps" | "history"> {
  /** The classifier. */
  readonly classifier: Classifier;
  /** Its report on the validation rows; null without. */
  readonly report: ClassifierReport | null;
  /** How many rows it was trained on, and how many were held out of that. */
  readonly rows: { readonly train: number; readonly validation: number };
  /** What a person should know, in words: odd labels, a temperature or a threshold that could not be found. */
  readonly notes: readonly string[];
}

/** The fewest rows to fit a temperature on. */
const ROWS = 50;

/** A value, and what there is to say about it. */
interface Noted<A> {
  readonly value: A;
  readonly notes: readonly string[];
}

/** The temperature of a network by validation rows; 1 where they are too few, or know none. */
function findTemperature(rows: Matrix, { labels }: Batch): E.Either<FgnError, Noted<number>> {
  if (rows.rows < ROWS) return E.right({ value: 1, notes: [] });
  const fitted = temperature(rows, labels, { from: "logits" });
  return E.map(({ temperature: value, atLimit }: { readonly temperature: number; readonly atLimit: boolean }) =>
    atLimit
      ? { value: 1, notes: ["the temperature is left at 1: the validation rows know no best one"] }
      : { value, notes: [] }
  )(fitted);
}

/** The threshold that was asked for; 1 where no other has the wanted precision. */
function findThreshold<S>(
  wanted: ClassifierOptions<S>["threshold"],
  probabilities: Matrix | null,
  validation: Batch | null,
): E.Either<FgnError, Noted<number | null>> {
  if (!isObject(wanted)) return E.right({ value: wanted ?? null, notes: [] });
  if (probabilities === null || validation === null) {
    const remedy = "a probability, or validation rows to find it on: there are none, or too few by default";
    return invalid("threshold", "a precision without validation", remedy);
  }
  const { precision } = wanted as { readonly precision: number };
  return E.map(({ overall }: { readonly overall: { readonly threshold: number | null; readonly precision: number } }) =>
    overall.threshold !== null ? { value: overall.threshold, notes: [] } : {
      value: 1,
      notes: [`no threshold has precision ${precision} on the validation rows (at best ${overall.precision}): it is 1`],
    }
  )(thresholdFor(probabilities, validation.labels, precision));
}

/** The moments of what a network was trained on; null where they leave the range of float32. */
function findMoments(
  network: Network,
  { features }: Batch,
  kernel: object,
): E.Either<FgnError, Noted<OnlineState | null>> {
  const moments = observe(network, null, features, kernel);
  if (moments._tag === "Right") return E.right({ value: moments.right, notes: [] });
  return moments.left._tag === "Overflow"
    ? E.right({ value: null, notes: ["it cannot learn: squares of its inputs leave the range of float32"] })
    : moments;
}

/** The classifier that a trained network is, measured on the validation rows. */
function finish<S>(
  prepared: Prepared,
  trained: Trained<Network>,
  options: ClassifierOptions<S>,
): E.Either<FgnError, TrainedClassifier> {
  const { params: network, stopped, steps, history } = trained,
    { recipe, names, train, validation, fingerprint } = prepared;
  const kernel = kernelAlone(options);
  const held = validation === null ? E.right(null) : logits(network, validation.features, kernel);
  if (held._tag === "Left") return held;
  const isFitted = held.right !== null && validation !== null && options.temperature !== false;
  const T = isFitted ? findTemperature(held.right, validation) : E.right({ value: 1, notes: [] });
  if (T._tag === "Left") return T;
  const probabilities = validation === null
    ? E.right(null)
    : tempered({ network, temperature: T.right.value }, validation.features, kernel);
  if (probabilities._tag === "Left") return probabilities;
  const threshold = findThreshold(options.threshold, probabilities.right, validation);
  if (threshold._tag === "Left") return threshold;
  const moments = findMoments(network, train, kernel);
  if (moments._tag === "Left") return moments;
  const measured = probabilities.right === null || validation === null
    ? E.right(null)
    : reportOf({ labels: names, threshold: threshold.right.value }, probabilities.right, validation.labels);
  if (measured._tag === "Left") return measured;
  const report = measured.right;
  const classifier: Classifier = {
    _tag: "classifier",
    network,
    recipe,
    labels: names,
    moments: moments.right.value,
    temperature: T.right.value,
    threshold: threshold.right.value,
    measured: report && {
      split: "validation",
      rows: report.rows,
      accuracy: report.accuracy,
      logLoss: report.logLoss,
      ece: report.reliability.ece,
    },
    fingerprint,
    version: 1,
  };
  return E.right({
    classifier,
    report,
    stopped,
    steps,
    history,
    rows: { train: train.labels.length, validation: validation?.labels.length ?? 0 },
    notes: [...prepared.notes, ...T.right.notes, ...threshold.right.notes, ...moments.right.notes],
  });
}

/**
 * Trains a classifier from rows and the labels of their classes, texts or numbers: a task, to be started by calling it.
 *
 * Rows are rows of numbers (embeddings, say), a matrix, dense or sparse, texts, or a table with the name of the column
 * that the labels are in; `inferRecipe` says what becomes of texts and columns. The network is a linear head, or has
 * `hidden` layers, and is trained as by `fit`. A tenth of the rows is held out, where there are enough: on these the
 * temperature is fitted, a threshold for a wanted precision found, and the report made, so that a threshold and a report
 * are a little better there than elsewhere. The moments of what it was trained on stay with the classifier, for `learn`.
 *
 * Classes are in the order of their labels. The same data and options give the same bytes in every runtime.
 *
 * Errors: `InvalidLabels` (missing, of mixed kinds, of one class, too many), `InvalidTable`, `InvalidOption`, and all those
 * of `inferRecipe`, `makeFeatures` and `fit`.
 *
 * @example
 * ```ts
 * import { classify, getOrThrow, table, trainClassifier } from "fgn";
 *
 * const size = [9, 8, 9.5, 2, 1.5, 2.2], coat = ["grey", "grey", "brown", "grey", "brown", "brown"];
 * const animals = getOrThrow(table({ size, coat, kind: ["wolf", "wolf", "wolf", "cat", "cat", "cat"] }));
 * const { classifier } = await getOrThrow(trainClassifier({ table: animals, label: "kind" }, { epochs: 20 }));
 * const unknown = getOrThrow(table({ size: [8.5], coat: ["brown"] }));
 * console.log(getOrThrow(classify(classifier, unknown))[0]?.label); // wolf
 * ```
 */
export function trainClassifier<S = RobustState>(
  data: LabelledRows,
  options: ClassifierOptions<S> = {},
): TaskEither<FgnError, TrainedClassifier> {
  return () =>
    guardAsync("trainClassifier", { data, options }, async () => {
      const checked = checkClassifierOptions(options);
      if (checked._tag === "Left") return checked;
      const prepared = prepare(data, checked.right);
      if (prepared._tag === "Left") return prepared;
      const { network, train } = prepared.right;
      const trained = await fit<Network, S>(network, train, fitOptions(checked.right, prepared.right))();
      return trained._tag === "Left" ? trained : finish(prepared.right, trained.right, checked.right);
    });
}
