// Batches: labels, soft targets, labels that stand for none, and weights.

import { describe, expect, it } from "vitest";
import { getOrThrow } from "../../mod.ts";
import { batch, checkClasses, checkTargets } from "../../src/data/batch.ts";
import { matrix } from "../../src/data/matrix.ts";
import { fromRows } from "../../src/data/sparse.ts";
import { left } from "../support/reference.ts";

const features = getOrThrow(matrix(3, 2, [1, 0, 0, 1, 1, 1]));
const targets = getOrThrow(matrix(3, 3, [0.2, 0.4, 0.4, 0, 0, 1, 0.5, 0.25, 0.25]));

describe("labels", () => {
  it("alone leave targets and weights out", () => {
    const labels = Uint32Array.of(0, 1, 2);
    const data = getOrThrow(batch({ features, labels }));
    expect(data).toEqual({ features, labels, targets: null, weights: null });
    expect(data.labels).toBe(labels);
  });

  it("go with sparse features", () => {
    const rows = getOrThrow(fromRows(5, [[[4, 1]], []]));
    expect(getOrThrow(batch({ features: rows, labels: [0, 1] })).features).toBe(rows);
    expect(left(batch({ features: getOrThrow(fromRows(5, [])), labels: [] }))._tag).toBe("EmptyBatch");
  });

  it("or targets must be there", () => {
    expect(left(batch({ features }))).toMatchObject({ _tag: "InvalidOption", option: "labels" });
  });

  it("are one an example, whole and not negative", () => {
    expect(left(batch({ features, labels: [0, 1] }))).toMatchObject({ _tag: "ShapeMismatch", what: "labels" });
    expect(left(batch({ features, labels: [0, -1, 1] }))).toMatchObject({ _tag: "LabelOutOfRange", index: 1 });
    expect(checkClasses(Uint32Array.of(0, 2), 3)._tag).toBe("Right");
    expect(left(checkClasses(Uint32Array.of(0, 3), 3))).toMatchObject({ index: 1, label: 3, classes: 3 });
  });
});

describe("targets", () => {
  it("give the labels: the largest, the lower class of equals", () => {
    const data = getOrThrow(batch({ features, targets }));
    expect(data.labels).toEqual(Uint32Array.of(1, 2, 0));
    expect(data.targets).toBe(targets);
    expect(data.weights).toBeNull();
  });

  it("leave given labels as they are", () => {
    expect(getOrThrow(batch({ features, targets, labels: [0, 0, 2] })).labels).toEqual(Uint32Array.of(0, 0, 2));
    expect(left(batch({ features, targets, labels: [0, 0, -2] }))).toMatchObject({ _tag: "LabelOutOfRange", index: 2 });
    expect(left(batch({ features, targets, labels: [0, 0] }))).toMatchObject({ _tag: "ShapeMismatch" });
  });

  it("are rows of distributions", () => {
    const rows = (values: number[]) => batch({ features, targets: getOrThrow(matrix(3, 2, values)) });
    expect(rows([0.5, 0.50009, 1, 0, 0, 1])._tag).toBe("Right");
    expect(left(rows([0.5, 0.5, 1, 0.0002, 0, 1]))).toMatchObject({ _tag: "InvalidTargets", row: 1 });
    expect(left(rows([0.5, 0.5, 0, 0, 0, 1]))).toMatchObject({ _tag: "InvalidTargets", row: 1, sum: 0 });
    const negative = left(rows([0.5, 0.5, 1, 0, -0.5, 1.5]));
    expect(negative).toMatchObject({ _tag: "InvalidTargets", row: 2, sum: 1 });
    expect(negative.message).toContain("-0.5 for class 0");
    const broken = { rows: 3, cols: 2, data: Float32Array.of(1, 0, NaN, 1, 0, 1) };
    expect(left(batch({ features, targets: broken }))).toMatchObject({ _tag: "NotFinite", what: "targets", index: 2 });
  });

  it("have a row an example and a column a class", () => {
    const two = getOrThrow(matrix(2, 3, [1, 0, 0, 1, 0, 0]));
    expect(left(batch({ features, targets: two }))).toMatchObject({ _tag: "ShapeMismatch", what: "targets" });
    const short = { rows: 3, cols: 3, data: new Float32Array(8) };
    expect(left(batch({ features, targets: short }))).toMatchObject({ _tag: "ShapeMismatch", expected: 9, actual: 8 });
    expect(getOrThrow(checkTargets(null, 3, 3))).toBeNull();
    expect(getOrThrow(checkTargets(targets, 3, 3))).toBe(targets);
    expect(left(checkTargets(targets, 3, 4)).message).toContain("3 × 3 where 3 × 4");
  });
});

