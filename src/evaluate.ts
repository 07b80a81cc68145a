/**
 * Predictions and evaluation of a head.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "./batch.ts";
import type { FgnError } from "./error.ts";
import { f32, f64, u32 } from "./kernel/arena.ts";
import * as linear from "./kernel/linear.ts";
import type { Matrix } from "./matrix.ts";
import type { LinearHead } from "./network/linear.ts";
import { checkBatch, checkFeatures, type KernelOption, openHead } from "./session.ts";

/** Examples of one pass: bounds memory, whatever the number of examples. */
const ROWS = 256;
const NEEDS: linear.Needs = { update: true, system: false, retry: false };

/** How well a head does on labelled examples; every number is the (weighted) mean over them. */
export interface Evaluation {
  /** Cross-entropy, natural logarithm. */
  readonly loss: number;
  /** Share whose true class has the highest logit (ties go to the lower class). */
  readonly accuracy: number;
  /** Share whose true class is among the five highest logits. */
  readonly top5: number;
  /** Number of examples. */
  readonly examples: number;
}

/** Runs the forward pass over blocks of rows: `visit` sees each with its first row. */
function eachBlock(
  params: LinearHead,
  features: Matrix,
  labels: Uint32Array,
  weights: Float32Array | null,
  option: KernelOption,
  visit: (ws: linear.Workspace, first: number) => void,
): E.Either<FgnError, void> {
  const opened = openHead(params, Math.min(ROWS, features.rows), NEEDS, option);
  if (opened._tag === "Left") return opened;
  const ws = opened.right;
  for (let first = 0; first < features.rows; first += ROWS) {
    const last = Math.min(first + ROWS, features.rows);
    const block = {
      features: features.data.subarray(first * features.cols, last * features.cols),
      labels: labels.subarray(first, last),
      weights: weights && weights.subarray(first, last),
    };
    linear.loadExamples(ws, block, false);
    linear.forward(ws);
    visit(ws, first);
  }
  return E.right(undefined);
}

/**
 * Loss, accuracy and top-5 accuracy of a head on a batch of any size, in constant memory.
 * Errors: `FeatureMismatch`, `LabelOutOfRange`, `ShapeMismatch`, `EmptyBatch`, `OutOfMemory`,
 * `UnsupportedRuntime`, `CompilationForbidden`.
 */
export function evaluate(params: LinearHead, batch: Batch, option: KernelOption = {}): E.Either<FgnError, Evaluation> {
  const checked = checkBatch(params, batch);
  if (checked._tag === "Left") return checked;
  let loss = 0, correct = 0, near = 0, total = 0;
  const done = eachBlock(params, batch.features, batch.labels, batch.weights, option, (ws, first) => {
    const { kernel, at, rows } = ws;
    kernel.exports.ranks(rows, ws.classes, at.logits, at.labels, at.peak);
    const rank = u32(kernel, at.peak, rows);
    for (let i = 0; i < rows; i++) {
      const weight = batch.weights?.[first + i] ?? 1;
      if (rank[i] === 0) correct += weight;
      if ((rank[i] as number) < 5) near += weight;
      total += weight;
    }
    if (ws.totalWeight > 0) loss += linear.loss(ws, at.logits) * ws.totalWeight;
  });
  if (done._tag === "Left") return done;
  return E.right({ loss: loss / total, accuracy: correct / total, top5: near / total, examples: batch.features.rows });
}

/** Runs `visit` over blocks of unlabelled rows with a B × C result. */
function predict(
  params: LinearHead,
  features: Matrix,
  option: KernelOption,
  visit: (ws: linear.Workspace, out: Float32Array) => void,
): E.Either<FgnError, Matrix> {
  const checked = checkFeatures(params, features);
  if (checked._tag === "Left") return checked;
  const { rows } = features, cols = params.weight.rows;
  const data = new Float32Array(rows * cols);
  const labels = new Uint32Array(rows);
  const done = eachBlock(params, features, labels, null, option, (ws, first) => {
    visit(ws, data.subarray(first * cols, (first + ws.rows) * cols));
  });
  return done._tag === "Left" ? done : E.right({ rows, cols, data });
}

/** Logits W x + b of each row: B × C. Errors: as {@link evaluate}. */
export function logits(params: LinearHead, features: Matrix, option: KernelOption = {}): E.Either<FgnError, Matrix> {
  return predict(params, features, option, ({ kernel, at, rows, classes }, out) => {
    kernel.exports.unpackTransposed(at.logits, classes, rows, 0, at.exponentials);
    out.set(f32(kernel, at.exponentials, out.length));
  });
}

/**
 * Class probabilities softmax(W x + b) of each row: B × C. Errors: as {@link evaluate}.
 *
 * @example
 * ```ts
 * import { matrix, probabilities, zeroHead } from "@fgn/fgn";
 *
 * const head = zeroHead({ features: 2, classes: 4 });
 * const features = matrix(1, 2, [1, 2]);
 * if (head._tag === "Right" && features._tag === "Right") {
 *   const p = probabilities(head.right, features.right);
 *   if (p._tag === "Right") console.log(p.right.data); // ¼ each
 * }
 * ```
 */
export function probabilities(
  params: LinearHead,
  features: Matrix,
  option: KernelOption = {},
): E.Either<FgnError, Matrix> {
  return predict(params, features, option, (ws, out) => {
    // With class 0 as the true one: p_0 = 1 − s, p_k = s·q_k = (s/Σ)·e_k.
    const { kernel, at, rows, classes } = ws;
    linear.margins(ws);
    const factor = f32(kernel, at.coefficient, rows), sum = f32(kernel, at.sum, rows);
    const slope = f64(kernel, at.slope, rows), alpha = f64(kernel, at.alpha, rows);
    for (let i = 0; i < rows; i++) {
      factor[i] = (slope[i] as number) / (alpha[i] as number) / (sum[i] as number);
    }
    kernel.exports.unpackTransposed(at.exponentials, classes, rows, at.coefficient, at.logits);
    out.set(f32(kernel, at.logits, out.length));
    for (let i = 0; i < rows; i++) out[i * classes] = 1 + (out[i * classes] as number);
  });
}
