/**
 * Classifiers as files: safetensors with everything that prediction and learning need.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { isFloats, isObject } from "../check/kind.ts";
import { guard } from "../check/total.ts";
import { checkRecipe, widthOf } from "../features/recipe.ts";
import { readSafetensors, type Tensor, writeSafetensors } from "../io/safetensors.ts";
import { layersJson, networkOf, networkTensors } from "../network/tensors.ts";
import type { InputMoments } from "../optimizer/moments.ts";
import type { OnlineState } from "../optimizer/online.ts";
import { checkClassifier, type Classifier } from "./classifier.ts";

const FORMAT = "fgn-classifier", VERSION = 1;

/** The name of the tensor of a layer's moments. */
const momentName = (index: number, name: keyof InputMoments): string => `moments.${index}.${name}`;

/**
 * The bytes of a classifier: a safetensors file with a tensor for each array of the network, such as `layers.0.weight`
 * (outputs × inputs) and `layers.0.bias`, and of the moments, `moments.0.mean` and `moments.0.variance`; metadata `fgn`,
 * JSON of everything else, and `labels`, a JSON list. The same classifier gives the same bytes in every runtime.
 *
 * Errors: `WrongKind`, `InvalidOption`, `InvalidLabels`, `FeatureMismatch`, `InvalidState`, `NotFinite` and those of the
 * function `network`, for what is no classifier; `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { classifierOf, decodeClassifier, encodeClassifier, getOrThrow, linearHead } from "fgn";
 *
 * const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [1, 0, 0, 1], [0, 0]));
 * const bytes = getOrThrow(encodeClassifier(getOrThrow(classifierOf(head, ["east", "north"]))));
 * console.log(getOrThrow(decodeClassifier(bytes)).labels); // ["east", "north"]
 * ```
 */
export function encodeClassifier(classifier: Classifier): E.Either<FgnError, Uint8Array> {
  return guard("encodeClassifier", { classifier }, () => {
    const checked = checkClassifier(classifier, true);
    if (checked._tag === "Left") return checked;
    const { network, recipe, labels, moments, temperature, threshold, measured, fingerprint } = checked.right;
    const tensors = networkTensors(network);
    moments?.layers.forEach((layer, index) => {
      for (const name of ["mean", "variance"] as const) {
        tensors.set(momentName(index, name), { shape: [layer[name].length], data: layer[name] });
      }
    });
    const counts = moments && { steps: moments.steps, examples: moments.examples, layers: moments.layers.length };
    const rest = JSON.stringify({ recipe, moments: counts, temperature, threshold, measured, fingerprint });
    const fgn = `{"format":"${FORMAT}","version":${VERSION},"layers":${layersJson(network)},${rest.slice(1)}`;
    return writeSafetensors({ tensors, metadata: new Map([["fgn", fgn], ["labels", JSON.stringify(labels)]]) });
  });
}

function refuse(reason: string): E.Either<FgnError, never> {
  return fail(
    "InvalidFile",
    { what: FORMAT, reason },
    `the bytes are no ${FORMAT}: ${reason}`,
    "Give the whole file, as encodeClassifier made it",
  );
}

/** A field of the metadata as JSON; undefined where it is none, or nests beyond the stack. */
function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

/** The moments that a file has; those that are taken are taken out of its tensors. */
function momentsOf(counts: unknown, tensors: Map<string, Tensor>): E.Either<FgnError, OnlineState | null> {
  if (counts === null) return E.right(null);
  if (!isObject(counts)) return refuse("its moments are neither counts nor null");
  const { steps, examples, layers: length } = counts, layers: InputMoments[] = [];
  const take = (index: number, name: keyof InputMoments): Float32Array | undefined => {
    const key = momentName(index, name), tensor = tensors.get(key);
    tensors.delete(key);
    return tensor?.shape.length === 1 && isFloats(tensor.data) ? tensor.data : undefined;
  };
  if (!Number.isSafeInteger(length) || (length as number) < 0 || (length as number) > tensors.size) {
    return refuse("it has not as many moments as it says");
  }
  for (let index = 0; index < (length as number); index++) {
    const mean = take(index, "mean"), variance = take(index, "variance");
    if (mean === undefined || variance === undefined) return refuse(`its moments ${index} are missing, or not F32`);
    layers.push({ mean, variance });
  }
  return E.right({ steps, examples, layers } as OnlineState);
}

/** A classifier from a file's metadata and tensors. */
function build(
  metadata: ReadonlyMap<string, string>,
  tensors: Map<string, Tensor>,
): E.Either<FgnError, Classifier> {
  const fgn = parse(metadata.get("fgn")), labels = parse(metadata.get("labels"));
  if (!isObject(fgn) || fgn.format !== FORMAT) return refuse("it is of another format");
  if (fgn.version !== VERSION) return refuse(`version ${String(fgn.version).slice(0, 20)} where ${VERSION} is read`);
  const recipe = checkRecipe(fgn.recipe);
  if (recipe._tag === "Left") return recipe;
  const network = networkOf(widthOf(recipe.right), fgn.layers, tensors);
  if (network._tag === "Left") return network;
  const moments = momentsOf(fgn.moments, tensors);
  if (moments._tag === "Left") return moments;
  const [unused] = tensors.keys();
  if (unused !== undefined) return refuse(`it has a tensor ${JSON.stringify(unused.slice(0, 80))} beyond its layers`);
  const { temperature, threshold, measured, fingerprint } = fgn;
  return checkClassifier({
    _tag: "classifier",
    network: network.right,
    recipe: recipe.right,
    labels,
    moments: moments.right,
    temperature,
    threshold,
    measured,
    fingerprint,
    version: 1,
  } as Classifier);
}

/** {@link build}, whose errors are those of a file. */
function readFile(bytes: Uint8Array): E.Either<FgnError, Classifier> {
  const file = readSafetensors(bytes);
  if (file._tag === "Left") return file.left._tag === "InvalidFile" ? refuse(file.left.reason) : file;
  if (file.right.skipped.length > 0) return refuse("it has tensors of a dtype that is not read");
  const classifier = build(file.right.metadata, new Map(file.right.tensors));
  if (classifier._tag === "Right" || ["InvalidFile", "OutOfMemory"].includes(classifier.left._tag)) return classifier;
  return refuse(classifier.left.message);
}

/**
 * The classifier that {@link encodeClassifier} made bytes of, in arrays of its own. Every field is checked. It takes any
 * bytes whatever, never throws, and takes no more memory than a small multiple of them. Errors: `InvalidFile` (its
 * `reason` says which part), `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { decodeClassifier } from "fgn";
 *
 * const result = decodeClassifier(new Uint8Array(4));
 * if (result._tag === "Left") console.log(result.left._tag); // InvalidFile
 * ```
 */
export function decodeClassifier(bytes: Uint8Array): E.Either<FgnError, Classifier> {
  return guard("decodeClassifier", { bytes }, () => {
    try {
      return readFile(bytes);
    } catch (cause) {
      // JSON that nests beyond the stack.
      if (cause instanceof RangeError) return refuse("its layers nest too deep");
      throw cause;
    }
  });
}
