/**
 * The metrics of the damping by name.
 *
 * @module
 */

import { oneOf, type Rules } from "../check/rule.ts";
import { centred } from "./centred.ts";
import { factored } from "./factored.ts";
import { beginUpdate, euclidean, type MetricRule, type MetricUpdate } from "./metric_rule.ts";

/** The option of the metric. */
export interface MetricOptions {
  /**
   * The metric of the damping, over the dense layers. `euclidean` is λ‖d‖² (default). `centred` is
   * λ Σ_l (‖dW‖² + ‖db + dW ā‖²/β) where there is a bias, ā the batch mean of a layer's input and β = 0.1 of the mean
   * ‖a − ā‖²: a step then does not pay for what the mean of the inputs alone does. `factored` also evens out inputs and
   * outputs by their second moments in the batch, as Adam does, but softly and for whole rows and columns:
   * λ Σ_l (Σ_rc (dW_rc/(o_r c_c))² + Σ_r ((db + dW ā)_r/o_r)²/b), with c = ((v + v̄/100)/v̄)^(−¼) of the variances v of the
   * inputs (mean squares without a bias, where ā = 0), v̄ their mean, o likewise of the mean squares of the output signals
   * s δ, and b = 0.1 of the mean ‖(a − ā)∘c‖². It is the metric of `robust` without running means.
   *
   * Inputs with a bias that are the same in all examples stay as they are (ā = 0, c = 1, β = b = 1), as those of one
   * example do: without running means there is nothing to tell their mean from the rest by. For networks; a first
   * layer that reads sparse features is centred where it has a bias, and not evened out. Not with soft targets, label smoothing, ℓ2 or `refine`. The report's
   * gradient norm is that of the metric.
   */
  readonly metric?: "euclidean" | "centred" | "factored";
}

type MetricName = NonNullable<MetricOptions["metric"]>;

/** The rules of the option by name. */
export const METRICS: Readonly<Record<MetricName, MetricRule<null>>> = { euclidean, centred, factored };

/** The rule of the option. */
export const METRIC: Rules<MetricOptions> = { metric: /* @__PURE__ */ oneOf("euclidean", "centred", "factored") };

/** The rule of a name at work; null: the Euclidean one, for which a step prepares nothing. */
export const metricNamed = (name: MetricName): MetricUpdate<null> | null =>
  name === "euclidean" ? null : beginUpdate(METRICS[name], null);
