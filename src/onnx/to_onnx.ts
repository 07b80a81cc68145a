/**
 * Classifiers as ONNX files.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkOptions, FLAG, type Rules } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Classifier } from "../classifier/classifier.ts";
import type { Label } from "../classifier/labels.ts";
import type { FeatureRecipe } from "../features/recipe.ts";
import { addNode, addTensor, emptyGraph, type Graph } from "./graph.ts";
import { addHead, checkExportable, describe, makeFile } from "./head.ts";
import { type ElementType, encodeModel, valueInfo, type Values } from "./model.ts";
import { opsetOf } from "./operations.ts";

/** Options of {@link toOnnx}. */
export interface OnnxOptions {
  /** Whether logits at the temperature are an output, too (default false). */
  readonly logits?: boolean;
}

const OPTIONS: Rules<OnnxOptions> = { logits: FLAG };

/** What the file says of its input. */
const INPUT: Readonly<Record<FeatureRecipe["kind"], string>> = {
  vector: "rows of numbers, as the classifier was trained on",
  sparse: "rows of the sparse matrix that the classifier was trained on, with their zeros",
  columns:
    "columns of the table, one behind the other as the recipe in the metadata has them: numbers as they are, with " +
    "missing ones imputed, a 1 at the value of a category and else zeros, vectors as they are",
  text: "",
};

/** Labels as the values of a tensor: texts, whole numbers as int64, other numbers as double. */
function labelValues(labels: readonly Label[]): readonly [type: ElementType, values: Values] {
  if (typeof labels[0] === "string") return ["string", labels as readonly string[]];
  const numbers = labels as readonly number[];
  return numbers.every(Number.isSafeInteger)
    ? ["int64", BigInt64Array.from(numbers, BigInt)]
    : ["double", Float64Array.from(numbers)];
}

/** Adds probabilities and labels; gives the type of these. */
function addPredictions(graph: Graph, labels: readonly Label[]): ElementType {
  const [type, values] = labelValues(labels), names = addTensor(graph, "labels", [labels.length], values);
  addNode(graph, "Softmax", ["logits"], "probabilities", { axis: { int: -1 } });
  // The first of the largest, as `classify` takes it.
  addNode(graph, "ArgMax", ["probabilities"], "class", { axis: { int: -1 }, keepdims: { int: 0 } });
  addNode(graph, "Gather", [names, "class"], "label", { axis: { int: 0 } });
  return type;
}

/** The bytes of a classifier that was checked. */
function write(classifier: Classifier, withLogits: boolean): Uint8Array {
  const { network, labels, recipe } = classifier, graph = emptyGraph(opsetOf(network), "");
  addHead(graph, classifier, "X", "logits");
  const type = addPredictions(graph, labels);
  const inputs = [valueInfo("X", "float", ["N", network.inputs], INPUT[recipe.kind])];
  const outputs = [valueInfo("label", type, ["N"]), valueInfo("probabilities", "float", ["N", network.outputs])];
  if (withLogits) outputs.push(valueInfo("logits", "float", ["N", network.outputs]));
  return encodeModel({ ...graph, inputs, outputs }, graph.opset, describe(classifier));
}

/**
 * The bytes of an ONNX file that any runtime of ONNX runs, of standard operators alone (version 13; 17 for a layer norm).
 *
 * Input `X`, float32, N × D: features as the network takes them, those that {@link makeFeatures} makes. For vectors these
 * are the rows themselves; for a table its columns, one behind the other: a number each, a 0 or 1 for each value of a
 * category, vectors as they are. Outputs: `label`, N labels of the likeliest classes (texts; int64 where all are whole
 * numbers, else double); `probabilities`, float32, N × C, at the classifier's temperature; with `logits: true`, `logits`,
 * f/T. No `label` is "unsure": the metadata has the `threshold`, with `labels` and the `recipe` of the features, as JSON.
 *
 * Probabilities are those of `classify` to the rounding of float32. Scales of features and the temperature are within.
 *
 * Errors: `Unsupported` (features hashed from texts; more than 2 GiB), `InvalidLabels` (half of a surrogate pair),
 * `InvalidOption`, `OutOfMemory`; those of `encodeClassifier` for what is no classifier.
 *
 * @example
 * ```ts
 * import { classifierOf, getOrThrow, linearHead } from "fgn";
 * import { toOnnx } from "fgn/onnx";
 *
 * const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [1, 0, 0, 1], [0, 0]));
 * const file = getOrThrow(toOnnx(getOrThrow(classifierOf(head, ["east", "north"]))));
 * console.log(file instanceof Uint8Array); // true
 * ```
 */
export function toOnnx(classifier: Classifier, options: OnnxOptions = {}): E.Either<FgnError, Uint8Array> {
  return guard("toOnnx", { classifier, options }, () => {
    const checked = checkOptions(options, OPTIONS);
    if (checked._tag === "Left") return checked;
    const known = checkExportable(classifier);
    if (known._tag === "Left") return known;
    return makeFile(known.right.network, 0, () => write(known.right, checked.right.logits ?? false));
  });
}
