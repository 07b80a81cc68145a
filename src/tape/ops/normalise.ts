// Layer norm over the features of each example.

import { f32, f64, NONE } from "../../kernel/arena.ts";
import { frozenPart, type RowPart } from "../row_part.ts";
import { addressOf, type Op, type Slot, type Tensor, up4 } from "../tape.ts";
import { addDots, addGram } from "./gram.ts";
import type { Context } from "./signals.ts";

/** A layer norm to be. */
interface NormaliseSpec extends Context {
  readonly input: Slot;
  readonly output: Slot;
  readonly gain: Tensor;
  readonly shift: Tensor;
  readonly epsilon: number;
  /** (x − mean)/√(variance + ε), in panels. */
  readonly normalised: number;
  /** 1/√(variance + ε) of each example. */
  readonly inverse: number;
  /** The two above for trial passes. */
  readonly trialNormalised: number;
  readonly trialInverse: number;
}

/** signal ∘ normalised, in the shared panels: the derivatives by the gain. */
function formGainSignals({ kernel, rows, output, normalised, scratch }: NormaliseSpec): number {
  const length = output.width * up4(rows);
  f32(kernel, scratch.panels, length).fill(0);
  kernel.exports.multiplyAdd(length, output.signal, normalised, scratch.panels);
  return scratch.panels;
}

/** Adds the squared norms of the derivatives by gain and shift to B numbers. */
function addSquares(spec: NormaliseSpec, out: Float64Array): void {
  const { kernel, rows, output, scratch } = spec;
  for (const panels of [formGainSignals(spec), output.signal]) {
    kernel.exports.columnDots(output.width, rows, panels, panels, scratch.block);
    const part = f64(kernel, scratch.block, rows);
    for (let i = 0; i < rows; i++) out[i] = (out[i] as number) + (part[i] as number);
  }
}

/** Adds its part of K times B coefficients: the outputs that the steps of gain and shift lead to, along the signals. */
function multiply(spec: NormaliseSpec, coefficient: number, out: Float64Array): void {
  const { kernel, rows, output: { width: D, signal }, normalised, inverse, scratch: { products, image } } = spec;
  const { exports } = kernel, shift = products + 4 * D;
  f32(kernel, products, 2 * D).fill(0);
  exports.weightedRowSums(D, rows, coefficient, signal, normalised, products);
  exports.weightedRowSums(D, rows, coefficient, signal, NONE, shift);
  exports.normaliseTangent(D, rows, NONE, normalised, inverse, NONE, products, shift, image);
  addDots(spec, D, signal, out);
}

/** Its part of the row system: gain and shift are one feature an output each. */
function rowPart(spec: NormaliseSpec): RowPart {
  const { output: { width: D, signal } } = spec;
  return {
    gram: ({ sum }) => {
      addGram(spec, D, formGainSignals(spec), sum);
      addGram(spec, D, signal, sum);
    },
    squares: (out) => addSquares(spec, out),
    multiply: (coefficient, out) => multiply(spec, coefficient, out),
    twoStage: null,
    moves: false,
    inputs: 1,
    productWork: 2 * D,
    gramWork: 2 * D,
  };
}

/** A layer norm. */
export function normalise(spec: NormaliseSpec): Op {
  const { kernel, rows, input, output, gain, shift, epsilon, normalised, inverse } = spec;
  const { exports } = kernel;
  const D = output.width;
  const { trainable } = gain;
  return {
    tensors: [gain, shift],
    output,
    forward: ({ vector, trial }) => {
      const g = addressOf(gain, vector), s = addressOf(shift, vector);
      if (!trial) exports.normalise(D, rows, epsilon, g, s, input.value, output.value, normalised, inverse);
      else {
        const { trialNormalised, trialInverse } = spec;
        exports.normalise(D, rows, epsilon, g, s, input.trial, output.trial, trialNormalised, trialInverse);
      }
    },
    backward: (theta) => {
      if (!input.depends) return;
      const g = addressOf(gain, theta);
      exports.normaliseBackward(D, rows, g, normalised, inverse, output.signal, input.signal);
    },
    tangent: (theta, direction) => {
      exports.normaliseTangent(
        D,
        rows,
        addressOf(gain, theta),
        normalised,
        inverse,
        input.depends ? input.tangent : NONE,
        trainable ? direction + gain.place : NONE,
        trainable ? direction + shift.place : NONE,
        output.tangent,
      );
    },
    project: (coefficient, into) => {
      if (!trainable) return;
      exports.weightedRowSums(D, rows, coefficient, output.signal, normalised, into + gain.place);
      exports.weightedRowSums(D, rows, coefficient, output.signal, NONE, into + shift.place);
    },
    rowPart: trainable ? rowPart(spec) : frozenPart(2 * D),
    metric: null,
  };
}
