/**
 * Rules of metrics: values that set the metrics of a batch's layers, keep a state between batches, and can be combined.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { LayerMetric } from "../tape/tape.ts";
import type { MetricView } from "./metric.ts";

/** The result of a rule on a batch. */
export interface RuleResult<S> {
  /** The state for the next batch. */
  readonly state: S;
  /** The layers that rules after it may still set, in order. */
  readonly rest: readonly LayerMetric[];
}

/**
 * A rule of metrics. It decides on the layers of the view that it takes, and leaves the others, which start Euclidean, to
 * the rules after it. A layer that it only gives other units, such as inputs on another scale, it leaves as well: as a
 * `LayerMetric` in those units. So one rule decides on a layer, each reads moments in the units that it sets, and rules
 * over disjoint layers are not another thing than rules in a row. A state is plain data, which checkpoints keep; no rule
 * writes to it.
 */
export interface MetricRule<S> {
  /** Name of what asks for it, such as an optimizer; errors say it. */
  readonly name: string;
  /** The state before the first batch. */
  readonly init: S;
  /** Sets metrics, once values and signals are there. Errors: `WrongKind`, `ShapeMismatch` (a state of other layers). */
  readonly set: (view: MetricView, state: S) => E.Either<FgnError, RuleResult<S>>;
}

/** One rule before another, which sees the layers that the first one leaves, as it leaves them. The state is a pair. */
export const combine = <A, B>(first: MetricRule<A>, second: MetricRule<B>): MetricRule<readonly [A, B]> => ({
  name: `${first.name}, ${second.name}`,
  init: [first.init, second.init],
  set: (view, [a, b]) => {
    const before = first.set(view, a);
    if (before._tag === "Left") return before;
    const after = second.set({ ...view, layers: before.right.rest }, b);
    if (after._tag === "Left") return after;
    return E.right({ state: [before.right.state, after.right.state], rest: after.right.rest });
  },
});

/** Sets every layer: the whole of a rule without a state. */
export function setLayers(
  view: MetricView,
  setLayer: (layer: LayerMetric, view: MetricView) => void,
): E.Either<never, RuleResult<null>> {
  for (const layer of view.layers) setLayer(layer, view);
  return E.right({ state: null, rest: [] });
}

/** The Euclidean metric, in which layers start. */
export const euclidean: MetricRule<null> = { name: "euclidean", init: null, set: (view) => setLayers(view, () => {}) };

/** A rule at work in one step: what the step calls once, and the state that the call led to. */
export interface MetricUpdate<S> {
  readonly name: string;
  readonly set: (view: MetricView) => E.Either<FgnError, unknown>;
  /** The state given, until `set` was called. */
  readonly state: () => S;
}

/** A rule at work, from a state. */
export function beginUpdate<S>({ name, set }: MetricRule<S>, state: S): MetricUpdate<S> {
  let current = state;
  return {
    name,
    set: (view) => {
      const result = set(view, state);
      if (result._tag === "Right") current = result.right.state;
      return result;
    },
    state: () => current,
  };
}
