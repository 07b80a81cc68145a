/**
 * Levenberg–Marquardt damping.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { ANY, checkFields, COUNT, type Faulty, makeOf, type Rules } from "../check/rule.ts";
import { isPositive, notPositive, type Rule, standsStill } from "./rule.ts";

/**
 * Levenberg–Marquardt: λ rises until the loss falls, and decays after accepted steps. A pure state: each
 * step returns the next one.
 */
export interface LevenbergMarquardt extends Faulty {
  /** Levenberg–Marquardt. */
  readonly _tag: "levenbergMarquardt";
  /** λ of the next attempt; null: start at K̄/Σω of the first batch. */
  readonly lambda: number | null;
  /** Factor after a rejected attempt, above 1. */
  readonly raise: number;
  /** Factor after an accepted step, in (0, 1]. */
  readonly lower: number;
  /** Attempts in one call before it gives the parameters back unchanged. */
  readonly attempts: number;
}

/** Options of {@link levenbergMarquardt}. */
export interface LevenbergMarquardtOptions {
  /** The first λ (default: relative damping 1 of the first batch). */
  readonly lambda?: number;
  /** Factor after a rejected attempt (default 2). */
  readonly raise?: number;
  /** Factor after an accepted step (default 0.95). */
  readonly lower?: number;
  /** Attempts a call (default 16). */
  readonly attempts?: number;
}

/**
 * A Levenberg–Marquardt state, for full or large batches: on mini-batches it keeps lowering λ until each
 * step interpolates its batch. A step is kept when the loss falls; a retry reuses the Gram matrix.
 *
 * @example
 * ```ts
 * import { levenbergMarquardt } from "fgn";
 *
 * console.log(levenbergMarquardt({ lambda: 0.1 }).raise); // 2
 * ```
 */
export function levenbergMarquardt(options: LevenbergMarquardtOptions = {}): LevenbergMarquardt {
  return makeOf(options, FIELDS, ({ lambda = null, raise = 2, lower = 0.95, attempts = 16 }) => {
    return { _tag: "levenbergMarquardt", lambda, raise, lower, attempts };
  });
}

/** Another error says what is wrong with a λ. */
const FIELDS: Rules<LevenbergMarquardtOptions> = {
  lambda: ANY,
  raise: [(value) => typeof value === "number" && value > 1 && value < Infinity, "a number above 1"],
  lower: [(value) => typeof value === "number" && value > 0 && value <= 1, "a number in (0, 1]"],
  attempts: COUNT,
};

/** The float32 resolution of the Gram matrix: λ goes no lower, relative to K̄/Σω. */
const FLOOR = 1e-6;

function check(state: LevenbergMarquardt): E.Either<FgnError, LevenbergMarquardt> {
  const { lambda } = state;
  return lambda === null || isPositive(lambda) ? checkFields(state, FIELDS) : notPositive(lambda);
}

const rule: Rule<LevenbergMarquardt> = {
  check,
  observe: (state) => state,
  first: ({ lambda }, { unit }) => Math.max(lambda ?? unit, FLOOR * unit),
  attempts: ({ attempts }) => attempts,
  // The gain ratio is positive, compared without dividing.
  accepts: (_, outcome) => outcome.actual > 0 || standsStill(outcome),
  retry: ({ raise }, lambda) => ({ lambda: lambda * raise, share: 1 }),
  next: (state, lambda, accepted) => {
    const following = lambda * (accepted ? state.lower : state.raise);
    return { ...state, lambda: Math.min(following, Number.MAX_VALUE) };
  },
};

export default rule;
