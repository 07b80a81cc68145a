/**
 * Running averages of parameters.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { checkAttached, isDetached } from "../check/detached.ts";
import type { FgnError } from "../check/error.ts";
import { checkKind, isFloats } from "../check/kind.ts";
import { BELOW_ONE, checkOptions, faultOf, type Rule } from "../check/rule.ts";
import { show } from "../check/show.ts";
import { orElse } from "../check/total.ts";
import { checkLength } from "../check/size.ts";
import { f32, place } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import { takeArrays } from "../network/donate.ts";
import { arraysOf } from "../network/flat.ts";
import { checkModel, type Model, withArrays } from "../network/model.ts";
import { kernelOf, type KernelOption } from "../problem/session.ts";
import { shrinkInner, wrap } from "./inner.ts";
import { faultAround, type Optimizer, UPDATE } from "./optimizer.ts";
import { checkCounted, checkEntries } from "./state.ts";

/** Floats of a block: two of them, 16 KiB each, stay in the L1 cache. */
const BLOCK = 4096;

/**
 * Two blocks in a kernel's memory, where averages are made between its steps.
 * @internal
 */
export interface AverageRoom {
  readonly kernel: LoadedKernel;
  readonly at: Readonly<Record<"now" | "average", number>>;
}

/**
 * Room for averages on the kernel of the options. It is opened before a step and used after it: once that has given up its
 * parameters nothing may fail. Errors: `KernelBusy`, `OutOfMemory`, and those of the default kernel.
 * @internal
 */
export function openAverage(options: KernelOption): E.Either<FgnError, AverageRoom> {
  const kernel = kernelOf(options);
  if (kernel._tag === "Left") return kernel;
  const at = place(kernel.right, { now: 4 * BLOCK, average: 4 * BLOCK });
  return at._tag === "Left" ? at : E.right({ kernel: kernel.right, at: at.right });
}

/** out = decay · before + (1 − decay) · now, summed in float64. */
function mix(
  { kernel, at }: AverageRoom,
  decay: number,
  before: Float32Array,
  now: Float32Array,
  out: Float32Array,
): void {
  for (let from = 0; from < out.length; from += BLOCK) {
    const to = Math.min(from + BLOCK, out.length);
    const block = f32(kernel, at.average, to - from);
    block.set(before.subarray(from, to));
    f32(kernel, at.now, to - from).set(now.subarray(from, to));
    kernel.exports.average(to - from, decay, at.now, at.average);
    out.set(block, from);
  }
}

/**
 * The decay of the n-th update, n from 1: what came before the average had n terms does not weigh on it.
 * @internal
 */
export const warmDecay = (n: number, most: number): number => Math.min(most, n / (n + 9));

/**
 * Checks that an average is one of a model that was checked, and still there. Errors: `WrongKind`, `DonatedParameters`,
 * `ShapeMismatch`.
 * @internal
 */
export function checkAverage(average: readonly Float32Array[], params: Model): E.Either<FgnError, void> {
  const isRight = Array.isArray(average) && average.every(isFloats);
  const kind = checkKind("the state's average", average, isRight, "a list of Float32Arrays");
  if (kind._tag === "Left") return kind;
  const arrays = arraysOf(params), count = checkLength("the state's average", average.length, arrays.length);
  if (count._tag === "Left") return count;
  for (const [index, array] of average.entries()) {
    const what = `the state's average[${index}]`, still = checkAttached(what, array);
    if (still._tag === "Left") return still;
    const length = checkLength(what, array.length, (arrays[index] as Float32Array).length);
    if (length._tag === "Left") return length;
  }
  return E.right(undefined);
}

/** Whether all values are finite, asked of the kernel block by block. */
function areFinite({ kernel, at }: AverageRoom, values: Float32Array): boolean {
  for (let from = 0; from < values.length; from += BLOCK) {
    const part = values.subarray(from, Math.min(from + BLOCK, values.length));
    f32(kernel, at.now, part.length).set(part);
    if (kernel.exports.allFinite(part.length, at.now) === 0) return false;
  }
  return true;
}

/**
 * Checks that an average is finite. Errors: `InvalidState`.
 * @internal
 */
