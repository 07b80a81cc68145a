/**
 * Damping tied to the misfit: the part of the data that is not yet explained.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import {
  checkFields,
  type Faulty,
  FROM_ZERO,
  makeOf,
  oneOf,
  POSITIVE,
  type Rules,
  union,
  WHOLE,
} from "../check/rule.ts";
import { type Observation, type Rule, UNJUDGED } from "./rule.ts";

/** A pure state: each step returns the next one. */
export interface Misfit extends Faulty {
  /** Damping tied to the misfit, the part of the data that is not yet explained. */
  readonly _tag: "misfit";
  /** Multiplies the damping. */
  readonly caution: number;
  /** `adaptive` starts bold and becomes careful while the misfit stays large; `steady` is always careful. */
  readonly rule: "adaptive" | "steady";
  /** Steps done. */
  readonly steps: number;
  /** Running mean s̄ of s = 1 − p_y. */
  readonly meanSlope: number;
}

/** Options of {@link misfit}. */
export interface MisfitOptions {
  /** Multiplies the damping (default 1). Below 1 for clean, dense data, above for noisy labels. */
  readonly caution?: number;
  /** Default `adaptive`. */
  readonly rule?: "adaptive" | "steady";
}

/**
 * Damping for mini-batches that follows the misfit, the part of the data that is not yet explained: with n the number of
 * the step and s̄ the running mean of s = 1 − p_y,
 *
 *     μ/K̄ = γ s̄^0.7 √(1 + n/50),      γ = min(.15, max(.02 √(1 + n/50), .15 (s̄/.4)² min(1, n/200)))
 *
 * or γ = .15 for the steady rule. It grows with n, since averaging what many batches say asks for smaller steps, and
 * falls with s̄. Meant for `curvature: "majorized"`: it is the damping of `robust()`.
 *
 * @example
 * ```ts
 * import { misfit } from "fgn";
 *
 * console.log(misfit({ caution: 2 }).steps); // 0
 * ```
 */
export function misfit(options: MisfitOptions = {}): Misfit {
  return makeOf(options, OPTIONS, ({ caution = 1, rule = "adaptive" }) => {
    return { _tag: "misfit", caution, rule, steps: 0, meanSlope: 0 };
  });
}

const OPTIONS: Rules<MisfitOptions> = { caution: POSITIVE, rule: /* @__PURE__ */ oneOf("adaptive", "steady") };
/** Rules of the fields of a state. */
const FIELDS = /* @__PURE__ */ union(OPTIONS, { steps: WHOLE, meanSlope: FROM_ZERO });

/** γ of the steady rule, and the most of the adaptive one. */
const GAMMA = 0.15;
/** The least μ/K̄, where all is explained: float32 resolves the Gram matrix no further. */
const LEAST = 1e-6;

/** γ of the n-th step. */
function gamma(rule: "adaptive" | "steady", n: number, meanSlope: number): number {
  if (rule === "steady") return GAMMA;
  const share = meanSlope / 0.4, careful = GAMMA * (share * share) * Math.min(1, n / 200);
  return Math.min(GAMMA, Math.max(0.02 * Math.sqrt(1 + n / 50), careful));
}

/** The state that has seen a batch. */
function observe(state: Misfit, { slope }: Observation): Misfit {
  const steps = state.steps + 1;
  return { ...state, steps, meanSlope: state.meanSlope + Math.max(0.02, 1 / steps) * (slope - state.meanSlope) };
}

/** λ for the batch last seen. */
function first({ caution, rule, steps, meanSlope }: Misfit, { unit, power }: Observation): number {
  const ratio = caution * gamma(rule, steps, meanSlope) * power(meanSlope, 0.7) * Math.sqrt(1 + steps / 50);
  return Math.max(LEAST, ratio) * unit;
}

const check = (state: Misfit): E.Either<FgnError, Misfit> => checkFields(state, FIELDS);

const rule: Rule<Misfit> = { check, observe, first, ...UNJUDGED, next: (state) => state };

export default rule;
