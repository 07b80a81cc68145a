/**
 * Running averages of parameters.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../error.ts";
import { checkHeld, isDetached } from "../held.ts";
import { checkKind, isFloats } from "../kind.ts";
import { checkLength } from "../matrix.ts";
import { takeArrays } from "../network/donate.ts";
import { arraysOf, checkHeldModel } from "../network/flat.ts";
import { type Model, withArrays } from "../network/model.ts";
import type { Optimizer } from "./optimizer.ts";

/** decay · before + (1 − decay) · now, in an array of its own if none is given. Internal. */
export function mix(
  before: Float32Array,
  now: Float32Array,
  decay: number,
  out: Float32Array = new Float32Array(now.length),
): Float32Array {
  for (let i = 0; i < out.length; i++) out[i] = decay * (before[i] as number) + (1 - decay) * (now[i] as number);
  return out;
}

/** The decay of the n-th update, n from 1: what came before the average had n terms does not weigh on it. Internal. */
export const warmDecay = (n: number, most: number): number => Math.min(most, n / (n + 9));

/**
 * An average of the given parameters, both still there. Internal. Errors: `WrongKind`, `DonatedParameters`,
 * `ShapeMismatch`.
 */
export function checkAverage(average: readonly Float32Array[], params: Model): E.Either<FgnError, void> {
  const held = checkHeldModel(params);
  if (held._tag === "Left") return held;
  const isRight = Array.isArray(average) && average.every(isFloats);
  const kind = checkKind("the state's average", average, isRight, "a list of Float32Arrays");
  if (kind._tag === "Left") return kind;
  const arrays = arraysOf(params), count = checkLength("the state's average", average.length, arrays.length);
  if (count._tag === "Left") return count;
  for (const [index, array] of average.entries()) {
    const what = `the state's average[${index}]`, still = checkHeld(what, array);
    if (still._tag === "Left") return still;
    const length = checkLength(what, array.length, (arrays[index] as Float32Array).length);
    if (length._tag === "Left") return length;
  }
  return E.right(undefined);
}

/**
 * Whether the average lies in the memory of the parameters, as where a `result` is trained further: giving one up would
 * empty the other. Internal.
 */
export function shareMemory(params: Model, average: readonly Float32Array[]): boolean {
  const buffers = new Set(arraysOf(params).map(({ buffer }) => buffer));
  return average.some(({ buffer }) => buffers.has(buffer));
}

/** The average after parameters, in the memory of the one before if that is given up. Internal. */
export function averageArrays(
  average: readonly Float32Array[],
  params: Model,
  decay: number,
  donate: boolean,
): readonly Float32Array[] {
  const taken = donate ? takeArrays(average) : null;
  return arraysOf(params).map((array, index) => {
    const own = taken?.[index];
    return mix(own ?? average[index] as Float32Array, array, decay, own);
  });
}

/** A copy of the trainable arrays; empty ones of those that were given up, which the update refuses. Internal. */
export const copyArrays = (params: Model): readonly Float32Array[] =>
  arraysOf(params).map((array) => isDetached(array) ? new Float32Array(0) : array.slice());

/** The state of {@link averaged}. */
export interface AveragedState<S> {
  /** Of the optimizer inside. */
  readonly inner: S;
  /** Updates done. */
  readonly steps: number;
  /** The average, array by array. */
  readonly average: readonly Float32Array[];
}

/**
 * Keeps a running average of the parameters and makes it the result; steps go on from the parameters themselves. Its
 * decay is min(decay, n/(n + 9)), so that the start does not weigh on it (bias correction).
 *
 * @param decay in [0, 1), default 0.98
 * @example
 * ```ts
 * import { averaged, fgn } from "@fgn/fgn";
 *
 * console.log(averaged(0.99)(fgn()).name); // averaged(fgn)
 * ```
 */
export function averaged(
  decay = 0.98,
): <M extends Model, S>(inner: Optimizer<M, S>) => Optimizer<M, AveragedState<S>> {
  return (inner) => ({
    name: `averaged(${inner.name})`,
    notes: [...inner.notes, `evaluates a running average of the parameters, decay min(${decay}, n/(n + 9))`],
    init: (params) => ({ inner: inner.init(params), steps: 0, average: copyArrays(params) }),
    update: (params, state, batch, options = {}) => {
      if (!(decay >= 0 && decay < 1)) return invalid("averaged", decay, "a decay in [0, 1)");
      const fits = checkAverage(state.average, params);
      if (fits._tag === "Left") return fits;
      const asked = shareMemory(params, state.average) ? { ...options, donate: false } : options;
      const done = inner.update(params, state.inner, batch, asked);
      if (done._tag === "Left") return done;
      const steps = state.steps + 1, next = done.right.params;
      const average = averageArrays(state.average, next, warmDecay(steps, decay), options.donate === true);
      return E.right({ ...done.right, state: { inner: done.right.state, steps, average } });
    },
    result: (params, state) => withArrays(params, state.average),
  });
}
