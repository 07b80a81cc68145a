/**
 * Networks from a description of their layers, with initial parameters from a seed.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { checkKind } from "../check/kind.ts";
import {
  ANY,
  checkOptions,
  faultIn,
  type Faulty,
  FLAG,
  makeOf,
  NUMBER,
  oneOf,
  POSITIVE,
  type Rules,
} from "../check/rule.ts";
import { show } from "../check/show.ts";
import { guard } from "../check/total.ts";
import { allocateFloats, checkSize } from "../check/size.ts";
import type { Matrix } from "../data/matrix.ts";
import { drawFrom, seedRandom, type Source } from "../math/random.ts";
import { type Activation, activation, type ActivationKind, ACTIVATIONS } from "./activations.ts";
import type { Layer, Network } from "./layer.ts";
import { checkNetwork, DEEPEST, layerError } from "./network.ts";

/**
 * Initial weights: uniform in ±√(6/(in + out)) (`glorot`; Glorot and Bengio 2010, equation 16) or in ±√(6/in)
 * (`he`; He et al. 2015; ±√(6/((1 + a²) in)) before a leaky ReLU of slope a), all `zero`, or `auto`: He where the
 * next activation leaves about half of its inputs as they are, as relu and gelu do, Glorot elsewhere, and Glorot with
 * in = 1 for an embedding that no layer norm follows.
 */
export type Initial = "glorot" | "he" | "zero" | "auto";

/** Options of a dense layer or an embedding. */
export interface AffineOptions {
  /** Whether there is a bias, which starts at zero (default true). */
  readonly bias?: boolean;
  /** Initial weights (default `auto`). */
  readonly initial?: Initial;
  /** Whether training leaves the layer as it is (default false). */
  readonly frozen?: boolean;
}

/** A dense layer, or one over sparse features, to be. */
export interface AffineSpec extends Required<AffineOptions>, Faulty {
  /** Which of the two. */
  readonly _tag: "dense" | "embedding";
  /** Features that it gives, at least 1. */
  readonly outputs: number;
}

/** Options of a layer norm. */
export interface LayerNormOptions {
  /** ε > 0, added to the variance (default 1e-5). */
  readonly epsilon?: number;
  /** Whether training leaves the layer as it is (default false). */
  readonly frozen?: boolean;
}

/** A layer norm to be. */
export interface LayerNormSpec extends Required<LayerNormOptions>, Faulty {
  /** A layer norm. */
  readonly _tag: "layerNorm";
}

/** A residual block to be. */
export interface ResidualSpec {
  /** A residual block. */
  readonly _tag: "residual";
  /** The layers inside. */
  readonly layers: readonly LayerSpec[];
}

/** A layer to be. Made by {@link dense}, {@link embedding} and the other constructors. */
export type LayerSpec = AffineSpec | Activation | LayerNormSpec | ResidualSpec;

/** A network to be. */
export interface NetworkSpec {
  /** D, the number of features. */
  readonly inputs: number;
  /** The layers, in order; the last gives the logits. */
  readonly layers: readonly LayerSpec[];
  /** Seed of the initial weights (default 0). */
  readonly seed?: number;
}

/** A multilayer perceptron to be. */
export interface MlpSpec {
  /** D, the number of features, at least 1. */
  readonly inputs: number;
  /** Sizes of the hidden layers, perhaps none. */
  readonly hidden: readonly number[];
  /** C, the number of classes, at least 2. */
  readonly classes: number;
  /** Activation after each hidden layer (default `relu`). */
  readonly activation?: ActivationKind;
  /** Whether the layers have biases (default true). */
  readonly bias?: boolean;
  /** Seed of the initial weights (default 0). */
  readonly seed?: number;
}

const AFFINE: Rules<AffineOptions> = {
  bias: FLAG,
  initial: /* @__PURE__ */ oneOf("glorot", "he", "zero", "auto"),
  frozen: FLAG,
};
const LAYER_NORM: Rules<LayerNormOptions> = { epsilon: POSITIVE, frozen: FLAG };

// Sizes and kinds of activations have errors of their own.
const NETWORK: Rules<NetworkSpec> = {
  inputs: ANY,
  layers: [(value) => Array.isArray(value), "a list of layers"],
  seed: NUMBER,
};
const MLP: Rules<MlpSpec> = {
  inputs: ANY,
  hidden: ANY,
  classes: ANY,
  activation: ANY,
  bias: FLAG,
  seed: NUMBER,
};

/** A dense layer z = W x + b of the given number of outputs. */
export function dense(outputs: number, options: AffineOptions = {}): AffineSpec {
  return makeOf(options, AFFINE, ({ bias = true, initial = "auto", frozen = false }) => {
    return { _tag: "dense", outputs, bias, initial, frozen };
  });
}

