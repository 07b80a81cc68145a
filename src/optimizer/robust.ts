/**
 * The robust optimizer: Fast Gauss-Newton steps that need no learning rate.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { checkOptions, makeOf, oneOf, POSITIVE, type Rules } from "../check/rule.ts";
import { type Misfit, misfit } from "../damping/damping.ts";
import { donateModel } from "../network/donate.ts";
import type { Network } from "../network/layer.ts";
import { checkModel, copyModel, type Model } from "../network/model.ts";
import type { StepOptions } from "../step/options.ts";
import { metricGoes, twoStageGoes } from "../step/places.ts";
import { averageOf, type Averages, beginAverage, checkAverage, shareMemory, startAverage } from "./average.ts";
import { changesByRow } from "./by_row.ts";
import { guarded } from "./inner.ts";
import { type Optimizer, SHRINK, type ShrinkOptions } from "./optimizer.ts";
import { ruleUpdate } from "./rule_update.ts";
import { type LayerMoments, runningMoments } from "./running_moments.ts";
import { checkShrinkage, openShrink, type Shrinkage, shrinkInPlace } from "./shrink.ts";
import { checkAmount, checkCounted, checkLayers, invalidState } from "./state.ts";

/** The state of {@link robust}. */
export interface RobustState extends Averages {
  /** Updates done. */
  readonly steps: number;
  /** Running mean of s = 1 − p_y: the part not yet explained. */
  readonly meanSlope: number;
  /** One entry a dense layer that trains, in order; empty before the first update. */
  readonly layers: readonly LayerMoments[];
  /** What the damping is multiplied by beside the option, as `steer` says; none: 1. */
  readonly caution?: number;
}

/** Options of {@link robust}. */
export interface RobustOptions {
  /** The one knob: multiplies the damping. Below 1 for clean, dense data, above for noisy labels. Default 1. */
  readonly caution?: number;
  /**
   * The rule of the damping: `adaptive` starts bold and becomes careful while the misfit stays large (default); `steady` is
   * always careful.
   */
  readonly rule?: "adaptive" | "steady";
}

const ROBUST: Rules<RobustOptions & { readonly damping?: unknown }> = {
  caution: POSITIVE,
  rule: /* @__PURE__ */ oneOf("adaptive", "steady"),
  damping: [() => false, "it as the option rule"],
};

/** η of the two-stage system, and the share of its size that a layer may move by. */
const ETA = 0.1, LIMIT = 0.2;
/** The decay of the average. */
const AVERAGE = 0.98;

