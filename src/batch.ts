/**
 * Batches: features, labels and optional example weights.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";
import { checkLength, finiteFloats, type Matrix } from "./matrix.ts";

/** Examples with their labels. Made by {@link batch}, which validates it; not to be written to afterwards. */
export interface Batch {
  /** B × D features, one example a row. */
  readonly features: Matrix;
  /** B class indices from 0. */
  readonly labels: Uint32Array;
  /** B weights ≥ 0, or null: all 1. A weight k counts as the example k times; keep them around 1. */
  readonly weights: Float32Array | null;
}

/** What {@link batch} takes. */
export interface BatchInput {
  /** B × D, one example a row. */
  readonly features: Matrix;
  /** B class indices from 0. */
  readonly labels: ArrayLike<number>;
  /** B weights ≥ 0, around 1. Default: all 1. */
  readonly weights?: ArrayLike<number>;
}

function checkLabels(labels: ArrayLike<number>): E.Either<FgnError, Uint32Array> {
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index] as number;
    if (!(Number.isInteger(label) && label >= 0 && label < 2 ** 32)) {
      return labelError(index, label, undefined);
    }
  }
  return E.right(labels instanceof Uint32Array ? labels : Uint32Array.from(labels));
}

function labelError(index: number, label: number, classes: number | undefined): E.Either<FgnError, never> {
  return fail(
    "LabelOutOfRange",
    { index, label, classes },
    classes === undefined
      ? `label ${index} is ${label}`
      : `label ${index} is ${label}, but the head has ${classes} classes (0 to ${classes - 1})`,
    classes === undefined
      ? "Labels are whole numbers from 0"
      : "Number the classes from 0, or make a head with more classes",
  );
}

function checkWeights(values: ArrayLike<number>): E.Either<FgnError, Float32Array> {
  const weights = finiteFloats("weights", values);
  if (weights._tag === "Left") return weights;
  const index = weights.right.findIndex((w) => w < 0);
  if (index >= 0) {
    return fail(
      "NegativeWeight",
      { index, value: weights.right[index] as number },
      `weight ${index} is ${weights.right[index]}`,
      "Weights count examples: give 0 to leave one out",
    );
  }
  return weights.right.some((w) => w > 0) ? weights : fail(
    "ZeroWeights",
    { count: weights.right.length },
    "all weights are zero",
    "Give at least one example a weight",
  );
}

/**
 * A batch of B examples. Typed arrays are taken over without copying: do not write to them afterwards.
 *
 * The loss of a batch is Σ ω_i ℓ_i / Σ ω_i. Errors: `EmptyBatch`, `ShapeMismatch`, `LabelOutOfRange`,
 * `NotFinite`, `NegativeWeight`, `ZeroWeights`.
 *
 * @example
 * ```ts
 * import { batch, matrix } from "@fgn/fgn";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * const result = E.chain((features: import("@fgn/fgn").Matrix) => batch({ features, labels: [0, 1] }))(
 *   matrix(2, 2, [1, 0, 0, 1]),
 * );
 * console.log(result._tag); // Right
 * ```
 */
export function batch({ features, labels, weights }: BatchInput): E.Either<FgnError, Batch> {
  if (features.rows === 0) {
    return fail("EmptyBatch", {}, "the batch has no examples", "Give at least one row of features");
  }
  const count = checkLength("labels", labels.length, features.rows);
  if (count._tag === "Left") return count;
  const classes = checkLabels(labels);
  if (classes._tag === "Left") return classes;
  if (weights === undefined) return E.right({ features, labels: classes.right, weights: null });
  const length = checkLength("weights", weights.length, features.rows);
  if (length._tag === "Left") return length;
  const omega = checkWeights(weights);
  return omega._tag === "Left" ? omega : E.right({ features, labels: classes.right, weights: omega.right });
}

/** All labels below the number of classes; internal. Errors: `LabelOutOfRange`. */
export function checkClasses(labels: Uint32Array, classes: number): E.Either<FgnError, Uint32Array> {
  for (let index = 0; index < labels.length; index++) {
    if ((labels[index] as number) >= classes) return labelError(index, labels[index] as number, classes);
  }
  return E.right(labels);
}
