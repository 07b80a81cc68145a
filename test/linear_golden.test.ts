// Golden vectors of the linear head: float64 values cross-checked against automatic differentiation.
//
// Tolerances (relative, L2): 1e-4 on loss, gradient, Gram and step, since products are summed in float32 (a few
// 1e-7 each) and the solve multiplies that by the condition number of the damped system; 1e-3 for the extreme
// files, whose logits of up to 1e4 carry a float32 rounding of 5e-4 each.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { batch, fgnStep, linearHead, logits, lossAndGradient, matrix, rowSystem } from "../mod.ts";
import { difference, flat, relativeError, right } from "./reference.ts";

interface Golden {
  readonly name: string;
  readonly batchSize: number;
  readonly numClasses: number;
  readonly layers: readonly { readonly inDim: number; readonly weight: number[]; readonly bias: number[] | null }[];
  readonly x: number[];
  readonly y: number[];
  readonly expected: {
    readonly logits: number[];
    readonly margins: number[];
    readonly loss: number;
    readonly gradient: number[];
    readonly gram: number[];
    readonly steps: readonly {
      readonly damping: number;
      readonly step: number[];
      readonly predictedReductionFgn: number;
      readonly lossAfterStep: number;
    }[];
  };
}

const folder = new URL("./golden/", import.meta.url);
const files = readdirSync(folder).filter((name) => /^linear_.*\.json$/.test(name)).sort();

describe("golden vectors", () => {
  it("are all here", () => expect(files.length).toBe(12));

  for (const file of files) {
    const golden = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Golden;
    const tolerance = file.includes("extreme") ? 1e-3 : 1e-4;
    const layer = golden.layers[0] as Golden["layers"][number];
    const D = golden.x.length / golden.batchSize;
    const head = right(linearHead({ features: D, classes: golden.numClasses }, layer.weight, layer.bias));
    const features = right(matrix(golden.batchSize, D, golden.x));
    const data = right(batch({ features, labels: golden.y }));
    const { expected } = golden;

    it(`${golden.name}: logits, margins, loss, gradient and Gram`, () => {
      expect(relativeError(right(logits(head, features)).data, expected.logits)).toBeLessThan(tolerance);
      const { loss, gradient } = right(lossAndGradient(head, data));
      expect(relativeError([loss], [expected.loss])).toBeLessThan(tolerance);
      expect(relativeError(flat(gradient), expected.gradient)).toBeLessThan(tolerance);
      const system = right(rowSystem(head, data));
      expect(relativeError(system.margins, expected.margins)).toBeLessThan(tolerance);
      expect(relativeError(system.gram, expected.gram)).toBeLessThan(tolerance);
    });

    for (const solver of ["cholesky", "cg"] as const) {
      for (const want of expected.steps) {
        it(`${golden.name}: step at λ = ${want.damping} by ${solver}`, () => {
          const { params, report } = right(fgnStep(head, data, want.damping, { solver, tolerance: 1e-9 }));
          // The new parameters are rounded to float32: that rounding is no error of the step.
          const rounding = 1e-7 * Math.hypot(...flat(head));
          const size = Math.hypot(...want.step);
          expect(relativeError(difference(params, head), want.step)).toBeLessThan(tolerance + rounding / size);
          expect(Number.isFinite(report.lossAfter)).toBe(true);
          // Read off S u, in which the float32 rounding of S meets the large null-space part of u when there are
          // more examples than parameters and λ is small: three times the tolerance of the step.
          const reduction = relativeError([report.predictedReduction], [want.predictedReductionFgn]);
          expect(reduction).toBeLessThan(3 * tolerance);
          const lossRounding = 2e-6 * (1 + Math.abs(expected.loss));
          expect(Math.abs((report.lossAfter ?? NaN) - want.lossAfterStep))
            .toBeLessThan(tolerance * want.lossAfterStep + lossRounding);
        });
      }
    }
  }
});
