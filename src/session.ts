/**
 * Checks a head against examples and opens the kernel for them: the start of every public call.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type Batch, checkClasses } from "./batch.ts";
import { fail, type FgnError } from "./error.ts";
import { defaultKernel, type Kernel, type LoadedKernel } from "./kernel/kernel.ts";
import { loadExamples, loadParameters, type Needs, open, type Workspace } from "./kernel/linear.ts";
import { checkLength, type Matrix } from "./matrix.ts";
import type { LinearHead } from "./network/linear.ts";

/** An option that every call takes. */
export interface KernelOption {
  /** The kernel to run on (default: the simd128 kernel, the same bytes in every runtime). */
  readonly kernel?: Kernel;
}

/** Features that match the head; internal. Errors: `FeatureMismatch`, `EmptyBatch`, `ShapeMismatch`. */
export function checkFeatures(params: LinearHead, features: Matrix): E.Either<FgnError, Matrix> {
  const { weight, bias } = params;
  if (features.rows === 0) {
    return fail("EmptyBatch", {}, "there are no examples", "Give at least one row of features");
  }
  if (features.cols !== weight.cols) {
    return fail(
      "FeatureMismatch",
      { expected: weight.cols, actual: features.cols },
      `the features have ${features.cols} columns, the head takes ${weight.cols}`,
      "Make the head with as many features as the examples have",
    );
  }
  const x = checkLength("features", features.data.length, features.rows * features.cols);
  if (x._tag === "Left") return x;
  const w = checkLength("weight parameters", weight.data.length, weight.rows * weight.cols);
  if (w._tag === "Left") return w;
  if (bias === null) return E.right(features);
  const b = checkLength("bias parameters", bias.length, weight.rows);
  return b._tag === "Left" ? b : E.right(features);
}

/** A batch that matches the head; internal. Errors: those of {@link checkFeatures}, `LabelOutOfRange`. */
export function checkBatch(params: LinearHead, batch: Batch): E.Either<FgnError, Batch> {
  const features = checkFeatures(params, batch.features);
  if (features._tag === "Left") return features;
  const { rows } = batch.features;
  const count = checkLength("labels", batch.labels.length, rows);
  if (count._tag === "Left") return count;
  const weights = checkLength("weights", batch.weights?.length ?? rows, rows);
  if (weights._tag === "Left") return weights;
  const labels = checkClasses(batch.labels, params.weight.rows);
  return labels._tag === "Left" ? labels : E.right(batch);
}

/**
 * The kernel's memory laid out for the head and up to `capacity` rows, the parameters loaded; internal.
 * Errors: `OutOfMemory`, `UnsupportedRuntime`, `CompilationForbidden`.
 */
export function openHead(
  params: LinearHead,
  capacity: number,
  needs: Needs,
  { kernel }: KernelOption,
): E.Either<FgnError, Workspace> {
  // Kernels are only made in kernel/, so each one is loaded; the public type leaves the exports out.
  const chosen = kernel === undefined ? defaultKernel() : E.right(kernel as LoadedKernel);
  if (chosen._tag === "Left") return chosen;
  const size = { features: params.weight.cols, classes: params.weight.rows, bias: params.bias !== null };
  const ws = open(chosen.right, size, capacity, needs);
  if (ws._tag === "Right") loadParameters(ws.right, { weight: params.weight.data, bias: params.bias });
  return ws;
}

/** A checked batch in the kernel's memory; internal. Errors: those of the two above. */
export function openBatch(
  params: LinearHead,
  batch: Batch,
  needs: Needs,
  option: KernelOption,
): E.Either<FgnError, Workspace> {
  const checked = checkBatch(params, batch);
  if (checked._tag === "Left") return checked;
  const ws = openHead(params, batch.features.rows, needs, option);
  if (ws._tag === "Left") return ws;
  loadExamples(ws.right, { ...batch, features: batch.features.data }, needs.update);
  return ws;
}