/** Checks all but the average. Errors: `WrongKind`, `InvalidState`. */
function checkRobustState(state: RobustState): E.Either<FgnError, unknown> {
  const counted = checkCounted(state);
  if (counted._tag === "Left") return counted;
  const slope = checkAmount("meanSlope", state.meanSlope);
  if (slope._tag === "Left") return slope;
  const { caution = 1 } = state;
  if (!POSITIVE[0](caution)) return invalidState("caution", caution);
  return checkLayers(state.layers, ["mean", "variance", "signal"]);
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
 * Where the inputs a of a layer are the same in all examples, b = 0.1 of their mean ‖ā‖² is at least 1e-4 ‖a∘c‖², and 1
 * where they are zeros, so that biases still learn: the shares of the classes. A single example is centred by the
 * running mean before it, with b = 0.1 Σ v c² of the running variances v, and the same least.
 *
 * Where a part cannot go along, the step is taken without it: soft targets, label smoothing, ℓ2 and models of your own
 * have the Euclidean metric and no two-stage bound. A layer that reads sparse features is centred by the mean of the batch,
 * where it has a bias, and not evened out: a step changes the rows that the batch reads alone.
 *
 * Errors: `InvalidOption`, `InvalidState` (one that no update gives), `ShapeMismatch` (a state of another network);
 * those of `fgnStep`.
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
export function robust<M extends Model = Network>(options: RobustOptions = {}): Optimizer<M, RobustState> {
  return changesByRow(guarded(makeOf(options, ROBUST, makeRobust<M>)));
}

function makeRobust<M extends Model>({ caution = 1, rule = "adaptive" }: RobustOptions): Optimizer<M, RobustState> {
  const update = ruleUpdate<M, RobustState>("robust", (params, state, batch, options) => {
    if (options.momentum !== undefined) {
      return invalid("momentum", options.momentum.decay, "it to fgn: robust gains nothing from it");
    }
    const checked = checkRobustState(state);
    if (checked._tag === "Left") return checked;
    const begun = beginAverage(params, state, batch, options, AVERAGE);
    if (begun._tag === "Left") return begun;
    const { shares, after } = begun.right;
    const { steps, meanSlope } = state;
    const steered = state.caution === undefined ? {} : { caution: state.caution };
    const damping: Misfit = { ...misfit({ caution: caution * (state.caution ?? 1), rule }), steps, meanSlope };
    const asked: StepOptions = {
      lossAfter: false,
      trustRegion: LIMIT,
      ...options,
      ...(shares && { donate: false }),
      curvature: "majorized",
      twoStage: twoStageGoes(params, batch, options) ? ETA : 0,
    };
    return E.right({
      damping,
      options: asked,
      rule: metricGoes(params, batch, options) ? runningMoments(Math.min(0.99, 1 - 1 / (steps + 1))) : null,
      stateAfter: ({ params: next, damping: following }, layers) => {
        const { steps, meanSlope } = following as Misfit;
        return { steps, meanSlope, layers, ...steered, ...after(next, steps) };
      },
    });
  });
  return {
    name: "robust",
    notes: notes(caution, rule),
    init: (params) => ({ steps: 0, meanSlope: 0, layers: [], ...startAverage(params, true) }),
    update,
    result: (params, state) => averageOf(params, state, AVERAGE),
    shrink: shrinkRobust,
    steer: steerRobust,
  };
}

/**
 * Parameters whose logits are smaller about the mean that the running means of the inputs give. Errors: `WrongKind`,
 * `InvalidOption`, `InvalidState`, `InvalidLayer`, `DonatedParameters`, `KernelBusy`, `OutOfMemory`.
 */
function shrinkRobust<M extends Model>(
  params: M,
  state: RobustState,
  given: Shrinkage,
  options: ShrinkOptions = {},
): E.Either<FgnError, M> {
  const shrinkage = checkShrinkage(given);
  if (shrinkage._tag === "Left") return shrinkage;
  const asked = checkOptions(options, SHRINK);
  if (asked._tag === "Left") return asked;
  const checked = checkRobustState(state);
  if (checked._tag === "Left") return checked;
  const isWhole = E.chain(() => checkAverage(state, params))(checkModel(params));
  if (isWhole._tag === "Left") return isWhole;
  const room = openShrink(params, asked.right);
  if (room._tag === "Left") return room;
  const own = asked.right.donate === true && !shareMemory(params, state.average)
    ? donateModel(params)
    : copyModel(params);
  if (own._tag === "network") shrinkInPlace(room.right, own, state.layers.map(({ mean }) => mean), shrinkage.right);
  return E.right(own);
}

/** The state of which updates multiply the damping by caution, beside that of the options. Errors: `WrongKind`, `InvalidOption`, `InvalidState`. */
function steerRobust(state: RobustState, caution: number): E.Either<FgnError, RobustState> {
  if (!POSITIVE[0](caution)) return invalid("caution", caution, POSITIVE[1]);
  return E.map((): RobustState => ({ ...state, caution }))(checkRobustState(state));
}

const notes = (caution: number, rule: string): readonly string[] => [
  "majorised curvature κ(m) ≥ p s: it does not vanish where the model is confidently wrong",
  "metric: centres each dense layer's inputs and evens out inputs and signals by their second moments, so that no direction is starved",
  `two-stage bound of the dropped curvature, η = ${ETA}: keeps the last layer from overshooting between competitors`,
  `damping by the ${rule} rule, caution ${caution}: follows the part not yet explained and grows with the steps, so that none interpolates its batch`,
  `trust region ${LIMIT}: no layer of several moves by more than that share of its size; the first steps could multiply it`,
  `evaluates a running average of the parameters, decay min(${AVERAGE}, n/(n + 9))`,
  "knob: caution; below 1 for clean, dense data, above for noisy labels",
];
