/**
 * Rules of metrics: values that set the metrics of a batch's layers, keep a state between batches, and can be combined.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { LayerMetric } from "../tape/tape.ts";
import type { MetricView } from "./metric.ts";

/** What a rule leads to on a batch. */
export interface RuleResult<S> {
  /** The state for the next batch. */
  readonly state: S;
  /** The layers that rules after it may still set, in order. */
  readonly rest: readonly LayerMetric[];
}

/**
 * A rule of metrics. It sets the layers of the view that it takes and leaves the others, which start Euclidean, to the
 * rules after it. A layer that it only gives other units (inputs on another scale, say) it leaves, too: as a `LayerMetric`
 * in those units. So no layer is set twice, each rule reads moments in the units that it sets, and rules over disjoint
 * layers and rules in a row are the same thing. States are plain data, which checkpoints keep and no rule writes to.
 */
export interface MetricRule<S> {
  /** Name of what asks for it, such as an optimizer; errors say it. */
  readonly name: string;
  /** The state before the first batch. */
  readonly init: S;
  /** Sets the metrics of a batch whose values and signals are there. Errors: `WrongKind`, `ShapeMismatch` (a state of other layers). */
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
    return E.map(({ state, rest }: RuleResult<B>) => ({ state: [before.right.state, state] as const, rest }))(after);
  },
});

/** A rule without a state that takes every layer. */
export const statelessRule = (
  name: string,
  setLayer: (layer: LayerMetric, view: MetricView) => void,
): MetricRule<null> => ({
  name,
  init: null,
  set: (view) => {
    for (const layer of view.layers) setLayer(layer, view);
    return E.right({ state: null, rest: [] });
  },
});

/** The parts of a rule that keeps one entry a layer. */
export interface MomentRule<T> {
  readonly name: string;
  /** Whether it takes a layer. */
  readonly takes: (layer: LayerMetric) => boolean;
  /** Checks that a state is empty, or one of the layers taken. */
  readonly check: (state: readonly T[], layers: readonly LayerMetric[]) => E.Either<FgnError, unknown>;
  /** Sets the metric of a layer and returns its entry, given the one before: undefined on the first batch. */
  readonly setLayer: (layer: LayerMetric, before: T | undefined, view: MetricView) => T;
}

/** A rule that keeps one entry a layer taken, in order. */
export const momentRule = <T>({ name, takes, check, setLayer }: MomentRule<T>): MetricRule<readonly T[]> => ({
  name,
  init: [],
  set: (view, state) => {
    const layers = view.layers.filter(takes), fits = check(state, layers);
    if (fits._tag === "Left") return fits;
    return E.right({
      state: layers.map((layer, i) => setLayer(layer, state[i], view)),
      rest: view.layers.filter((layer) => !takes(layer)),
    });
  },
});

/** A rule at work in one step: what the step calls once, and the state that the call led to. */
export interface MetricUpdate<S> {
  readonly name: string;
  readonly set: (view: MetricView) => E.Either<FgnError, unknown>;
  /** The state given, until `set` was called. */
  readonly state: () => S;
}

/** A rule at work, from a state. */
export function beginUpdate<S>(rule: MetricRule<S>, state: S): MetricUpdate<S> {
  let current = state;
  return {
    name: rule.name,
    set: (view) => {
      const result = rule.set(view, state);
      if (result._tag === "Right") current = result.right.state;
      return result;
    },
    state: () => current,
  };
}
