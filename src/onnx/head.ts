/**
 * The network of a classifier as nodes, from features to logits at its temperature, and what is asked of it first.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { show } from "../check/show.ts";
import { outOfMemory, withinMemory } from "../check/size.ts";
import { checkClassifier, type Classifier } from "../classifier/classifier.ts";
import { failLabels } from "../classifier/labels.ts";
import type { FeatureRecipe } from "../features/recipe.ts";
import { isWellFormed } from "../io/header.ts";
import { listArrays } from "../network/arrays.ts";
import type { Network } from "../network/layer.ts";
import { addNode, addScalar, type Graph } from "./graph.ts";
import type { Field } from "./message.ts";
import { metadataFields } from "./model.ts";
import { addNetwork } from "./operations.ts";

/** Protocol buffers end at 2 GiB; a little is left for what is no weight. */
const LARGEST = 2 ** 31 - 2 ** 20;

/**
 * The bytes that `make` makes of a network, beside others of a file. Errors: `Unsupported` (the file would be too large),
 * `OutOfMemory`.
 */
export function makeFile(
  { layers }: Network,
  others: number,
  make: () => Uint8Array,
): E.Either<FgnError, Uint8Array> {
  const size = listArrays(layers, true).reduce((sum, { byteLength }) => sum + byteLength, others);
  if (size > LARGEST) {
    return fail(
      "Unsupported",
      { what: "size" },
      `the file would have ${(size / 2 ** 30).toFixed(1)} GiB, and ONNX files of one piece end at 2 GiB`,
      "Use a smaller network",
    );
  }
  return withinMemory(() => E.right(make()), () => outOfMemory("the ONNX file", size, "Use a smaller network"));
}

/** Whether a recipe makes features of texts. */
const readsTexts = (recipe: FeatureRecipe): boolean =>
  recipe.kind === "text" || (recipe.kind === "columns" && recipe.columns.some(({ kind }) => kind === "text"));

/**
 * A classifier that ONNX can hold. Errors: those of `encodeClassifier`; `Unsupported` (features of texts), `InvalidLabels` (a
 * label that is no Unicode text).
 */
export function checkExportable(classifier: Classifier): E.Either<FgnError, Classifier> {
  const checked = checkClassifier(classifier, true);
  if (checked._tag === "Left") return checked;
  const { recipe, labels } = checked.right;
  if (readsTexts(recipe)) {
    return fail(
      "Unsupported",
      { what: "recipe" },
      "the classifier makes its features of texts by hashing, for which ONNX has no operators",
      "Keep it as encodeClassifier writes it, or train on embeddings of the texts",
    );
  }
  const broken = labels.findIndex((label) => typeof label === "string" && !isWellFormed(label));
  return broken < 0
    ? checked
    : failLabels(broken, `label ${broken}, ${show(labels[broken])}, is no Unicode text`, "Give it another name");
}

/** Adds the nodes from features to logits, and the temperature: the logits are f/T, so that softmax makes probabilities. */
export function addHead(graph: Graph, { network, temperature }: Classifier, input: string, output: string): void {
  const isCool = temperature === 1, raw = isCool ? output : `${graph.prefix}raw`;
  addNetwork(graph, network, input, raw);
  if (!isCool) addNode(graph, "Div", [raw, addScalar(graph, "temperature", temperature)], output);
}

/** What a file says of the classifier beside its nodes, all as JSON. */
export const describe = ({ labels, recipe, threshold }: Classifier): Field[] =>
  metadataFields({
    labels: JSON.stringify(labels),
    recipe: JSON.stringify(recipe),
    threshold: JSON.stringify(threshold),
  });
