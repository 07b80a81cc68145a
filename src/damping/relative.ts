/**
 * Damping relative to the batch's own Gram matrix.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { isPositive, notPositive, type Rule, UNJUDGED } from "./rule.ts";

/** λ = ratio · K̄ / Σω: relative to the mean diagonal K̄ of the batch's own Gram matrix (μ/K̄ = ratio). */
export interface RelativeDamping {
  /** Relative to the Gram matrix. */
  readonly _tag: "relative";
  /** μ/K̄ > 0. */
  readonly ratio: number;
}

/**
 * Damping relative to the batch's own Gram matrix, μ/K̄ = ratio: the default, 1, needs no tuning on
 * mini-batches. Smaller is bolder.
 *
 * @example
 * ```ts
 * import { relative } from "fgn";
 *
 * console.log(relative().ratio); // 1
 * ```
 */
export function relative(ratio = 1): RelativeDamping {
  return { _tag: "relative", ratio };
}

const rule: Rule<RelativeDamping> = {
  check: (state) => isPositive(state.ratio) ? E.right(state) : notPositive(state.ratio),
  observe: (state) => state,
  first: ({ ratio }, { unit }) => ratio * unit,
  ...UNJUDGED,
  next: (state) => state,
};

export default rule;
