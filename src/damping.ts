/**
 * Damping: how far a step trusts its quadratic model.
 *
 * The step solves (H + λI)d = −g for the mean loss over the batch. λ is quoted in parameter space; in row
 * space, for B examples of equal weight, the same damping is μ = Bλ.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";

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

/**
 * Levenberg–Marquardt: λ rises until the loss falls, and decays after accepted steps. A pure state: each
 * step returns the next one.
 */
export interface LevenbergMarquardt {
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

/** How a step is damped; a bare number is a constant λ. */
export type Damping = number | ConstantDamping | RelativeDamping | LevenbergMarquardt;

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
 * step interpolates its batch.
 *
 * @example
 * ```ts
 * import { levenbergMarquardt } from "@fgn/fgn";
 *
 * console.log(levenbergMarquardt({ lambda: 0.1 }).raise); // 2
 * ```
 */
export function levenbergMarquardt(options: LevenbergMarquardtOptions = {}): LevenbergMarquardt {
  const { lambda = null, raise = 2, lower = 0.95, attempts = 16 } = options;
  return { _tag: "levenbergMarquardt", lambda, raise, lower, attempts };
}

const positive = (value: number): boolean => value > 0 && value < Infinity;

/** The tagged form of a damping, checked; internal. Errors: `InvalidDamping`, `InvalidOption`. */
export function checkDamping(damping: Damping): E.Either<FgnError, TaggedDamping> {
  const tagged = typeof damping === "number" ? constant(damping) : damping;
  if (!["constant", "relative", "levenbergMarquardt"].includes(tagged?._tag)) {
    return invalid("damping", damping, "a number, constant, relative or levenbergMarquardt");
  }
  const value = tagged._tag === "relative" ? tagged.ratio : tagged.lambda;
  if (value !== null && !positive(value)) {
    return fail(
      "InvalidDamping",
      { value },
      `the damping is ${value}`,
      "Give a positive finite number, or leave it to relative(1)",
    );
  }
  if (tagged._tag !== "levenbergMarquardt") return E.right(tagged);
  const { raise, lower, attempts } = tagged;
  if (!(raise > 1 && raise < Infinity)) return invalid("raise", raise, "a number above 1");
  if (!(lower > 0 && lower <= 1)) return invalid("lower", lower, "a number in (0, 1]");
  if (!(Number.isInteger(attempts) && attempts >= 1)) return invalid("attempts", attempts, "a whole number from 1");
  return E.right(tagged);
}

/** An `InvalidOption`; internal. */
export function invalid(option: string, value: unknown, wanted: string): E.Either<FgnError, never> {
  return fail("InvalidOption", { option, value }, `${option} is ${String(value)}`, `Give ${wanted}`);
}

/** The float32 resolution of the Gram matrix: Levenberg–Marquardt goes no lower, relative to K̄/Σω. */
const FLOOR = 1e-6;

/** λ of the first attempt; internal. `unit` is K̄/Σω. */
export function firstLambda(damping: TaggedDamping, unit: number): number {
  if (damping._tag === "constant") return damping.lambda;
  if (damping._tag === "relative") return damping.ratio * unit;
  return Math.max(damping.lambda ?? unit, FLOOR * unit);
}

/**
 * Whether an attempt is kept: its gain ratio is positive, compared without dividing, or the loss cannot show what was
 * predicted; internal.
 */
export function accepts(damping: TaggedDamping, loss: number, actual: number, predicted: number): boolean {
  if (damping._tag !== "levenbergMarquardt") return true;
  return actual > 0 || (actual === 0 && predicted <= 2 ** -52 * Math.abs(loss));
}

/** The damping of the next step after one at `lambda`; internal. */
export function nextDamping(damping: TaggedDamping, lambda: number, accepted: boolean): Damping {
  if (damping._tag !== "levenbergMarquardt") return damping;
  return { ...damping, lambda: Math.min(lambda * (accepted ? damping.lower : damping.raise), Number.MAX_VALUE) };
}
