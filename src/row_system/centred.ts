/**
 * The centred metric: the inputs of a layer with a bias centred by their batch mean.
 *
 * @module
 */

import type { LayerMetric } from "../tape/tape.ts";
import { BETA, centreInputs, centreSparse, type MetricView } from "./metric.ts";
import { type MetricRule, setLayers } from "./metric_rule.ts";

function centre(layer: LayerMetric, { shares }: MetricView): void {
  if (centreInputs(layer, shares) !== null) layer.setConstant(BETA * layer.inputNorm(shares));
}

/**
 * Centres each layer with a bias, over sparse features too: ā = Σ α_i a_i, b = β = 0.1 Σ α_i ‖a_i − ā‖². Layers without one
 * stay Euclidean.
 */
export const centred: MetricRule<null> = {
  name: "centred",
  init: null,
  set: (view) => {
    for (const layer of view.sparse) centreSparse(layer, view.shares);
    return setLayers(view, centre);
  },
};
