// Scores against scikit-learn's: to 1e-15 where they are shares of counts, to 2e-7 for the log loss, since scikit-learn
// divides each row of float32 by its sum once more.

import { describe, expect, it } from "vitest";
import { batch, classReport, evaluate, getOrThrow, matrix, mlp, probabilities, type Scores } from "../../mod.ts";
import { uniform } from "../support/reference.ts";
import { four, SCIKIT_LEARN, tableOf, weightsOf } from "./cases.ts";

const listed = ({ precision, recall, f1 }: Scores): number[] => [precision, recall, f1];

function expectAll(got: readonly number[], want: readonly number[]): void {
  expect(got).toHaveLength(want.length);
  for (const [i, value] of got.entries()) expect(Math.abs(value - (want[i] as number))).toBeLessThan(1e-14);
}

describe("classReport()", () => {
  for (const given of SCIKIT_LEARN.cases) {
    it(`has scikit-learn's scores of ${given.name}`, () => {
      const options = { k: SCIKIT_LEARN.k, ...weightsOf(given) }, want = given.report;
      const { classes, macro, weighted, ...report } = getOrThrow(classReport(tableOf(given), given.labels, options));
      expectAll(classes.map(({ precision }) => precision), want.precision);
      expectAll(classes.map(({ recall }) => recall), want.recall);
      expectAll(classes.map(({ f1 }) => f1), want.f1);
      expectAll(classes.map(({ support }) => support), want.support);
      expectAll(listed(macro), want.macro);
      expectAll(listed(weighted), want.weighted);
      expectAll([report.accuracy, report.topK], [want.accuracy, want.topK]);
      expect(Math.abs(report.logLoss - want.logLoss)).toBeLessThan(2e-7 * Math.max(1, want.logLoss));
      expect(report.examples).toBe(given.rows);
    });
  }

  it("has loss, accuracy and top-5 of evaluate(), with weights and labels to ignore", () => {
    const network = getOrThrow(mlp({ inputs: 4, hidden: [8], classes: 9, seed: 3 }));
    const features = getOrThrow(matrix(50, 4, uniform(200, 1).map((v) => 6 * v)));
    const labels = Array.from({ length: 50 }, (_, i) => i % 7 === 0 ? -1 : i % 9);
    const options = { weights: labels.map((_, i) => 0.5 + i % 3), ignoredLabel: -1 };
    const want = getOrThrow(evaluate(network, getOrThrow(batch({ features, labels, ...options }))));
    const report = getOrThrow(classReport(getOrThrow(probabilities(network, features)), labels, options));
    // Weights are float32 here and there, sums float64.
    expect(report.accuracy).toBeCloseTo(want.accuracy, 12);
    expect(report.topK).toBeCloseTo(want.top5, 12);
    // Losses of the kernel are float32.
    expect(Math.abs(report.logLoss / want.loss - 1)).toBeLessThan(1e-6);
    expect(report.examples).toBe(42);
  });

  it("counts a row of weight 2 as the row twice", () => {
    const twice = getOrThrow(matrix([...[0, 1, 2, 3], 2].map((i) => four.data.slice(3 * i, 3 * i + 3))));
    expect(getOrThrow(classReport(four, [0, 1, 1, 2], { weights: [1, 1, 2, 1] })))
      .toEqual({ ...getOrThrow(classReport(twice, [0, 1, 1, 2, 1])), examples: 4 });
  });

  it("gives ties to the lower class", () => {
    const p = getOrThrow(matrix([[0.25, 0.25, 0.25, 0.25]]));
    const ranks = [0, 1, 2, 3].map((label) =>
      [1, 2, 3, 4].findIndex((k) => getOrThrow(classReport(p, [label], { k })).topK === 1)
    );
    expect(ranks).toEqual([0, 1, 2, 3]);
    expect(getOrThrow(classReport(p, [0])).accuracy).toBe(1);
  });

  it("takes a probability of 0 for the least float32", () => {
    const { logLoss } = getOrThrow(classReport(getOrThrow(matrix([[1, 0]])), [1]));
    expect(logLoss).toBeCloseTo(149 * Math.LN2, 12);
  });
});
