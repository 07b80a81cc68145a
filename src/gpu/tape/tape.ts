/**
 * A network on a batch on the device, as a list of operations over slots.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../../check/error.ts";
import type { Layer, Network } from "../../network/layer.ts";
import type { Encoder } from "../device/encoder.ts";
import type { Scope } from "../device/pool.ts";
import { blocks, checkFits, type Limits, rowsOf, type View, view, whole } from "../device/view.ts";
import { activation, add, type Context, normalise, type Op, product, type Slot } from "./ops.ts";
import { marginSignals, marginStats } from "./shaders/margin.ts";
import type { Tensor } from "./tensor.ts";

/** A network opened on examples. */
export interface Tape extends Context {
  readonly ops: readonly Op[];
  readonly slots: readonly Slot[];
  readonly logits: Slot;
}

/** What a tape is for. */
export interface Needs {
  /** Signals are sent back. */
  readonly signals: boolean;
  /** There are passes at trial parameters. */
  readonly trial: boolean;
}

/** What a network is compiled with. */
interface Compiler extends Context {
  readonly needs: Needs;
  readonly ops: Op[];
  readonly slots: Slot[];
  /** A matrix of B rows; a stand-in where it is not wanted. */
  readonly matrix: (cols: number, wanted: boolean) => View;
  /** The place of the next tensor. */
  readonly next: () => number;
}

function slotOf({ needs, slots, matrix }: Compiler, width: number, depends: boolean): Slot {
  const value = matrix(width, true);
  const trial = depends && needs.trial ? matrix(width, true) : value;
  const slot = { width, depends, value, trial, signal: matrix(width, depends && needs.signals) };
  slots.push(slot);
  return slot;
}

/** An affine map into a new slot. */
function affine(to: Compiler, input: Slot, width: number, hasBias: boolean, trains: boolean): Slot {
  const weight = to.next(), bias = hasBias ? to.next() : null;
  const output = slotOf(to, width, input.depends || trains);
  to.ops.push(product(to, input, output, { weight, bias, trains }));
  return output;
}

function sum(to: Compiler, first: Slot, second: Slot, factor: number): Slot {
  const output = slotOf(to, first.width, first.depends || second.depends);
  to.ops.push(add(to, first, second, factor, output));
  return output;
}

function compileLayer(to: Compiler, layer: Layer, input: Slot): Slot {
  switch (layer._tag) {
    case "activation": {
      const output = slotOf(to, input.width, input.depends);
      to.ops.push(activation(to, input, output, layer));
      return output;
    }
    case "residual":
      return sum(to, input, compileLayers(to, layer.layers, input), 1);
    case "adapter": {
      const base = affine(to, input, layer.weight.rows, layer.bias !== null, false);
      const low = affine(to, input, layer.down.rows, false, !layer.frozen);
      return sum(to, base, affine(to, low, layer.up.rows, false, !layer.frozen), layer.scale);
    }
    case "layerNorm": {
      const trains = !layer.frozen, D = input.width, { epsilon } = layer;
      const gain = to.next(), shift = to.next(), output = slotOf(to, D, input.depends || trains);
      const normalised = to.matrix(D, true), inverse = to.matrix(1, true);
      const gainSignal = to.matrix(D, trains && to.needs.signals);
      to.ops.push(normalise(to, input, output, { gain, shift, trains, epsilon, normalised, inverse, gainSignal }));
      return output;
    }
    default:
      return affine(to, input, layer.weight.rows, layer.bias !== null, !layer.frozen);
  }
}

function compileLayers(to: Compiler, layers: readonly Layer[], input: Slot): Slot {
  return layers.reduce((slot, layer) => compileLayer(to, layer, slot), input);
}

/** The widest of the slots that layers make. */
export function widest(layers: readonly Layer[]): number {
  return layers.reduce((most, layer) => {
    if (layer._tag === "residual") return Math.max(most, widest(layer.layers));
    if (layer._tag === "activation" || layer._tag === "layerNorm") return most;
    return Math.max(most, layer.weight.rows, layer._tag === "adapter" ? layer.down.rows : 0);
  }, 0);
}

/** Opens a network on B × D features that lie on the device. Errors: `OutOfMemory`. */
export function compile(
  limits: Limits,
  network: Network,
  features: View,
  scope: Scope,
  needs: Needs,
): E.Either<FgnError, Tape> {
  const { rows } = features;
  const fits = checkFits(limits, "the activations", rows, widest(network.layers));
  if (fits._tag === "Left") return fits;
  let places = 0;
  const standIn = view(features.buffer, 0, 0);
  const to: Compiler = {
    limits,
    rows,
    needs,
    ops: [],
    slots: [],
    matrix: (cols, wanted) => wanted ? view(scope.acquire(4 * rows * cols), rows, cols) : standIn,
    next: () => places++,
  };
  const input = { width: features.cols, depends: false, value: features, trial: features, signal: standIn };
  const logits = compileLayers(to, network.layers, input);
  return E.right({ limits, rows, ops: to.ops, slots: to.slots, logits });
}

/** Values of all slots, to the logits. */
export function forward({ ops }: Tape, encoder: Encoder, tensors: readonly Tensor[], trial: boolean): void {
  for (const op of ops) if (!trial || op.output.depends) op.forward(encoder, { tensors, trial });
}

/** Margins of the logits: their scalars to `stats` (B × 4), and the signals of the logits with those of the values. */
export function marginPass({ limits, rows, logits }: Tape, encoder: Encoder, labels: View, stats: View, pass: {
  readonly trial: boolean;
  readonly signals: boolean;
}): void {
  const from = pass.trial ? logits.trial : logits.value, C = logits.width;
  for (const [first, end] of blocks(limits, rows, C)) {
    const views = [from, labels, stats, ...pass.signals ? [logits.signal] : []].map((of) => rowsOf(of, first, end));
    encoder.dispatch(pass.signals ? marginSignals : marginStats, [C], views, end - first);
  }
}

/** Signals of all slots from those at the logits. */
export function backward({ ops, slots, logits }: Tape, encoder: Encoder, tensors: readonly Tensor[]): void {
  for (const slot of slots) if (slot.depends && slot !== logits) encoder.clear(whole(slot.signal));
  for (const op of [...ops].reverse()) if (op.output.depends) op.backward(encoder, tensors);
}
