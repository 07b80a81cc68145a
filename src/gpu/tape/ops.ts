/**
 * The operations of a network on the device: forward, backward, their part of the Gram matrix, and their step.
 *
 * As on the CPU (src/tape/tape.ts) an operation reads slots written before it and writes one. Here signals are
 * normalised, and everything is cut into blocks of rows that a binding can hold.
 *
 * @module
 */

import { type Activation, ACTIVATIONS } from "../../network/activations.ts";
import type { Encoder } from "../device/encoder.ts";
import { bits, GROUP, type Shader, TILE } from "../device/shader.ts";
import { blocks, type Limits, type Range, rowsOf, type View, whole } from "../device/view.ts";
import { activation as activate, activationBackward, addScaled, multiply, updateSums } from "./shaders/elementwise.ts";
import { gram } from "./shaders/gram.ts";
import { normalise as normaliseRows, normaliseBackward } from "./shaders/normalise.ts";
import { backwardProduct, forwardProduct, updateProduct } from "./shaders/product.ts";
import type { Tensor } from "./tensor.ts";

/** Where the activations of one layer boundary lie: B × width each. */
export interface Slot {
  readonly width: number;
  /** Whether it changes with the trainable parameters; it has signals only then. */
  readonly depends: boolean;
  readonly value: View;
  /** Values at trial parameters; those above where they do not depend on them. */
  readonly trial: View;
  /** Derivatives of the margins. */
  readonly signal: View;
}

/** Which parameters a forward pass reads and which values it writes. */
export interface Pass {
  readonly tensors: readonly Tensor[];
  readonly trial: boolean;
}

/** A step on its way into new tensors: θ′ = θ + Jᵀ a. */
export interface Update {
  readonly from: readonly Tensor[];
  readonly to: readonly Tensor[];
  /** B row coefficients a. */
  readonly scale: View;
  /** A word that becomes 1 where a parameter is not finite. */
  readonly fault: Range;
}

/** One operation. */
export interface Op {
  readonly output: Slot;
  readonly forward: (encoder: Encoder, pass: Pass) => void;
  /** Adds what the signal of its output sends back to the signals of its inputs. */
  readonly backward: (encoder: Encoder, tensors: readonly Tensor[]) => void;
  /** Adds its part to K. */
  readonly gram: (encoder: Encoder, K: View) => void;
  /** Writes its tensors of an update. */
  readonly update: (encoder: Encoder, update: Update) => void;
}

/** The surroundings of every operation. */
export interface Context {
  readonly limits: Limits;
  readonly rows: number;
}

const tiles = (count: number): number => Math.ceil(count / TILE);

/** Workgroups for `count` elements, in two dimensions where one does not do. */
function flat({ groups }: Limits, count: number): readonly [number, number] {
  const all = Math.ceil(count / GROUP), x = Math.min(all, groups);
  return [x, Math.ceil(all / x)];
}

const nothing = (): void => {};
const read = ({ value, trial }: Slot, pass: Pass): View => pass.trial ? trial : value;

/** Runs a shader over equally long arrays, element by element. */
export function elementwise(
  { limits }: Pick<Context, "limits">,
  encoder: Encoder,
  shader: Shader,
  words: readonly number[],
  ...views: readonly [View, ...View[]]
): void {
  const [{ rows, cols }] = views;
  for (const [from, to] of blocks(limits, rows, cols)) {
    const count = (to - from) * cols;
    encoder.dispatch(shader, [count, ...words], views.map((of) => rowsOf(of, from, to)), ...flat(limits, count));
  }
}

