/**
 * Damping: how far a step trusts its quadratic model.
 *
 * The step solves (H + λI)d = −g for the mean loss over the batch. λ is quoted in parameter space; in row
 * space, for B examples of equal weight, the same damping is μ = Bλ. A damping is a value: each step returns the one
 * for the next.
 *
 * A damping is decided in its own file and here. Named exports of both are the library's own; what the search asks is the
 * default export, a rule there and the table of all rules here, which no `export *` hands on.
 *
 * @module
 */

import backtrackingRule, { type Backtracking } from "./backtracking.ts";
import constantRule, { type ConstantDamping } from "./constant.ts";
import levenbergMarquardtRule, { type LevenbergMarquardt } from "./levenberg_marquardt.ts";
import misfitRule, { type Misfit } from "./misfit.ts";
import relativeRule, { type RelativeDamping } from "./relative.ts";
import type { Rule } from "./rule.ts";

export * from "./backtracking.ts";
export * from "./constant.ts";
export * from "./levenberg_marquardt.ts";
export * from "./misfit.ts";
export * from "./relative.ts";

/** How a step is damped; a bare number is a constant λ. */
export type Damping = number | ConstantDamping | RelativeDamping | LevenbergMarquardt | Backtracking | Misfit;

type Tagged = Exclude<Damping, number>;

/** The rule of each damping. */
const rules: { readonly [tag in Tagged["_tag"]]: Rule<Extract<Tagged, { readonly _tag: tag }>> } = {
  constant: constantRule,
  relative: relativeRule,
  levenbergMarquardt: levenbergMarquardtRule,
  backtracking: backtrackingRule,
  misfit: misfitRule,
};

export default rules;
