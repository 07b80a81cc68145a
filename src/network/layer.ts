/**
 * Networks as plain data: the fields of each layer.
 *
 * Layers are made by the constructors of this folder, which validate them, and are not written to. They hold
 * nothing but numbers, strings and typed arrays, so `structuredClone` and `postMessage` copy them.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";
import type { Activation, ActivationKind } from "./activations.ts";

/** z = W x + b. */
export interface Dense {
  /** A dense layer. */
  readonly _tag: "dense";
  /** out × in weight, one output a row (as in PyTorch and safetensors files). */
  readonly weight: Matrix;
  /** out biases, or null: none. */
  readonly bias: Float32Array | null;
  /** Whether training leaves it as it is. */
  readonly frozen: boolean;
}

/** z = Wᵀ x + b for sparse features x: a dense layer stored one feature a row. First layer only. */
export interface Embedding {
  /** A dense layer over sparse features. */
  readonly _tag: "embedding";
  /** in × out weight, one feature a row (as PyTorch's EmbeddingBag): a step touches the rows of its batch. */
  readonly weight: Matrix;
  /** out biases, or null: none. */
  readonly bias: Float32Array | null;
  /** Whether training leaves it as it is. */
  readonly frozen: boolean;
}

/** z = gain ∘ (x − mean)/√(variance + ε) + shift, over the features of one example. */
export interface LayerNorm {
  /** A layer norm. */
  readonly _tag: "layerNorm";
  /** One factor a feature. */
  readonly gain: Float32Array;
  /** One summand a feature. */
  readonly shift: Float32Array;
  /** ε > 0. */
  readonly epsilon: number;
  /** Whether training leaves gain and shift as they are. */
  readonly frozen: boolean;
}

/** z = W x + b + scale · U V x: a frozen dense layer with trainable factors of low rank (LoRA). */
export interface Adapter {
  /** A low-rank adapter. */
  readonly _tag: "adapter";
  /** out × in weight W, frozen. */
  readonly weight: Matrix;
  /** out biases, frozen, or null: none. */
  readonly bias: Float32Array | null;
  /** rank × in factor V. */
  readonly down: Matrix;
  /** out × rank factor U. */
  readonly up: Matrix;
  /** Usually alpha/rank. */
  readonly scale: number;
  /** Whether training leaves the factors as they are, too. */
  readonly frozen: boolean;
}

/** z = x + f(x), f the layers inside, which must give as many features as they take. */
export interface Residual {
  /** A residual block. */
  readonly _tag: "residual";
  /** The layers of f, in order. */
  readonly layers: readonly Layer[];
}

/** Any layer. */
export type Layer = Dense | Embedding | Activation | LayerNorm | Adapter | Residual;

/**
 * A layer z = W x + b whose arrays are its own.
 *
 * @internal
 */
export type Affine = Dense | Embedding;

/** The name of a kind of layer. */
type LayerTag = Layer["_tag"];

/** The layers of one kind. */
type LayerOf<Tag extends LayerTag> = Extract<Layer, { readonly _tag: Tag }>;

/**
 * An array of a layer: its shape, and whether training and weight decay change it.
 *
 * @internal
 */
export interface ArrayField {
  /** A matrix with its rows and columns, a vector, or a vector that may be missing (null). */
  readonly shape: "matrix" | "vector" | "vector or null";
  /** Whether training changes it where the layer is not frozen. */
  readonly trains: boolean;
  /** Whether it is a weight, which weight decay makes smaller, rather than a bias, a gain or a shift. */
  readonly decays: boolean;
  /** Along what there is one entry an output of the layer, of which it may get more; null: nowhere. */
  readonly outputs: "rows" | "cols" | null;
}

/**
 * A field of a layer: an array, or a value that is not trained.
 *
 * @internal
 */
export type Field = ArrayField | "number" | "boolean" | "activation" | "layers";

type Shaped<Shape extends ArrayField["shape"]> = ArrayField & { readonly shape: Shape };

/** The fields that may stand for one of type T. */
type FieldOf<T> = [T] extends [Matrix] ? Shaped<"matrix">
  : [T] extends [Float32Array] ? Shaped<"vector">
  : [T] extends [Float32Array | null] ? Shaped<"vector or null">
  : [T] extends [number] ? "number"
  : [T] extends [boolean] ? "boolean"
  : [T] extends [ActivationKind] ? "activation"
  : "layers";

/** Facts of the layers of one kind. */
interface LayerFacts<Tag extends LayerTag> {
  /** Features that it takes where it is the first layer. */
  readonly features: "dense" | "sparse" | "either";
  /**
   * Whether it is an {@link Affine} one. Its arrays can take in the scales of its inputs, so that features may be standardised
   * before it; what another kind does to raw features is not linear in them, or goes on without its arrays.
   */
  readonly affine: LayerOf<Tag> extends Affine ? true : false;
  /** All fields beside the tag; arrays in flat order. */
  readonly fields: {
    readonly [Name in Exclude<keyof LayerOf<Tag>, "_tag">]: FieldOf<LayerOf<Tag>[Name]>;
  };
}

const WEIGHT = { shape: "matrix", trains: true, decays: true, outputs: "rows" } as const;
const BIAS = { shape: "vector or null", trains: true, decays: false, outputs: "rows" } as const;
const FACTOR = { shape: "vector", trains: true, decays: false, outputs: null } as const;

/**
 * Every kind of layer. JSON, flat vectors, copies, donation, upload to a device, weight decay and growth follow from it;
 * network.ts checks shapes, and lower.ts says what a layer computes.
 *
 * @internal
 */
export const LAYERS: { readonly [Tag in LayerTag]: LayerFacts<Tag> } = {
  dense: { features: "either", affine: true, fields: { weight: WEIGHT, bias: BIAS, frozen: "boolean" } },
  embedding: {
    features: "sparse",
    affine: true,
    fields: { weight: { ...WEIGHT, outputs: "cols" }, bias: BIAS, frozen: "boolean" },
  },
  activation: { features: "dense", affine: false, fields: { kind: "activation", slope: "number" } },
  layerNorm: {
    features: "dense",
    affine: false,
    fields: { gain: FACTOR, shift: FACTOR, epsilon: "number", frozen: "boolean" },
  },
  adapter: {
    features: "either",
    // W and b are frozen, and were made for the features as they are.
    affine: false,
    fields: {
      weight: { ...WEIGHT, trains: false },
      bias: { ...BIAS, trains: false },
      frozen: "boolean",
      down: { ...WEIGHT, outputs: null },
      up: WEIGHT,
      scale: "number",
    },
  },
  residual: { features: "dense", affine: false, fields: { layers: "layers" } },
};

/**
 * Whether a layer is z = W x + b with arrays of its own.
 *
 * @internal
 */
export const isAffine = (layer: Layer): layer is Affine => LAYERS[layer._tag].affine;

/** A network: features go through the layers in order; the last gives the logits. */
export interface Network {
  /** A network. */
  readonly _tag: "network";
  /** D, the number of features. */
  readonly inputs: number;
  /** C, the number of classes. */
  readonly outputs: number;
  /** The layers, in order. */
  readonly layers: readonly Layer[];
}

/**
 * Features that a network takes, as its first layer does. Its layers are checked.
 *
 * @internal
 */
export function takesFeatures({ layers: [first] }: Network): "dense" | "sparse" | "either" {
  return first === undefined ? "dense" : LAYERS[first._tag].features;
}
