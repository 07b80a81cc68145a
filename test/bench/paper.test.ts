// The reference curves of the paper's mechanism: FGN beside the full Gauss-Newton step on synthetic heads.

import { describe, expect, it } from "vitest";
import { bestReduction, type Directions, directions, spreadOf } from "../../bench/paper/comparison.ts";
import { REFERENCE_CONCENTRATION } from "../../bench/paper/design.ts";
import { figures } from "../../bench/paper/figures.ts";
import { type HeadSpec, ROWS, syntheticHead, weightOf } from "../../bench/paper/head.ts";
import { libraryDirections, libraryHead } from "../../bench/paper/library.ts";
import { fgnDirection, ggnDirection, inner, problemOf } from "../../bench/paper/reference.ts";
import { type Results, resultsJson } from "../../bench/paper/results.ts";
import { measureSynthetic } from "../../bench/paper/synthetic.ts";
import { fill, tables } from "../../bench/paper/tables.ts";
import { table } from "../../bench/support/markdown.ts";
import { linePlot } from "../../bench/support/plot.ts";
import { batch, getOrThrow, linearHead, matrix } from "../../mod.ts";
import { reference } from "../support/dense_reference.ts";

const SEEDS = [1, 2, 3, 4, 5];
const plain = { probability: 0.5, common: 0 } as const;
const uniform = (classes: number): HeadSpec => ({
  ...plain,
  classes,
  family: "uniform",
  concentration: 1 / (classes - 1),
});
const concentrated: HeadSpec = { ...plain, classes: 10, family: "gaussian", concentration: REFERENCE_CONCENTRATION };

/** Both steps of a seed's head at each λ/K̄. */
function comparisons(spec: HeadSpec, seed: number, ratios: readonly number[]): Directions[] {
  const problem = problemOf(syntheticHead(spec, seed));
  return ratios.map((ratio) => {
    const lambda = ratio * problem.meanDiagonal;
    const d = fgnDirection(problem, lambda), full = ggnDirection(problem, lambda);
    return directions(inner(d, d), inner(d, full), inner(full, full));
  });
}

// Reference curves, synthetic heads, B = D = 64, float64: cosine and relative error at the same λ, by λ/K̄.
const RATIOS = [1e-1, 1e-2, 1e-3, 1e-4];
const CURVES: [string, HeadSpec, number[], number[]][] = [
  ["uniform", uniform(10), [1, .998, .948, .744], [.010, .078, .332, .670]],
  ["concentrated (‖q‖² ≈ .8)", concentrated, [1, 1, .989, .939], [.004, .031, .150, .342]],
];
const ERRORS_BY_CLASSES: [number, number][] = [[2, 0], [3, .135], [10, .080], [100, .009], [1000, .001]];

describe("the reference curves", () => {
  // Within 0.01 in cosine; the errors within twice their standard deviation over seeds, a tenth of them.
  it.each(CURVES)("hold for %s competitors", (_, spec, cosines, errors) => {
    const runs = SEEDS.map((seed) => comparisons(spec, seed, RATIOS));
    RATIOS.forEach((_, k) => {
      const mean = (by: keyof Directions): number => spreadOf(runs.map((run) => (run[k] as Directions)[by])).mean;
      expect(Math.abs(mean("cosine") - (cosines[k] as number))).toBeLessThan(0.01);
      expect(Math.abs(mean("error") - (errors[k] as number))).toBeLessThan(0.03);
    });
  });

  it.each(ERRORS_BY_CLASSES)("hold for %i classes at λ/K̄ = 1e-2", (classes, error) => {
    const seeds = classes > 100 ? [1] : SEEDS;
    const errors = seeds.map((seed) => comparisons(uniform(classes), seed, [1e-2])[0]?.error ?? NaN);
    expect(Math.abs(spreadOf(errors).mean - error)).toBeLessThan(0.01);
  });
});

