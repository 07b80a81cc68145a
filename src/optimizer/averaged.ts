/**
 * A running average of the parameters around any optimizer.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { BELOW_ONE, checkOptions, faultOf, type Rule } from "../check/rule.ts";
import { show } from "../check/show.ts";
import { checkModel, type Model } from "../network/model.ts";
import { averageOf, type Averages, beginAverage, shareMemory, startAverage } from "./average.ts";
import { changesLike, isByRow } from "./by_row.ts";
import { steerInner, wrap } from "./inner.ts";
import { faultAround, type Optimizer, UPDATE } from "./optimizer.ts";
import { checkCounted } from "./state.ts";

/** The state of {@link averaged}. */
export interface AveragedState<S> extends Averages {
  /** State of the optimizer inside. */
  readonly inner: S;
  /** Updates done. */
  readonly steps: number;
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
  return (given) => changesLike(given, makeAveraged(given, decay, isByRow(given)));
}

const makeAveraged = <M extends Model, S>(
  given: Optimizer<M, S>,
  decay: number,
  byRow: boolean,
): Optimizer<M, AveragedState<S>> =>
  wrap<M, S, AveragedState<S>>(given, (inner) => ({
    name: `averaged(${inner.name})`,
    notes: [...inner.notes, `evaluates a running average of the parameters, decay min(${show(decay)}, n/(n + 9))`],
    ...faultAround(inner, faultOf("averaged", decay, DECAY)),
    init: (params) => ({ inner: inner.init(params), steps: 0, ...startAverage(params, byRow) }),
    update: (params, state, batch, given = {}) => {
      const checked = checkOptions(given, UPDATE);
      if (checked._tag === "Left") return checked;
      const options = checked.right;
      const counted = checkCounted(state);
      if (counted._tag === "Left") return counted;
      const isModel = checkModel(params);
      if (isModel._tag === "Left") return isModel;
      const begun = beginAverage(params, state, batch, options, decay);
      if (begun._tag === "Left") return begun;
      const asked = begun.right.shares ? { ...options, donate: false } : options;
      const update = inner.update(params, state.inner, batch, asked);
      if (update._tag === "Left") return update;
      const steps = state.steps + 1, averages = begun.right.after(update.right.params, steps);
      return E.right({ ...update.right, state: { inner: update.right.state, steps, ...averages } });
    },
    result: (params, state) => averageOf(params, state, decay),
    ...steerInner<M, S, AveragedState<S>>(inner, (params, { average }) => !shareMemory(params, average)),
  }));
