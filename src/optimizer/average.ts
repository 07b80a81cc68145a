/**
 * Running averages of parameters.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { invalid } from "../error.ts";
import { arraysOf } from "../network/flat.ts";
import { type Model, withArrays } from "../network/model.ts";
import type { Optimizer } from "./optimizer.ts";

/** decay · before + (1 − decay) · now, over `before` when it may be written to. Internal. */
export function mix(before: Float32Array, now: Float32Array, decay: number, into?: Float32Array): Float32Array {
  const out = into ?? new Float32Array(now.length);
  for (let i = 0; i < out.length; i++) out[i] = decay * (before[i] as number) + (1 - decay) * (now[i] as number);
  return out;
}

/** The decay of the n-th update, n from 1: what came before the average had n terms does not weigh on it. Internal. */
export const warmDecay = (n: number, most: number): number => Math.min(most, n / (n + 9));

/** The average after parameters; `reuse`: its arrays may be written to. Internal. */
export function averageArrays(
  average: readonly Float32Array[],
  params: Model,
  decay: number,
  reuse: boolean,
): readonly Float32Array[] {
  return arraysOf(params).map((array, index) => {
    const before = average[index] as Float32Array;
    return reuse ? mix(before, array, decay, before) : mix(before, array, decay);
  });
}

/** A copy of the trainable arrays. Internal. */
export const copyArrays = (params: Model): readonly Float32Array[] => arraysOf(params).map((array) => array.slice());

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
      const done = inner.update(params, state.inner, batch, options);
      if (done._tag === "Left") return done;
      const steps = state.steps + 1, next = done.right.params;
      const average = averageArrays(state.average, next, warmDecay(steps, decay), options.donate === true);
      return E.right({ ...done.right, state: { inner: done.right.state, steps, average } });
    },
    result: (params, state) => withArrays(params, state.average),
  });
}
