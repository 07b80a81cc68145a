/**
 * What a backend builds of a network: its layers as a flat list of instructions over slots.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";
import { type Features, isSparse } from "../data/sparse.ts";
import type { Activation } from "./activations.ts";
import type { Layer, Network } from "./layer.ts";

/** What instructions write: the slot after that of the instruction before. Slot 0 holds the features. */
interface Output {
  readonly width: number;
  /** Whether it changes with the parameters that train. */
  readonly depends: boolean;
}

/** W x + b. */
export interface Product extends Output {
  readonly _tag: "product";
  readonly input: number;
  readonly weight: Matrix;
  readonly bias: Float32Array | null;
  readonly trains: boolean;
  /** Whether the weight is stored in × out, one input a row; else out × in. */
  readonly byRow: boolean;
}

/** f(x), element by element. */
export interface Activate extends Output {
  readonly _tag: "activate";
  readonly input: number;
  readonly activation: Activation;
}

/** gain ∘ (x − mean)/√(variance + ε) + shift. */
export interface Normalise extends Output {
  readonly _tag: "normalise";
  readonly input: number;
  readonly epsilon: number;
  readonly trains: boolean;
}

/** factor · x. */
export interface Multiply extends Output {
  readonly _tag: "multiply";
  readonly input: number;
  readonly factor: number;
}

/** The sum of two slots. */
export interface Add extends Output {
  readonly _tag: "add";
  readonly first: number;
  readonly second: number;
}

/** One operation of a network. The arrays that instructions have are those of the network, in flat order. */
export type Instruction = Product | Activate | Normalise | Multiply | Add;

/** A slot: its number, and what wrote it. */
interface Value extends Output {
  readonly slot: number;
}

function write(list: Instruction[], instruction: Instruction): Value {
  const { width, depends } = instruction;
  return { slot: list.push(instruction), width, depends };
}

function product(
  list: Instruction[],
  input: Value,
  weight: Matrix,
  bias: Float32Array | null,
  trains: boolean,
  byRow = false,
): Value {
  const width = byRow ? weight.cols : weight.rows, depends = trains || input.depends;
  return write(list, { _tag: "product", input: input.slot, width, depends, weight, bias, trains, byRow });
}

function add(list: Instruction[], first: Value, second: Value): Value {
  const { width } = first, depends = first.depends || second.depends;
  return write(list, { _tag: "add", first: first.slot, second: second.slot, width, depends });
}

function lowerLayer(list: Instruction[], layer: Layer, input: Value): Value {
  const { slot, width, depends } = input;
  switch (layer._tag) {
    case "dense":
    case "embedding":
      return product(list, input, layer.weight, layer.bias, !layer.frozen, layer._tag === "embedding");
    case "activation":
      return write(list, { _tag: "activate", input: slot, width, depends, activation: layer });
    case "layerNorm": {
      const trains = !layer.frozen, { epsilon } = layer;
      return write(list, { _tag: "normalise", input: slot, width, depends: depends || trains, epsilon, trains });
    }
    case "adapter": {
      const base = product(list, input, layer.weight, layer.bias, false);
      const low = product(list, input, layer.down, null, !layer.frozen);
      const scaled = write(list, { ...low, _tag: "multiply", input: low.slot, factor: layer.scale });
      return add(list, base, product(list, scaled, layer.up, null, !layer.frozen));
    }
    case "residual":
      return add(list, input, lowerLayers(list, layer.layers, input));
    default:
      return layer satisfies never;
  }
}

const lowerLayers = (list: Instruction[], layers: readonly Layer[], input: Value): Value =>
  layers.reduce((value, layer) => lowerLayer(list, layer, value), input);

/** The instructions of a network whose layers are checked; the last writes the logits. */
export function lower({ inputs, layers }: Network): readonly Instruction[] {
  const list: Instruction[] = [];
  lowerLayers(list, layers, { slot: 0, width: inputs, depends: false });
  return list;
}

/** Whether the logits come from a dense layer that trains and does not read sparse features. */
export function hasDenseHead({ layers }: Network, features: Features): boolean {
  const last = layers.at(-1);
  return last?._tag === "dense" && !last.frozen && !(layers.length === 1 && isSparse(features));
}
