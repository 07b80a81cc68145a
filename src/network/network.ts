/**
 * Networks from complete layers: every shape and value checked.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { checkAttached } from "../check/detached.ts";
import { fail, type FgnError } from "../check/error.ts";
import { isFloats, isObject } from "../check/kind.ts";
import { failNumber, firstNotFinite } from "../check/numbers.ts";
import { show } from "../check/show.ts";
import { guard } from "../check/total.ts";
import { checkLength, checkSize } from "../check/size.ts";
import type { Matrix } from "../data/matrix.ts";
import { type Activation, ACTIVATIONS } from "./activations.ts";
import { mapArrays } from "./arrays.ts";
import { checkModelKind } from "./flat.ts";
import type { Adapter, Dense, Embedding, Layer, LayerNorm, Network, Residual } from "./layer.ts";

/** A layer and its place: `depth` residual blocks deep, `inputs` features in. */
interface Place {
  readonly path: string;
  readonly inputs: number;
  readonly depth: number;
}

/** The number of features that a layer gives. */
type Outputs = E.Either<FgnError, number>;

/** Residual blocks inside residual blocks; also what keeps a layer that contains itself from being walked forever. */
export const DEEPEST = 32;

const KINDS: ReadonlySet<string> = new Set(Object.keys(ACTIVATIONS));

/**
 * An `InvalidLayer`.
 * @internal
 */
export function layerError(layer: string, reason: string): E.Either<FgnError, never> {
  return fail("InvalidLayer", { layer, reason }, `${layer} ${reason}`, "Check this layer against its neighbours");
}

function checkArray(what: string, array: Float32Array, length: number): Outputs {
  if (!isFloats(array)) return layerError(what, "is not a Float32Array");
  const attached = checkAttached(what, array);
  return attached._tag === "Left" ? attached : checkLength(what, array.length, length);
}

function checkMatrix(what: string, matrix: Matrix): Outputs {
  if (!isObject(matrix)) return layerError(what, "is not a matrix");
  const { rows, cols, data } = matrix;
  const height = checkSize(`${what} rows`, rows, 1);
  if (height._tag === "Left") return height;
  const width = checkSize(`${what} columns`, cols, 1);
  return width._tag === "Left" ? width : checkArray(what, data, rows * cols);
}

function takes(path: string, expected: number, inputs: number): Outputs {
  return expected === inputs ? E.right(inputs) : layerError(path, `takes ${expected} features and gets ${inputs}`);
}

/** A weight of the given inputs and outputs, with its bias. */
function checkAffine(
  { weight, bias }: Dense | Embedding | Adapter,
  { path, inputs }: Place,
  taken: number,
  outputs: number,
): Outputs {
  const shape = checkMatrix(`${path}.weight`, weight);
  if (shape._tag === "Left") return shape;
  const chain = takes(path, taken, inputs);
  if (chain._tag === "Left") return chain;
  const length = bias === null ? E.right(0) : checkArray(`${path}.bias`, bias, outputs);
  return length._tag === "Left" ? length : E.right(outputs);
}

function checkEmbedding(layer: Embedding, place: Place): Outputs {
  return place.path === "layers[0]"
    ? checkAffine(layer, place, layer.weight?.rows, layer.weight?.cols)
    : layerError(place.path, "is an embedding, which can only be the first layer");
}

function checkActivation({ kind, slope }: Activation, { path, inputs }: Place): Outputs {
  if (!KINDS.has(kind)) return layerError(path, `is an activation of unknown kind ${show(kind)}`);
  return Number.isFinite(slope) ? E.right(inputs) : layerError(path, `has slope ${show(slope)}, which is not finite`);
}

function checkLayerNorm({ gain, shift, epsilon }: LayerNorm, { path, inputs }: Place): Outputs {
  if (!isFloats(gain)) return layerError(`${path}.gain`, "is not a Float32Array");
  if (!(typeof epsilon === "number" && epsilon > 0 && epsilon < Infinity)) {
    return layerError(path, `has epsilon ${show(epsilon)}, not a positive number`);
  }
  const length = checkArray(`${path}.gain`, gain, gain.length);
  if (length._tag === "Left") return length;
  const chain = takes(path, gain.length, inputs);
  return chain._tag === "Left" ? chain : checkArray(`${path}.shift`, shift, inputs);
}

function checkAdapter(layer: Adapter, place: Place): Outputs {
  const { weight, down, up, scale } = layer, { path } = place;
  const base = checkAffine(layer, place, weight?.cols, weight?.rows);
  if (base._tag === "Left") return base;
  if (!Number.isFinite(scale)) return layerError(path, `has scale ${show(scale)}, which is not finite`);
  const v = checkMatrix(`${path}.down`, down);
  if (v._tag === "Left") return v;
  const u = checkMatrix(`${path}.up`, up);
  if (u._tag === "Left") return u;
  const size = ({ rows, cols }: Matrix): string => `${rows} × ${cols}`;
  return down.cols === weight.cols && up.rows === weight.rows && up.cols === down.rows
    ? E.right(weight.rows)
    : layerError(path, `has factors ${size(up)} and ${size(down)}, whose product is not ${size(weight)}`);
}

