// Bins against scikit-learn's calibration_curve, and the Brier score against its sum of one class against the rest: sums
// of float64 in another order.

import { describe, expect, it } from "vitest";
import { getOrThrow, matrix, reliability } from "../../mod.ts";
import { four, SCIKIT_LEARN, tableOf } from "./cases.ts";

describe("reliability()", () => {
  for (const given of SCIKIT_LEARN.cases) {
    if (given.weights !== null) continue;
    it(`has scikit-learn's bins of ${given.name}, and the errors of them`, () => {
      const want = given.calibration;
      const { bins, ...errors } = getOrThrow(reliability(tableOf(given), given.labels, { bins: SCIKIT_LEARN.bins }));
      expect(bins.map(({ count }) => count)).toEqual(want.count);
      const full = bins.filter(({ count }) => count > 0);
      for (const [i, { accuracy, confidence }] of full.entries()) {
        expect(accuracy).toBeCloseTo(want.accuracy[i] as number, 14);
        expect(confidence).toBeCloseTo(want.confidence[i] as number, 14);
      }
      expect(errors.ece).toBeCloseTo(want.ece, 13);
      expect(errors.mce).toBeCloseTo(want.mce, 13);
      expect(errors.brier).toBeCloseTo(want.brier, 13);
    });
  }

  it("has fifteen bins from 0 to 1, the empty ones with nothing in them", () => {
    const { bins } = getOrThrow(reliability(four, [0, 1, 1, 2]));
    expect(bins).toHaveLength(15);
    expect([bins[0]?.from, bins[14]?.to]).toEqual([0, 1]);
    expect(bins[0]).toMatchObject({ count: 0, accuracy: null, confidence: null });
  });

  it("puts a confidence at an edge into the bin below it", () => {
    const p = getOrThrow(matrix([[0.5, 0.5], [0.75, 0.25], [1, 0]]));
    const { bins } = getOrThrow(reliability(p, [0, 0, 0], { bins: 4 }));
    expect(bins.map(({ count }) => count)).toEqual([0, 1, 1, 1]);
  });

  it("is 0 for what is sure and right, and at most 2 for what is sure and wrong", () => {
    const p = getOrThrow(matrix([[1, 0], [0, 1]]));
    expect(getOrThrow(reliability(p, [0, 1]))).toMatchObject({ ece: 0, mce: 0, brier: 0 });
    expect(getOrThrow(reliability(p, [1, 0]))).toMatchObject({ ece: 1, mce: 1, brier: 2 });
  });

  it("takes a confidence a little above 1, as sums of float32 may give, into the last bin", () => {
    const p = getOrThrow(matrix([[1.00001, 0]]));
    expect(getOrThrow(reliability(p, [0])).bins.at(-1)?.count).toBe(1);
  });

  it("weighs rows", () => {
    const twice = getOrThrow(matrix([...[0, 1, 2, 3], 2].map((i) => four.data.slice(3 * i, 3 * i + 3))));
    const want = getOrThrow(reliability(twice, [0, 1, 1, 2, 1]));
    const got = getOrThrow(reliability(four, [0, 1, 1, 2], { weights: [1, 1, 2, 1] }));
    expect({ ...got, brier: want.brier }).toEqual(want);
    expect(got.brier).toBeCloseTo(want.brier, 14);
  });
});
