/**
 * The row system of a step on the device, solved in the CPU kernel: of K there, or of products with K on the device.
 *
 * Conjugate gradient is the CPU's, its vectors, stop rules and report in float64; on the device are the products K x
 * alone, in float32 like K itself. A product takes B numbers up and B down, K stays where it is.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../../check/error.ts";
import { f64, NONE } from "../../kernel/arena.ts";
import { runAtOnce } from "../../kernel/pieces.ts";
import { meanDiagonal } from "../../row_system/gram.ts";
import type { Products } from "../../solver/cg.ts";
import { type CheckedSolver, isDirect } from "../../solver/solver.ts";
import { attempt, attemptFgn, type Candidate, gradientNorm } from "../../step/attempt.ts";
import { type Asked, type OpenStage, type Stage, stageOf } from "../../step/stage.ts";
import { NO_PENALTY } from "../../tape/penalty.ts";
import type { Workspace } from "../../tape/workspace.ts";
import type { Device } from "../device/device.ts";
import { type View, whole } from "../device/view.ts";
import { multiplyGram } from "./gram.ts";
import { rowsOfGram } from "./rows.ts";

/** The row system of an open step, wherever its products are formed. */
export interface RowSystem {
  readonly stage: OpenStage;
  /** ‖g‖. */
  readonly gradientNorm: () => Promise<E.Either<FgnError, number>>;
  /** A step at λ, or `NotPositiveDefinite`, `Overflow`. Errors: those of the device. */
  readonly attempt: (lambda: number) => Promise<E.Either<FgnError, E.Either<FgnError, Candidate>>>;
}

/**
 * Whether K stays on the device: where conjugate gradient solves the system anyway, beyond `hostRows`. A factor needs K
 * on the CPU.
 */
export const staysOnDevice = (solver: CheckedSolver, rows: number, hostRows: number): boolean =>
  rows > hostRows && !isDirect(solver, rows);

/** Parameters stay on the device: there is no vector of them here. */
const NO_VECTORS = { product: NONE, remainder: NONE, direction: NONE, trial: NONE, previous: NONE, ggn: null };

/** The stage of a request over the system of its rows. */
const stageFor = <S extends OpenStage["system"]>(asked: Asked, ws: Workspace, system: S) =>
  stageOf(asked, { ws, system, vectors: NO_VECTORS, penalty: NO_PENALTY });

/** The system of a K that has come to the CPU. */
export function hostSystem(asked: Asked, ws: Workspace, K: Float32Array): RowSystem {
  const stage: Stage = stageFor(asked, ws, rowsOfGram(ws, K));
  return {
    stage,
    gradientNorm: () => Promise.resolve(E.right(gradientNorm(stage))),
    attempt: (lambda) => Promise.resolve(E.right(runAtOnce(attempt(stage, lambda)))),
  };
}

/** K on the device and the vectors of its products, B × 1. */
export interface DeviceGram {
  readonly K: View;
  readonly x: View;
  readonly y: View;
}

/** A vector v in float32, divided by a unit; without meaning where that is neither above 0 nor finite. */
export interface Scaled {
  readonly scaled: Float32Array;
  readonly unit: number;
}

/**
 * v/unit in float32. The unit is the largest magnitude of v times √(largest K_ii), so that the numbers of a product K v
 * lie about 1 whatever the size of weights and features: |K_ij| ≤ max K_ii, and devices may take subnormals for zero.
 */
export function scaleDown(v: Float64Array, largest: number): Scaled {
  const most = v.reduce((top, value) => Math.max(top, Math.abs(value)), 0), unit = most * Math.sqrt(largest);
  return { scaled: Float32Array.from(v, (value) => value / most / Math.sqrt(largest)), unit };
}

/** out ← S u = w ∘ K(w ∘ u). Errors: those of the device. */
async function multiply(
  device: Device,
  { kernel, at, rows }: Workspace,
  { K, x, y }: DeviceGram,
  largest: number,
  [u, out]: readonly [u: number, out: number],
): Promise<E.Either<FgnError, void>> {
  const w = f64(kernel, at.rowWeight, rows);
  const { scaled, unit } = scaleDown(f64(kernel, u, rows).map((value, i) => value * (w[i] as number)), largest);
  if (!(unit > 0 && unit < Infinity)) {
    // Zero, or NaN, at which conjugate gradient breaks down.
    f64(kernel, out, rows).fill(0 * unit);
    return E.right(undefined);
  }
  const submitted = await device.submit((encoder) => {
    encoder.write(x.buffer, scaled);
    multiplyGram(device.limits, encoder, K, x, y);
    return [whole(y)];
  });
  if (submitted._tag === "Left") return submitted;
  const product = new Float32Array(submitted.right), weight = f64(kernel, at.rowWeight, rows);
  f64(kernel, out, rows).set(weight.map((wi, i) => wi * (unit * (product[i] as number))));
  return E.right(undefined);
}

/** The system of a K that stays on the device, of which the diagonal has come. */
export function deviceSystem(
  device: Device,
  asked: Asked,
  ws: Workspace,
  gram: DeviceGram,
  diagonal: Float32Array,
): RowSystem {
  const { kernel, at, rows } = ws;
  f64(kernel, at.diagonal, rows).set(diagonal);
  const stage = stageFor(asked, ws, { kind: "gram", meanDiagonal: meanDiagonal(ws) });
  const largest = diagonal.reduce((top, k) => Math.max(top, k), 0);
  const drive = async <A>(steps: Products<A>): Promise<E.Either<FgnError, A>> => {
    let next = steps.next();
    while (next.done !== true) {
      const product = await multiply(device, ws, gram, largest, next.value);
      if (product._tag === "Left") return product;
      next = steps.next();
    }
    return E.right(next.value);
  };
  return {
    stage,
    gradientNorm: async () => {
      const product = await multiply(device, ws, gram, largest, [at.rhs, at.image]);
      return E.map(() => Math.sqrt(Math.max(0, kernel.exports.dot64(rows, at.rhs, at.image))))(product);
    },
    attempt: (lambda) => drive(attemptFgn(stage, lambda)),
  };
}