/** K += (A Aᵀ + constant) ∘ (Δ Δᵀ), on and below the diagonal; without inputs: constant Δ Δᵀ. */
function addGram({ limits }: Context, encoder: Encoder, inputs: View | null, signals: View, constant: number, K: View) {
  const { rows, cols: ld } = K, outputs = signals.cols, depth = inputs?.cols ?? 0;
  const left = inputs ?? signals;
  for (const [from, to] of blocks(limits, rows, depth, outputs, ld)) {
    for (const [first, end] of blocks(limits, to, depth, outputs)) {
      const words = [to - from, end - first, depth, outputs, ld, from, first, bits(constant)];
      const bindings = [
        rowsOf(left, from, to),
        rowsOf(left, first, end),
        rowsOf(signals, from, to),
        rowsOf(signals, first, end),
        rowsOf(K, from, to),
      ];
      encoder.dispatch(gram, words, bindings, tiles(end - first), tiles(to - from));
    }
  }
}

/** to = from + Σ_i a_i X_i, column by column. */
function updateColumns({ limits, rows }: Context, encoder: Encoder, X: View, place: number, update: Update): void {
  const { scale, fault } = update, from = update.from[place] as Tensor, to = update.to[place] as Tensor;
  for (const [first, end] of blocks(limits, rows, X.cols)) {
    const words = [X.cols, end - first, first === 0 ? 0 : 1];
    const bindings = [rowsOf(X, first, end), rowsOf(scale, first, end), whole(from), whole(to), fault];
    encoder.dispatch(updateSums, words, bindings, ...flat(limits, X.cols));
  }
}

/** The tensors of a dense product, by their places among all. */
export interface ProductPlaces {
  readonly weight: number;
  /** Null: none. */
  readonly bias: number | null;
  readonly trains: boolean;
}

/** to = from + Rᵀ A with R = diag(a) Δ, over blocks of the weight's rows and of the examples. */
function updateWeight({ limits, rows }: Context, encoder: Encoder, A: View, S: View, place: number, update: Update) {
  const { scale, fault } = update, from = update.from[place] as Tensor, to = update.to[place] as Tensor;
  const { rows: m, cols: n } = from;
  for (const [first, end] of blocks(limits, m, n)) {
    for (const [low, high] of blocks(limits, rows, m, n)) {
      const words = [end - first, n, high - low, m, n, n, first, 0, low === 0 ? 0 : 1];
      const bindings = [
        rowsOf(S, low, high),
        rowsOf(A, low, high),
        rowsOf(scale, low, high),
        rowsOf(from, first, end),
        rowsOf(to, first, end),
        fault,
      ];
      encoder.dispatch(updateProduct, words, bindings, tiles(n), tiles(end - first));
    }
  }
}

/** out = W in + b. */
export function product(context: Context, input: Slot, output: Slot, { weight, bias, trains }: ProductPlaces): Op {
  const { limits, rows } = context, D = input.width, C = output.width;
  return {
    output,
    forward: (encoder, pass) => {
      const x = read(input, pass), out = read(output, pass), W = pass.tensors[weight] as Tensor;
      for (const [low, high] of blocks(limits, rows, D, C)) {
        for (const [first, end] of blocks(limits, C, D)) {
          const left = rowsOf(x, low, high), right = rowsOf(W, first, end);
          const added = bias === null ? right : whole(pass.tensors[bias] as Tensor);
          const words = [high - low, end - first, D, D, D, C, 0, first, bias === null ? 0 : 1];
          const bindings = [left, right, added, rowsOf(out, low, high)];
          encoder.dispatch(forwardProduct, words, bindings, tiles(end - first), tiles(high - low));
        }
      }
    },
    backward: (encoder, tensors) => {
      if (!input.depends) return;
      const W = tensors[weight] as Tensor;
      for (const [low, high] of blocks(limits, rows, D, C)) {
        for (const [first, end] of blocks(limits, C, D)) {
          const words = [high - low, D, end - first, C, D, D, first, 0, 0];
          const bindings = [rowsOf(output.signal, low, high), rowsOf(W, first, end), rowsOf(input.signal, low, high)];
          encoder.dispatch(backwardProduct, words, bindings, tiles(D), tiles(high - low));
        }
      }
    },
    gram: (encoder, K) => {
      if (trains) addGram(context, encoder, input.value, output.signal, bias === null ? 0 : 1, K);
    },
    update: (encoder, update) => {
      if (!trains) return;
      updateWeight(context, encoder, input.value, output.signal, weight, update);
      if (bias !== null) updateColumns(context, encoder, output.signal, bias, update);
    },
  };
}