describe("ignoredLabel", () => {
  it("gives weight 0 and label 0, leaving the arguments alone", () => {
    const labels = [2, -1, 1], weights = Float32Array.of(2, 3, 4);
    const data = getOrThrow(batch({ features, labels, weights, ignoredLabel: -1 }));
    expect(data.labels).toEqual(Uint32Array.of(2, 0, 1));
    expect(data.weights).toEqual(Float32Array.of(2, 0, 4));
    expect(labels).toEqual([2, -1, 1]);
    expect(weights).toEqual(Float32Array.of(2, 3, 4));
    const typed = Uint32Array.of(255, 1, 0);
    const masked = getOrThrow(batch({ features, labels: typed, ignoredLabel: 255 }));
    expect(masked).toMatchObject({ labels: Uint32Array.of(0, 1, 0), weights: Float32Array.of(0, 1, 1) });
    expect(typed[0]).toBe(255);
  });

  it("takes weights and labels over where it does not occur", () => {
    const labels = Uint32Array.of(2, 0, 1), weights = Float32Array.of(2, 3, 4);
    expect(getOrThrow(batch({ features, labels, ignoredLabel: -100 })).weights).toBeNull();
    const data = getOrThrow(batch({ features, labels, weights, ignoredLabel: -100 }));
    expect(data.labels).toBe(labels);
    expect(data.weights).toBe(weights);
  });

  it("refuses batches without a label left", () => {
    expect(left(batch({ features, labels: [-1, -1, -1], ignoredLabel: -1 }))).toMatchObject({ _tag: "ZeroWeights" });
    const labels = [0, -1, -1], weights = [0, 1, 1];
    expect(left(batch({ features, labels, weights, ignoredLabel: -1 }))).toMatchObject({
      _tag: "ZeroWeights",
      count: 3,
    });
  });

  it("is a whole number, and excuses no other label", () => {
    for (const ignoredLabel of [NaN, 0.5, Infinity]) {
      expect(left(batch({ features, labels: [0, 1, 0], ignoredLabel }))).toMatchObject({ option: "ignoredLabel" });
    }
    expect(left(batch({ features, labels: [-1, -2, 0], ignoredLabel: -1 }))).toMatchObject({ index: 1, label: -2 });
  });
});

describe("weights", () => {
  it("are finite, not negative, not all zero, one an example", () => {
    const labels = [0, 1, 0];
    expect(left(batch({ features, labels, weights: [1, -2, 1] }))).toMatchObject({ _tag: "NegativeWeight", index: 1 });
    expect(left(batch({ features, labels, weights: [NaN, 1, 1] }))).toMatchObject({ _tag: "NotFinite", index: 0 });
    expect(left(batch({ features, labels, weights: [0, 0, 0] }))._tag).toBe("ZeroWeights");
    expect(left(batch({ features, labels, weights: [1] }))).toMatchObject({ _tag: "ShapeMismatch", what: "weights" });
    expect(getOrThrow(batch({ features, targets, weights: [1, 0, 2] })).weights).toEqual(Float32Array.of(1, 0, 2));
  });
});
