/**
 * Classifiers: a network that knows what its numbers mean, as plain data.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { checkKind, isObject } from "../check/kind.ts";
import { POSITIVE, type Rule } from "../check/rule.ts";
import type { Features } from "../data/sparse.ts";
import { checkRecipe, type FeatureRecipe, isSparseRecipe, widthOf } from "../features/recipe.ts";
import { type Network, takesFeatures } from "../network/layer.ts";
import { checkNetwork, layerError, network as checkWhole } from "../network/network.ts";
import { centredWidths, checkWidths } from "../optimizer/moments.ts";
import { checkOnlineState, type OnlineState } from "../optimizer/online.ts";
import { failWidth } from "../problem/session.ts";
import { checkNames, type Label } from "./labels.ts";

/** What a classifier was measured at. */
export interface Measurement {
  /** On which rows: those held out of training, or rows of their own. */
  readonly split: "validation" | "test";
  /** How many rows. */
  readonly rows: number;
  /** Share of the rows whose label is the likeliest class. */
  readonly accuracy: number;
  /** Mean of −ln p at the label. */
  readonly logLoss: number;
  /** Expected calibration error. */
  readonly ece: number;
}

/** A network, and what its inputs and outputs mean. Made by {@link trainClassifier}; not to be written to. */
export interface Classifier {
  /** A classifier. */
  readonly _tag: "classifier";
  /** The network: features to a logit a class. */
  readonly network: Network;
  /** How features are made of rows. */
  readonly recipe: FeatureRecipe;
  /** The labels of the classes in their order: all texts or all numbers. */
  readonly labels: readonly Label[];
  /** Moments of the inputs that it was trained on, for `learn`; null: not known. */
  readonly moments: OnlineState | null;
  /** T > 0: probabilities are softmax(logits/T). */
  readonly temperature: number;
  /** The least probability of a prediction that is not "unsure", or null: none is. */
  readonly threshold: number | null;
  /** What it was measured at when it was trained; null: not, or it has learnt since. */
  readonly measured: Measurement | null;
  /** A hash of the data that it was trained on. */
  readonly fingerprint: string;
  /** The version of this form. */
  readonly version: 1;
}

/** [0, 1]. */
export const PROBABILITY: Rule = [
  (value) => typeof value === "number" && value >= 0 && value <= 1,
  "a probability from 0 to 1",
];

/** A value or null. */
const orNull = ([fits, wanted]: Rule): Rule => [(value) => value === null || fits(value), `${wanted}, or null`];

/** A measurement by its fields, in one order; undefined where one does not fit. */
function readMeasured(value: unknown): Measurement | undefined {
  if (!isObject(value)) return undefined;
  const { split, rows, accuracy, logLoss, ece } = value;
  const fits = (split === "validation" || split === "test") && Number.isSafeInteger(rows) &&
    [rows, accuracy, logLoss, ece].every((one) => Number.isFinite(one) && (one as number) >= 0);
  return fits ? { split, rows, accuracy, logLoss, ece } as Measurement : undefined;
}

/** Features of no rows, by which moments know whether they are sparse. */
function noFeatures(recipe: FeatureRecipe): Features {
  const dense = { rows: 0, cols: widthOf(recipe), data: new Float32Array(0) };
  return isSparseRecipe(recipe) ? { ...dense, offsets: new Uint32Array(1), indices: new Uint32Array(0) } : dense;
}

/** Moments that fit a network. Errors: `WrongKind`, `InvalidState`, `ShapeMismatch`. */
function checkMoments(network: Network, recipe: FeatureRecipe, moments: OnlineState): E.Either<FgnError, OnlineState> {
  const state = checkOnlineState(moments);
  if (state._tag === "Left") return state;
  const { steps, examples, layers } = moments, widths = checkWidths(layers, centredWidths(network, noFeatures(recipe)));
  if (widths._tag === "Left") return widths;
  return E.right({ steps, examples, layers: layers.map(({ mean, variance }) => ({ mean, variance })) });
}

/** A recipe that makes what a network takes. Errors: `InvalidOption`, `FeatureMismatch`, `InvalidLayer`. */
function checkFit(network: Network, given: unknown): E.Either<FgnError, FeatureRecipe> {
  const recipe = checkRecipe(given);
  if (recipe._tag === "Left") return recipe;
  const width = widthOf(recipe.right), takes = takesFeatures(network);
  if (width !== network.inputs) return failWidth(network.inputs, width, "predict");
  const makes = isSparseRecipe(recipe.right) ? "sparse" : "dense";
  return takes === "either" || takes === makes
    ? recipe
    : layerError("layers[0]", `takes ${takes} features, and the recipe makes ${makes} ones`);
}

/**
 * A classifier that was perhaps not made here, with its fields in their order and no others; `whole` asks for finite
 * parameters, too. Errors: `WrongKind`, `InvalidOption`, `InvalidLabels`, `FeatureMismatch`, `InvalidState`; those of the
 * function `network`.
 * @internal
 */
export function checkClassifier(value: Classifier, whole = false): E.Either<FgnError, Classifier> {
  const isOne = isObject(value) && (value as { readonly _tag?: unknown })._tag === "classifier" &&
    isObject(value.network);
  const kind = checkKind("the classifier", value, isOne, "a classifier, as trainClassifier makes it");
  if (kind._tag === "Left") return kind;
  const { network, temperature, threshold, measured: given, fingerprint, version } = value;
  if (version !== 1) return invalid("version", version, "1, which this library reads");
  const shapes = whole ? checkWhole(network.inputs, network.layers) : checkNetwork(network);
  if (shapes._tag === "Left") return shapes;
  const recipe = checkFit(shapes.right, value.recipe);
  if (recipe._tag === "Left") return recipe;
  const labels = checkNames(value.labels, shapes.right.outputs);
  if (labels._tag === "Left") return labels;
  const moments = value.moments === null ? E.right(null) : checkMoments(network, recipe.right, value.moments);
  if (moments._tag === "Left") return moments;
  if (!POSITIVE[0](temperature)) return invalid("temperature", temperature, POSITIVE[1]);
  const limit = orNull(PROBABILITY);
  if (!limit[0](threshold)) return invalid("threshold", threshold, limit[1]);
  const measured = given === null ? null : readMeasured(given);
  if (measured === undefined) return invalid("measured", given, "what it was measured at, or null");
  const isHash = typeof fingerprint === "string" && fingerprint.length <= 100;
  if (!isHash) return invalid("fingerprint", fingerprint, "a hash as text");
  return E.right({
    _tag: "classifier",
    network: shapes.right,
    recipe: recipe.right,
    labels: labels.right,
    moments: moments.right,
    temperature,
    threshold: threshold === null ? null : threshold + 0,
    measured,
    fingerprint,
    version: 1,
  });
}
