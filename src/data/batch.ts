/**
 * Batches: features, labels or soft targets, and optional example weights.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, checkNumbers, checkObject, hasLength, isFloats, isObject } from "../check/kind.ts";
import { checkCount, type Numbers, numbersOf, readNumbers, valueAt } from "../check/numbers.ts";
import { show, typedName } from "../check/show.ts";
import { guard } from "../check/total.ts";
import { checkLength } from "../check/size.ts";
import { checkDistributions } from "./distribution.ts";
import { isMatrix, type Matrix } from "./matrix.ts";
import { checkFeaturesKind, type Features, isFeatures, ownFeatures } from "./sparse.ts";

/** Examples with their labels. Made by {@link batch}, which validates it; not to be written to afterwards. */
export interface Batch {
  /** B × D features, one example a row. */
  readonly features: Features;
  /** B class indices from 0: the true class of the margin. */
  readonly labels: Uint32Array;
  /** B × C soft targets, each row ≥ 0 with sum 1, or null: the labels alone. */
  readonly targets: Matrix | null;
  /** B weights ≥ 0, or null: all 1. A weight k counts as the example k times; keep them around 1. */
  readonly weights: Float32Array | null;
}

/** Input of {@link batch}: features with labels, soft targets or both. */
export interface BatchInput {
  /** B × D, one example a row, dense or sparse. */
  readonly features: Features;
  /** B class indices from 0. Default: the largest target of each row, the lower class where several are largest. */
  readonly labels?: Numbers;
  /** B × C probabilities of the classes, one example a row: ≥ 0, with sum 1 within 1e-4. */
  readonly targets?: Matrix;
  /** B weights ≥ 0, around 1: the mean of those above 0 lies between 1e-3 and 1e3. Default: all 1. */
  readonly weights?: Numbers;
  /** The label that stands for "no label", such as −1: such examples get weight 0 and label 0. */
  readonly ignoredLabel?: number;
}

function checkKinds(input: BatchInput): E.Either<FgnError, unknown> {
  const features = checkFeaturesKind("features", input.features);
  if (features._tag === "Left") return features;
  const targets = input.targets === undefined ? E.right(null) : checkFeaturesKind("targets", input.targets);
  if (targets._tag === "Left") return targets;
  const labels = input.labels === undefined ? E.right(null) : checkNumbers("labels", input.labels);
  if (labels._tag === "Left") return labels;
  return input.weights === undefined ? E.right(null) : checkNumbers("weights", input.weights);
}

/** Labels, and the places of those that stand for "no label". */
interface Labelled {
  readonly labels: Uint32Array;
  readonly ignored: readonly number[];
}

function checkLabels(given: Numbers, count: number, ignoredLabel?: number): E.Either<FgnError, Labelled> {
  if (ignoredLabel !== undefined && !Number.isInteger(ignoredLabel)) {
    return fail(
      "InvalidOption",
      { option: "ignoredLabel", value: ignoredLabel },
      `ignoredLabel is ${show(ignoredLabel)}`,
      "Give the whole number that marks examples without a label, such as -1",
    );
  }
  const labels = numbersOf(given, count), ignored: number[] = [];
  for (let index = 0; index < count; index++) {
    const label = labels[index] as number;
    if (label === ignoredLabel) ignored.push(index);
    else if (!(Number.isInteger(label) && label >= 0 && label < 2 ** 32)) {
      return failLabel(index, label, valueAt(given, index));
    }
  }
  if (ignored.length === 0 && labels instanceof Uint32Array) return E.right({ labels, ignored });
  const known = Uint32Array.from(labels);
  for (const index of ignored) known[index] = 0;
  return E.right({ labels: known, ignored });
}

/** A label that is no class index, as it was given. */
function failLabel(index: number, label: number, given: unknown): E.Either<FgnError, never> {
  const remedy = typeof given === "string"
    ? "Labels are text here: number them, such as by names.indexOf(label) in a list of names"
    : given === undefined || given === null
    ? "Labels are whole numbers from 0, and this one is missing: give such examples a number and say it in ignoredLabel"
    : hasLength(given)
    ? "Labels are whole numbers from 0: give rows of probabilities or of zeros and a one as targets, by matrix(rows)"
    : "Labels are whole numbers from 0; say in ignoredLabel which one stands for no label";
  const details = { index, label, classes: undefined };
  return fail("LabelOutOfRange", details, `example ${index} has label ${show(given)}`, remedy);
}

function readLabels({ features, labels, targets, ignoredLabel }: BatchInput): E.Either<FgnError, Labelled> {
  const count = labels === undefined ? null : checkCount("labels", labels, features.rows);
  if (count?._tag === "Left") return count;
  const hard = labels === undefined ? null : checkLabels(labels, features.rows, ignoredLabel);
  if (hard?._tag === "Left") return hard;
  if (targets === undefined) {
    return hard ?? fail(
      "InvalidOption",
      { option: "labels", value: undefined },
      "the batch has neither labels nor targets",
      "Give labels, soft targets or both",
    );
  }
  const shape = checkTargets(targets, features.rows, targets.cols);
  if (shape._tag === "Left") return shape;
  const soft = checkDistributions("targets", targets);
  return soft._tag === "Left" ? soft : hard ?? E.right({ labels: soft.right, ignored: [] });
}

