/**
 * A classifier appended to the encoder whose embeddings it was trained on: texts' tokens in, logits out.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, invalid } from "../check/error.ts";
import { checkOptions, FLAG, oneOf, type Rule, type Rules } from "../check/rule.ts";
import { show } from "../check/show.ts";
import { guard } from "../check/total.ts";
import type { Classifier } from "../classifier/classifier.ts";
import { scalableLayer } from "../network/fold.ts";
import { takesFeatures } from "../network/layer.ts";
import { failWidth } from "../problem/session.ts";
import { emptyGraph } from "./graph.ts";
import { addHead, checkExportable, describe, makeFile } from "./head.ts";
import { encode } from "./message.ts";
import { graphField, valueInfo } from "./model.ts";
import { type Outline, type OutlineValue, readOutline } from "./outline.ts";
import { addPooling, type Pooling } from "./pooling.ts";

/** How an encoder's embeddings were made: the options that the features were made with. */
export interface EncoderOptions {
  /**
   * How the vectors of tokens become one, as transformers.js and sentence-transformers call it: their mean over the mask, the
   * first one, or none, where the encoder gives a vector a text.
   */
  readonly pooling: Pooling;
  /** Whether embeddings were brought to length 1. */
  readonly normalize: boolean;
  /** The encoder's output that is pooled (default: its first with three dimensions; with two for the pooling "none"). */
  readonly output?: string;
  /** The encoder's input that says which tokens count, for the pooling "mean" (default "attention_mask"). */
  readonly mask?: string;
}

const NAME: Rule = [(value) => typeof value === "string", "a name"];

const OPTIONS: Rules<EncoderOptions> = {
  pooling: oneOf("mean", "cls", "none"),
  normalize: FLAG,
  output: NAME,
  mask: NAME,
};

/** Operators of before this version have other inputs than those that are written here. */
const OLDEST = 11;

/** How far the mean squared length of embeddings of length 1 may be from 1, such as by float16. */
const ROUNDING = 0.02;

/** The mean of ‖x‖² over the rows that a classifier was trained on, from its moments; null where these do not say. */
function meanSquaredLength({ network, moments }: Classifier): number | null {
  const seen = moments?.layers[0], first = takesFeatures(network) === "sparse" ? null : scalableLayer(network);
  // The first moments are those of the first layer, if it trains and has a bias.
  if (seen === undefined || first === null || first.frozen || first.bias === null) return null;
  return seen.mean.reduce((sum, m, i) => sum + m * m + (seen.variance[i] as number), 0);
}

/** A classifier of embeddings that are what the options say. Errors: `Unsupported`, `InvalidOption`. */
function checkEmbeddings(classifier: Classifier, { normalize }: EncoderOptions): E.Either<FgnError, Classifier> {
  const { recipe } = classifier;
  const isVector = recipe.kind === "vector" || (recipe.kind === "columns" &&
    recipe.columns.length === 1 && recipe.columns[0]?.kind === "vector");
  if (!isVector) {
    return fail(
      "Unsupported",
      { what: "recipe" },
      "the classifier's features are more than one vector",
      "Append a classifier of the encoder's embeddings alone; toOnnx writes any other as a file of its own",
    );
  }
  const squared = normalize ? meanSquaredLength(classifier) : null;
  if (squared === null || Math.abs(squared - 1) <= ROUNDING) return E.right(classifier);
  return fail(
    "InvalidOption",
    { option: "normalize", value: normalize },
    `normalize is true, and the rows that the classifier was trained on have the mean squared length ${
      squared.toPrecision(3)
    }, not 1`,
    "Give the options that the embeddings were made with",
  );
}

const listed = (values: readonly OutlineValue[]): string => values.map(({ name }) => name).join(", ").slice(0, 300);

/** The output to pool, with as many dimensions as that needs. Errors: `InvalidOption`, `FeatureMismatch`. */
function findOutput(
  { outputs }: Outline,
  { output, pooling }: EncoderOptions,
  width: number,
): E.Either<FgnError, OutlineValue> {
  const rank = pooling === "none" ? 2 : 3;
  const found = outputs.find(({ name, shape }) => output === undefined ? shape?.length === rank : name === output);
  if (found === undefined) {
    const wanted = output === undefined ? `no output with ${rank} dimensions` : `no output ${show(output)}`;
    const remedy = `Give output as one of ${listed(outputs)}, and the pooling that it needs`;
    return fail("InvalidOption", { option: "output", value: output }, `the encoder has ${wanted}`, remedy);
  }
  if (found.shape !== null && found.shape.length !== rank) {
    return invalid(
      "pooling",
      pooling,
      `another one: the output ${show(found.name)} has ${found.shape.length} dimensions`,
    );
  }
  const size = found.shape?.at(-1);
  return typeof size === "number" && size !== width ? failWidth(width, size, "predict") : E.right(found);
}

