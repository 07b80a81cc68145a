// Extremes of networks: huge, zero and denormal weights or features, duplicates, one row, one feature, two classes.
//
// A step is finite, parameters, dual and every number of its report, or an error with a name; no tolerances.
//
// Units: features in units s times smaller and weights s times larger are the same head, whose step is s times larger
// at relative damping. With powers of two all numbers scale exactly, but for those that leave float32 on the way:
// 1e-4 (relative).

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  evaluate,
  type Features,
  fgnStep,
  getOrThrow,
  ggnStep,
  type Layer,
  levenbergMarquardt,
  lossAndGradient,
  matrix,
  type Network,
  parameters,
  relative,
  withParameters,
} from "../../mod.ts";
import { problems, realise } from "../support/random_network.ts";
import { difference, flat, left, problem, relativeError } from "../support/reference.ts";

describe("extremes", () => {
  const scaled = (factor: number) => (values: Float32Array): Float32Array => values.map((v) => v * factor);
  const onModel = (change: (values: Float32Array) => Float32Array) => (model: Network, data: Batch) => ({
    model: getOrThrow(withParameters(model, change(parameters(model)))),
    data,
  });
  const onFeatures = (change: (values: Float32Array) => Float32Array) => (model: Network, data: Batch) => ({
    model,
    data: { ...data, features: { ...data.features, data: change(data.features.data) } as Features },
  });
  const CHANGES = {
    "weights × 1e3": onModel(scaled(1e3)),
    "zero weights": onModel(scaled(0)),
    "denormal weights": onModel(scaled(1e-41)),
    "zero features": onFeatures(scaled(0)),
    "duplicate rows": onFeatures((x) => x.fill(0.5)),
    "denormal features": onFeatures(scaled(1e-40)),
    "features × 1e4": onFeatures(scaled(1e4)),
  };
  const RUNS_OF = {
    default: (model: Network, data: Batch) => fgnStep(model, data),
    "matrix-free": (model: Network, data: Batch) => fgnStep(model, data, relative(1), { system: "matrixFree" }),
    "Levenberg–Marquardt": (model: Network, data: Batch) => fgnStep(model, data, levenbergMarquardt()),
    refined: (model: Network, data: Batch) => fgnStep(model, data, relative(1), { refine: 3 }),
    "refined Levenberg–Marquardt": (model: Network, data: Batch) =>
      fgnStep(model, data, levenbergMarquardt(), { refine: 3 }),
    "full Gauss-Newton": (model: Network, data: Batch) => ggnStep(model, data),
    objective: (model: Network, data: Batch) => fgnStep(model, data, relative(1), { l2: 0.1, labelSmoothing: 0.1 }),
  };
  // One row, one feature and two classes are among the draws by chance, and here for certain.
  const least = { rows: 1, inputs: 1, classes: 2, pieces: [{ kind: "activation", name: "gelu" }] } as const;
  const ONES = (["dense", "sparse", "embedding"] as const).map((first, seed) => {
    return realise({ ...least, first, firstBias: seed > 0, last: "residual", weighted: false, seed });
  });
  const TINY = [...ONES, ...fc.sample(problems(200), { numRuns: 37, seed: 9 })];
  for (const [name, change] of Object.entries(CHANGES)) {
    for (const [run, step] of Object.entries(RUNS_OF)) {
      it(`${name}, ${run}: a finite step or an error with a message`, () => {
        for (const { model, data } of TINY) {
          const given = change(model, { ...data, features: { ...data.features, data: data.features.data.slice() } });
          const result = step(given.model, given.data);
          if (result._tag === "Left") expect(["Overflow", "NotPositiveDefinite"]).toContain(result.left._tag);
          else {
            const { params, report, dual } = result.right;
            expect(flat(params).every(Number.isFinite)).toBe(true);
            expect(dual.every(Number.isFinite)).toBe(true);
            expect(Object.entries(report).filter(([, v]) => typeof v === "number" && !Number.isFinite(v))).toEqual([]);
          }
        }
      });
    }
  }

  it("a step to logits beyond float32 is an error, not a loss of NaN", () => {
    const one = (w: number): Layer => {
      return { _tag: "dense", weight: { rows: 1, cols: 1, data: Float32Array.of(w) }, bias: null, frozen: false };
    };
    const last: Layer = { ...one(0), weight: { rows: 2, cols: 1, data: Float32Array.of(1, -1) } } as Layer;
    const layers = [one(10), one(10), one(10), one(10), one(10), last];
    const model: Network = { _tag: "network", inputs: 1, outputs: 2, layers };
    const data = getOrThrow(batch({ features: getOrThrow(matrix(1, 1, [1])), labels: [1] }));
    expect(left(fgnStep(model, data, 1e-3))._tag).toBe("Overflow");
  });

  it("logits beyond float32 are an error of every function that needs a loss", () => {
    const { head, data } = problem(6, 4, 3, { spread: 1e38 });
    const features = { ...data.features, data: data.features.data.map((v) => v * 100) } as Features;
    const far = { ...data, features };
    expect(left(fgnStep(head, far))._tag).toBe("Overflow");
    expect(left(lossAndGradient(head, far))._tag).toBe("Overflow");
    expect(left(evaluate(head, far))._tag).toBe("Overflow");
  });
});

