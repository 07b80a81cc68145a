/**
 * The centred metric: the inputs of a layer with a bias centred by their batch mean.
 *
 * @module
 */

import { BETA, centreInputs } from "./metric.ts";
import { type MetricRule, statelessRule } from "./metric_rule.ts";

/** Centres each layer with a bias: ā = Σ α_i a_i, b = β = 0.1 Σ α_i ‖a_i − ā‖². Layers without one stay Euclidean. */
export const centred: MetricRule<null> = statelessRule("centred", (layer, { shares }) => {
  if (centreInputs(layer, shares) !== null) layer.setConstant(BETA * layer.inputNorm(shares));
});
