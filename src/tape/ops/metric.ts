// The metric of a dense layer's damping: its inputs centred and scaled, its outputs scaled.

import { f32, f64, NONE } from "../../kernel/arena.ts";
import { type OpMetric, type Slot, up4 } from "../tape.ts";
import type { Context } from "./signals.ts";

/** Where a layer's metric lies: D means, D input scales, m output scales, and the two operands that they give. */
export interface MetricPlaces {
  readonly mean: number;
  readonly inputScale: number;
  readonly outputScale: number;
  readonly inputs: number;
  readonly signals: number;
}

/** Operands of a layer's products, and the factors that take a step out of the metric again. */
export interface Operands {
  /** Ā, D × B panels; or what a two-stage system has in its place, of another width. */
  inputs: number;
  width: number;
  /** Where these inputs lie packed for a projection, or NONE: nowhere yet. */
  packed: number;
  /** Δ̄, m × B panels. */
  signals: number;
  /** b, or 0 without a bias. */
  constant: number;
  /** Addresses of μ, c and o, or NONE. */
  mean: number;
  inputScale: number;
  outputScale: number;
  /** Whether the last three are to be applied: projections then start from zero. */
  finishes: boolean;
}

/** The operands of the Euclidean metric. */
export const euclidean = (input: Slot, output: Slot, hasBias: boolean): Operands => ({
  inputs: input.value,
  width: input.width,
  packed: NONE,
  signals: output.signal,
  constant: hasBias ? 1 : 0,
  mean: NONE,
  inputScale: NONE,
  outputScale: NONE,
  finishes: false,
});

/** The metric of a layer over its operands, which it changes. */
export function layerMetric(
  { kernel, rows, scratch }: Context,
  input: Slot,
  output: Slot,
  hasBias: boolean,
  places: MetricPlaces,
  operands: Operands,
): OpMetric {
  const { exports } = kernel;
  const D = input.width, m = output.width;
  const sums = (width: number, coefficient: number, x: number, y: number): Float32Array => {
    const out = f32(kernel, scratch.panels, width);
    out.fill(0);
    exports.weightedRowSums(width, rows, coefficient, x, y, scratch.panels);
    return out.slice();
  };
  const place = (values: Float32Array | null, address: number): number => {
    if (values === null) return NONE;
    f32(kernel, address, values.length).set(values);
    return address;
  };
  return {
    inputs: D,
    outputs: m,
    hasBias,
    mean: (shares) => sums(D, shares, input.value, NONE),
    setInputs: (mean, scale) => {
      operands.mean = place(mean, places.mean);
      operands.inputScale = place(scale, places.inputScale);
      operands.inputs = places.inputs;
      operands.packed = NONE;
      operands.finishes = true;
      exports.centre(D, rows, input.value, operands.mean, operands.inputScale, places.inputs);
    },
    inputSquares: (shares) => sums(D, shares, operands.inputs, operands.inputs),
    inputNorm: (shares) => {
      exports.columnDots(D, rows, operands.inputs, operands.inputs, scratch.block);
      const alpha = f32(kernel, shares, up4(rows));
      return f64(kernel, scratch.block, rows).reduce((sum, v, i) => sum + (alpha[i] as number) * v, 0);
    },
    signalSquares: (coefficients) => sums(m, coefficients, output.signal, output.signal),
    setOutputs: (scale) => {
      operands.outputScale = place(scale, places.outputScale);
      operands.signals = places.signals;
      operands.finishes = true;
      exports.centre(m, rows, output.signal, NONE, operands.outputScale, places.signals);
    },
    setConstant: (value) => {
      if (hasBias) operands.constant = value;
    },
    reset: () => void Object.assign(operands, euclidean(input, output, hasBias)),
  };
}
