// Golden vectors: float64 values cross-checked against automatic differentiation.
//
// Tolerances (relative, L2): 1e-4 on loss, gradient, Gram and step, since products are summed in float32 (a few
// 1e-7 each) and the solve multiplies that by the condition number of the damped system; 1e-3 for the extreme
// files, whose logits of up to 1e4 carry a float32 rounding of 5e-4 each, and for the full Gauss-Newton step,
// which conjugate gradient solves in float32.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  fgnStep,
  getOrThrow,
  ggnProduct,
  ggnStep,
  logits,
  lossAndGradient,
  matrix,
  type Network,
  network,
  rowSystem,
  type StepOptions,
} from "../../mod.ts";
import { type Golden, layersOf, type Variant } from "../support/golden_file.ts";
import { difference, flat, relativeError } from "../support/reference.ts";

function open(golden: Omit<Golden, "expected">): { model: Network; data: Batch } {
  const { batchSize, x, y } = golden, inputs = x.length / batchSize;
  const features = getOrThrow(matrix(batchSize, inputs, x));
  return { model: getOrThrow(network(inputs, layersOf(golden))), data: getOrThrow(batch({ features, labels: y })) };
}

const folder = new URL("../golden/", import.meta.url);
const files = readdirSync(folder).filter((name) => /^(linear|mlp)_.*\.json$/.test(name)).sort();

describe("golden vectors", () => {
  it("are all here", () => expect(files.length).toBe(24));

  for (const file of files) {
    const golden = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Golden;
    const tolerance = file.includes("extreme") ? 1e-3 : 1e-4;
    const { model, data } = open(golden);
    const { expected } = golden;
    // New parameters are rounded to float32: that rounding is no error of the step.
    const rounding = 1e-7 * Math.hypot(...flat(model));

    it(`${golden.name}: logits, margins, loss, gradient and Gram`, () => {
      expect(relativeError(getOrThrow(logits(model, data.features)).data, expected.logits)).toBeLessThan(tolerance);
      const { loss, gradient } = getOrThrow(lossAndGradient(model, data));
      expect(relativeError([loss], [expected.loss])).toBeLessThan(tolerance);
      expect(relativeError(gradient, expected.gradient)).toBeLessThan(tolerance);
      const system = getOrThrow(rowSystem(model, data));
      expect(relativeError(system.margins, expected.margins)).toBeLessThan(tolerance);
      expect(relativeError(system.gram, expected.gram)).toBeLessThan(tolerance);
    });

    for (
      const options of [{ solver: "cholesky" }, { solver: "cg" }, {
        system: "matrixFree",
        maxIterations: 1000,
      }] as const
    ) {
      for (const want of expected.steps) {
        it(`${golden.name}: step at λ = ${want.damping} by ${Object.values(options).join(" ")}`, () => {
          const { params, report } = getOrThrow(fgnStep(model, data, want.damping, { tolerance: 1e-9, ...options }));
          const size = Math.hypot(...want.step);
          expect(relativeError(difference(params, model), want.step)).toBeLessThan(tolerance + rounding / size);
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

    for (const want of expected.steps) {
      const { fullGgnStep, predictedReductionGgn, step } = want;
      it(`${golden.name}: full quadratic model of the step at λ = ${want.damping}`, () => {
        const product = getOrThrow(ggnProduct(model, data, step));
        const reduction = step.reduce((sum, d, i) => {
          return sum - d * ((expected.gradient[i] as number) + (product[i] as number) / 2);
        }, 0);
        expect(relativeError([reduction], [predictedReductionGgn])).toBeLessThan(3 * tolerance);
      });
      for (const preconditioner of ["none", "fgn"] as const) {
        it(`${golden.name}: full Gauss-Newton step at λ = ${want.damping}, preconditioner ${preconditioner}`, () => {
          const options = { preconditioner, tolerance: 1e-7, maxIterations: 2000 } as const;
          const { params } = getOrThrow(ggnStep(model, data, want.damping, options));
          const size = Math.hypot(...fullGgnStep);
          expect(relativeError(difference(params, model), fullGgnStep)).toBeLessThan(1e-3 + rounding / size);
        });
      }
    }
  }
});

describe("golden vectors of the variants", () => {
  const variants = readdirSync(folder).filter((name) => /^ext_.*\.json$/.test(name)).sort();
  it("are all here", () => expect(variants.length).toBe(8));

  for (const file of variants) {
    const golden = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Variant;
    const tolerance = file.includes("extreme") ? 1e-3 : 1e-4;
    const { model, data } = open(golden);
    const { stepMajorized, stepMajorizedCentred, stepMajorizedCentredTwoStage } = golden.expected;
    const cases: readonly (readonly [string, number[], StepOptions])[] = [
      ["gram", stepMajorized, { system: "gram" }],
      ["matrix-free", stepMajorized, { system: "matrixFree", tolerance: 1e-9 }],
      ["centred", stepMajorizedCentred, { metric: "centred" }],
      ["centred, cg", stepMajorizedCentred, { metric: "centred", solver: "cg", tolerance: 1e-9 }],
      ["centred, two-stage", stepMajorizedCentredTwoStage, { metric: "centred", twoStage: golden.eta }],
    ];
    for (const [name, step, options] of cases) {
      it(`${file}: majorised step, ${name}`, () => {
        const { params } = getOrThrow(fgnStep(model, data, golden.damping, { curvature: "majorized", ...options }));
        const rounding = 1e-7 * Math.hypot(...flat(model));
        expect(relativeError(difference(params, model), step)).toBeLessThan(tolerance + rounding / Math.hypot(...step));
      });
    }
  }
});
