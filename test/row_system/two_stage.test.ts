// The two-stage system over the rows of the batch and over the columns of the inputs, in an explicit row system and in a
// matrix-free one, each against a float64 solve over the parameters, down to damping at which float32 resolves the Gram
// matrix of the rows no more.
//
// Tolerances: operands, steps and products are float32, whose rounding is 6e-8 an operation: 5e-6 for many more examples than
// features. Otherwise inputs are small in some directions, in which the rounding of their float32 Gram matrix counts: 1e-4.
// Conjugate gradient runs to its end.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  dense,
  fgnStep,
  getOrThrow,
  initialise,
  layerNorm,
  levenbergMarquardt,
  linearHead,
  matrix,
  mlp,
  type Network,
  relative,
  relu,
  residual,
  robust,
  type StepOptions,
  tanh,
  zeroHead,
} from "../../mod.ts";
import { metricStep, type System } from "../support/metric_reference.ts";
import { difference, flat, problem, relativeError } from "../support/reference.ts";

const ETA = 0.3, DAMPINGS = [100, 1, 1e-2, 1e-4, 1e-6];
const DIRECT = { system: "gram", solver: "cholesky" } as const;
const FREE = { system: "matrixFree", tolerance: 1e-13, maxIterations: 5000 } as const;

/** The error of a step at μ/K̄. */
function error(head: Network, data: Batch, system: System, ratio: number, options: StepOptions): number {
  const { params, report } = getOrThrow(fgnStep(head, data, relative(ratio), { ...system, ...options } as StepOptions));
  const want = metricStep(head, data, system, report.lambda);
  // Parameters that are added to are rounded themselves.
  return relativeError(difference(params, head), want) - 1e-7 * Math.hypot(...flat(head)) / Math.hypot(...want);
}

const SYSTEMS: readonly System[] = (["euclidean", "centred", "factored"] as const).map((metric) => ({
  metric,
  twoStage: ETA,
}));

/** Examples, features, and the tolerance. */
const SHAPES = [[60, 11, 5e-6], [16, 30, 1e-4], [22, 21, 1e-4], [21, 21, 1e-4], [21, 20, 1e-4]] as const;

describe("the two-stage system", () => {
  for (const system of SYSTEMS) {
    for (const bias of [true, false]) {
      for (const [B, D, tolerance] of SHAPES) {
        const width = D + (bias ? 1 : 0), over = width < B ? "columns" : "rows";
        it(`${system.metric}, ${bias ? "" : "no "}bias, ${B} examples of ${D}: over the ${over}, and without a matrix`, () => {
          const weights = Array.from({ length: B }, (_, i) => i % 5);
          const { head, data } = problem(B, D, 3, { spread: 0.5, bias, weights });
          for (const ratio of DAMPINGS) {
            for (const options of [DIRECT, FREE]) {
              expect(error(head, data, system, ratio, options)).toBeLessThan(tolerance);
            }
          }
        });
      }
    }
  }

  it("resolves examples of which some are explained to the last digit", () => {
    for (const [B, D] of [[40, 12], [12, 40]] as const) {
      const { head, data } = problem(B, D, 3, { spread: 3 });
      const sure = getOrThrow(linearHead({ features: D, classes: 3 }, flat(head).slice(0, 3 * D), [9, 0, -9]));
      for (const options of [DIRECT, FREE]) {
        for (const ratio of [1, 1e-3]) {
          expect(error(sure, data, { metric: "euclidean", twoStage: ETA }, ratio, options)).toBeLessThan(1e-4);
        }
      }
    }
  });

  it("is the same in both forms of the row system of a network", () => {
    const layers = [dense(9, { bias: false }), layerNorm(), relu(), residual([dense(9), tanh()]), dense(4)];
    const { data } = problem(50, 12, 4);
    const wide = [getOrThrow(mlp({ inputs: 12, hidden: [70], classes: 4, seed: 1 })), problem(30, 12, 4).data] as const;
    const narrow = [getOrThrow(initialise({ inputs: 12, layers, seed: 2 })), data] as const;
    for (const [model, examples] of [wide, narrow]) {
      for (const system of [...SYSTEMS, { metric: "factored" }, { metric: "centred" }] as StepOptions[]) {
        const step = (options: StepOptions): number[] =>
          difference(getOrThrow(fgnStep(model, examples, relative(0.1), { ...system, ...options })).params, model);
        expect(relativeError(step(FREE), step(DIRECT))).toBeLessThan(1e-4); // of a float32 Gram matrix
      }
    }
  });

  it("tries again with more damping over the columns, too", () => {
    const { data } = problem(40, 12, 5), start = getOrThrow(mlp({ inputs: 12, hidden: [9], classes: 5, seed: 1 }));
    for (const options of [DIRECT, FREE]) {
      const asked = { metric: "factored", twoStage: 0.1, ...options } as const;
      const { params, report } = getOrThrow(fgnStep(start, data, levenbergMarquardt({ lambda: 1e-6 }), asked));
      const again = getOrThrow(fgnStep(start, data, report.lambda, asked));
      expect(flat(again.params)).toEqual(flat(params));
      expect(report.lossAfter).toBeLessThanOrEqual(report.lossBefore);
    }
  });

  it("takes a step of robust() on a large batch without a B × B matrix", () => {
    const { head, data } = problem(1500, 8, 3), optimizer = robust();
    const { params, report } = getOrThrow(optimizer.update(head, optimizer.init(head), data));
    expect(report).toMatchObject({ system: "matrixFree", solver: "cg", stop: "converged" });
    const options = { metric: "factored", twoStage: 0.1, curvature: "majorized", ...FREE } as const;
    const exact = getOrThrow(fgnStep(head, data, report.lambda, options));
    expect(relativeError(difference(params, head), difference(exact.params, head))).toBeLessThan(1e-5);
  });

  it("leaves inputs of zeros alone", () => {
    const head = getOrThrow(zeroHead({ features: 3, classes: 3 }));
    for (const B of [2, 9]) {
      const features = getOrThrow(matrix(B, 3, new Float32Array(3 * B)));
      const data = getOrThrow(batch({ features, labels: Array.from({ length: B }, (_, i) => i % 3) }));
      for (const options of [DIRECT, FREE]) {
        const { params } = getOrThrow(fgnStep(head, data, 0.1, { metric: "factored", twoStage: ETA, ...options }));
        expect(flat(params).every(Number.isFinite)).toBe(true);
      }
    }
  });
});
