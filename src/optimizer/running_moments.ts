/**
 * The metric of `robust`: inputs centred, inputs and output signals evened out, by running means over the batches.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { overflow } from "../check/error.ts";
import { evenOut } from "../row_system/factored.ts";
import { differ, type MetricView } from "../row_system/metric.ts";
import type { MetricRule } from "../row_system/metric_rule.ts";
import type { LayerMetric } from "../tape/tape.ts";
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

/** Updates the moments of a layer from the batch and sets its metric by them. */
function setLayer(layer: LayerMetric, before: LayerMoments | undefined, view: MetricView, decay: number): LayerMoments {
  const { shares, slopeSquares, rows } = view;
  const none = new Float32Array(layer.inputs);
  const mean = layer.hasBias ? follow(before?.mean, layer.mean(shares), decay) : none;
  // One example has no deviation from its own mean: it is taken from the mean before it.
  const known = before?.mean;
  const centre = rows === 1 && known?.length === mean.length ? known : mean;
  layer.setInputs(centre, null);
  const differs = differ(layer, shares, centre);
  const variance = follow(before?.variance, layer.inputSquares(shares), decay);
  const signal = follow(before?.signal, layer.signalSquares(slopeSquares), decay);
  evenOut(layer, shares, { centre, variance, signal });
  if (!differs) {
    // Equal inputs leave nothing but rounding: the layer stays where it is.
    layer.setInputs(centre, none);
    layer.setConstant(0);
  }
  return { mean, variance, signal };
}

/**
 * The rule of the metric of `robust`, for a batch that leaves the running means the share `decay`. It takes every layer.
 * @internal
 */
export const runningMoments = (decay: number): MetricRule<readonly LayerMoments[]> => ({
  name: "robust",
  init: [],
  set: (view, state) => {
    const layers = view.layers.map((layer, i) => setLayer(layer, state[i], view, decay));
    const inRange = layers.every(({ mean, variance, signal }) =>
      areFinite(mean) && areFinite(variance) && areFinite(signal)
    );
    return inRange ? E.right({ state: layers, rest: [] }) : overflow("a layer's inputs or signals");
  },
});
