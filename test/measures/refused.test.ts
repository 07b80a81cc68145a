// What all measures refuse, and how they say it.

import { describe, expect, it } from "vitest";
import * as fgn from "../../mod.ts";
import { left } from "../support/reference.ts";
import { four } from "./cases.ts";

type Measure = (p: fgn.Matrix, labels: fgn.Numbers, options?: object) => fgn.Either<fgn.FgnError, unknown>;

const MEASURES: Readonly<Record<string, Measure>> = {
  classReport: fgn.classReport,
  confusion: fgn.confusion,
  reliability: fgn.reliability,
  temperature: fgn.temperature,
  thresholdFor: (p, labels, options) => fgn.thresholdFor(p, labels, 0.9, options),
  conformalThreshold: (p, labels, options) => fgn.conformalThreshold(p, labels, 0.1, options),
  suspects: fgn.suspects,
};

const LABELS = [0, 1, 1, 2];
const withValue = (index: number, value: number): fgn.Matrix => ({
  ...four,
  data: four.data.map((p, i) => i === index ? value : p),
});

describe.each(Object.entries(MEASURES))("%s()", (_, measure) => {
  it("takes labels in any array, and those of every row ignored but one", () => {
    for (const labels of [LABELS, Uint8Array.from(LABELS), BigInt64Array.from(LABELS.map(BigInt))]) {
      expect(measure(four, labels)).toEqual(measure(four, LABELS));
    }
    expect(measure(four, [-1, -1, 1, -1], { ignoredLabel: -1 })._tag).toBe("Right");
  });

  it("refuses rows that are no probabilities, with their place", () => {
    expect(left(measure(withValue(4, 0.7), LABELS))).toMatchObject({ _tag: "InvalidProbabilities", row: 1 });
    expect(left(measure(withValue(10, -0.1), LABELS)))
      .toMatchObject({ _tag: "InvalidProbabilities", row: 3, message: expect.stringContaining("-0.1") });
    expect(left(measure(withValue(5, NaN), LABELS))).toMatchObject({ _tag: "NotFinite", index: 5 });
    expect(left(measure(withValue(5, Infinity), LABELS))).toMatchObject({ _tag: "NotFinite", index: 5 });
  });

  it("refuses matrices that are none, empty, of one class or beyond their values", () => {
    expect(left(measure(null as never, LABELS))._tag).toBe("WrongKind");
    expect(left(measure(fgn.matrix([[1, 0]]) as never, [0]))).toMatchObject({ _tag: "WrongKind" });
    expect(left(measure(fgn.getOrThrow(fgn.matrix(0, 3, [])), []))._tag).toBe("EmptyBatch");
    expect(left(measure(fgn.getOrThrow(fgn.matrix(1, 1, [1])), [0]))._tag).toBe("InvalidSize");
    expect(left(measure({ ...four, rows: 5 }, [...LABELS, 0]))._tag).toBe("ShapeMismatch");
    expect(left(measure({ ...four, rows: 1.5 }, LABELS))._tag).toBe("InvalidSize");
  });

  it("refuses labels that are none, too many, too few or beyond the classes", () => {
    expect(left(measure(four, undefined as never))._tag).toBe("WrongKind");
    expect(left(measure(four, [0, 1, 1]))).toMatchObject({ _tag: "ShapeMismatch", expected: 4, actual: 3 });
    expect(left(measure(four, [0, 1, 3, 2]))).toMatchObject({
      _tag: "LabelOutOfRange",
      index: 2,
      label: 3,
      classes: 3,
    });
    expect(left(measure(four, [0, 1, -1, 2]))).toMatchObject({ _tag: "LabelOutOfRange", index: 2 });
    expect(left(measure(four, [0, 0.5, 1, 2]))).toMatchObject({ _tag: "LabelOutOfRange", index: 1 });
    expect(left(measure(four, [0, "1", 1, 2] as never))).toMatchObject({ _tag: "LabelOutOfRange", index: 1 });
    expect(left(measure(four, [9, 9, 9, 9], { ignoredLabel: 9 }))._tag).toBe("ZeroWeights");
  });

  it("refuses options that there are not, and such that are none", () => {
    expect(left(measure(four, LABELS, { ignoreLabel: 0 })))
      .toMatchObject({ _tag: "InvalidOption", message: expect.stringContaining("did you mean ignoredLabel?") });
    expect(left(measure(four, LABELS, { ignoredLabel: 0.5 })))
      .toMatchObject({ _tag: "InvalidOption", option: "ignoredLabel" });
    expect(left(measure(four, LABELS, null as never))._tag).toBe("WrongKind");
  });

  it("changes nothing that it is given", () => {
    const p = { ...four, data: four.data.slice() }, labels = Uint32Array.from(LABELS);
    measure(p, labels);
    expect([p.data, labels]).toEqual([four.data, Uint32Array.from(LABELS)]);
  });
});

it.each([
  ["classReport", fgn.classReport(four, LABELS, { k: 0 }), "k"],
  ["confusion", fgn.confusion(four, LABELS, { most: 0.5 }), "most"],
  ["reliability", fgn.reliability(four, LABELS, { bins: 10_001 }), "bins"],
  ["temperature", fgn.temperature(four, LABELS, { from: "margins" as never }), "from"],
  ["thresholdFor", fgn.thresholdFor(four, LABELS, 1.01), "precision"],
  ["conformalThreshold", fgn.conformalThreshold(four, LABELS, 0), "error"],
  ["conformalSets", fgn.conformalSets(four, NaN), "threshold"],
  ["suspects", fgn.suspects(four, LABELS, { by: "entropy" as never }), "by"],
])("%s() refuses a number or word out of range", (_, result, option) => {
  expect(left(result)).toMatchObject({ _tag: "InvalidOption", option });
});

it.each([fgn.classReport, fgn.confusion, fgn.reliability, fgn.temperature])("%o refuses weights below 0", (measure) => {
  expect(left(measure(four, LABELS, { weights: [1, -1, 1, 1] }))).toMatchObject({ _tag: "NegativeWeight", index: 1 });
  expect(left(measure(four, LABELS, { weights: [0, 0, 0, 0] }))._tag).toBe("ZeroWeights");
});