/** A dense layer over sparse features, stored one feature a row; first layer only. */
export function embedding(outputs: number, options: AffineOptions = {}): AffineSpec {
  return { ...dense(outputs, options), _tag: "embedding" };
}

/** A layer norm (Ba et al. 2016) that starts with gain 1 and shift 0. */
export function layerNorm(options: LayerNormOptions = {}): LayerNormSpec {
  return makeOf(options, LAYER_NORM, ({ epsilon = 1e-5, frozen = false }) => ({ _tag: "layerNorm", epsilon, frozen }));
}

/** A residual block z = x + f(x) (He et al. 2016); the layers of f must give as many features as they take. */
export function residual(layers: readonly LayerSpec[]): ResidualSpec {
  return { _tag: "residual", layers };
}

/**
 * Numbers uniform in ±bound, or zeros without drawing for bound 0. Errors: `OutOfMemory`.
 * @internal
 */
export function uniformFloats(count: number, bound: number, source: Source): E.Either<FgnError, Float32Array> {
  const values = allocateFloats("parameters", count);
  if (values._tag === "Left" || !(bound > 0)) return values;
  for (let i = 0; i < count; i++) values.right[i] = (source.next() / 2 ** 31 - 1) * bound;
  return values;
}

/**
 * A matrix of such numbers. Errors: `OutOfMemory`.
 * @internal
 */
export function uniformMatrix(
  rows: number,
  cols: number,
  bound: number,
  source: Source,
): E.Either<FgnError, Matrix> {
  return E.map((data: Float32Array) => ({ rows, cols, data }))(uniformFloats(rows * cols, bound, source));
}

const glorot = (inputs: number, outputs: number): number => Math.sqrt(6 / (inputs + outputs));
const he = (inputs: number, slope: number): number => Math.sqrt(6 / ((1 + slope * slope) * inputs));

/**
 * The bound of the initial weights: the next activation is the first of the rest, layer norms skipped.
 *
 * Sparse rows usually have unit length: to an embedding they count as one input, whatever the number of features
 * (docs/speed.md). Before a layer norm the scale is free, and small weights learn faster.
 */
function initialBound(
  { _tag, initial }: AffineSpec,
  inputs: number,
  outputs: number,
  rest: readonly LayerSpec[],
): number {
  if (initial === "auto" && _tag === "embedding" && rest[0]?._tag !== "layerNorm") return glorot(1, outputs);
  const next = rest.find((spec) => spec?._tag !== "layerNorm");
  const facts = next?._tag === "activation" && typeof next.kind === "string" ? ACTIVATIONS[next.kind] : undefined;
  const slope = next?._tag === "activation" && facts?.slope ? next.slope : 0;
  const rule = initial === "auto" ? facts?.initial ?? "glorot" : initial;
  if (rule === "zero") return 0;
  return rule === "glorot" ? glorot(inputs, outputs) : he(inputs, slope);
}

/**
 * The bounds that the initial weights of a first layer may have been drawn within.
 * @internal
 */
export function drawnBounds({ inputs, layers }: Network): readonly number[] {
  const [first, ...rest] = layers;
  if (first?._tag !== "dense" && first?._tag !== "embedding") return [];
  const outputs = first.weight.data.length / inputs;
  const next = rest.find(({ _tag }) => _tag !== "layerNorm"), slope = next?._tag === "activation" ? next.slope : 0;
  const bounds = [glorot(inputs, outputs), he(inputs, 0), he(inputs, slope)];
  return first._tag === "embedding" ? [...bounds, glorot(1, outputs)] : bounds;
}

function startAffine(
  spec: AffineSpec,
  inputs: number,
  rest: readonly LayerSpec[],
  path: string,
  source: Source,
): E.Either<FgnError, Layer> {
  const { _tag, outputs, bias, initial, frozen } = spec;
  const size = checkSize(`${path} outputs`, outputs, 1);
  if (size._tag === "Left") return size;
  if (!["glorot", "he", "zero", "auto"].includes(initial)) {
    return layerError(path, `has unknown initial ${show(initial)}`);
  }
  const [rows, cols] = _tag === "dense" ? [outputs, inputs] : [inputs, outputs];
  const weight = uniformMatrix(rows, cols, initialBound(spec, inputs, outputs, rest), source);
  if (weight._tag === "Left") return weight;
  if (!bias) return E.right({ _tag, weight: weight.right, bias: null, frozen });
  const zeros = uniformFloats(outputs, 0, source);
  return zeros._tag === "Left" ? zeros : E.right({ _tag, weight: weight.right, bias: zeros.right, frozen });
}

