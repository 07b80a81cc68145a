/**
 * Damping by a fixed λ.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { isPositive, notPositive, type Rule, UNJUDGED } from "./rule.ts";

/** A fixed λ in parameter space. */
export interface ConstantDamping {
  /** A constant λ. */
  readonly _tag: "constant";
  /** λ > 0 of the mean loss. */
  readonly lambda: number;
}

/**
 * A constant λ > 0 of the mean loss: the same trust in every batch, whatever the size of its features.
 *
 * @example
 * ```ts
 * import { constant } from "fgn";
 *
 * console.log(constant(0.1).lambda); // 0.1
 * ```
 */
export function constant(lambda: number): ConstantDamping {
  return { _tag: "constant", lambda };
}

const rule: Rule<ConstantDamping> = {
  check: (state) => isPositive(state.lambda) ? E.right(state) : notPositive(state.lambda),
  observe: (state) => state,
  first: ({ lambda }) => lambda,
  ...UNJUDGED,
  next: (state) => state,
};

export default rule;
