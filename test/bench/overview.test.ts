// What the comparison (bench/convergence) standardises, and what it says of its results.
//
// Tolerances: 1e-6 on means and deviations of float32 columns.

import { describe, expect, it } from "vitest";
import { METHODS } from "../../bench/convergence/methods.ts";
import { overview } from "../../bench/convergence/overview.ts";
import type { Entry, FinalRun, Results } from "../../bench/convergence/results.ts";
import { standardised } from "../../bench/convergence/standardised.ts";
import { type Task, TASKS } from "../../bench/convergence/tasks.ts";
import { batch, getOrThrow, type Matrix, matrix } from "../../mod.ts";

const rowsOf = (rows: readonly (readonly number[])[]): Matrix =>
  getOrThrow(matrix(rows.length, rows[0]?.length ?? 0, rows.flat()));

describe("standardised()", () => {
  it("gives training columns mean 0 and deviation 1, moves test columns alike, and leaves constant ones at 0", () => {
    const values = Array.from({ length: 40 }, (_, i) => [1e6 + 1e3 * ((7 * i) % 40), 1e-3 * ((3 * i) % 40), 5]);
    const data = (rows: readonly (readonly number[])[]) =>
      getOrThrow(batch({ features: rowsOf(rows), labels: rows.map(() => 0) }));
    const { train, test } = standardised({ train: data(values), test: data(values.slice(0, 7)) });
    const { cols, data: scaled } = train.features as Matrix;
    for (let j = 0; j < cols; j++) {
      const column = values.map((_, i) => scaled[i * cols + j] as number);
      const mean = column.reduce((sum, v) => sum + v, 0) / column.length;
      const deviation = Math.sqrt(column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / column.length);
      expect(Math.abs(mean)).toBeLessThan(1e-6);
      expect(Math.abs(deviation - (j === 2 ? 0 : 1))).toBeLessThan(1e-6);
    }
    expect([...(test.features as Matrix).data]).toEqual([...scaled.subarray(0, 7 * cols)]);
  });
});

describe("overview()", () => {
  const [many, few] = ["movies-linear", "cars-linear"].map((id) => TASKS.find((task) => task.id === id)) as [
    Task,
    Task,
  ];
  /** An entry whose runs all score alike after every epoch. */
  const entry = (task: Task, chosen: Entry["chosen"], accuracy: number, loss: number, ece: number): Entry => {
    const score = { accuracy, loss, ece };
    const points = task.epochs.map((epoch) => ({ epoch, last: score, averaged: score }));
    const runs = task.seeds.map((seed): FinalRun => ({
      value: chosen?.last ?? null,
      seed,
      steps: 1,
      points,
      failed: null,
    }));
    return { trials: [], chosen, runs };
  };
  const rate = { last: 0.1, averaged: 0.1 };
  const said = (results: Results): string =>
    overview({ tasks: [many, few], methods: METHODS, results, times: {}, machine: "" }).replace(
      /(?<!\n)\n(?!\n)/g,
      " ",
    );

  it("says where robust() loses before it says how often it does not", () => {
    const text = said({
      [many.id]: { robust: entry(many, null, 0.5, 1.4, 0.1), adam: entry(many, rate, 0.51, 1.5, 0.05) },
      [few.id]: { robust: entry(few, null, 0.9, 0.2, 0.01), adam: entry(few, rate, 0.8, 0.3, 0.02) },
    });
    expect(text.indexOf("Where it loses")).toBeLessThan(text.indexOf("How often it does not"));
    expect(text).toContain("ahead of `robust()` in 1 of 2 tasks by one measure or more");
    expect(text).toMatch(/movies 23-11 \| .5000 against .5100 \(Adam, averaged\) \| +\| .100 against .050/);
    expect(text).toMatch(/all +\| 1 of 2 +\| 1 of 2 +\| 2 of 2 +\| 1 of 2 +\| 1 of 2 +\| 2 of 2/);
    expect(text).toContain("more than .005 below that of Adam in 1 of 1 tasks: movies 23-11 (by .0100)");
  });

  it("says so where it loses nowhere", () => {
    const text = said({
      [many.id]: { robust: entry(many, null, 0.5, 1.4, 0.1), adam: entry(many, rate, 0.504, 1.5, 0.2) },
    });
    expect(text).toContain("is in none of 1 tasks more than .005 below that of Adam");
    const ahead = said({
      [many.id]: { robust: entry(many, null, 0.6, 1.4, 0.1), adam: entry(many, rate, 0.5, 1.5, 0.2) },
    });
    expect(ahead).toContain("ahead of `robust()` in 0 of 1 tasks.");
  });
});