describe("a gradient beyond float32", () => {
  it("is an error, for the loss alone is finite", () => {
    const layer = (cols: number, ...weight: number[]): Layer => ({
      _tag: "dense",
      weight: { rows: weight.length / cols, cols, data: Float32Array.from(weight) },
      bias: null,
      frozen: false,
    });
    const layers = [layer(1, 1e-38), layer(1, 1e3, -1e3)];
    const model: Network = { _tag: "network", inputs: 1, outputs: 2, layers };
    const data = getOrThrow(batch({ features: getOrThrow(matrix(1, 1, [1e38])), labels: [1] }));
    expect(left(fgnStep(model, data))._tag).toBe("Overflow");
    expect(left(lossAndGradient(model, data))._tag).toBe("Overflow"); // the derivative by the first weight is 2e41
  });
});

describe("units", () => {
  const { head, data } = problem(20, 8, 5, { bias: false });
  const STEPS = {
    Cholesky: (model: Network, given: Batch) => fgnStep(model, given),
    "conjugate gradient": (model: Network, given: Batch) => fgnStep(model, given, relative(1), { solver: "cg" }),
    "matrix-free": (model: Network, given: Batch) => fgnStep(model, given, relative(1), { system: "matrixFree" }),
    smoothing: (model: Network, given: Batch) => fgnStep(model, given, relative(1), { labelSmoothing: 0.1 }),
    "Levenberg–Marquardt": (model: Network, given: Batch) => fgnStep(model, given, levenbergMarquardt()),
    refined: (model: Network, given: Batch) => fgnStep(model, given, relative(1), { refine: 3 }),
    "full Gauss-Newton": (model: Network, given: Batch) => ggnStep(model, given),
    preconditioned: (model: Network, given: Batch) => ggnStep(model, given, relative(1), { preconditioner: "fgn" }),
  };
  for (const [name, step] of Object.entries(STEPS)) {
    it(`of the features do not matter, from 1e-12 to 4e6: ${name}`, () => {
      const want = difference(getOrThrow(step(head, data)).params, head);
      for (const power of [-40, -20, 10, 22]) {
        const s = 2 ** power;
        const model = getOrThrow(withParameters(head, parameters(head).map((v) => v / s)));
        const features = { ...data.features, data: data.features.data.map((v) => v * s) } as Features;
        const { params } = getOrThrow(step(model, { ...data, features }));
        expect(relativeError(difference(params, model).map((d) => d * s), want)).toBeLessThan(1e-4);
      }
    });
  }
});

describe("refinement", () => {
  it("never loses the step that it starts from: with two classes there is nothing to refine", () => {
    for (const s of [1e-8, 1, 1e4, 1e6, 1e8]) {
      const { head, data } = problem(6, 3, 2, { bias: false, spread: 1 / s });
      const features = { ...data.features, data: data.features.data.map((v) => v * s) } as Features;
      const [plain, refined] = [0, 2].map((refine) => {
        return difference(getOrThrow(fgnStep(head, { ...data, features }, relative(1), { refine })).params, head);
      }) as [number[], number[]];
      expect(relativeError(refined, plain)).toBeLessThan(1e-4);
    }
  });
});
