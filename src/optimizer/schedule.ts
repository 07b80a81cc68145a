/**
 * Schedules: pure functions from the number of a step, from 0, to a factor.
 *
 * Arguments out of range give NaN at every step, which the transforms refuse at the first. Factors are made of
 * + − × ÷ alone, so that they are the same numbers in every runtime.
 *
 * @module
 */

import { orElse } from "../check/total.ts";

/** A factor for every step, counted from 0. */
export interface Schedule {
  /** The factor of a step. */
  readonly at: (step: number) => number;
  /** A line on what it does, for `explain`. */
  readonly note: string;
}

/** Makes a schedule of two numbers, of NaN throughout where they are none or do not fit. */
function checkedSchedule(
  [a, b]: readonly [number, number],
  fits: () => boolean,
  at: (step: number) => number,
  note: () => string,
): Schedule {
  if (typeof a !== "number" || typeof b !== "number") {
    return { at: () => NaN, note: "no schedule: not made of numbers" };
  }
  return { at: fits() ? (step) => typeof step === "number" ? at(step) : NaN : () => NaN, note: note() };
}

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
  checkedSchedule([factor, factor], () => true, () => factor, () => `${factor}`);

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
    [steps, factor],
    () => steps > 0 && factor >= 0,
    (step) => factor * Math.min(1, (step + 1) / steps),
    () => `rises to ${factor} over ${steps} steps`,
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
    [steps, floor],
    () => steps > 0 && floor >= 0,
    (step) => {
      const x = Math.min(1, step / steps);
      return floor + (1 - floor) * (1 + (x <= 0.5 ? cosine(x) : -cosine(1 - x))) / 2;
    },
    () => `falls to ${floor} over ${steps} steps by half a cosine`,
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
    [every, factor],
    () => every > 0 && factor >= 0,
    (step) => power(factor, Math.min(Math.floor(step / every), 2 ** 53)),
    () => `times ${factor} every ${every} steps`,
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
export const times = (factor: number, schedule: Schedule): Schedule =>
  orElse<Schedule>(() => {
    const { note } = schedule;
    return { at: (step) => factor * schedule.at(step), note: `${factor} times one that ${note}` };
  }, always(NaN));
