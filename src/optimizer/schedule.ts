/**
 * Schedules: pure functions from the number of a step, from 0, to a factor.
 *
 * @module
 */

/** A factor for every step, counted from 0. */
export interface Schedule {
  /** The factor of a step. */
  readonly at: (step: number) => number;
  /** What it does, for `explain`. */
  readonly note: string;
}

/**
 * The same factor at every step.
 *
 * @example
 * ```ts
 * import { always } from "@fgn/fgn";
 *
 * console.log(always(0.5).at(7)); // 0.5
 * ```
 */
export const always = (factor: number): Schedule => ({ at: () => factor, note: `${factor}` });

/**
 * Rises in equal parts over the first `steps` steps, from factor/steps, and stays.
 *
 * @example
 * ```ts
 * import { warmUp } from "@fgn/fgn";
 *
 * console.log(warmUp(4).at(1)); // 0.5
 * ```
 */
export const warmUp = (steps: number, factor = 1): Schedule => ({
  at: (step) => factor * Math.min(1, (step + 1) / steps),
  note: `rises to ${factor} over ${steps} steps`,
});

/** cos(πx) for x in [0, ½] by its Taylor series, to 1e-9: engines differ in Math.cos. */
function cosine(x: number): number {
  const square = (Math.PI * x) ** 2;
  let term = 1, sum = 1;
  for (let k = 1; k <= 8; k++) {
    term *= -square / ((2 * k - 1) * (2 * k));
    sum += term;
  }
  return sum;
}

/**
 * Half a cosine from 1 down to `floor` over `steps` steps, then `floor` (Loshchilov and Hutter 2017, equation 5).
 *
 * @example
 * ```ts
 * import { cosineDecay } from "@fgn/fgn";
 *
 * console.log(cosineDecay(100).at(50)); // 0.5
 * ```
 */
export const cosineDecay = (steps: number, floor = 0): Schedule => ({
  at: (step) => {
    const x = Math.min(1, step / steps);
    return floor + (1 - floor) * (1 + (x <= 0.5 ? cosine(x) : -cosine(1 - x))) / 2;
  },
  note: `falls to ${floor} over ${steps} steps by half a cosine`,
});

/**
 * Multiplied by `factor` after every `every` steps.
 *
 * @example
 * ```ts
 * import { stepDecay } from "@fgn/fgn";
 *
 * console.log(stepDecay(100, 0.5).at(250)); // 0.25
 * ```
 */
export const stepDecay = (every: number, factor: number): Schedule => ({
  at: (step) => factor ** Math.floor(step / every),
  note: `times ${factor} every ${every} steps`,
});
