// Our steps as contenders: Fast Gauss-Newton, a gradient step on the same kernels through the same boundary, and full
// Gauss-Newton by ten iterations of conjugate gradient. Pure ones copy the parameters, as `fgnStep` does; those in place
// write into the model that they are given, as `train` does, and are given it as it was before every call.

import { type Batch, type Damping, fgnStep, getOrThrow, type Network, relative, robust } from "../../mod.ts";
import { f64 } from "../../src/kernel/arena.ts";
import { arraysOf } from "../../src/network/flat.ts";
import { copyModel } from "../../src/network/model.ts";
import { openBatch } from "../../src/problem/session.ts";
import type { Method } from "../../src/step/stage.ts";
import { stepInto } from "../../src/step/step.ts";
import { addDual, sendBack } from "../../src/tape/jacobian.ts";
import { forward, storeVector } from "../../src/tape/tape.ts";
import { margins } from "../../src/tape/margins.ts";
import type { Contender } from "../support/race.ts";

/** Forward, backward and update with a fixed rate. */
export function gradientStep(
  model: Network,
  data: Batch,
  rate = 0.1,
  allocate: (like: Network) => Network = copyModel,
): Network {
  const { ws } = getOrThrow(openBatch(model, data, { signals: true }, {}));
  const { kernel, tape, at, rows } = ws;
  forward(tape, { vector: tape.theta, trial: false });
  margins(ws);
  sendBack(ws, at.exponentials);
  const slope = f64(kernel, at.slope, rows), dual = f64(kernel, at.dual, rows);
  for (let i = 0; i < rows; i++) dual[i] = rate * (slope[i] as number);
  addDual(ws, at.dual, tape.theta);
  const stepped = allocate(model);
  storeVector(tape, tape.theta, arraysOf(stepped));
  return stepped;
}

const FGN: Method = { _tag: "fgn" };
const GGN10: Method = { _tag: "ggn", preconditioner: "none", tolerance: 1e-30, maxIterations: 10 };
/** So that ten iterations are done: with more damping fewer solve the system, as far as float32 goes. */
const GGN_DAMPING = relative(0.01);

/** A step as `train` takes it: in place, without the loss after it. */
export const stepInPlace = (
  model: Network,
  data: Batch,
  method: Method = FGN,
  damping: Damping = relative(1),
): number => getOrThrow(stepInto(model, data, damping, { lossAfter: false }, method, () => model)).report.iterations;

/** A contender on a model of its own, which is as it was at the start of every call. */
function inPlace(name: string, start: Network, run: (model: Network) => unknown): Contender {
  const model = copyModel(start), arrays = arraysOf(model), kept = arraysOf(start);
  const prepare = (): void => arrays.forEach((array, i) => array.set(kept[i] as Float32Array));
  return { name, prepare, run: () => run(model) };
}

/** The steps in place. */
export const ours = (model: Network, data: Batch): readonly Contender[] => [
  inPlace("FGN", model, (own) => stepInPlace(own, data)),
  inPlace("SGD", model, (own) => gradientStep(own, data, 0.1, (like) => like)),
];

/** The pure steps; FGN also with the loss after it, which is its default. */
export const pure = (model: Network, data: Batch): readonly Contender[] => [
  { name: "FGN, pure", run: () => getOrThrow(fgnStep(model, data, relative(1), { lossAfter: false })) },
  { name: "FGN, pure, loss after", run: () => getOrThrow(fgnStep(model, data, relative(1))) },
  { name: "SGD, pure", run: () => gradientStep(model, data) },
];

/** Full Gauss-Newton, in place. */
export const ggn10 = (model: Network, data: Batch): Contender =>
  inPlace("GGN-CG10", model, (own) => stepInPlace(own, data, GGN10, GGN_DAMPING));

/** Iterations that {@link ggn10} really does: fewer where it breaks down or has solved the system. */
export const ggnIterations = (model: Network, data: Batch): number =>
  stepInPlace(copyModel(model), data, GGN10, GGN_DAMPING);

/** Batches in turn, from the first on. */
function inTurn(batches: readonly Batch[]): () => Batch {
  let n = 0;
  return () => batches[n++ % batches.length] as Batch;
}

/** An update of `robust()` on what the one before left, in its memory, as `train` does it. */
export function robustly(model: Network, ...batches: readonly Batch[]): Contender {
  const optimizer = robust<Network>(), next = inTurn(batches);
  let params = copyModel(model), state = optimizer.init(params);
  const run = (): void => {
    ({ params, state } = getOrThrow(optimizer.update(params, state, next(), { donate: true })));
  };
  return { name: "robust", run };
}

/** A step of `fgnStep`, its defaults but for the memory, which is that of the step before. */
export function donated(model: Network, ...batches: readonly Batch[]): Contender {
  const next = inTurn(batches);
  let params = copyModel(model);
  return {
    name: "fgnStep",
    run: () => ({ params } = getOrThrow(fgnStep(params, next(), relative(1), { donate: true }))),
  };
}