describe("syntheticHead()", () => {
  it.each([concentrated, { ...concentrated, family: "one" }, uniform(10)] as HeadSpec[])(
    "has the concentration and p_y that are asked for",
    (spec) => {
      const head = syntheticHead({ ...spec, probability: 0.3 }, 1), { p, q } = problemOf(head);
      expect(head.concentration).toBeCloseTo(spec.concentration, 6);
      expect(q.reduce((sum, v) => sum + v * v, 0) / ROWS).toBeCloseTo(spec.concentration, 6);
      head.labels.forEach((y, i) => expect(p[i * 10 + y]).toBeCloseTo(0.3, 10));
    },
  );

  it("has weights that give its logits", () => {
    const head = syntheticHead(concentrated, 1), weight = weightOf(head);
    for (const at of [0, 17, 639]) {
      const row = Math.floor(at / 10), c = at % 10;
      let f = 0;
      for (let k = 0; k < ROWS; k++) f += (weight[c * ROWS + k] as number) * (head.features[row * ROWS + k] as number);
      expect(f).toBeCloseTo(head.logits[at] as number, 8);
    }
  });
});

describe("both float64 steps", () => {
  it("are those of dense systems", () => {
    const head = syntheticHead(uniform(3), 1), problem = problemOf(head);
    const lambda = 1e-3 * problem.meanDiagonal;
    const d = fgnDirection(problem, lambda), full = ggnDirection(problem, lambda);
    const network = getOrThrow(linearHead({ features: ROWS, classes: 3 }, weightOf(head), null));
    const data = getOrThrow(batch({ features: getOrThrow(matrix(ROWS, ROWS, head.features)), labels: head.labels }));
    const expected = reference(network, data, lambda);
    const found = directions(inner(d, d), inner(d, full), inner(full, full));
    // The dense reference reads float32 weights.
    expect(Math.abs(found.cosine - expected.cosine)).toBeLessThan(1e-5);
    expect(Math.abs(found.error - expected.error)).toBeLessThan(1e-5);
  });

  it("are those of the library, to the rounding of float32", () => {
    for (const spec of [uniform(10), concentrated]) {
      const library = libraryHead(syntheticHead(spec, 1));
      comparisons(spec, 1, RATIOS).forEach((exact, k) => {
        const own = libraryDirections(library, RATIOS[k] as number);
        expect(Math.abs(own.cosine - exact.cosine)).toBeLessThan(1e-5);
        expect(Math.abs(own.error - exact.error)).toBeLessThan(1e-4);
      });
    }
  });
});

describe("bestReduction()", () => {
  it("finds the top, near or far", () => {
    for (const top of [1e-4, 0.3, 1, 5, 300]) {
      expect(bestReduction((t) => 2 - ((t - top) / top) ** 2)).toBeCloseTo(2, 4);
    }
  });
});

describe("the page", () => {
  const synthetic = measureSynthetic(RATIOS.map((ratio) => ({ ...uniform(10), ratio })), 2);
  const results: Results = { seeds: 2, synthetic, real: [], common: [] };

  it("has tables between its markers, however often they are filled", () => {
    const page = "a\n<!-- reference -->\nold\n<!-- /reference -->\nb\n";
    const once = fill(page, tables(results));
    expect(once).toContain("0.95");
    expect(once).not.toContain("old");
    expect(fill(once, tables(results))).toBe(once);
    expect(() => fill("<!-- nothing --><!-- /nothing -->", {})).toThrow("nothing");
    expect(table(["a", "λ/K̄"], [["1", "x"]])).toBe("| a   | λ/K̄ |\n| --- | --- |\n| 1   | x   |");
  });

  it("has its numbers as JSON", () => {
    expect(JSON.parse(resultsJson(results)).synthetic.rows).toHaveLength(4);
  });

  it("has plots that are files of their own, the same each time", () => {
    const [first] = figures(results);
    expect(first?.svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(figures(results)[0]).toEqual(first);
    const empty = { title: "a < b", x: { label: "x", log: true }, y: { label: "y" }, series: [] };
    expect(linePlot(empty)).toContain("a &lt; b");
  });
});
