import { describe, expect, it } from "vitest";
import { confusion, getOrThrow, type Matrix, matrix } from "../../mod.ts";
import { SCIKIT_LEARN, tableOf, weightsOf } from "./cases.ts";

/** Rows that are sure of a class. */
function sure(classes: number, predicted: readonly number[]): Matrix {
  const data = new Float32Array(classes * predicted.length);
  predicted.forEach((k, i) => data[i * classes + k] = 1);
  return getOrThrow(matrix(predicted.length, classes, data));
}

describe("confusion()", () => {
  for (const given of SCIKIT_LEARN.cases) {
    const { confusion: want } = given;
    if (want === null) continue;
    it(`has scikit-learn's matrix of ${given.name}, and its pairs`, () => {
      const { matrix: counts, pairs, errors } = getOrThrow(confusion(tableOf(given), given.labels, weightsOf(given)));
      expect(Array.from(counts?.data ?? [])).toEqual(want);
      const wrong = want.filter((_, n) => Math.floor(n / given.classes) !== n % given.classes);
      expect(errors).toBe(wrong.reduce((sum, count) => sum + count, 0));
      expect(pairs.map(({ count }) => count)).toEqual(wrong.filter((count) => count > 0).sort((a, b) => b - a));
      for (const { label, predicted, count, share, errorShare } of pairs) {
        expect(want[label * given.classes + predicted]).toBe(count);
        const support = want.slice(label * given.classes, (label + 1) * given.classes).reduce((sum, v) => sum + v, 0);
        expect([share, errorShare]).toEqual([count / support, count / errors]);
      }
    });
  }

  it("lists the largest counts first, then by label and prediction, up to `most`", () => {
    const labels = [0, 2, 2, 1, 1, 1, 0, 2], p = sure(3, [1, 0, 0, 0, 2, 1, 2, 2]);
    const listed = (most: number) =>
      getOrThrow(confusion(p, labels, { most })).pairs.map(({ label, predicted }) => [label, predicted]);
    expect(listed(9)).toEqual([[2, 0], [0, 1], [0, 2], [1, 0], [1, 2]]);
    expect(listed(2)).toEqual([[2, 0], [0, 1]]);
    expect(getOrThrow(confusion(p, labels, { most: 1 })).errors).toBe(6);
  });

  it("has no pairs where nothing is wrong", () => {
    expect(getOrThrow(confusion(sure(2, [0, 1]), [0, 1]))).toMatchObject({ pairs: [], errors: 0 });
  });

  it("gives the matrix up to 100 classes, or as told", () => {
    const has = (classes: number, options = {}) =>
      getOrThrow(confusion(sure(classes, [0, 1]), [0, 0], options)).matrix !== null;
    expect([has(100), has(101), has(101, { matrix: true }), has(100, { matrix: false })])
      .toEqual([true, false, true, false]);
  });

  it("goes over 50,000 classes", () => {
    const { pairs } = getOrThrow(confusion(sure(50_000, [49_999, 49_999, 7]), [49_998, 49_998, 7]));
    expect(pairs).toEqual([{ label: 49_998, predicted: 49_999, count: 2, share: 1, errorShare: 1 }]);
  });
});
