/**
 * Networks as plain data: what each layer holds.
 *
 * Layers are made by the constructors of this folder, which validate them, and are not written to. They hold
 * nothing but numbers, strings and typed arrays, so `structuredClone` and `postMessage` copy them.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";

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

/** The elementwise functions. `gelu` is x Φ(x) with the exact Gaussian Φ; `silu` is x σ(x). */
export type ActivationKind = "relu" | "leakyRelu" | "tanh" | "sigmoid" | "gelu" | "silu";

/** An elementwise function. */
export interface Activation {
  /** An elementwise function. */
  readonly _tag: "activation";
  /** Which one. */
  readonly kind: ActivationKind;
  /** Slope below zero of `leakyRelu`; 0 for the others. */
  readonly slope: number;
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
