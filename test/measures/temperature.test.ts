// Temperatures against scipy's root of the slope (to 1e-9 of themselves), and against the loss on either side.

import { describe, expect, it } from "vitest";
import {
  applyTemperature,
  classReport,
  foldTemperature,
  getOrThrow,
  logits,
  type Matrix,
  matrix,
  mlp,
  probabilities,
  temperature,
} from "../../mod.ts";
import { left, uniform } from "../support/reference.ts";
import { type Case, four, SCIKIT_LEARN, tableOf, weightsOf } from "./cases.ts";

const NETWORK = getOrThrow(mlp({ inputs: 4, hidden: [8], classes: 5, seed: 3 }));
const FEATURES = getOrThrow(matrix(60, 4, uniform(240, 1).map((v) => 6 * v)));
/** Labels that the network has right more often than not. */
const LABELS = Array.from({ length: 60 }, (_, i) => {
  const row = getOrThrow(probabilities(NETWORK, FEATURES)).data.subarray(5 * i, 5 * i + 5);
  return i % 3 === 0 ? i % 5 : row.indexOf(Math.max(...row));
});

const fitted = (rows: Matrix, labels: readonly number[], options = {}) =>
  getOrThrow(temperature(rows, labels, options));
const logsOf = ({ rows, cols, data }: Matrix): Matrix => getOrThrow(matrix(rows, cols, data.map(Math.log)));

describe("temperature()", () => {
  for (const given of SCIKIT_LEARN.cases) {
    const { temperature: want } = given;
    if (want === null) continue;
    it(`has scipy's least loss of ${given.name}`, () => {
      const got = fitted(tableOf(given), given.labels, weightsOf(given));
      expect(Math.abs(got.temperature / want.temperature - 1)).toBeLessThan(1e-9);
      expect(Math.abs(got.lossAfter - want.loss)).toBeLessThan(1e-12);
      expect(got.atLimit).toBe(false);
      expect(got.lossAfter).toBeLessThanOrEqual(got.lossBefore);
    });
  }

  it("has the same bytes in every runtime", () => {
    const given = SCIKIT_LEARN.cases.at(-1) as Case;
    expect(fitted(tableOf(given), given.labels)).toEqual({
      temperature: 0.8002382168396097,
      lossBefore: 2.613789310141294,
      lossAfter: 2.3658514581498546,
      atLimit: false,
    });
  });

  it("measures the losses that classReport measures of the rows before and after", () => {
    const p = getOrThrow(probabilities(NETWORK, FEATURES)), got = fitted(p, LABELS);
    const lossOf = (rows: Matrix) => getOrThrow(classReport(rows, LABELS)).logLoss;
    // Rows of float32 sum to 1 within 1.2e-7.
    expect(Math.abs(lossOf(p) - got.lossBefore)).toBeLessThan(2e-7);
    expect(Math.abs(lossOf(getOrThrow(applyTemperature(p, got.temperature))) - got.lossAfter)).toBeLessThan(2e-7);
    for (const factor of [0.99, 1.01]) {
      expect(lossOf(getOrThrow(applyTemperature(p, factor * got.temperature)))).toBeGreaterThan(got.lossAfter);
    }
  });

  it("is the same of logits, of probabilities and of their logarithms", () => {
    const f = getOrThrow(logits(NETWORK, FEATURES)), p = getOrThrow(probabilities(NETWORK, FEATURES));
    const want = fitted(f, LABELS, { from: "logits" }).temperature;
    // The rounding of float32, of either.
    expect(Math.abs(fitted(p, LABELS).temperature / want - 1)).toBeLessThan(1e-6);
    expect(Math.abs(fitted(logsOf(p), LABELS, { from: "logits" }).temperature / want - 1)).toBeLessThan(1e-6);
  });

  it("undoes a temperature, over five orders of the logits", () => {
    const f = getOrThrow(logits(NETWORK, FEATURES)), want = fitted(f, LABELS, { from: "logits" }).temperature;
    for (const factor of [1 / 64, 0.25, 4, 32]) {
      const scaled = getOrThrow(matrix(60, 5, f.data.map((v) => factor * v)));
      expect(fitted(scaled, LABELS, { from: "logits" }).temperature / factor).toBeCloseTo(want, 8);
    }
  });

  it("says so where no temperature is best: every row right, or less known than by equal shares", () => {
    expect(fitted(four, [0, 1, 0, 2])).toMatchObject({ temperature: 0.01, atLimit: true });
    expect(fitted(four, [2, 0, 2, 1])).toMatchObject({ temperature: 100, atLimit: true });
  });

  it("stays at 1 where the loss is the same at every temperature", () => {
    const equal = getOrThrow(matrix([[0.5, 0.5], [0.5, 0.5]]));
    expect(fitted(equal, [0, 1])).toMatchObject({ temperature: 1, atLimit: false });
    expect(fitted(equal, [0, 1]).lossAfter).toBeCloseTo(Math.LN2, 15);
  });

  it("takes a label of probability 0 for 2⁻¹⁴⁹, and leaves other zeros out", () => {
    const p = getOrThrow(matrix([[1, 0, 0], [0.75, 0.25, 0], [0.75, 0.25, 0], [0.5, 0.25, 0.25]]));
    const { temperature: got, lossBefore } = fitted(p, [1, 0, 0, 0]);
    expect(lossBefore).toBeCloseTo((149 * Math.LN2 - Math.log(0.75 * 0.75 * 0.5)) / 4, 12);
    expect(got).toBeGreaterThan(10);
  });

  it("takes logits 1e30 apart", () => {
    const f = getOrThrow(matrix([[1e30, -1e30], [1e30, 0], [0, 1e30]]));
    expect(fitted(f, [0, 0, 0], { from: "logits" })).toMatchObject({ temperature: 100, atLimit: true });
    expect(fitted(f, [0, 0, 1], { from: "logits" })).toMatchObject({ temperature: 0.01, lossAfter: 0, atLimit: true });
  });

  it("refuses logits for probabilities", () => {
    const f = getOrThrow(logits(NETWORK, FEATURES));
    expect(left(temperature(f, LABELS))).toMatchObject({ _tag: "InvalidProbabilities", row: 0 });
    const broken = { ...f, data: f.data.map((v, i) => i === 7 ? Infinity : v) };
    expect(left(temperature(broken, LABELS, { from: "logits" }))).toMatchObject({ _tag: "NotFinite", index: 7 });
  });
});

