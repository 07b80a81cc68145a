// A network and examples for every kind of layer and every activation: a kind without one does not compile.

import {
  type ActivationKind,
  type Adapter,
  type Batch,
  type Dense,
  type Embedding,
  getOrThrow,
  type Layer,
  type LayerNorm,
  type Network,
  network,
} from "../../mod.ts";
import { ACTIVATIONS } from "../../src/network/activations.ts";
import { examples } from "./random_network.ts";
import { uniform } from "./reference.ts";

/** The names of all activations. */
export const ACTIVATION_KINDS = Object.keys(ACTIVATIONS) as ActivationKind[];

/** Features, width of the hidden layers, classes, examples. */
const D = 5, W = 6, C = 3, B = 7;

const scaled = (count: number, seed: number): Float32Array => uniform(count, seed).map((v) => v / 2);
const matrix = (rows: number, cols: number, seed: number) => ({ rows, cols, data: scaled(rows * cols, seed) });

/** A dense layer that trains. */
function dense(outputs: number, inputs: number, seed: number): Dense {
  return { _tag: "dense", weight: matrix(outputs, inputs, seed), bias: scaled(outputs, seed + 1), frozen: false };
}

const embedding: Embedding = { _tag: "embedding", weight: matrix(D, W, 10), bias: scaled(W, 11), frozen: false };
const gain = scaled(W, 20).map((v) => v + 1);
const norm: LayerNorm = { _tag: "layerNorm", gain, shift: scaled(W, 21), epsilon: 1e-3, frozen: false };
const factors = { down: matrix(2, W, 32), up: matrix(W, 2, 33) };
const adapter: Adapter = { ...dense(W, W, 30), _tag: "adapter", ...factors, scale: 0.7, frozen: false };

const activationOf = (kind: ActivationKind): Layer => ({
  _tag: "activation",
  kind,
  slope: ACTIVATIONS[kind].slope === null ? 0 : 0.3,
});

/** Layers of each kind that take and give W features; embeddings take D sparse ones. */
const VARIANTS: Readonly<Record<Layer["_tag"], readonly (readonly [variant: string, layer: Layer])[]>> = {
  dense: [
    ["with a bias", dense(W, W, 1)],
    ["without a bias", { ...dense(W, W, 2), bias: null }],
    ["frozen", { ...dense(W, W, 3), frozen: true }],
  ],
  embedding: [
    ["with a bias", embedding],
    ["without a bias", { ...embedding, bias: null }],
    ["frozen", { ...embedding, frozen: true }],
  ],
  activation: ACTIVATION_KINDS.map((kind) => [kind, activationOf(kind)]),
  layerNorm: [["that trains", norm], ["frozen", { ...norm, frozen: true }]],
  adapter: [
    ["with a bias", adapter],
    ["without a bias", { ...adapter, bias: null }],
    ["frozen", { ...adapter, frozen: true }],
  ],
  residual: [
    ["around a layer", { _tag: "residual", layers: [dense(W, W, 4)] }],
    ["in another", { _tag: "residual", layers: [norm, { _tag: "residual", layers: [adapter, activationOf("tanh")] }] }],
  ],
};

/** A network with a layer of one kind, and examples. */
export interface KindCase {
  readonly name: string;
  readonly kind: Layer["_tag"];
  readonly model: Network;
  readonly data: Batch;
}

/** The layer between two dense ones, with a tanh before the last; an embedding is the first. */
export const kindCases: readonly KindCase[] = Object.values(VARIANTS).flat().map(([variant, layer]) => {
  const isSparse = layer._tag === "embedding", first = isSparse ? [layer] : [dense(W, D, 5), layer];
  const model = getOrThrow(network(D, [...first, activationOf("tanh"), dense(C, W, 7)]));
  return { name: `${layer._tag} ${variant}`, kind: layer._tag, model, data: examples(B, D, C, 8, isSparse) };
});