/** The mean of the weights that count is within a factor of a thousand of 1: damping takes them for numbers of examples. */
function checkMeanWeight(weights: Float32Array): E.Either<FgnError, Float32Array> {
  let sum = 0, count = 0;
  for (const w of weights) {
    sum += w;
    if (w > 0) count++;
  }
  const mean = sum / count;
  return mean >= 1e-3 && mean <= 1e3 ? E.right(weights) : fail(
    "InvalidOption",
    { option: "weights", value: mean },
    `the weights are ${mean.toPrecision(3)} on average, where a weight k counts as the example k times`,
    "Divide the weights by their mean: they should be around 1",
  );
}

function checkWeights(values: Numbers, count: number, ignored: readonly number[]): E.Either<FgnError, Float32Array> {
  const finite = readNumbers("weights", values, count);
  if (finite._tag === "Left") return finite;
  const index = finite.right.findIndex((w) => w < 0);
  if (index >= 0) {
    return fail(
      "NegativeWeight",
      { index, value: finite.right[index] as number },
      `example ${index} has weight ${finite.right[index]}`,
      "Weights count examples: give 0 to leave one out",
    );
  }
  const weights = ignored.length > 0 ? finite.right.slice() : finite.right;
  for (const index of ignored) weights[index] = 0;
  return weights.some((w) => w > 0) ? checkMeanWeight(weights) : fail(
    "ZeroWeights",
    { count: weights.length },
    ignored.length > 0 ? "no example has both a label and a weight" : "all weights are zero",
    "Give at least one example a label and a weight",
  );
}

/**
 * A batch of B examples with labels, soft targets (as from label smoothing, mixing or a teacher) or both. Typed
 * arrays are taken over without copying: do not write to them afterwards.
 *
 * Labels may be of any kind of array, 64-bit integers too; text is to be numbered first, by `names.indexOf(label)`, say.
 * The loss of a batch is Σ ω_i ℓ_i / Σ ω_i. Errors: `WrongKind`, `EmptyBatch`, `ShapeMismatch`, `LabelOutOfRange`,
 * `InvalidTargets`, `NotFinite`, `NegativeWeight`, `ZeroWeights` (also: no label left), `InvalidOption`.
 *
 * @example
 * ```ts
 * import { batch, matrix } from "fgn";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * const result = E.chain((features: import("fgn").Matrix) => batch({ features, labels: [0, 1] }))(
 *   matrix(2, 2, [1, 0, 0, 1]),
 * );
 * console.log(result._tag); // Right
 * ```
 */
export function batch(input: BatchInput): E.Either<FgnError, Batch> {
  return guard("batch", { input }, () => makeBatch(input));
}

/** A batch from its parts. */
function makeBatch(given: BatchInput): E.Either<FgnError, Batch> {
  const object = checkObject("what batch takes", given, "an object with features and labels");
  if (object._tag === "Left") return object;
  // Read once.
  const { features: x, labels: y, targets: soft, weights: omegas, ignoredLabel } = given;
  const input = { features: x, labels: y, targets: soft, weights: omegas, ignoredLabel } as BatchInput;
  const kinds = checkKinds(input);
  if (kinds._tag === "Left") return kinds;
  const { features, targets = null, weights } = input;
  if (features.rows === 0) {
    return fail("EmptyBatch", {}, "the batch has no examples", "Give at least one row of features");
  }
  const labelled = readLabels(input);
  if (labelled._tag === "Left") return labelled;
  const { labels, ignored } = labelled.right;
  if (weights === undefined && ignored.length === 0) return E.right({ features, labels, targets, weights: null });
  const omega = checkWeights(weights ?? new Float32Array(features.rows).fill(1), features.rows, ignored);
  return omega._tag === "Left" ? omega : E.right({ features, labels, targets, weights: omega.right });
}

/**
 * A batch by its fields, whose values are not looked at: read once, and in an object of the library's own. Errors:
 * `WrongKind`.
 * @internal
 */
export function checkBatchKind(value: Batch): E.Either<FgnError, Batch> {
  if (isObject(value)) {
    const { labels, weights } = value, features = ownFeatures(value.features), targets = ownFeatures(value.targets);
    const isRight = isFeatures(features) && (labels instanceof Uint32Array || typedName(labels) !== undefined) &&
      (targets === null || isMatrix(targets)) && (weights === null || isFloats(weights));
    if (isRight) return E.right({ features, labels, targets, weights });
  }
  return checkKind("the batch", value, false, "what batch made");
}

/**
 * All labels below the number of classes. Errors: `LabelOutOfRange`.
 * @internal
 */
export function checkClasses(labels: Uint32Array, classes: number): E.Either<FgnError, Uint32Array> {
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index] as number;
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      return fail(
        "LabelOutOfRange",
        { index, label, classes },
        `example ${index} has label ${show(label)}, but the model has ${classes} classes (0 to ${classes - 1})`,
        "Number the classes from 0, or make a model with more classes",
      );
    }
  }
  return E.right(labels);
}

/**
 * Targets, where there are any, of the shape `rows` × `classes`. Errors: `ShapeMismatch`.
 * @internal
 */
export function checkTargets(
  targets: Matrix | null,
  rows: number,
  classes: number,
  what = "targets",
): E.Either<FgnError, Matrix | null> {
  if (targets === null) return E.right(null);
  if (targets.rows === rows && targets.cols === classes) {
    const length = checkLength(what, targets.data.length, rows * classes);
    return length._tag === "Left" ? length : E.right(targets);
  }
  return fail(
    "ShapeMismatch",
    { what, expected: rows * classes, actual: targets.rows * targets.cols },
    `${what}: ${targets.rows} × ${targets.cols} where ${rows} × ${classes} are needed`,
    "Give one row an example and one column a class",
  );
}