describe("applyTemperature()", () => {
  it("is p^(1/T), renormalised, to float32", () => {
    for (const T of [0.3, 1, 2.5, 40]) {
      const got = getOrThrow(applyTemperature(four, T));
      for (let row = 0; row < 4; row++) {
        const powers = Array.from(four.data.subarray(3 * row, 3 * row + 3), (p) => p ** (1 / T));
        const sum = powers.reduce((a, b) => a + b, 0);
        powers.forEach((power, k) => {
          expect(Math.abs((got.data[3 * row + k] as number) / (power / sum) - 1)).toBeLessThan(6.1e-8);
        });
      }
    }
  });

  it("leaves its argument alone, and zeros and ones at every temperature", () => {
    const p = getOrThrow(matrix([[1, 0], [0, 1]])), before = p.data.slice();
    for (const T of [5e-324, 1e-300, 0.01, 1, 100, 1e300]) {
      expect(getOrThrow(applyTemperature(p, T))).toEqual(p);
    }
    expect(p.data).toEqual(before);
  });

  it("goes to the likeliest class as T falls, and to equal shares as it grows", () => {
    expect(getOrThrow(applyTemperature(four, 1e-320)).data.subarray(0, 3)).toEqual(Float32Array.of(1, 0, 0));
    expect(getOrThrow(applyTemperature(four, 1e300)).data.every((p) => p === Math.fround(1 / 3))).toBe(true);
  });

  it("refuses temperatures that are not positive", () => {
    for (const T of [0, -1, NaN, Infinity]) {
      expect(left(applyTemperature(four, T))).toMatchObject({ _tag: "InvalidOption", option: "temperature" });
    }
  });
});

describe("foldTemperature()", () => {
  it("of the temperature of a network gives what applyTemperature makes of its probabilities", () => {
    const p = getOrThrow(probabilities(NETWORK, FEATURES)), { temperature: T } = fitted(p, LABELS);
    const folded = getOrThrow(probabilities(getOrThrow(foldTemperature(NETWORK, T)), FEATURES));
    const want = getOrThrow(applyTemperature(p, T)).data;
    folded.data.forEach((q, i) => expect(Math.abs(q / (want[i] as number) - 1)).toBeLessThan(2e-6));
  });
});
