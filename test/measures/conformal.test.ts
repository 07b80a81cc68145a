import { describe, expect, it } from "vitest";
import { conformalSets, conformalThreshold, getOrThrow, matrix, seedRandom } from "../../mod.ts";
import { drawFrom } from "../../src/math/random.ts";
import { four, SCIKIT_LEARN, tableOf } from "./cases.ts";

describe("conformalThreshold()", () => {
  for (const given of SCIKIT_LEARN.cases) {
    if (given.weights !== null) continue;
    it(`has numpy's quantile of ${given.name}`, () => {
      const got = getOrThrow(conformalThreshold(tableOf(given), given.labels, SCIKIT_LEARN.error));
      // 1 − (1 − p) there.
      expect(Math.abs(got.threshold - given.conformal)).toBeLessThan(1e-15);
      expect(got.examples).toBe(given.rows);
    });
  }

  it("is the ⌈(n + 1)(1 − error)⌉-th largest probability of a label, and 0 where n is too small for the promise", () => {
    const own = [0.5, 0.875, 0.75, 0.625, 1, 0.5625, 0.6875, 0.8125, 0.9375];
    const at = (n: number, error: number) =>
      getOrThrow(conformalThreshold(
        getOrThrow(matrix(own.slice(0, n).map((p) => [p, 1 - p]))),
        new Uint8Array(n),
        error,
      )).threshold;
    const sorted = own.toSorted((a, b) => b - a);
    for (const [error, place] of [[0.1, 9], [0.2, 8], [0.25, 8], [0.5, 5], [0.9, 1], [0.95, 1]] as const) {
      expect(at(9, error)).toBe(sorted[place - 1]);
    }
    expect([at(9, 0.0999), at(8, 0.1), at(1, 0.49)]).toEqual([0, 0, 0]);
    expect(at(1, 0.5)).toBe(0.5);
  });

  it("leaves out rows without a label", () => {
    expect(getOrThrow(conformalThreshold(four, [0, -1, 0, 2], 0.5, { ignoredLabel: -1 })))
      .toEqual({ threshold: Math.fround(0.7), examples: 3 });
  });

  it("keeps its promise: over 2,000 draws sets hold the label in 1 − error of them, and hardly more", () => {
    const source = drawFrom(seedRandom(1)), uniform = () => source.next() / 2 ** 32;
    /** Three classes; the label is drawn from other shares than the probabilities say. */
    const draw = (rows: number) => {
      const table = Array.from({ length: rows }, () => {
        const a = uniform(), b = uniform(), c = uniform(), sum = a + b + c;
        return [a / sum, b / sum, c / sum];
      });
      const labels = table.map(([a = 0, b = 0]) => {
        const u = uniform() * uniform();
        return u < a ? 0 : u < a + b ? 1 : 2;
      });
      return { p: getOrThrow(matrix(table)), labels };
    };
    let covered = 0;
    for (let trial = 0; trial < 2000; trial++) {
      const { p, labels } = draw(19), fresh = draw(10);
      const { threshold } = getOrThrow(conformalThreshold(p, labels, 0.2));
      const sets = getOrThrow(conformalSets(fresh.p, threshold));
      for (const [i, set] of sets.entries()) if (set.includes(fresh.labels[i] as number)) covered++;
    }
    // 16 of 20 places: exactly 0.8 in expectation; four standard deviations of the coverage of 19 rows over 2,000 draws.
    expect(Math.abs(covered / 20_000 - 0.8)).toBeLessThan(4 * Math.sqrt(0.8 * 0.2 / 21 / 2000 + 0.16 / 20_000));
  });
});

describe("conformalSets()", () => {
  it("hold the classes from the threshold up, the likeliest first, ties by class", () => {
    const p = getOrThrow(matrix([[0.125, 0.5, 0.375], [0.25, 0.5, 0.25], [0.375, 0.375, 0.25]]));
    expect(getOrThrow(conformalSets(p, 0.375)).map((set) => [...set])).toEqual([[1, 2], [1], [0, 1]]);
    expect(getOrThrow(conformalSets(p, 0)).map((set) => [...set])).toEqual([[1, 2, 0], [1, 0, 2], [0, 1, 2]]);
    expect(getOrThrow(conformalSets(p, 1)).map((set) => [...set])).toEqual([[], [], []]);
  });
});
