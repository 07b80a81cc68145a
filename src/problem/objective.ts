/**
 * The objective: what a step minimises on a batch beyond plain cross-entropy.
 *
 * With α_i = ω_i c_{y_i} / Σ_j ω_j c_{y_j}, targets t_i and parameters θ the loss is
 *
 *     L(θ) = Σ α_i Σ_k −t_ik log p_ik + ½ ℓ2 θᵀPθ,      t_i = (1 − ε) t⁰_i + ε/C,
 *
 * with t⁰ the one-hot labels, or the soft targets of the batch, and P the projection on what the penalty takes in: weights,
 * or all parameters. The softmax Hessian does not depend on the
 * targets: the curvature stays that of the margin of the label, and the targets enter the right-hand side.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { type Numbers, readNumbers } from "../check/numbers.ts";
import { ANY, BELOW_ONE, FLAG, FROM_ZERO, type Rules } from "../check/rule.ts";
import type { Batch } from "../data/batch.ts";
import { allocateFloats } from "../check/size.ts";
import { weightFlags } from "../network/flat.ts";
import type { Model } from "../network/model.ts";
import { NO_PENALTY, type Penalty } from "../tape/penalty.ts";

/** Options of the objective. */
export interface ObjectiveOptions {
  /** C weights ≥ 0: examples count by that of their label, beside their own. Only ratios matter. Default: all 1. */
  readonly classWeights?: Numbers;
  /** ε in [0, 1): targets (1 − ε) t + ε/C (Szegedy et al. 2016). Default 0. */
  readonly labelSmoothing?: number;
  /**
   * ½ ℓ2 ‖W‖² over all trainable weights W is added to the loss (default 0). Biases and the gains and shifts of layer norms
   * are left out, as in scikit-learn, so that a strong penalty leaves the base rates of the classes; of a model of your own
   * every parameter counts as a weight. Scikit-learn's C is 1/(ℓ2 N) for N examples.
   */
  readonly l2?: number;
  /** Whether `l2` takes in biases, gains and shifts, too (default false). */
  readonly l2Biases?: boolean;
}

/**
 * Rules of the options of the objective.
 * @internal
 */
export const OBJECTIVE: Rules<ObjectiveOptions> = {
  classWeights: ANY, // The reader of numbers says more.
  labelSmoothing: BELOW_ONE,
  l2: FROM_ZERO,
  l2Biases: FLAG,
};

/**
 * Whether the gradient has a part outside the margins' row space, which only the Euclidean metric can go with.
 * @internal
 */
export const leavesRowSpace = ({ targets }: Batch, { labelSmoothing = 0, l2 = 0 }: ObjectiveOptions): boolean =>
  targets !== null || labelSmoothing > 0 || l2 > 0;

/**
 * A checked objective on a batch.
 * @internal
 */
export interface Objective extends Aim {
  /** B × C values α_i (e_y − t_i), or null where t = e_y. */
  readonly rest: Float32Array | null;
}

/**
 * A checked objective without what is as large as the targets.
 * @internal
 */
export interface Aim {
  /** B weights α, which sum to 1. */
  readonly alpha: Float64Array;
  /** Σω of the example weights: the number of examples that damping counts. */
  readonly totalWeight: number;
  /** ½ ℓ2 θᵀPθ. */
  readonly penalty: Penalty;
  /** ε of label smoothing. */
  readonly smoothing: number;
  /** Whether t ≠ e_y: there are soft targets, or labels are smoothed. */
  readonly soft: boolean;
}

function shareOut(
  { labels, weights }: Batch,
  classWeights: Float32Array | null,
): E.Either<FgnError, Pick<Aim, "alpha" | "totalWeight">> {
  const alpha = new Float64Array(labels.length);
  let total = 0, totalWeight = 0;
  for (let i = 0; i < labels.length; i++) {
    const omega = weights === null ? 1 : weights[i] as number;
    const share = omega * (classWeights === null ? 1 : classWeights[labels[i] as number] as number);
    totalWeight += omega;
    total += share;
    alpha[i] = share;
  }
  if (!(total > 0)) {
    return fail(
      "ZeroWeights",
      { count: labels.length },
      "all examples have weight zero",
      "Give an example a weight, by itself and by its class",
    );
  }
  for (let i = 0; i < labels.length; i++) alpha[i] = (alpha[i] as number) / total;
  return E.right({ alpha, totalWeight });
}

/**
 * Writes α_i (e_y − t_i) of the examples of a batch, row after row.
 * @internal
 */
export function fillRest(
  { labels, targets }: Batch,
  alpha: Float64Array,
  smoothing: number,
  classes: number,
  rest: Float32Array,
): void {
  for (let i = 0; i < labels.length; i++) {
    const y = labels[i] as number, share = alpha[i] as number;
    for (let k = 0; k < classes; k++) {
      const label = targets === null ? (k === y ? 1 : 0) : targets.data[i * classes + k] as number;
      const target = (1 - smoothing) * label + smoothing / classes;
      rest[i * classes + k] = share * ((k === y ? 1 : 0) - target);
    }
  }
}

function checkClassWeights(values: Numbers, classes: number): E.Either<FgnError, Float32Array> {
  const weights = readNumbers("classWeights", values, classes);
  if (weights._tag === "Left") return weights;
  const index = weights.right.findIndex((w) => w < 0);
  return index < 0 ? weights : fail(
    "NegativeWeight",
    { index, value: weights.right[index] as number },
    `class ${index} has weight ${weights.right[index]}`,
    "Class weights are ≥ 0: give 0 to leave a class out",
  );
}

/** The penalty of checked options. */
function penaltyOf(model: Model, { l2 = 0, l2Biases = false }: ObjectiveOptions): Penalty {
  return l2 === 0 ? NO_PENALTY : { l2, takes: l2Biases || model._tag === "custom" ? null : weightFlags(model) };
}

/**
 * The aim of a step on a batch, by options that were checked. Errors: `ShapeMismatch`, `NotFinite`, `NegativeWeight`,
 * `ZeroWeights`.
 * @internal
 */
export function aimOf(batch: Batch, model: Model, options: ObjectiveOptions): E.Either<FgnError, Aim> {
  const { labelSmoothing = 0 } = options;
  let classWeights: Float32Array | null = null;
  if (options.classWeights !== undefined) {
    const checked = checkClassWeights(options.classWeights, model.outputs);
    if (checked._tag === "Left") return checked;
    classWeights = checked.right;
  }
  const shares = shareOut(batch, classWeights);
  if (shares._tag === "Left") return shares;
  const { alpha, totalWeight } = shares.right, soft = labelSmoothing > 0 || batch.targets !== null;
  return E.right({ alpha, totalWeight, penalty: penaltyOf(model, options), smoothing: labelSmoothing, soft });
}

/**
 * The objective of a batch. Errors: those of {@link aimOf}, `OutOfMemory`.
 * @internal
 */
export function objective(batch: Batch, model: Model, options: ObjectiveOptions): E.Either<FgnError, Objective> {
  const aim = aimOf(batch, model, options);
  if (aim._tag === "Left") return aim;
  const { alpha, totalWeight, penalty, smoothing, soft } = aim.right;
  if (!soft) return E.right({ alpha, totalWeight, penalty, smoothing, soft, rest: null });
  const rest = allocateFloats("the targets", batch.labels.length * model.outputs);
  if (rest._tag === "Left") return rest;
  fillRest(batch, alpha, smoothing, model.outputs, rest.right);
  return E.right({ alpha, totalWeight, penalty, smoothing, soft, rest: rest.right });
}