function startLayerNorm({ _tag, epsilon, frozen }: LayerNormSpec, inputs: number, source: Source) {
  const gain = uniformFloats(inputs, 0, source);
  if (gain._tag === "Left") return gain;
  const shift = uniformFloats(inputs, 0, source);
  if (shift._tag === "Left") return shift;
  return E.right<FgnError, Layer>({ _tag, gain: gain.right.fill(1), shift: shift.right, epsilon, frozen });
}

function startLayer(
  spec: LayerSpec,
  inputs: number,
  rest: readonly LayerSpec[],
  path: string,
  source: Source,
): E.Either<FgnError, Layer> {
  const fault = faultIn(spec);
  if (fault) return E.left(fault);
  switch (spec?._tag) {
    case "dense":
    case "embedding":
      return startAffine(spec, inputs, rest, path, source);
    case "activation":
      return E.right(spec);
    case "layerNorm":
      return startLayerNorm(spec, inputs, source);
    case "residual":
      return E.map((layers: readonly Layer[]): Layer => ({ _tag: "residual", layers }))(
        startLayers(spec.layers, inputs, `${path}.layers`, source),
      );
    default:
      spec satisfies never;
      return layerError(path, "is of unknown kind");
  }
}

function startLayers(
  specs: readonly LayerSpec[],
  inputs: number,
  path: string,
  source: Source,
): E.Either<FgnError, readonly Layer[]> {
  if (!Array.isArray(specs)) return layerError(path, "is not a list of layers");
  const layers: Layer[] = [];
  let features = inputs;
  if (path.split(".").length > DEEPEST) return layerError(path, `is more than ${DEEPEST} residual blocks deep`);
  for (const [index, spec] of specs.entries()) {
    const layer = startLayer(spec, features, specs.slice(index + 1), `${path}[${index}]`, source);
    if (layer._tag === "Left") return layer;
    layers.push(layer.right);
    if (spec._tag === "dense" || spec._tag === "embedding") features = spec.outputs;
  }
  return E.right(layers);
}

/**
 * A network with initial parameters: weights as each layer says, biases 0, gains 1 and shifts 0; the same for the
 * same seed in every runtime.
 *
 * Errors: `InvalidSize`, `InvalidLayer` (with the path of the layer), `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { dense, gelu, initialise, layerNorm, residual } from "fgn";
 *
 * const block = residual([layerNorm(), dense(64), gelu(), dense(64, { initial: "zero" })]);
 * console.log(initialise({ inputs: 64, layers: [block, block, dense(10)], seed: 1 })._tag); // Right
 * ```
 */
export function initialise(spec: NetworkSpec): E.Either<FgnError, Network> {
  return guard("initialise", { spec }, () => startNetwork(spec));
}

/** A network from its specification. */
function startNetwork(spec: NetworkSpec): E.Either<FgnError, Network> {
  const checked = checkOptions(spec, NETWORK);
  if (checked._tag === "Left") return checked;
  const { inputs, layers, seed = 0 } = checked.right;
  if (layers === undefined) return invalid("layers", layers, NETWORK.layers[1]);
  const features = checkSize("inputs", inputs, 1);
  if (features._tag === "Left") return features;
  const started = startLayers(layers, inputs, "layers", drawFrom(seedRandom(seed)));
  if (started._tag === "Left") return started;
  const last = started.right.findLast(({ _tag }) => _tag === "dense" || _tag === "embedding");
  const outputs = last?._tag === "dense" ? last.weight.rows : last?._tag === "embedding" ? last.weight.cols : inputs;
  return checkNetwork({ _tag: "network", inputs, outputs, layers: started.right });
}

/**
 * A multilayer perceptron: dense hidden layers, each with the activation, and a dense layer for the logits.
 * Errors: `InvalidSize`, `InvalidLayer`, `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { mlp } from "fgn";
 *
 * console.log(mlp({ inputs: 784, hidden: [128, 64], classes: 10, seed: 1 })._tag); // Right
 * ```
 */
export function mlp(spec: MlpSpec): E.Either<FgnError, Network> {
  return guard("mlp", { spec }, () => startMlp(spec));
}

/** A multilayer perceptron from its specification. */
function startMlp(spec: MlpSpec): E.Either<FgnError, Network> {
  const checked = checkOptions(spec, MLP);
  if (checked._tag === "Left") return checked;
  const { inputs, hidden, classes, activation: kind = "relu", bias = true, seed = 0 } = checked.right;
  const sizes = checkKind("hidden", hidden, Array.isArray(hidden), "an array of numbers");
  if (sizes._tag === "Left") return sizes;
  const outputs = checkSize("classes", classes, 2);
  if (outputs._tag === "Left") return outputs;
  const after = activation(kind);
  const layers = [...Array.from(hidden).flatMap((size) => [dense(size, { bias }), after]), dense(classes, { bias })];
  return initialise({ inputs, layers, seed });
}
