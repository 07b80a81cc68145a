import { describe, expect, it } from "vitest";
import { getOrThrow, matrix, thresholdFor } from "../../mod.ts";
import { SCIKIT_LEARN, tableOf } from "./cases.ts";

/** Rows of two classes with a probability of the first. */
const pairs = (...first: readonly number[]) => getOrThrow(matrix(first.map((p) => [p, 1 - p])));

describe("thresholdFor()", () => {
  for (const given of SCIKIT_LEARN.cases) {
    if (given.weights !== null) continue;
    it(`has the lowest threshold of scikit-learn's precision_recall_curve of ${given.name}`, () => {
      const { overall } = getOrThrow(thresholdFor(tableOf(given), given.labels, SCIKIT_LEARN.precision));
      expect(overall).toEqual({ ...given.threshold, examples: given.rows });
    });
  }

  it("finds the widest threshold, also where precision falls and rises again", () => {
    const p = pairs(0.9375, 0.875, 0.8125, 0.75, 0.625);
    const at = (wanted: number) => getOrThrow(thresholdFor(p, [0, 1, 0, 0, 1], wanted)).overall;
    expect(at(0.75)).toEqual({ threshold: 0.75, precision: 0.75, kept: 4, examples: 5 });
    expect(at(1)).toEqual({ threshold: 0.9375, precision: 1, kept: 1, examples: 5 });
    expect(at(0.1)).toEqual({ threshold: 0.625, precision: 0.6, kept: 5, examples: 5 });
  });

  it("keeps rows of the same confidence together", () => {
    const { overall } = getOrThrow(thresholdFor(pairs(0.75, 0.75, 0.75, 0.625), [0, 0, 1, 0], 0.9));
    expect(overall).toEqual({ threshold: null, precision: 0.75, kept: 0, examples: 4 });
  });

  it("has a threshold a predicted class, and none for a class that is never predicted", () => {
    const p = getOrThrow(matrix([[0.75, 0.25, 0], [0.625, 0.375, 0], [0.25, 0.75, 0], [0.375, 0.625, 0]]));
    const { overall, classes } = getOrThrow(thresholdFor(p, [0, 1, 0, 0], 0.5));
    expect(overall).toEqual({ threshold: 0.75, precision: 0.5, kept: 2, examples: 4 });
    expect(classes).toEqual([
      { threshold: 0.625, precision: 0.5, kept: 2, examples: 2 },
      { threshold: null, precision: 0, kept: 0, examples: 2 },
      { threshold: null, precision: 0, kept: 0, examples: 0 },
    ]);
  });

  it("weighs rows, and leaves out those that are ignored", () => {
    const options = { weights: [1, 1, 3], ignoredLabel: 7 };
    const { overall } = getOrThrow(thresholdFor(pairs(0.75, 0.8125, 0.625), [1, 7, 0], 0.7, options));
    expect(overall).toEqual({ threshold: 0.625, precision: 0.75, kept: 4, examples: 4 });
  });
});