function checkResidual({ layers }: Residual, { path, inputs, depth }: Place): Outputs {
  if (depth === DEEPEST) return layerError(path, `is more than ${DEEPEST} residual blocks deep`);
  const outputs = checkLayers(layers, inputs, `${path}.layers`, depth + 1);
  return outputs._tag === "Left" || outputs.right === inputs
    ? outputs
    : layerError(path, `takes ${inputs} features, but its layers give ${outputs.right}`);
}

function checkLayer(layer: Layer, place: Place): Outputs {
  if (!isObject(layer)) return layerError(place.path, "is not an object");
  if ("frozen" in layer && typeof layer.frozen !== "boolean") {
    return layerError(place.path, "has frozen that is not true or false");
  }
  switch (layer._tag) {
    case "dense":
      return checkAffine(layer, place, layer.weight?.cols, layer.weight?.rows);
    case "embedding":
      return checkEmbedding(layer, place);
    case "activation":
      return checkActivation(layer, place);
    case "layerNorm":
      return checkLayerNorm(layer, place);
    case "adapter":
      return checkAdapter(layer, place);
    case "residual":
      return checkResidual(layer, place);
    default:
      layer satisfies never;
      return layerError(place.path, "is of unknown kind");
  }
}

function checkLayers(layers: readonly Layer[], inputs: number, path: string, depth: number): Outputs {
  if (!Array.isArray(layers)) return layerError(path, "is not a list of layers");
  if (layers.length === 0) return layerError(path, "is empty");
  let features = inputs;
  for (const [index, layer] of layers.entries()) {
    const outputs = checkLayer(layer, { path: `${path}[${index}]`, inputs: features, depth });
    if (outputs._tag === "Left") return outputs;
    features = outputs.right;
  }
  return E.right(features);
}

function checkShapes(inputs: number, layers: readonly Layer[]): Outputs {
  const features = checkSize("inputs", inputs, 1);
  if (features._tag === "Left") return features;
  const outputs = checkLayers(layers, inputs, "layers", 0);
  return outputs._tag === "Left" ? outputs : checkSize("classes", outputs.right, 2);
}

function checkFinite(layers: readonly Layer[]): E.Either<FgnError, unknown> {
  let finite: E.Either<FgnError, unknown> = E.right(null);
  mapArrays(layers, true, ({ path, data, cols, field }) => {
    const index = finite._tag === "Right" ? firstNotFinite(data, 0, data.length) : -1;
    if (index >= 0) finite = failNumber(path, data[index], index, field.shape === "matrix" ? cols : 0);
    return data;
  });
  return finite;
}

/**
 * A network of `inputs` features from complete layers; the last layer gives one logit a class, at least two. The
 * layers are taken over without copying: do not write to them afterwards.
 *
 * Errors, with the path of the layer: `InvalidLayer` (layers that do not fit together, an embedding that is not
 * first, a residual block that gives another number of features than it takes, numbers out of range),
 * `ShapeMismatch`, `NotFinite`, `InvalidSize`.
 *
 * @example
 * ```ts
 * import { network } from "fgn";
 *
 * const hidden = { rows: 2, cols: 3, data: new Float32Array([1, 0, 0, 0, 1, 0]) };
 * const logits = { rows: 2, cols: 2, data: new Float32Array([1, -1, -1, 1]) };
 * const result = network(3, [
 *   { _tag: "dense", weight: hidden, bias: new Float32Array(2), frozen: true },
 *   { _tag: "activation", kind: "relu", slope: 0 },
 *   { _tag: "dense", weight: logits, bias: null, frozen: false },
 * ]);
 * console.log(result._tag); // Right
 * ```
 */
export function network(inputs: number, layers: readonly Layer[]): E.Either<FgnError, Network> {
  return guard("network", { inputs, layers }, () => makeNetwork(inputs, layers));
}

/** A network from its layers. */
function makeNetwork(inputs: number, layers: readonly Layer[]): E.Either<FgnError, Network> {
  const outputs = checkShapes(inputs, layers);
  if (outputs._tag === "Left") return outputs;
  const finite = checkFinite(layers);
  return finite._tag === "Left" ? finite : E.right({ _tag: "network", inputs, outputs: outputs.right, layers });
}

/**
 * The shapes of a network that was perhaps not made by {@link network}, without reading its arrays.
 * Errors: as {@link network}, without `NotFinite`; `DonatedParameters`.
 * @internal
 */
export function checkNetwork(network: Network): E.Either<FgnError, Network> {
  const kind = checkModelKind(network);
  if (kind._tag === "Left") return kind;
  const outputs = checkShapes(network.inputs, network.layers);
  if (outputs._tag === "Left") return outputs;
  const count = checkLength("the last layer", outputs.right, network.outputs);
  return count._tag === "Left" ? count : E.right(network);
}
