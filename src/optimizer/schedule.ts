/**
 * Schedules: pure functions from the number of a step, from 0, to a factor.
 *
 * Arguments that do not fit make a schedule with a `fault`, of NaN at every step; transforms hand the fault on. Factors are
 * made of + − × ÷ alone, so that they are the same numbers in every runtime.
 *
 * @module
 */

import type { FgnError } from "../check/error.ts";
import { faultIn, faultOf, type Faulty, FROM_ZERO, NUMBER, POSITIVE } from "../check/rule.ts";
import { show } from "../check/show.ts";
import { orElse } from "../check/total.ts";

/** A factor for every step, counted from 0. */
export interface Schedule extends Faulty {
  /** The factor of a step. */
  readonly at: (step: number) => number;
  /** A line on what it does, for `explain`. */
  readonly note: string;
}

/** Makes a schedule, of NaN throughout where its arguments do not fit. */
const checkedSchedule = (fault: FgnError | null | undefined, at: (step: number) => number, note: string): Schedule =>
  fault ? { at: () => NaN, note, fault } : { at: (step) => typeof step === "number" ? at(step) : NaN, note };

/**
 * The same factor at every step.
 *
 * @example
 * ```ts
 * import { always } from "fgn";
 *
 * console.log(always(0.5).at(7)); // 0.5
 * ```
 */
export const always = (factor: number): Schedule =>
  checkedSchedule(faultOf("always.factor", factor, NUMBER), () => factor, `${show(factor)}`);

/**
 * Rises in equal parts over the first `steps` steps, from factor/steps, and stays.
 *
 * @param steps above 0
 * @param factor at least 0, default 1
 * @example
 * ```ts
 * import { warmUp } from "fgn";
 *
 * console.log(warmUp(4).at(1)); // 0.5
 * ```
 */
export const warmUp = (steps: number, factor = 1): Schedule =>
  checkedSchedule(
    faultOf("warmUp.steps", steps, POSITIVE) ?? faultOf("warmUp.factor", factor, FROM_ZERO),
    (step) => factor * Math.min(1, (step + 1) / steps),
    `rises to ${show(factor)} over ${show(steps)} steps`,
  );

/** cos(πx) for x in [0, ½] by its Taylor series, to the last digit: engines differ in Math.cos. */
function cosine(x: number): number {
  const square = Math.PI * x * (Math.PI * x);
  let term = 1, sum = 1;
  for (let k = 1; k <= 11; k++) {
    term *= -square / ((2 * k - 1) * (2 * k));
    sum += term;
  }
  return sum;
}

/**
 * Half a cosine from 1 down to `floor` over `steps` steps, then `floor` (Loshchilov and Hutter 2017, equation 5).
 *
 * @param steps above 0
 * @param floor at least 0, default 0
 * @example
 * ```ts
 * import { cosineDecay } from "fgn";
 *
 * console.log(cosineDecay(100).at(50)); // 0.5
 * ```
 */
export const cosineDecay = (steps: number, floor = 0): Schedule =>
  checkedSchedule(
    faultOf("cosineDecay.steps", steps, POSITIVE) ?? faultOf("cosineDecay.floor", floor, FROM_ZERO),
    (step) => {
      const x = Math.min(1, step / steps);
      return floor + (1 - floor) * (1 + (x <= 0.5 ? cosine(x) : -cosine(1 - x))) / 2;
    },
    `falls to ${show(floor)} over ${show(steps)} steps by half a cosine`,
  );

/** xⁿ for whole n ≥ 0 by squaring: engines differ in powers. */
function power(x: number, n: number): number {
  let result = 1;
  for (let square = x, rest = n; rest > 0; rest = Math.floor(rest / 2), square *= square) {
    if (rest % 2 === 1) result *= square;
  }
  return result;
}

/**
 * Multiplied by `factor` after every `every` steps.
 *
 * @param every above 0
 * @param factor at least 0
 * @example
 * ```ts
 * import { stepDecay } from "fgn";
 *
 * console.log(stepDecay(100, 0.5).at(250)); // 0.25
 * ```
 */
export const stepDecay = (every: number, factor: number): Schedule =>
  checkedSchedule(
    faultOf("stepDecay.every", every, POSITIVE) ?? faultOf("stepDecay.factor", factor, FROM_ZERO),
    (step) => power(factor, Math.min(Math.floor(step / every), 2 ** 53)),
    `times ${show(factor)} every ${show(every)} steps`,
  );

/**
 * Another schedule times a factor: rates that fall, such as those of a weight decay, whose shares stay below 1.
 *
 * @example
 * ```ts
 * import { cosineDecay, times } from "fgn";
 *
 * console.log(times(1e-3, cosineDecay(100)).at(0)); // 0.001
 * ```
 */
export const times = (factor: number, schedule: Schedule): Schedule => {
  const copy = orElse(() => ({ ...schedule }), always(NaN)), { at, note } = copy, fault = faultIn(copy);
  const known = typeof at === "function" ? fault : faultOf("times.schedule", schedule, [() => false, "a schedule"]);
  return checkedSchedule(
    known ?? faultOf("times.factor", factor, NUMBER),
    (step) => factor * at(step),
    `${show(factor)} times one that ${typeof note === "string" ? note : "has no note"}`,
  );
};
