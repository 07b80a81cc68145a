// The gradient of the mean cross-entropy on the library's kernels, into memory that is used again: what a step of the
// first-order baselines starts from.

import * as E from "fp-ts/lib/Either.js";
import { type Batch, type FgnError, type Network, parameterCount, type StepReport } from "../../mod.ts";
import { overflow } from "../../src/check/error.ts";
import { f32 } from "../../src/kernel/arena.ts";
import { openBatch } from "../../src/problem/session.ts";
import { addDual, sendBack } from "../../src/tape/jacobian.ts";
import { forward, storeVector } from "../../src/tape/tape.ts";
import { margins } from "../../src/tape/margins.ts";
import { partsOf } from "./vectors.ts";

/** The loss on a batch; the gradient is left in a flat vector. Errors: those of `lossAndGradient`. */
export function gradientInto(params: Network, batch: Batch, into: Float32Array): E.Either<FgnError, number> {
  const session = openBatch(params, batch, { signals: true, vectors: 1 }, {});
  if (session._tag === "Left") return session;
  const { ws } = session.right;
  const { kernel, tape, at, vectors: [vector = 0] } = ws;
  f32(kernel, vector, tape.length).fill(0);
  forward(tape, { vector: tape.theta, trial: false });
  const loss = margins(ws);
  if (!Number.isFinite(loss)) return overflow("the loss");
  sendBack(ws, at.exponentials);
  addDual(ws, at.slope, vector);
  kernel.exports.scale(tape.length, -1, vector);
  if (kernel.exports.allFinite(tape.length, vector) === 0) return overflow("the gradient");
  storeVector(tape, vector, partsOf(into, params));
  return E.right(loss);
}

/** A flat vector for the parameters of a network, the same one as long as their number is. */
export function scratch(): (params: Network) => Float32Array {
  let vector = new Float32Array(0);
  return (params) => {
    const count = parameterCount(params);
    if (vector.length !== count) vector = new Float32Array(count);
    return vector;
  };
}

/** The report of a step that solves no system. */
export const gradientReport = (lossBefore: number, gradientNorm: number): StepReport => ({
  lossBefore,
  lossAfter: undefined,
  gradientNorm,
  predictedReduction: NaN,
  actualReduction: undefined,
  gainRatio: undefined,
  accepted: true,
  rejections: 0,
  lambda: 0,
  system: "matrixFree",
  solver: "cg",
  iterations: 0,
  stop: "direct",
  residual: 0,
});