export function checkFinite(room: AverageRoom, average: readonly Float32Array[]): E.Either<FgnError, void> {
  const index = average.findIndex((values) => !areFinite(room, values));
  return index < 0 ? E.right(undefined) : checkEntries(`average[${index}]`, average[index] as Float32Array);
}

/**
 * Whether the average lies in the memory of the parameters, as where a `result` is trained further: giving one up would
 * empty the other.
 * @internal
 */
export function shareMemory(params: Model, average: readonly Float32Array[]): boolean {
  const buffers = new Set(arraysOf(params).map(({ buffer }) => buffer));
  return average.some(({ buffer }) => buffers.has(buffer));
}

/**
 * The average after parameters, in the memory of the one before if that is given up.
 * @internal
 */
export function averageArrays(
  room: AverageRoom,
  average: readonly Float32Array[],
  params: Model,
  decay: number,
  donate: boolean,
): readonly Float32Array[] {
  const taken = donate ? takeArrays(average) : null;
  return arraysOf(params).map((array, index) => {
    const before = taken?.[index] ?? average[index] as Float32Array;
    const out = taken === null ? new Float32Array(before.length) : before;
    mix(room, decay, before, array, out);
    return out;
  });
}

/**
 * A copy of the trainable arrays; empty ones of those that were given up, and none of what is no model, which the update
 * refuses.
 * @internal
 */
export const copyArrays = (params: Model): readonly Float32Array[] =>
  orElse(() => arraysOf(params).map((array) => isDetached(array) ? new Float32Array(0) : array.slice()), []);

/** The state of {@link averaged}. */
export interface AveragedState<S> {
  /** State of the optimizer inside. */
  readonly inner: S;
  /** Updates done. */
  readonly steps: number;
  /** The average, array by array. */
  readonly average: readonly Float32Array[];
}

const DECAY: Rule = [(value) => BELOW_ONE[0](value), "a decay in [0, 1)"];

/**
 * Keeps a running average of the parameters and makes it the result; steps go on from the parameters themselves. Its
 * decay is min(decay, n/(n + 9)), so that the start does not weigh on it (bias correction).
 *
 * @param decay in [0, 1), default 0.98
 * @example
 * ```ts
 * import { averaged, fgn } from "fgn";
 *
 * console.log(averaged(0.99)(fgn()).name); // averaged(fgn)
 * ```
 */
export function averaged(
  decay = 0.98,
): <M extends Model, S>(inner: Optimizer<M, S>) => Optimizer<M, AveragedState<S>> {
  return <M extends Model, S>(given: Optimizer<M, S>) =>
    wrap<M, S, AveragedState<S>>(given, (inner) => ({
      name: `averaged(${inner.name})`,
      notes: [...inner.notes, `evaluates a running average of the parameters, decay min(${show(decay)}, n/(n + 9))`],
      ...faultAround(inner, faultOf("averaged", decay, DECAY)),
      init: (params) => ({ inner: inner.init(params), steps: 0, average: copyArrays(params) }),
      update: (params, state, batch, given = {}) => {
        const checked = checkOptions(given, UPDATE);
        if (checked._tag === "Left") return checked;
        const options = checked.right;
        const counted = checkCounted(state);
        if (counted._tag === "Left") return counted;
        const fits = E.chain(() => checkAverage(state.average, params))(checkModel(params));
        if (fits._tag === "Left") return fits;
        const room = openAverage(options);
        if (room._tag === "Left") return room;
        const finite = checkFinite(room.right, state.average);
        if (finite._tag === "Left") return finite;
        const asked = shareMemory(params, state.average) ? { ...options, donate: false } : options;
        const update = inner.update(params, state.inner, batch, asked);
        if (update._tag === "Left") return update;
        const steps = state.steps + 1, next = update.right.params;
        const average = averageArrays(
          room.right,
          state.average,
          next,
          warmDecay(steps, decay),
          options.donate === true,
        );
        return E.right({ ...update.right, state: { inner: update.right.state, steps, average } });
      },
      result: (params, state) => orElse(() => withArrays(params, state.average), params),
      ...shrinkInner<M, S, AveragedState<S>>(inner, (params, { average }) => !shareMemory(params, average)),
    }));
}