/** out = f(in). */
export function activation(context: Context, input: Slot, output: Slot, { kind, slope }: Activation): Op {
  const facts = ACTIVATIONS[kind], words = [facts.number, bits(facts.slope === null ? 0 : slope)];
  return {
    output,
    forward: (encoder, pass) => elementwise(context, encoder, activate, words, read(input, pass), read(output, pass)),
    backward: (encoder) => {
      if (!input.depends) return;
      elementwise(context, encoder, activationBackward, words, input.value, output.signal, input.signal);
    },
    gram: nothing,
    update: nothing,
  };
}

/** out = factor · (the sum of the inputs). */
function scaledSum(context: Context, inputs: readonly Slot[], factor: number, output: Slot): Op {
  const words = [bits(factor)];
  return {
    output,
    forward: (encoder, pass) => {
      const out = read(output, pass);
      encoder.clear(whole(out));
      for (const slot of inputs) elementwise(context, encoder, addScaled, words, read(slot, pass), out);
    },
    backward: (encoder) => {
      for (const slot of inputs) {
        if (slot.depends) elementwise(context, encoder, addScaled, words, output.signal, slot.signal);
      }
    },
    gram: nothing,
    update: nothing,
  };
}

/** out = first + second. */
export const add = (context: Context, first: Slot, second: Slot, output: Slot): Op =>
  scaledSum(context, [first, second], 1, output);

/** out = factor · in. */
export const multiple = (context: Context, factor: number, input: Slot, output: Slot): Op =>
  scaledSum(context, [input], factor, output);

/**
 * A layer norm's tensors by their places, and its buffers: x̂ and 1/√(variance + ε), which a trial may write over, since all
 * that reads them comes before, and signal ∘ x̂.
 */
export interface NormalisePlaces {
  readonly gain: number;
  readonly shift: number;
  readonly trains: boolean;
  readonly epsilon: number;
  readonly normalised: View;
  readonly inverse: View;
  readonly gainSignal: View;
}

/** out = gain ∘ (x − mean)/√(variance + ε) + shift. */
export function normalise(context: Context, input: Slot, output: Slot, places: NormalisePlaces): Op {
  const { limits, rows } = context, D = output.width;
  const { gain, shift, trains, epsilon, normalised, inverse, gainSignal } = places;
  return {
    output,
    forward: (encoder, pass) => {
      const bound = [whole(pass.tensors[gain] as Tensor), whole(pass.tensors[shift] as Tensor)];
      for (const [from, end] of blocks(limits, rows, D)) {
        const written = [read(output, pass), normalised, inverse].map((of) => rowsOf(of, from, end));
        const bindings = [rowsOf(read(input, pass), from, end), ...bound, ...written];
        encoder.dispatch(normaliseRows, [D, bits(epsilon)], bindings, end - from);
      }
    },
    backward: (encoder, tensors) => {
      if (!input.depends) return;
      for (const [from, end] of blocks(limits, rows, D)) {
        const views = [normalised, inverse, output.signal, input.signal].map((of) => rowsOf(of, from, end));
        encoder.dispatch(normaliseBackward, [D], [whole(tensors[gain] as Tensor), ...views], end - from);
      }
    },
    gram: (encoder, K) => {
      if (!trains) return;
      elementwise(context, encoder, multiply, [], output.signal, normalised, gainSignal);
      addGram(context, encoder, null, gainSignal, 1, K);
      addGram(context, encoder, null, output.signal, 1, K);
    },
    update: (encoder, update) => {
      if (!trains) return;
      updateColumns(context, encoder, gainSignal, gain, update);
      updateColumns(context, encoder, output.signal, shift, update);
    },
  };
}
