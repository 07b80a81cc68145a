/**
 * The online optimizer: learning from single examples and small batches without forgetting.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { makeOf, POSITIVE, type Rules } from "../check/rule.ts";
import { relative } from "../damping/damping.ts";
import type { Batch } from "../data/batch.ts";
import { weightFlags } from "../network/flat.ts";
import type { Network } from "../network/layer.ts";
import type { Model } from "../network/model.ts";
import { metricGoes } from "../step/places.ts";
import { changesByRow } from "./by_row.ts";
import { centredWidths, type InputMoments, pooledMoments } from "./moments.ts";
import { guarded } from "./inner.ts";
import type { Optimizer, UpdateOptions } from "./optimizer.ts";
import { ruleUpdate } from "./rule_update.ts";
import { checkAmount, checkCounted, checkLayers, invalidState } from "./state.ts";

/** The state of {@link online}: plain data. */
export interface OnlineState {
  /** Updates done. */
  readonly steps: number;
  /** Examples that the moments are of, weights counted: those of the updates and those only observed. */
  readonly examples: number;
  /** One entry a dense layer with a bias that trains, in order; empty where there is none, or nothing was seen. */
  readonly layers: readonly InputMoments[];
}

/** Options of {@link online}. */
export interface OnlineOptions {
  /**
   * The one knob: μ/K̄ > 0. A single example of margin m and misfit s moves by s/(κ + ratio); above the default for noisy
   * labels and to keep more of what is known, at the price of slower learning. Default 0.003 (bench/online tells how it was
   * tried); 0.3 where a weight that trains has the Euclidean metric.
   */
  readonly ratio?: number;
}

/**
 * Rules of the options of {@link online}.
 * @internal
 */
export const ONLINE: Rules<OnlineOptions> = { ratio: POSITIVE };

/**
 * μ/K̄ where the metric of the running moments is that of all weights, and where it is not: bold Euclidean steps forget
 * (docs/speed.md).
 */
const RATIO = 0.003, EUCLIDEAN_RATIO = 0.3;
/** The share of its size that a layer of a network may move by. */
const LIMIT = 0.2;

/**
 * A state that updates and observations may have led to. Errors: `WrongKind`, `InvalidState`.
 * @internal
 */
export function checkOnlineState(state: OnlineState): E.Either<FgnError, OnlineState> {
  const counted = checkCounted(state);
  if (counted._tag === "Left") return counted;
  const examples = checkAmount("examples", state.examples);
  if (examples._tag === "Left") return examples;
  const layers = checkLayers(state.layers, ["mean", "variance"]);
  if (layers._tag === "Left") return layers;
  // Moments of no example would be forgotten, and examples without moments count for what was not seen.
  return (state.examples > 0) === (layers.right.length > 0) ? counted : invalidState("examples", state.examples);
}

/** Σω of a batch. */
const sumWeights = ({ features, weights }: Batch): number =>
  weights === null ? features.rows : weights.reduce((sum, w) => sum + w, 0);

/**
 * The numbers of inputs of the layers whose metric a step may set: none beside a gradient outside the row space.
 * @internal
 */
export const widthsFor = (params: Model, batch: Batch, options: UpdateOptions): number[] =>
  metricGoes(params, batch, options) ? centredWidths(params, batch.features) : [];

/**
 * The optimizer for examples that arrive one at a time or a few at a time, and for classes that were not there before
 * (see {@link adapt}, which also grows the network). Each update is a step of `fgnStep` with the majorised curvature and
 * damping μ = ratio · K̄, without an average: it moves the margin of a single example with slope s by about s/κ, far
 * enough to be right about it, in the metric
 *
 *     dᵀMd = Σ_l ‖dW diag(c)⁻¹‖² + ‖db + dW μ_l‖²/β,      c = (v/v̄ + .01)^−½,  β = 0.1 Σ v c²,
 *
 * of the running means μ_l and variances v of each layer's inputs over all examples seen, the batch included (a single
 * example has no mean of its own to be centred by). What changes least is then the output for inputs like those seen
 * before: that is what keeps the old classes. Let the moments see the known inputs by {@link observe} before the first
 * update; without, they start from the first examples. Hidden layers move by at most a fifth of their size.
 *
 * A layer of sparse features, an adapter, a layer without a bias, and with soft targets, label smoothing, ℓ2 or a model of
 * your own all layers have the Euclidean metric instead, in which steps disturb more; where a weight that trains has it,
 * the ratio is 0.3. Freeze a first layer that reads sparse features: the layers after it then learn by their metric alone.
 *
 * Errors: `InvalidOption`, `InvalidState` (one that no update gives), `ShapeMismatch` (a state of another network);
 * those of `fgnStep`.
 *
 * @example
 * ```ts
 * import { batch, matrix, online, zeroHead } from "fgn";
 *
 * const optimizer = online();
 * const head = zeroHead({ features: 2, classes: 2 });
 * const features = matrix(1, 2, [1, 0]);
 * if (head._tag === "Right" && features._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [1] });
 *   if (data._tag === "Right") {
 *     const update = optimizer.update(head.right, optimizer.init(head.right), data.right);
 *     if (update._tag === "Right") console.log(update.right.state.examples); // 1
 *   }
 * }
 * ```
 */
export function online<M extends Model = Network>(options: OnlineOptions = {}): Optimizer<M, OnlineState> {
  return changesByRow(guarded(makeOf(options, ONLINE, makeOnline<M>)));
}

function makeOnline<M extends Model>({ ratio }: OnlineOptions): Optimizer<M, OnlineState> {
  const update = ruleUpdate<M, OnlineState>("online", (params, state, batch, options) => {
    const checked = checkOnlineState(state);
    if (checked._tag === "Left") return checked;
    const widths = widthsFor(params, batch, options), hasMetric = widths.length > 0;
    const weight = sumWeights(batch), examples = state.examples + (hasMetric ? weight : 0);
    const isCentred = widths.length === weightFlags(params).filter((isWeight) => isWeight).length;
    return E.right({
      damping: relative(ratio ?? (isCentred ? RATIO : EUCLIDEAN_RATIO)),
      options: { lossAfter: false, trustRegion: LIMIT, ...options, curvature: "majorized" },
      rule: hasMetric ? pooledMoments(weight / examples) : null,
      stateAfter: (_, layers) => ({ steps: state.steps + 1, examples, layers }),
    });
  });
  return {
    name: "online",
    notes: notes(ratio),
    init: () => ({ steps: 0, examples: 0, layers: [] }),
    update,
    result: (params) => params,
  };
}

const notes = (ratio: number | undefined): readonly string[] => [
  "majorised curvature κ(m) ≥ p s: a step on one example goes about as far as it takes to be right about it",
  "metric: centres each dense layer's inputs by their running means and evens them out by their running variances, so that outputs for inputs seen before change least",
  `damping μ = ${ratio ?? RATIO} K̄${
    ratio === undefined ? ` (${EUCLIDEAN_RATIO} K̄ where a weight that trains has not that metric)` : ""
  }`,
  `trust region ${LIMIT}: no layer of several moves by more than that share of its size`,
  "no average: the parameters count as they are after each step",
  "knob: ratio; higher for noisy labels and to keep more of what is known, lower to learn faster",
];