/** A beginning of names that no name of the encoder has. */
function freePrefix(names: ReadonlySet<string>): string {
  for (let tries = 1;; tries++) {
    const prefix = tries === 1 ? "fgn/" : `fgn${tries}/`;
    if (![...names].some((name) => name.startsWith(prefix))) return prefix;
  }
}

/** An encoder that a head can be appended to. Errors: `Unsupported`, `InvalidOption`. */
function checkEncoder(outline: Outline, { pooling, mask = "attention_mask" }: EncoderOptions) {
  const { opset, inputs, names } = outline;
  if (opset < OLDEST) {
    const remedy = `Export the encoder with operators of version ${OLDEST} or later`;
    return fail("Unsupported", { what: "opset" }, `the encoder's operators are of version ${opset}`, remedy);
  }
  if (names.has("logits")) {
    const remedy = "Give the encoder alone, which ends with its vectors";
    return fail("Unsupported", { what: "logits" }, "the encoder has a value named logits already", remedy);
  }
  if (pooling === "mean" && !inputs.some(({ name }) => name === mask)) {
    return invalid("mask", mask, `the name of the input that says which tokens count: ${listed(inputs)}`);
  }
  return E.right(outline);
}

/** The bytes that follow the encoder's. */
function writeRest(
  outline: Outline,
  output: OutlineValue,
  classifier: Classifier,
  options: EncoderOptions,
): Uint8Array {
  const graph = emptyGraph(outline.opset, freePrefix(outline.names)),
    { pooling, normalize, mask = "attention_mask" } = options;
  const vector = addPooling(graph, pooling, { output: output.name, mask, normalize });
  addHead(graph, classifier, vector, "logits");
  const size = output.shape?.[0] || "batch";
  const outputs = [valueInfo("logits", "float", [size, classifier.network.outputs])];
  return encode([graphField({ ...graph, inputs: [], outputs }, null), ...describe(classifier)]);
}

/** One array behind the other. */
function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/**
 * The ONNX file of an encoder with a classifier of its embeddings at its end, so that one file goes from the tokens of texts
 * to the output `logits`, float32, N × C, whose softmax are the probabilities of `classify`. With the config of
 * {@link pipelineConfig} and the encoder's tokenizer beside it, transformers.js runs it as a text-classification pipeline.
 *
 * The encoder's bytes stay as they are, and its outputs with them: messages of protocol buffers that follow one another are
 * merged, so that the nodes of the head are bytes at the end. They are written for the version of operators that the encoder
 * has, from 11 on; an encoder in float16 is read as float32 where it ends, and weights in a file of their own stay there.
 *
 * `pooling` and `normalize` must be those that the embeddings were made with, or predictions are wrong without a word. Where
 * the classifier's moments tell that its rows were not of length 1, `normalize: true` is refused.
 *
 * Errors: `InvalidFile` (no ONNX file), `Unsupported` (operators older than 11; a classifier already; features that are no
 * vector; more than 2 GiB), `FeatureMismatch` (embeddings of another length), `InvalidOption`, `InvalidLabels`,
 * `OutOfMemory`; those of `encodeClassifier` for what is no classifier.
 *
 * @param encoder bytes of an ONNX file such as onnx/model.onnx
 * @example
 * ```ts
 * import { classifierOf, getOrThrow, linearHead } from "fgn";
 * import { appendToEncoder } from "fgn/onnx";
 *
 * const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [1, 0, 0, 1], [0, 0]));
 * const classifier = getOrThrow(classifierOf(head, ["praise", "complaint"]));
 * const result = appendToEncoder(new Uint8Array(4), classifier, { pooling: "mean", normalize: true });
 * if (result._tag === "Left") console.log(result.left._tag); // InvalidFile
 * ```
 */
export function appendToEncoder(
  encoder: Uint8Array,
  classifier: Classifier,
  options: EncoderOptions,
): E.Either<FgnError, Uint8Array> {
  return guard("appendToEncoder", { encoder, classifier, options }, () => {
    const checked = checkOptions(options, OPTIONS);
    if (checked._tag === "Left") return checked;
    const { pooling, normalize } = checked.right;
    if (pooling === undefined) return invalid("pooling", pooling, OPTIONS.pooling[1]);
    if (normalize === undefined) return invalid("normalize", normalize, OPTIONS.normalize[1]);
    const known = checkExportable(classifier);
    if (known._tag === "Left") return known;
    const fits = checkEmbeddings(known.right, checked.right);
    if (fits._tag === "Left") return fits;
    const outline = E.chain((read: Outline) => checkEncoder(read, checked.right))(readOutline(encoder));
    if (outline._tag === "Left") return outline;
    const output = findOutput(outline.right, checked.right, known.right.network.inputs);
    if (output._tag === "Left") return output;
    return makeFile(
      known.right.network,
      encoder.length,
      () => joined(encoder, writeRest(outline.right, output.right, known.right, checked.right)),
    );
  });
}
