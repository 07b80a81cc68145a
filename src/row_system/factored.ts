/**
 * The factored metric: the inputs of a layer centred and evened out, its outputs evened out, each by second moments to the
 * power ¼: a diagonal, Kronecker-factored metric as in Adam, but softer.
 *
 * @module
 */

import type { LayerMetric } from "../tape/tape.ts";
import { BETA, centreInputs, centreSparse, type MetricView } from "./metric.ts";
import { type MetricRule, setLayers } from "./metric_rule.ts";

/** ((v + v̄/100)/v̄)^(−1/4): scales that even out moments, softly. */
function scales(v: Float32Array): Float32Array {
  let sum = 0;
  for (const x of v) sum += x;
  const mean = sum / v.length, out = new Float32Array(v.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = 1 / Math.sqrt(Math.sqrt(((v[i] as number) + 0.01 * mean + 1e-30) / (mean + 1e-30)));
  }
  return out;
}

/**
 * Sets the metric of a layer by moments: `centre` μ of its inputs (null: zeros), `variance` of its centred inputs, which
 * give c, and `signal` of its squared output signals, which give o; b = 0.1 Σ α_i ‖ā_i‖². Returns c.
 */
export function evenOut(
  layer: LayerMetric,
  shares: number,
  { centre, variance, signal }: {
    readonly centre: Float32Array | null;
    readonly variance: Float32Array;
    readonly signal: Float32Array;
  },
): Float32Array {
  const scale = scales(variance);
  layer.setInputs(centre, scale);
  layer.setOutputs(scales(signal));
  layer.setConstant(BETA * layer.inputNorm(shares));
  return scale;
}

function factor(layer: LayerMetric, { shares, slopeSquares }: MetricView): void {
  const centre = centreInputs(layer, shares), signal = layer.signalSquares(slopeSquares);
  if (layer.hasBias && centre === null) return layer.setOutputs(scales(signal));
  evenOut(layer, shares, { centre, variance: layer.inputSquares(shares), signal });
}

/**
 * The factored metric of the batch alone. Inputs of a layer with a bias that are all the same stay as they are, as in the
 * centred one: only outputs are then evened out. A layer that reads sparse features is centred, and not evened out.
 */
export const factored: MetricRule<null> = {
  name: "factored",
  init: null,
  set: (view) => {
    for (const layer of view.sparse) centreSparse(layer, view.shares);
    return setLayers(view, factor);
  },
};
