/**
 * The robust optimizer: Fast Gauss-Newton steps that need no learning rate.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "../batch.ts";
import { invalid, relative } from "../damping.ts";
import type { FgnError } from "../error.ts";
import type { LayerMetric } from "../kernel/tape.ts";
import { mapTrainable, trainableArrays } from "../network/flat.ts";
import type { Network } from "../network/layer.ts";
import { copyModel } from "../network/model.ts";
import type { StepRule } from "../plan.ts";
import { evenOut } from "../row_system/factored.ts";
import { differ, type MetricView } from "../row_system/metric.ts";
import { stepInto } from "../step.ts";
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
  /** The running average of the parameters: the network to evaluate and to keep. */
  readonly average: Network;
}

/** Options of {@link robust}. */
export interface RobustOptions {
  /** The one knob: multiplies the damping. Below 1 for clean, dense data, above for noisy labels. Default 1. */
  readonly caution?: number;
  /** `adaptive` starts bold and becomes careful while the misfit stays large (default); `steady` is always careful. */
  readonly damping?: "adaptive" | "steady";
}

/** γ of the steady rule, and the most of the adaptive one. */
const GAMMA = 0.15;
/** η of the two-stage system, and the share of its size that a layer may move by. */
const ETA = 0.1, LIMIT = 0.2;
/** The least μ/K̄, where all is explained: float32 resolves the Gram matrix no further. */
const LEAST = 1e-6;

/** γ of the n-th step. */
function gammaOf(rule: "adaptive" | "steady", n: number, meanSlope: number): number {
  if (rule === "steady") return GAMMA;
  const misfit = GAMMA * (meanSlope / 0.4) ** 2 * Math.min(1, n / 200);
  return Math.min(GAMMA, Math.max(0.02 * Math.sqrt(1 + n / 50), misfit));
}

/** decay · before + (1 − decay) · now. */
function mix(before: Float32Array | undefined, now: Float32Array, decay: number): Float32Array {
  if (before === undefined) return now;
  const out = new Float32Array(now.length);
  for (let i = 0; i < out.length; i++) out[i] = decay * (before[i] as number) + (1 - decay) * (now[i] as number);
  return out;
}

/** Updates the moments of a layer from the batch and sets its metric by them. */
function setLayer(layer: LayerMetric, before: LayerMoments | undefined, view: MetricView, decay: number): LayerMoments {
  const { shares, slopeSquares, rows } = view;
  const none = new Float32Array(layer.inputs);
  const mean = layer.hasBias ? mix(before?.mean, layer.mean(shares), decay) : none;
  // One example has no deviation from its own mean: it is taken from the mean before it.
  const centre = rows === 1 && before !== undefined ? before.mean : mean;
  layer.setInputs(centre, null);
  const differs = differ(layer, shares, centre);
  const variance = mix(before?.variance, layer.inputSquares(shares), decay);
  const signal = mix(before?.signal, layer.signalSquares(slopeSquares), decay);
  evenOut(layer, shares, { centre, variance, signal });
  if (!differs) {
    // Equal inputs leave nothing but rounding: the layer stays where it is.
    layer.setInputs(centre, none);
    layer.setConstant(0);
  }
  return { mean, variance, signal };
}

/** decay · average + (1 − decay) · params. */
function averaged(average: Network, params: Network, decay: number): Network {
  const arrays = trainableArrays(params);
  let index = 0;
  return mapTrainable(average, (array) => mix(array, arrays[index++] as Float32Array, decay));
}

/**
 * The optimizer to start with: nothing to tune. Each update is a step of `fgnStep` with the majorised curvature; a metric
 * that centres the inputs of every dense layer and evens out inputs and output signals by their running second moments
 * (diagonal and Kronecker-factored, as in Adam, but to the power ¼); the two-stage bound of the dropped curvature (η = 0.1);
 * damping tied to the running part not yet explained,
 *
 *     μ = K̄ γ s̄^0.7 √(1 + n/50),      γ = min(.15, max(.02 √(1 + n/50), .15 (s̄/.4)² min(1, n/200)));
 *
 * and a trust region that keeps a hidden layer from moving by more than a fifth of its size. The state carries the running
 * average of the parameters (decay min(.98, n/(n + 9))): evaluate and keep that (`train` does).
 *
 * For networks with dense features whose last layer is dense and trains. Errors: `InvalidOption`; those of `fgnStep`.
 *
 * @example
 * ```ts
 * import { batch, matrix, mlp, robust } from "@fgn/fgn";
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
export function robust({ caution = 1, damping = "adaptive" }: RobustOptions = {}): Optimizer<Network, RobustState> {
  const update = (
    params: Network,
    state: RobustState,
    batch: Batch,
    options: UpdateOptions = {},
  ): E.Either<FgnError, Update<Network, RobustState>> => {
    if (!(caution > 0 && caution < Infinity)) return invalid("caution", caution, "a positive number");
    if (damping !== "adaptive" && damping !== "steady") return invalid("damping", damping, "adaptive or steady");
    const n = state.steps + 1;
    const decay = Math.min(0.99, 1 - 1 / n);
    let layers: readonly LayerMoments[] = [], meanSlope = state.meanSlope;
    const rule: StepRule = {
      name: "robust",
      metric: (view) => {
        layers = view.layers.map((layer, i) => setLayer(layer, state.layers[i], view, decay));
      },
      ratio: (slope, power) => {
        meanSlope += Math.max(0.02, 1 / n) * (slope - meanSlope);
        const ratio = caution * gammaOf(damping, n, meanSlope) * power(meanSlope, 0.7) * Math.sqrt(1 + n / 50);
        return Math.max(LEAST, ratio);
      },
      limit: LIMIT,
    };
    const asked = { lossAfter: false, ...options, curvature: "majorized", twoStage: ETA } as const;
    const step = stepInto(params, batch, relative(1), asked, { _tag: "fgn" }, copyModel, rule);
    if (step._tag === "Left") return step;
    const { params: next, report } = step.right;
    const average = averaged(state.average, next, Math.min(0.98, n / (n + 9)));
    return E.right({ params: next, state: { steps: n, meanSlope, layers, average }, report });
  };
  return {
    init: (params) => ({ steps: 0, meanSlope: 0, layers: [], average: params }),
    update,
    result: (_, state) => state.average,
  };
}
