// The robust optimizer against its golden traces: two steps of seven networks with full state, steady and adaptive, and
// one run of 20 steps; float64 values that equal a dense solve with automatic-differentiation Jacobians.
//
// Tolerances (relative, L2): 1e-4 on moments, damping and step; 1e-3 for the extreme file. Over the 20 steps of the long
// run float32 parameters drift from float64 ones, which each step's golden parameters undo.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Batch, batch, type Layer, matrix, type Network, network, robust, type RobustState } from "../mod.ts";
import { difference, flat, relativeError, right } from "./reference.ts";

interface GoldenStep {
  readonly x: number[];
  readonly y: number[];
  readonly weights: number[][];
  readonly biases: number[][];
  readonly inMean: number[][];
  readonly inVar: number[][];
  readonly outMoment: number[][];
  readonly meanS: number;
  readonly mu: number;
  readonly step: number[];
}

interface GoldenRun {
  readonly sizes: number[];
  readonly batch: number;
  readonly steps: readonly GoldenStep[];
}

const read = (name: string): Record<string, GoldenRun> =>
  JSON.parse(readFileSync(new URL(`./golden/${name}`, import.meta.url), "utf8"));

function open({ sizes, batch: B }: GoldenRun, step: GoldenStep): { model: Network; data: Batch } {
  const layers: Layer[] = [];
  step.weights.forEach((weight, l) => {
    if (l > 0) layers.push({ _tag: "activation", kind: "relu", slope: 0 });
    const bias = Float32Array.from(step.biases[l] as number[]);
    const rows = bias.length, data = Float32Array.from(weight);
    layers.push({ _tag: "dense", weight: { rows, cols: data.length / rows, data }, bias, frozen: false });
  });
  const inputs = step.x.length / B;
  expect(sizes[0]).toBe(inputs);
  const features = right(matrix(B, inputs, step.x));
  return { model: right(network(inputs, layers)), data: right(batch({ features, labels: step.y })) };
}

for (const [file, damping] of [["robust_v2.json", "steady"], ["robust_v3.json", "adaptive"]] as const) {
  describe(`golden traces, ${damping}`, () => {
    const runs = Object.entries(read(file));
    it("are all here", () => expect(runs.length).toBeGreaterThanOrEqual(7));
    for (const [name, run] of runs) {
      it(`${name}: ${run.steps.length} steps`, () => {
        const tolerance = name.includes("extreme") ? 1e-3 : 1e-4;
        const optimizer = robust({ damping });
        let state: RobustState | undefined;
        run.steps.forEach((step) => {
          const { model, data } = open(run, step);
          const done = right(optimizer.update(model, state ?? optimizer.init(model), data));
          state = done.state;
          step.inMean.forEach((mean, l) => {
            const layer = state?.layers[l];
            expect(relativeError(layer?.mean ?? [], mean)).toBeLessThan(tolerance);
            expect(relativeError(layer?.variance ?? [], step.inVar[l] as number[])).toBeLessThan(tolerance);
            expect(relativeError(layer?.signal ?? [], step.outMoment[l] as number[])).toBeLessThan(tolerance);
          });
          expect(Math.abs(state.meanSlope - step.meanS)).toBeLessThan(tolerance * step.meanS);
          expect(Math.abs(done.report.lambda * run.batch - step.mu)).toBeLessThan(tolerance * step.mu);
          const rounding = 1e-7 * Math.hypot(...flat(model)) / Math.hypot(...step.step);
          expect(relativeError(difference(done.params, model), step.step)).toBeLessThan(tolerance + rounding);
        });
      });
    }
  });
}
