/**
 * Damping: how far a step trusts its quadratic model.
 *
 * The step solves (H + λI)d = −g for the mean loss over the batch. λ is quoted in parameter space; in row
 * space, for B examples of equal weight, the same damping is μ = Bλ. A damping is a value: each step returns the one
 * for the next.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, invalid } from "../check/error.ts";
import { type Backtracking, checkBacktracking } from "./backtracking.ts";
import { advance, checkExplained, type Explained, explainedRatio, type Seen } from "./explained.ts";
import { checkLevenbergMarquardt, type LevenbergMarquardt } from "./levenberg_marquardt.ts";

/** A fixed λ in parameter space. */
export interface ConstantDamping {
  /** A constant λ. */
  readonly _tag: "constant";
  /** λ > 0 of the mean loss. */
  readonly lambda: number;
}

/** λ = ratio · K̄ / Σω: relative to the mean diagonal K̄ of the batch's own Gram matrix (μ/K̄ = ratio). */
export interface RelativeDamping {
  /** Relative to the Gram matrix. */
  readonly _tag: "relative";
  /** μ/K̄ > 0. */
  readonly ratio: number;
}

/** How a step is damped; a bare number is a constant λ. */
export type Damping = number | ConstantDamping | RelativeDamping | LevenbergMarquardt | Backtracking | Explained;

/** A damping in its tagged form; internal. */
export type TaggedDamping = Exclude<Damping, number>;

/** A constant λ > 0. */
export function constant(lambda: number): ConstantDamping {
  return { _tag: "constant", lambda };
}

/**
 * Damping relative to the batch's own Gram matrix, μ/K̄ = ratio: the default, 1, needs no tuning on
 * mini-batches. Smaller is bolder.
 */
export function relative(ratio = 1): RelativeDamping {
  return { _tag: "relative", ratio };
}

const TAGS = ["constant", "relative", "levenbergMarquardt", "backtracking", "explained"];

/** The number of a damping that must be positive, or null. */
const scaleOf = (damping: TaggedDamping): number | null =>
  damping._tag === "explained" ? null : "ratio" in damping ? damping.ratio : damping.lambda;

/** The tagged form of a damping, checked; internal. Errors: `InvalidDamping`, `InvalidOption`. */
export function checkDamping(damping: Damping): E.Either<FgnError, TaggedDamping> {
  const tagged = typeof damping === "number" ? constant(damping) : damping;
  if (!TAGS.includes(tagged?._tag)) {
    return invalid("damping", damping, "a number, constant, relative, levenbergMarquardt, backtracking or explained");
  }
  const value = scaleOf(tagged);
  if (value !== null && !(value > 0 && value < Infinity)) {
    return fail(
      "InvalidDamping",
      { value },
      `the damping is ${value}`,
      "Give a positive finite number, or leave it to relative(1)",
    );
  }
  switch (tagged._tag) {
    case "levenbergMarquardt":
      return checkLevenbergMarquardt(tagged);
    case "backtracking":
      return checkBacktracking(tagged);
    case "explained":
      return checkExplained(tagged);
    default:
      return E.right(tagged);
  }
}

/** An attempt at a step: λ, and the share of the direction at hand where that is kept. Internal. */
export interface Trial {
  readonly lambda: number;
  readonly share: number;
}

/** The damping that has seen a batch; internal. */
export const observe = (damping: TaggedDamping, seen: Seen): TaggedDamping =>
  damping._tag === "explained" ? advance(damping, seen) : damping;

/** The float32 resolution of the Gram matrix: Levenberg–Marquardt goes no lower, relative to K̄/Σω. */
const FLOOR = 1e-6;

/** λ of the first attempt. */
function firstLambda(damping: TaggedDamping, unit: number, seen: Seen): number {
  switch (damping._tag) {
    case "constant":
      return damping.lambda;
    case "levenbergMarquardt":
      return Math.max(damping.lambda ?? unit, FLOOR * unit);
    case "explained":
      return explainedRatio(damping, seen) * unit;
    default:
      return damping.ratio * unit;
  }
}

/** The first attempt of a damping that has seen the batch; internal. `unit` is K̄/Σω. */
export const firstTrial = (damping: TaggedDamping, unit: number, seen: Seen): Trial => ({
  lambda: firstLambda(damping, unit, seen),
  share: 1,
});

/** Attempts in one call; internal. */
export const attemptsOf = (damping: TaggedDamping): number => "attempts" in damping ? damping.attempts : 1;

/** The attempt after a rejected one: more damping, or a shorter step. Internal. */
export function retry(damping: TaggedDamping, { lambda }: Trial): Trial {
  if (damping._tag === "backtracking") return { lambda, share: damping.shrink };
  return { lambda: damping._tag === "levenbergMarquardt" ? lambda * damping.raise : lambda, share: 1 };
}

/** What an attempt promised and did; internal. */
export interface Outcome {
  readonly lossBefore: number;
  /** Loss before − loss after. */
  readonly actual: number;
  /** −(gᵀd + ½ dᵀHd) of the step taken. */
  readonly predicted: number;
  /** −gᵀd of the step taken. */
  readonly linear: number;
}

/**
 * Whether an attempt is kept: its gain ratio is positive, or the loss falls as backtracking asks, compared without
 * dividing; or the loss cannot show what was predicted. Internal.
 */
export function accepts(damping: TaggedDamping, { lossBefore, actual, predicted, linear }: Outcome): boolean {
  if (!("attempts" in damping)) return true;
  const wanted = damping._tag === "backtracking" ? damping.decrease * linear : 0;
  return (actual > 0 && actual >= wanted) || (actual === 0 && predicted <= 2 ** -52 * Math.abs(lossBefore));
}

/** The damping of the next step after one that ended at `lambda`; internal. */
export function nextDamping(damping: TaggedDamping, lambda: number, accepted: boolean): Damping {
  if (damping._tag !== "levenbergMarquardt") return damping;
  return { ...damping, lambda: Math.min(lambda * (accepted ? damping.lower : damping.raise), Number.MAX_VALUE) };
}
