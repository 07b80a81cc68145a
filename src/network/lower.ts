/**
 * Networks as backends build them: layers as a flat list of instructions over slots.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";
import { type Features, isSparse } from "../data/sparse.ts";
import type { Activation } from "./activations.ts";
import type { Layer, Network } from "./layer.ts";

/** W x + b. */
export interface Product {
  readonly _tag: "product";
  readonly weight: Matrix;
  readonly bias: Float32Array | null;
  readonly trains: boolean;
  /** Whether the weight is stored in × out, one input a row; else out × in. */
  readonly byRow: boolean;
}

/** f(x), element by element. */
export interface Activate {
  readonly _tag: "activate";
  readonly activation: Activation;
}

/** gain ∘ (x − mean)/√(variance + ε) + shift. */
export interface Normalise {
  readonly _tag: "normalise";
  readonly epsilon: number;
  readonly trains: boolean;
}

/** factor · x. */
export interface Multiply {
  readonly _tag: "multiply";
  readonly factor: number;
}

/** x + y. */
export interface Add {
  readonly _tag: "add";
}

/** The computation of an instruction. The arrays are those of the layer, and come in flat order. */
export type Operation = Product | Activate | Normalise | Multiply | Add;

/** One operation over slots: slot 0 holds the features, each instruction writes the next. */
export interface Instruction {
  readonly operation: Operation;
  /** The slots that it reads. */
  readonly from: readonly number[];
  /** How wide the slot is that it writes. */
  readonly width: number;
  /** Whether that changes with the parameters that train. */
  readonly depends: boolean;
}

/** The instructions of a network whose layers are checked; the last writes the logits. */
export function lower({ inputs, layers: all }: Network): readonly Instruction[] {
  const list: Instruction[] = [];
  const widthOf = (slot: number): number => list[slot - 1]?.width ?? inputs;
  /** The slot that an operation writes. */
  const write = (operation: Operation, from: readonly number[], width: number, trains = false): number => {
    const depends = trains || from.some((slot) => list[slot - 1]?.depends);
    return list.push({ operation, from, width, depends });
  };
  const product = (from: number, weight: Matrix, bias: Float32Array | null, trains: boolean, byRow = false): number =>
    write({ _tag: "product", weight, bias, trains, byRow }, [from], byRow ? weight.cols : weight.rows, trains);
  const add = (first: number, second: number): number => write({ _tag: "add" }, [first, second], widthOf(first));
  const lowerLayers = (layers: readonly Layer[], from: number): number =>
    layers.reduce((slot, layer) => lowerLayer(layer, slot), from);
  const lowerLayer = (layer: Layer, from: number): number => {
    switch (layer._tag) {
      case "dense":
      case "embedding":
        return product(from, layer.weight, layer.bias, !layer.frozen, layer._tag === "embedding");
      case "activation":
        return write({ _tag: "activate", activation: layer }, [from], widthOf(from));
      case "layerNorm": {
        const trains = !layer.frozen;
        return write({ _tag: "normalise", epsilon: layer.epsilon, trains }, [from], widthOf(from), trains);
      }
      case "adapter": {
        const base = product(from, layer.weight, layer.bias, false);
        const low = product(from, layer.down, null, !layer.frozen);
        const scaled = write({ _tag: "multiply", factor: layer.scale }, [low], widthOf(low));
        return add(base, product(scaled, layer.up, null, !layer.frozen));
      }
      case "residual":
        return add(from, lowerLayers(layer.layers, from));
      default:
        return layer satisfies never;
    }
  };
  lowerLayers(all, 0);
  return list;
}

/** Whether the logits come from a dense layer that trains and does not read sparse features. */
export function hasDenseHead({ layers }: Network, features: Features): boolean {
  const last = layers[layers.length - 1];
  return last?._tag === "dense" && !last.frozen && !(layers.length === 1 && isSparse(features));
}
