/**
 * The robust optimizer: Fast Gauss-Newton steps that need no learning rate.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { type Explained, explained } from "../damping/explained.ts";
import type { Batch } from "../data/batch.ts";
import { isSparse } from "../data/sparse.ts";
import type { Network } from "../network/layer.ts";
import { type Model, withArrays } from "../network/model.ts";
import { leavesRowSpace } from "../problem/objective.ts";
import { evenOut } from "../row_system/factored.ts";
import { differ, type MetricView } from "../row_system/metric.ts";
import { checkWhole } from "../step/micro_step.ts";
import type { StepOptions } from "../step/plan.ts";
import { allocation, stepInto } from "../step/step.ts";
import type { LayerMetric } from "../tape/tape.ts";
import { averageArrays, checkAverage, copyArrays, openAverage, shareMemory, warmDecay } from "./average.ts";
import type { Optimizer, Update, UpdateOptions } from "./optimizer.ts";

/** Running means of a dense layer that trains. */
export interface LayerMoments {
  /** Of its D inputs; zeros without a bias, which could not make up for centring. */
  readonly mean: Float32Array;
  /** Of the squares of its D inputs about that mean. */
  readonly variance: Float32Array;
  /** Of the squares of its m output signals s δ. */
  readonly signal: Float32Array;
}

/** The state of {@link robust}. */
export interface RobustState {
  /** Updates done. */
  readonly steps: number;
  /** Running mean of s = 1 − p_y: the part not yet explained. */
  readonly meanSlope: number;
  /** One entry a dense layer that trains, in order; empty before the first update. */
  readonly layers: readonly LayerMoments[];
  /** The running average of the trainable arrays, in order: what to evaluate and to keep. */
  readonly average: readonly Float32Array[];
}

/** Options of {@link robust}. */
export interface RobustOptions {
  /** The one knob: multiplies the damping. Below 1 for clean, dense data, above for noisy labels. Default 1. */
  readonly caution?: number;
  /** `adaptive` starts bold and becomes careful while the misfit stays large (default); `steady` is always careful. */
  readonly damping?: "adaptive" | "steady";
}

/** η of the two-stage system, and the share of its size that a layer may move by. */
const ETA = 0.1, LIMIT = 0.2;
/** The decay of the average. */
const AVERAGE = 0.98;

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
  const centre = rows === 1 && before !== undefined ? before.mean : mean;
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

/** What of robust's step a model, a batch and an objective allow. */
interface Parts {
  readonly metric: boolean;
  readonly twoStage: boolean;
}

/**
 * Gradients outside the margins' row space (soft targets, label smoothing, ℓ2) and models of your own have the Euclidean
 * metric alone; a last layer that is not dense, or reads sparse features, no two-stage bound.
 */
function partsFor(params: Model, batch: Batch, options: UpdateOptions): Parts {
  if (params._tag === "custom" || leavesRowSpace(batch, options)) return { metric: false, twoStage: false };
  const last = params.layers.at(-1);
  const reads = params.layers.length === 1 && isSparse(batch.features);
  return { metric: true, twoStage: last?._tag === "dense" && !last.frozen && !reads };
}

