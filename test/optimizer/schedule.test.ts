// Schedules against their formulas. cosineDecay to 1e-15 of Math.cos; the others exactly, also in the last digit, since
// they must be the same numbers in every runtime.

import { describe, expect, it } from "vitest";
import {
  always,
  cosineDecay,
  fgn,
  fgnStep,
  getOrThrow,
  randomHead,
  type Schedule,
  stepDecay,
  times,
  warmUp,
  weightDecay,
} from "../../mod.ts";
import { layerOf, left, problem } from "../support/reference.ts";

const values = ({ at }: Schedule, steps: number): number[] => Array.from({ length: steps }, (_, n) => at(n));

describe("schedules", () => {
  it("always() is a constant", () => {
    expect(values(always(0.3), 3)).toEqual([0.3, 0.3, 0.3]);
    expect(always(0.3).note).toBe("0.3");
  });

  it("warmUp() rises from factor/steps to the factor and stays", () => {
    expect(values(warmUp(4), 6)).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
    expect(values(warmUp(2, 0.1), 3)).toEqual([0.05, 0.1, 0.1]);
    expect(values(warmUp(1), 2)).toEqual([1, 1]);
    expect(warmUp(4, 0.1).note).toBe("rises to 0.1 over 4 steps");
  });

  it("cosineDecay() is half a cosine, then the floor", () => {
    for (const [steps, floor] of [[1, 0], [7, 0], [100, 0.1], [1000, 0], [3, 1], [12.5, 0.5]] as const) {
      const seen = values(cosineDecay(steps, floor), steps + 5);
      seen.forEach((value, n) => {
        const want = n >= steps ? floor : floor + (1 - floor) * (1 + Math.cos(Math.PI * n / steps)) / 2;
        expect(Math.abs(value - want)).toBeLessThan(1e-15);
        if (n > 0) expect(value).toBeLessThanOrEqual(seen[n - 1] as number);
      });
      expect(seen[0]).toBe(1);
      expect(seen.at(-1)).toBe(floor);
    }
    expect(cosineDecay(100).at(50)).toBe(0.5);
    expect(cosineDecay(9, 0.1).note).toBe("falls to 0.1 over 9 steps by half a cosine");
  });

  it("stepDecay() multiplies after every so many steps", () => {
    expect(values(stepDecay(2, 0.5), 6)).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25]);
    expect(values(stepDecay(1, 3), 5)).toEqual([1, 3, 9, 27, 81]);
    expect(values(stepDecay(2, 0), 4)).toEqual([1, 1, 0, 0]);
    // 0.9⁷⁷ by squaring: 0.9⁶⁴ · 0.9⁸ · 0.9⁴ · 0.9, from the smallest up.
    const square = (x: number, times: number): number => times === 0 ? x : square(x * x, times - 1);
    expect(stepDecay(1, 0.9).at(77)).toBe(0.9 * square(0.9, 2) * square(0.9, 3) * square(0.9, 6));
    expect(Math.abs(stepDecay(10, 0.999).at(123_456) / 0.999 ** 12_345 - 1)).toBeLessThan(1e-12);
    expect(stepDecay(5, 0.5).note).toBe("times 0.5 every 5 steps");
  });

  it("times() scales another one, so that a weight decay can follow a cosine", () => {
    expect(values(times(0.1, stepDecay(1, 0.5)), 3)).toEqual([0.1, 0.05, 0.025]);
    expect(times(1e-3, cosineDecay(9)).note).toBe("0.001 times one that falls to 0 over 9 steps by half a cosine");
    const { data } = problem(12, 4, 3), head = getOrThrow(randomHead({ features: 4, classes: 3 }, 1));
    const refused = weightDecay(cosineDecay(9))(fgn()), decays = weightDecay(times(1e-3, cosineDecay(9)))(fgn());
    expect(left(refused.update(head, refused.init(head), data))).toMatchObject({ option: "weightDecay" });
    const plain = getOrThrow(fgnStep(head, data)).params,
      decayed = getOrThrow(decays.update(head, decays.init(head), data)).params;
    const [w, before] = [layerOf(plain).weight.data, layerOf(head).weight.data];
    const want = w.map((v, i) => v - 1e-3 * (before[i] as number));
    expect(layerOf(decayed).weight.data).toEqual(want);
  });

  it("of arguments out of range are NaN from the first step", () => {
    const bad = [0, -1, NaN].flatMap((steps) => [warmUp(steps), cosineDecay(steps), stepDecay(steps, 0.5)]);
    const factors = [-0.1, NaN].flatMap((factor) => [warmUp(5, factor), cosineDecay(5, factor), stepDecay(5, factor)]);
    for (const schedule of [...bad, ...factors, always(NaN)]) expect(values(schedule, 3)).toEqual([NaN, NaN, NaN]);
  });
});
