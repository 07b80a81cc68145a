/**
 * Predictions and evaluation of a model.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, overflow } from "../check/error.ts";
import { checkOptions } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Batch } from "../data/batch.ts";
import { allocateFloats } from "../check/size.ts";
import type { Matrix } from "../data/matrix.ts";
import { batchRows, featureRows } from "../data/select.ts";
import type { Features } from "../data/sparse.ts";
import { u32 } from "../kernel/arena.ts";
import { rowsOfPass } from "../kernel/class_limits.ts";
import { softmaxRows } from "../math/softmax.ts";
import type { Model } from "../network/model.ts";
import { checkBatch, checkFeatures, KERNEL, type KernelOption, openBatch } from "../problem/session.ts";
import { loss } from "../tape/margins.ts";
import { forward } from "../tape/tape.ts";
import { readLogits, type Workspace } from "../tape/workspace.ts";

/** How well a model does on labelled examples; every number is the (weighted) mean over them. */
export interface Evaluation {
  /** Cross-entropy, natural logarithm; against the soft targets where the batch has them. */
  readonly loss: number;
  /** Share whose true class has the highest logit (ties go to the lower class). */
  readonly accuracy: number;
  /** Share whose true class is among the five highest logits. */
  readonly top5: number;
  /** Number of examples. */
  readonly examples: number;
}

/** Opens a batch and passes it forward. */
function openPass(model: Model, batch: Batch, option: KernelOption): E.Either<FgnError, Workspace> {
  const opened = openBatch(model, batch, {}, option);
  if (opened._tag === "Left") return opened;
  const { ws } = opened.right;
  forward(ws.tape, { vector: ws.tape.theta, trial: false });
  return ws.tape.fault === undefined ? E.right(ws) : E.left(ws.tape.fault);
}

/**
 * Loss, accuracy and top-5 accuracy of a model on a batch of any size, in constant memory.
 * Errors: `FeatureMismatch`, `LabelOutOfRange`, `ShapeMismatch`, `EmptyBatch`, `InvalidLayer`, `ModelFailure`,
 * `DonatedParameters`, `Overflow`, `OutOfMemory`, `UnsupportedRuntime`, `CompilationForbidden`.
 *
 * @example
 * ```ts
 * import { batch, evaluate, getOrThrow, matrix, zeroHead } from "fgn";
 *
 * const head = getOrThrow(zeroHead({ features: 2, classes: 4 }));
 * const features = getOrThrow(matrix(2, 2, [1, 2, 3, 4]));
 * const { loss, accuracy } = getOrThrow(evaluate(head, getOrThrow(batch({ features, labels: [0, 1] }))));
 * console.log(loss, accuracy); // 1.386… 0.5: ln 4, and one of two
 * ```
 */
export function evaluate(params: Model, batch: Batch, option: KernelOption = {}): E.Either<FgnError, Evaluation> {
  return guard("evaluate", { params, batch, option }, () => evaluateParts(params, batch, option));
}

/** An evaluation in parts of a pass each. */
function evaluateParts(params: Model, given: Batch, option: KernelOption): E.Either<FgnError, Evaluation> {
  const options = checkOptions(option, KERNEL);
  if (options._tag === "Left") return options;
  const checked = checkBatch(params, given, "predict");
  if (checked._tag === "Left") return checked;
  const batch = checked.right, examples = batch.features.rows, most = rowsOfPass(params.outputs);
  let sum = 0, correct = 0, near = 0, total = 0;
  for (let first = 0; first < examples; first += most) {
    const part = batchRows(batch, first, Math.min(first + most, examples));
    if (part.weights?.every((w) => w === 0)) continue;
    const opened = openPass(params, part, options.right);
    if (opened._tag === "Left") return opened;
    const { kernel, tape, at, rows, classes } = opened.right;
    kernel.exports.ranks(rows, classes, tape.logits.value, at.labels, at.rank);
    const rank = u32(kernel, at.rank, rows);
    let weights = 0;
    for (let i = 0; i < rows; i++) {
      const weight = part.weights?.[i] ?? 1;
      if (rank[i] === 0) correct += weight;
      if ((rank[i] as number) < 5) near += weight;
      weights += weight;
    }
    total += weights;
    sum += loss(opened.right, tape.logits.value) * weights;
  }
  if (total === 0) {
    return fail("ZeroWeights", { count: examples }, "all weights are zero", "Give at least one example a weight");
  }
  if (!Number.isFinite(sum)) return overflow("the loss");
  return E.right({ loss: sum / total, accuracy: correct / total, top5: near / total, examples });
}

/**
 * Logits of each row: B × C, the forward pass. Errors: as {@link evaluate}.
 *
 * @example
 * ```ts
 * import { logits, matrix, mlp } from "fgn";
 *
 * const network = mlp({ inputs: 2, hidden: [8], classes: 3 });
 * const features = matrix(1, 2, [1, 2]);
 * if (network._tag === "Right" && features._tag === "Right") console.log(logits(network.right, features.right));
 * ```
 */
export function logits(params: Model, features: Features, option: KernelOption = {}): E.Either<FgnError, Matrix> {
  return guard("logits", { params, features, option }, () => passParts(params, features, option));
}

/** Logits in parts of a pass each. */
function passParts(params: Model, given: Features, option: KernelOption): E.Either<FgnError, Matrix> {
  const options = checkOptions(option, KERNEL);
  if (options._tag === "Left") return options;
  const checked = checkFeatures(params, given);
  if (checked._tag === "Left") return checked;
  const features = checked.right, { rows } = features, cols = params.outputs, most = rowsOfPass(cols);
  const result = allocateFloats("the result", rows * cols);
  if (result._tag === "Left") return result;
  const data = result.right;
  for (let first = 0; first < rows; first += most) {
    const last = Math.min(first + most, rows);
    const labels = new Uint32Array(last - first);
    const part = { features: featureRows(features, first, last), labels, targets: null, weights: null };
    const opened = openPass(params, part, options.right);
    if (opened._tag === "Left") return opened;
    data.set(readLogits(opened.right, opened.right.tape.logits.value), first * cols);
  }
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i] as number)) return overflow("a logit");
  return E.right({ rows, cols, data });
}

/**
 * Class probabilities softmax(f) of each row: B × C, in the order of the logits. Each is the softmax of the float32 logits
 * to the last digit, also where it is small: to about 1e-7 of itself down to 1e-38, then with fewer digits, 0 below 7e-46.
 * Errors: as {@link evaluate}.
 *
 * @example
 * ```ts
 * import { getOrThrow, matrix, probabilities, zeroHead } from "fgn";
 *
 * const head = getOrThrow(zeroHead({ features: 2, classes: 4 }));
 * const features = getOrThrow(matrix(1, 2, [1, 2]));
 * console.log(getOrThrow(probabilities(head, features)).data); // [0.25, 0.25, 0.25, 0.25]
 * ```
 */
export function probabilities(
  params: Model,
  features: Features,
  option: KernelOption = {},
): E.Either<FgnError, Matrix> {
  const found = logits(params, features, option);
  if (found._tag === "Right") softmaxRows(found.right.data, found.right.cols);
  return found;
}
