/**
 * What a training of a classifier begins with: rows as features, labels as classes, a network, held-out rows.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { show } from "../check/show.ts";
import { type Batch, batch } from "../data/batch.ts";
import { isSparse } from "../data/sparse.ts";
import { featuresOf } from "../features/features.ts";
import { recipeOf } from "../features/infer.ts";
import type { FeatureRecipe } from "../features/recipe.ts";
import { hashOf } from "../math/hash.ts";
import { zeroHead } from "../network/head.ts";
import type { Network } from "../network/layer.ts";
import { dense, embedding, initialise, mlp } from "../network/layers.ts";
import { relu } from "../network/activations.ts";
import { heldRows, pickSide } from "../train/split.ts";
import { checkCounts, type Given, type LabelledRows, readData, showSome } from "./data.ts";
import { failLabels, type Label, namesOf, numberLabels, similarLabels } from "./labels.ts";
import type { ClassifierOptions } from "./options.ts";

/** All that a run needs. */
export interface Prepared {
  readonly recipe: FeatureRecipe;
  readonly names: readonly Label[];
  readonly network: Network;
  readonly train: Batch;
  readonly validation: Batch | null;
  readonly classWeights: readonly number[] | null;
  readonly fingerprint: string;
  /** What a person should know of the data. */
  readonly notes: readonly string[];
}

/** The labels in order, two at least. Errors: `InvalidLabels`. */
function classNames({ labels }: Given, most: number): E.Either<FgnError, readonly Label[]> {
  const names = namesOf(labels);
  if (names.length === 1) {
    const message = `all ${labels.length} labels are ${show(names[0])}`;
    return failLabels(0, message, "Give rows of two classes or more: there is nothing to tell apart");
  }
  if (names.length <= most) return E.right(names);
  const message = `there are ${names.length} classes in ${labels.length} rows, more than ${most}`;
  return failLabels(null, message, "Check that the labels are classes and no numbers to predict, or raise maxClasses");
}

/** Numbers of rows of each class. */
function countClasses(labels: Uint32Array, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  return counts;
}

/** What is odd about the labels, in words. */
function notesOf(names: readonly Label[], counts: Uint32Array): string[] {
  const single = names.filter((_, index) => counts[index] === 1);
  const notes = similarLabels(names).map((group) => `labels that differ by case or space alone: ${showSome(group)}`);
  if (single.length > 0) {
    const many = single.length > names.length / 2 ? "; is the label a number to predict, or an identifier?" : "";
    notes.push(`classes with a single row, none of them held out: ${showSome(single)}${many}`);
  }
  return notes;
}

/** Rows and classes as a batch, by a recipe and names that are settled. */
function batchOf(given: Given, recipe: FeatureRecipe, names: readonly Label[]): E.Either<FgnError, Batch> {
  const features = featuresOf(recipe, given.rows);
  if (features._tag === "Left") return features;
  const counts = checkCounts(given, features.right);
  if (counts._tag === "Left") return counts;
  const labels = numberLabels(given.labels, names, given.place);
  return labels._tag === "Left" ? labels : batch({ features: features.right, labels: labels.right });
}

/** From how many rows, and rows a class, a share is held out by default, and which. */
const ENOUGH = 100, ENOUGH_EACH = 10, DEFAULT_SHARE = 0.1;

/** Both sides of a split that leaves a row of each class to train on; no validation where nothing can be held out. */
function holdOutRows(
  data: Batch,
  counts: Uint32Array,
  share: number,
  seed: number,
): Pick<Prepared, "train" | "validation"> {
  const isHeld = heldRows(data, share, seed);
  data.labels.forEach((label, row) => {
    if (counts[label] === 1) isHeld[row] = 0;
  });
  return isHeld.every((side) => side === 0)
    ? { train: data, validation: null }
    : { train: pickSide(data, isHeld, 0), validation: pickSide(data, isHeld, 1) };
}

function splitRows<S>(
  data: Batch,
  counts: Uint32Array,
  recipe: FeatureRecipe,
  names: readonly Label[],
  { validation, seed = 0 }: ClassifierOptions<S>,
): E.Either<FgnError, Pick<Prepared, "train" | "validation">> {
  const rows = data.labels.length;
  if (typeof validation === "object") {
    const given = readData(validation as LabelledRows);
    if (given._tag === "Left") return given;
    return E.map((held: Batch) => ({ train: data, validation: held }))(batchOf(given.right, recipe, names));
  }
  const isEnough = rows >= ENOUGH && rows >= ENOUGH_EACH * names.length;
  const share = validation ?? (isEnough ? DEFAULT_SHARE : false);
  return E.right(share === false ? { train: data, validation: null } : holdOutRows(data, counts, share, seed));
}

/** The network to begin with. Errors: `InvalidSize`, `OutOfMemory`. */
function startNetwork<S>(data: Batch, classes: number, { hidden = [], seed = 0 }: ClassifierOptions<S>) {
  const { features } = data, inputs = features.cols, [first, ...others] = hidden;
  if (!isSparse(features)) {
    return first === undefined ? zeroHead({ features: inputs, classes }) : mlp({ inputs, hidden, classes, seed });
  }
  if (first === undefined) return initialise({ inputs, layers: [embedding(classes, { initial: "zero" })] });
  const layers = [embedding(first), relu(), ...others.flatMap((size) => [dense(size), relu()]), dense(classes)];
  return initialise({ inputs, layers, seed });
}

/** A weight for each class. Errors: `InvalidOption`. */
function weightsOf<S>(
  { classWeights }: ClassifierOptions<S>,
  names: readonly Label[],
  { labels }: Batch,
): E.Either<FgnError, readonly number[] | null> {
  if (classWeights === undefined) return E.right(null);
  if (classWeights === "balanced") {
    return E.right(Array.from(countClasses(labels, names.length), (count) => labels.length / (names.length * count)));
  }
  const known = new Map(names.map((name, index) => [String(name), index])), weights = names.map(() => 1);
  for (const [name, weight] of Object.entries(classWeights)) {
    const index = known.get(name);
    if (index === undefined) return invalid("classWeights", name, `weights of classes: ${showSome(names)}`);
    weights[index] = weight;
  }
  return E.right(weights);
}

/**
 * Everything that comes before the first step. Errors: as {@link trainClassifier}.
 * @internal
 */
export function prepare<S>(data: LabelledRows, options: ClassifierOptions<S>): E.Either<FgnError, Prepared> {
  const given = readData(data);
  if (given._tag === "Left") return given;
  const { rows, labels, column } = given.right;
  const recipe = recipeOf(rows, column === null ? options : { ...options, label: column });
  if (recipe._tag === "Left") return recipe;
  const names = classNames(given.right, options.maxClasses ?? 65_536);
  if (names._tag === "Left") return names;
  const all = batchOf(given.right, recipe.right, names.right);
  if (all._tag === "Left") return all;
  const counts = countClasses(all.right.labels, names.right.length);
  const split = splitRows(all.right, counts, recipe.right, names.right, options);
  if (split._tag === "Left") return split;
  const network = startNetwork(all.right, names.right.length, options);
  if (network._tag === "Left") return network;
  const classWeights = weightsOf(options, names.right, split.right.train);
  if (classWeights._tag === "Left") return classWeights;
  return E.right({
    recipe: recipe.right,
    names: names.right,
    network: network.right,
    ...split.right,
    classWeights: classWeights.right,
    fingerprint: hashOf([all.right.features, labels]),
    notes: notesOf(names.right, counts),
  });
}
