/**
 * Evaluation and logits on the device, over blocks of examples: constant memory for batches of any size.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, overflow } from "../../check/error.ts";
import { allocateFloats } from "../../check/size.ts";
import type { Matrix } from "../../data/matrix.ts";
import type { LoadedKernel } from "../../kernel/kernel.ts";
import { lower } from "../../network/lower.ts";
import type { Evaluation } from "../../passes/evaluate.ts";
import type { Device } from "../device/device.ts";
import type { Encoder } from "../device/encoder.ts";
import { scope as openScope } from "../device/pool.ts";
import { TILE } from "../device/shader.ts";
import { type Range, type View, view, whole } from "../device/view.ts";
import type { Examples } from "../tape/examples.ts";
import { compile, forward, marginPass, type Tape, widest } from "../tape/tape.ts";
import type { Parameters } from "../tape/tensor.ts";
import { meanLoss, openRows, STATS } from "./rows.ts";

/** Examples of one pass, where a buffer holds their activations. */
const ROWS = 1024;

/** Blocks [from, to) of examples for one pass each. */
function* passes({ limits }: Device, { skeleton }: Parameters, rows: number): Generator<readonly [number, number]> {
  const most = Math.floor(limits.buffer / (4 * Math.max(1, widest(lower(skeleton)))));
  const step = Math.max(TILE, Math.min(ROWS, Math.floor(most / TILE) * TILE));
  for (let from = 0; from < rows; from += step) yield [from, Math.min(rows, from + step)];
}

/** The rows [from, to) of a matrix, as one. */
const part = (of: View, from: number, to: number): View => ({
  ...of,
  offset: of.offset + 4 * from * of.cols,
  rows: to - from,
});

/** Runs the forward pass on the examples [from, to) and gives the bytes that `then` asks for. */
async function pass(
  device: Device,
  { skeleton, tensors }: Parameters,
  { features, labels }: Examples,
  [from, to]: readonly [number, number],
  then: (encoder: Encoder, tape: Tape, labels: View, stats: View) => Range,
): Promise<E.Either<FgnError, Float32Array>> {
  const scope = openScope(device.pool), rows = part(features, from, to);
  try {
    const tape = compile(device.limits, skeleton, rows, scope, { signals: false, trial: false });
    if (tape._tag === "Left") return tape;
    const stats = view(scope.acquire(4 * STATS * (to - from)), to - from, STATS);
    const submitted = await device.submit((encoder) => {
      forward(tape.right, encoder, tensors, false);
      return [then(encoder, tape.right, part(labels, from, to), stats)];
    });
    return submitted._tag === "Left" ? submitted : E.right(new Float32Array(submitted.right));
  } finally {
    scope.close();
  }
}

/** Loss, accuracy and top-5 accuracy. Errors: `ZeroWeights`, `Overflow`, and those of the device. */
export async function evaluateOnDevice(
  device: Device,
  kernel: LoadedKernel,
  params: Parameters,
  examples: Examples,
): Promise<E.Either<FgnError, Evaluation>> {
  const { features: { rows }, batch: { weights } } = examples;
  const total = weights === null ? rows : weights.reduce((sum, w) => sum + w, 0);
  if (!(total > 0)) {
    return fail("ZeroWeights", { count: rows }, "all weights are zero", "Give at least one example a weight");
  }
  let loss = 0, correct = 0, near = 0;
  for (const [from, to] of passes(device, params, rows)) {
    const stats = await pass(device, params, examples, [from, to], (encoder, tape, labels, out) => {
      marginPass(tape, encoder, labels, out, { trial: false, signals: false });
      return whole(out);
    });
    if (stats._tag === "Left") return stats;
    const share = Float64Array.from({ length: to - from }, (_, i) => (weights?.[from + i] ?? 1) / total);
    const ws = openRows(kernel, share, false);
    if (ws._tag === "Left") return ws;
    loss += meanLoss(ws.right, stats.right);
    share.forEach((alpha, i) => {
      const rank = stats.right[STATS * i + 3] as number;
      if (rank === 0) correct += alpha;
      if (rank < 5) near += alpha;
    });
  }
  return Number.isFinite(loss)
    ? E.right({ loss, accuracy: Math.min(1, correct), top5: Math.min(1, near), examples: rows })
    : overflow("the loss");
}

/** B × C logits. Errors: `OutOfMemory`, `Overflow`, and those of the device. */
export async function logitsOnDevice(
  device: Device,
  params: Parameters,
  examples: Examples,
): Promise<E.Either<FgnError, Matrix>> {
  const { features: { rows } } = examples, cols = params.skeleton.outputs;
  const data = allocateFloats("the result", rows * cols);
  if (data._tag === "Left") return data;
  for (const [from, to] of passes(device, params, rows)) {
    const part = await pass(device, params, examples, [from, to], (_, tape) => whole(tape.logits.value));
    if (part._tag === "Left") return part;
    data.right.set(part.right, from * cols);
  }
  return data.right.every(Number.isFinite) ? E.right({ rows, cols, data: data.right }) : overflow("a logit");
}
