/**
 * Backtracking: a shorter step where the loss does not fall.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { ANY, BELOW_ONE, checkFields, COUNT, type Faulty, makeOf, type Rules, SHARE } from "../check/rule.ts";
import { isPositive, notPositive, type Rule, standsStill } from "./rule.ts";

/**
 * Relative damping with a step length: the step is shortened until the loss of the batch falls by at least
 * `decrease · length · (−gᵀd)` (Armijo 1966). Every step starts from length 1: there is nothing to carry.
 */
export interface Backtracking extends Faulty {
  /** Backtracking. */
  readonly _tag: "backtracking";
  /** μ/K̄ > 0. */
  readonly ratio: number;
  /** Factor of the length after a rejected attempt, in (0, 1). */
  readonly shrink: number;
  /** The share of the predicted first-order decrease that is asked for, in [0, 1). */
  readonly decrease: number;
  /** Attempts in one call before it gives the parameters back unchanged. */
  readonly attempts: number;
}

/** Options of {@link backtracking}. */
export interface BacktrackingOptions {
  /** μ/K̄ (default 0.13). */
  readonly ratio?: number;
  /** Factor of the length after a rejected attempt (default ½). */
  readonly shrink?: number;
  /** Default 1e-4. */
  readonly decrease?: number;
  /** Attempts a call (default 10). */
  readonly attempts?: number;
}

/**
 * Backtracking on the loss of the batch: bolder damping than `relative(1)`, made safe by a shorter step where the full
 * one overshoots. A retry solves nothing: it costs a forward pass, and a projection where the step is no vector yet.
 *
 * @example
 * ```ts
 * import { backtracking } from "fgn";
 *
 * console.log(backtracking().ratio); // 0.13
 * ```
 */
export function backtracking(options: BacktrackingOptions = {}): Backtracking {
  return makeOf(options, FIELDS, ({ ratio = 0.13, shrink = 0.5, decrease = 1e-4, attempts = 10 }) => {
    return { _tag: "backtracking", ratio, shrink, decrease, attempts };
  });
}

/** Another error says what is wrong with a ratio. */
const FIELDS: Rules<BacktrackingOptions> = { ratio: ANY, shrink: SHARE, decrease: BELOW_ONE, attempts: COUNT };

function check(state: Backtracking): E.Either<FgnError, Backtracking> {
  return isPositive(state.ratio) ? checkFields(state, FIELDS) : notPositive(state.ratio);
}

const rule: Rule<Backtracking> = {
  check,
  observe: (state) => state,
  first: ({ ratio }, { unit }) => ratio * unit,
  attempts: ({ attempts }) => attempts,
  accepts: ({ decrease }, outcome) => {
    const { actual, linear } = outcome;
    return (actual > 0 && actual >= decrease * linear) || standsStill(outcome);
  },
  retry: ({ shrink }, lambda) => ({ lambda, share: shrink }),
  next: (state) => state,
};

export default rule;
