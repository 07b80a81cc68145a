/**
 * The metric of `robust`: inputs centred, inputs and output signals evened out, by running means over the batches.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { overflow } from "../check/error.ts";
import { evenOut } from "../row_system/factored.ts";
import { BETA, centreSparse, differ, type MetricView, ROUNDING, spreadOf, squareOf } from "../row_system/metric.ts";
import type { MetricRule } from "../row_system/metric_rule.ts";
import type { LayerMetric, SparseMetric } from "../tape/tape.ts";
import { areFinite } from "./state.ts";

/** Running means of a dense layer that trains. */
export interface LayerMoments {
  /** Means of its D inputs; zeros without a bias, which could not make up for centring. */
  readonly mean: Float32Array;
  /** Means of the squares of its D inputs about that mean. */
  readonly variance: Float32Array;
  /** Means of the squares of its m output signals s δ. */
  readonly signal: Float32Array;
}

/** The running mean after one more; there is none before the first batch, nor of an array that has grown. */
function follow(before: Float32Array | undefined, now: Float32Array, decay: number): Float32Array {
  if (before?.length !== now.length) return now;
  const out = new Float32Array(now.length);
  for (let i = 0; i < out.length; i++) out[i] = decay * (before[i] as number) + (1 - decay) * (now[i] as number);
  return out;
}

/**
 * Whether the examples of a batch differ in a layer's inputs, of which the squares about a centre and the mean are given.
 * They do where the squares are more than twice those of the mean's own distance from the centre; else the mean is made
 * the centre, to tell.
 */
function vary(
  layer: LayerMetric,
  shares: number,
  squares: Float32Array,
  mean: Float32Array,
  distance: number,
): boolean {
  const spread = squares.reduce((sum, v) => sum + v, 0);
  if (spread > 2 * distance + 10 * ROUNDING * squareOf(mean)) return true;
  layer.setInputs(mean, null);
  return differ(layer, shares, mean);
}

/** The least β of inputs that do not vary, as a share of ‖a∘c‖². */
const LEAST_BETA = 1e-4;
/** The least normal number of float32. */
const TINY = 2 ** -126;

/** β of a spread, where the inputs, of that square, do not vary: where nothing is spread biases still learn. */
function leastConstant(spread: number, square: number): number {
  const beta = Math.max(BETA * spread, LEAST_BETA * square);
  return beta >= TINY ? beta : 1;
}

/** Updates the moments of a layer from the batch and sets its metric by them. */
function setLayer(layer: LayerMetric, before: LayerMoments | undefined, view: MetricView, decay: number): LayerMoments {
  const { shares, slopeSquares, rows } = view, { hasBias } = layer;
  const none = new Float32Array(layer.inputs), now = hasBias ? layer.mean(shares) : none;
  const mean = hasBias ? follow(before?.mean, now, decay) : none;
  // One example has no deviation from its own mean: it is taken from the mean before it.
  const known = before?.mean;
  const centre = rows === 1 && known?.length === mean.length ? known : mean;
  layer.setInputs(centre, null);
  const squares = layer.inputSquares(shares);
  const distance = squareOf(now.map((a, i) => a - (centre[i] as number)));
  const isStill = hasBias && (rows === 1 || !vary(layer, shares, squares, now, distance));
  const isRounding = isStill && distance <= ROUNDING * squareOf(now);
  const variance = follow(before?.variance, isRounding ? none : squares, decay);
  const signal = follow(before?.signal, layer.signalSquares(slopeSquares), decay);
  const scale = evenOut(layer, shares, { centre, variance, signal });
  if (isRounding) layer.setInputs(centre, none);
  if (isStill) {
    // A single example near the mean would have next to no β of its own, and take steps out of proportion.
    const spread = rows === 1 ? spreadOf(variance, scale) : layer.inputNorm(shares);
    layer.setConstant(leastConstant(spread, squareOf(now.map((a, i) => a * (scale[i] as number)))));
  }
  return { mean, variance, signal };
}

/** Centres sparse inputs by the mean of the batch: running means would change rows of the table that it does not read. */
function setSparse(layer: SparseMetric, { shares }: MetricView): void {
  if (!centreSparse(layer, shares)) layer.setConstant(leastConstant(layer.inputNorm(shares), 0));
}

/**
 * The rule of the metric of `robust`, for a batch that leaves the running means the share `decay`. It takes every layer.
 * @internal
 */
export const runningMoments = (decay: number): MetricRule<readonly LayerMoments[]> => ({
  name: "robust",
  init: [],
  set: (view, state) => {
    for (const layer of view.sparse) setSparse(layer, view);
    const layers = view.layers.map((layer, i) => setLayer(layer, state[i], view, decay));
    const inRange = layers.every(({ mean, variance, signal }) =>
      areFinite(mean) && areFinite(variance) && areFinite(signal)
    );
    return inRange ? E.right({ state: layers, rest: [] }) : overflow("a layer's inputs or signals");
  },
});