/**
 * The optimizer to start with: nothing to tune. Each update is a step of `fgnStep` with the majorised curvature; a metric
 * that centres the inputs of every dense layer and evens out inputs and output signals by their running second moments
 * (diagonal and Kronecker-factored, as in Adam, but to the power ¼); the two-stage bound of the dropped curvature (η = 0.1);
 * damping tied to the running part not yet explained,
 *
 *     μ = K̄ γ s̄^0.7 √(1 + n/50),      γ = min(.15, max(.02 √(1 + n/50), .15 (s̄/.4)² min(1, n/200)));
 *
 * and a trust region that keeps a layer of several from moving by more than a fifth of its size. The state carries the
 * running average of the parameters (decay min(.98, n/(n + 9))): evaluate and keep that (`train` does).
 *
 * Where a part cannot go along, the step is taken without it: soft targets, label smoothing, ℓ2 and models of your own
 * have the Euclidean metric and no two-stage bound. A layer that reads sparse features has the Euclidean metric; the
 * layers after it keep theirs.
 *
 * Errors: `InvalidOption`, `ShapeMismatch` (a state of another network); those of `fgnStep`.
 *
 * @example
 * ```ts
 * import { batch, matrix, mlp, robust } from "fgn";
 *
 * const optimizer = robust();
 * const network = mlp({ inputs: 2, hidden: [8], classes: 2 });
 * const features = matrix(4, 2, [1, 0, 0, 1, 2, 0, 0, 2]);
 * if (network._tag === "Right" && features._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1, 0, 1] });
 *   if (data._tag === "Right") {
 *     const update = optimizer.update(network.right, optimizer.init(network.right), data.right);
 *     if (update._tag === "Right") console.log(update.right.report.lossBefore, update.right.state.steps);
 *   }
 * }
 * ```
 */
export function robust<M extends Model = Network>(
  { caution = 1, damping: rule = "adaptive" }: RobustOptions = {},
): Optimizer<M, RobustState> {
  const update = (
    params: M,
    state: RobustState,
    batch: Batch,
    { microBatch, ...options }: UpdateOptions = {},
  ): E.Either<FgnError, Update<M, RobustState>> => {
    if (options.momentum !== undefined) {
      return invalid("momentum", options.momentum.decay, "it to fgn: robust gains nothing from it");
    }
    const whole = checkWhole(batch, microBatch, "robust");
    if (whole._tag === "Left") return whole;
    const fits = checkAverage(state.average, params);
    if (fits._tag === "Left") return fits;
    const room = openAverage(options);
    if (room._tag === "Left") return room;
    const { steps, meanSlope } = state;
    const damping: Explained = { ...explained({ caution, rule }), steps, meanSlope };
    const decay = Math.min(0.99, 1 - 1 / (steps + 1));
    let layers = state.layers;
    const metric = (view: MetricView): void => {
      layers = view.layers.map((layer, i) => setLayer(layer, state.layers[i], view, decay));
    };
    const parts = partsFor(params, batch, options);
    const asked: StepOptions = {
      lossAfter: false,
      trustRegion: LIMIT,
      ...options,
      ...(shareMemory(params, state.average) && { donate: false }),
      curvature: "majorized",
      twoStage: parts.twoStage ? ETA : 0,
    };
    const step = stepInto(
      params,
      batch,
      damping,
      asked,
      { _tag: "fgn" },
      allocation(asked),
      parts.metric ? { name: "robust", metric } : null,
    );
    if (step._tag === "Left") return step;
    const { params: next, damping: seen, report } = step.right;
    const { steps: n, meanSlope: mean } = seen as Explained;
    const average = averageArrays(room.right, state.average, next, warmDecay(n, AVERAGE), options.donate === true);
    return E.right({ params: next, state: { steps: n, meanSlope: mean, layers, average }, report });
  };
  return {
    name: "robust",
    notes: notes(caution, rule),
    init: (params) => ({ steps: 0, meanSlope: 0, layers: [], average: copyArrays(params) }),
    update,
    result: (params, state) => withArrays(params, state.average),
  };
}

const notes = (caution: number, rule: string): readonly string[] => [
  "majorised curvature κ(m) ≥ p s: it does not vanish where the model is confidently wrong",
  "metric: centres each dense layer's inputs and evens out inputs and signals by their second moments, so that no direction is starved",
  `two-stage bound of the dropped curvature, η = ${ETA}: keeps the last layer from overshooting between competitors`,
  `damping ${rule}, caution ${caution}: follows the part not yet explained and grows with the steps, so that none interpolates its batch`,
  `trust region ${LIMIT}: no layer of several moves by more than that share of its size; the first steps could multiply it`,
  `evaluates a running average of the parameters, decay min(${AVERAGE}, n/(n + 9))`,
  "knob: caution; below 1 for clean, dense data, above for noisy labels",
];
