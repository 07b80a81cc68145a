// The metric of a dense layer's damping: its inputs centred and scaled, its outputs scaled.

import { f32, NONE } from "../../kernel/arena.ts";
import type { OpMetric, Slot } from "../tape.ts";
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
  /** The address of Ā, D × B panels; or of what a two-stage system has in its place, of another width. */
  readInputs: () => number;
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
  readInputs: () => input.value,
  width: input.width,
  packed: NONE,
  signals: output.signal,
  constant: hasBias ? 1 : 0,
  mean: NONE,
  inputScale: NONE,
  outputScale: NONE,
  finishes: false,
});

/** Inputs centred and scaled, as a metric asks for them. */
interface Centring {
  /** Addresses of μ and c, or NONE. */
  readonly mean: number;
  readonly scale: number;
  /** Whether Ā is in its place: it is made when somebody reads it, for more than one μ and c may be tried. */
  written: boolean;
  /** Σ α_i (a_i − μ)², once it is asked for. */
  squares: Float32Array | null;
}

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
  let centring: Centring | null = null;
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
  /** Σ α_i (a_i − μ)², feature by feature. */
  const squaresOf = (shares: number): Float32Array => {
    const known = centring?.squares;
    if (known) return known;
    exports.centredSquares(D, rows, shares, input.value, centring?.mean ?? NONE, scratch.panels);
    const squares = f32(kernel, scratch.panels, D).slice();
    if (centring !== null) centring.squares = squares;
    return squares;
  };
  const inputSquares = (shares: number): Float32Array => {
    const squares = squaresOf(shares), scale = centring?.scale ?? NONE;
    if (scale === NONE) return squares;
    const c = f32(kernel, scale, D);
    return squares.map((v, i) => v * (c[i] as number) ** 2);
  };
  const write = (): number => {
    const { mean, scale, written } = centring as Centring;
    if (!written) exports.centre(D, rows, input.value, mean, scale, places.inputs);
    (centring as Centring).written = true;
    return places.inputs;
  };
  return {
    _tag: "dense",
    inputs: D,
    outputs: m,
    hasBias,
    mean: (shares) => sums(D, shares, input.value, NONE),
    setInputs: (mean, scale) => {
      const same = mean !== null && centring !== null && centring.mean !== NONE &&
        f32(kernel, places.mean, D).every((v, i) => v === mean[i]);
      const squares = same ? (centring as Centring).squares : null;
      operands.mean = place(mean, places.mean);
      operands.inputScale = place(scale, places.inputScale);
      centring = { mean: operands.mean, scale: operands.inputScale, written: false, squares };
      operands.readInputs = write;
      operands.packed = NONE;
      operands.finishes = true;
    },
    inputSquares,
    inputNorm: (shares) => inputSquares(shares).reduce((sum, v) => sum + v, 0),
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
    reset: () => {
      centring = null;
      Object.assign(operands, euclidean(input, output, hasBias));
    },
  };
}
