/**
 * Backtracking: a shorter step where the loss does not fall.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { isNumberIn, isPositive, notPositive, type Rule, standsStill } from "./rule.ts";

/**
 * Relative damping with a step length: the step is shortened until the loss of the batch falls by at least
 * `decrease · length · (−gᵀd)` (Armijo 1966). Every step starts from length 1: there is nothing to carry.
 */
export interface Backtracking {
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
  const { ratio = 0.13, shrink = 0.5, decrease = 1e-4, attempts = 10 } = options;
  return { _tag: "backtracking", ratio, shrink, decrease, attempts };
}

function check(state: Backtracking): E.Either<FgnError, Backtracking> {
  const { ratio, shrink, decrease, attempts } = state;
  if (!isPositive(ratio)) return notPositive(ratio);
  if (!(isPositive(shrink) && shrink < 1)) return invalid("shrink", shrink, "a number in (0, 1)");
  if (!isNumberIn(decrease, 0, 1)) return invalid("decrease", decrease, "a number in [0, 1)");
  if (!(Number.isInteger(attempts) && attempts >= 1)) return invalid("attempts", attempts, "a whole number from 1");
  return E.right(state);
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
