// The objective: weights of examples and classes, ignored labels, label smoothing, soft targets and ℓ2, alone and
// together, on a linear head and on a network, against the float64 reference.
//
// Tolerances (relative): 1e-5 on losses, 1e-4 on gradient, step, predicted reduction and gradient norm: float32
// products and well damped systems, beside the float32 rounding of the new parameters. 1e-3 for the full Gauss-
// Newton system, which conjugate gradient solves in float32. 1e-6 between two ways to say the same. Draws whose
// gradient cancels to less than 1/20 of the size of its terms are skipped: what is left has fewer digits.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  dense,
  embedding,
  evaluate,
  fgnStep,
  getOrThrow,
  ggnStep,
  initialise,
  levenbergMarquardt,
  lossAndGradient,
  type Matrix,
  matrix,
  mlp,
  type Network,
  type ObjectiveOptions,
  randomHead,
  relative,
  rowSystem,
  sparse,
} from "../../mod.ts";
import {
  fgnCurvature,
  ggnCurvature,
  lossAt,
  norm,
  penaltyOf,
  reduction,
  reference,
  solveStep,
  stepError,
  thetaOf,
  unitOf,
} from "../support/network_reference.ts";
import { difference, flat, layerOf, left, relativeError, uniform } from "../support/reference.ts";

const D = 3, C = 4;
const HEAD = getOrThrow(randomHead({ features: D, classes: C }, 1));
const NETWORK = getOrThrow(mlp({ inputs: D, hidden: [5], classes: C, activation: "tanh", seed: 2 }));
const MODELS = { "linear head": HEAD, network: NETWORK };
const RUNS = { numRuns: 60, seed: 4 };

/** Distributions over the classes, one a row; that of row 0 is largest at class 0. */
function distributions(rows: number, seed: number): Matrix {
  const data = new Float32Array(rows * C), z = uniform(rows * C, seed);
  for (let i = 0; i < rows; i++) {
    const e = Array.from(z.subarray(i * C, (i + 1) * C), (v, k) => Math.exp(2 * v + (i === 0 && k === 0 ? 4 : 0)));
    const sum = e.reduce((s, v) => s + v, 0);
    e.forEach((v, k) => data[i * C + k] = v / sum);
  }
  return { rows, cols: C, data };
}

/** What a batch and its objective may be made of. */
interface Parts {
  readonly weights?: boolean;
  readonly ignored?: boolean;
  readonly targets?: "none" | "alone" | "with labels";
  readonly classWeights?: readonly number[] | null;
  readonly labelSmoothing?: number;
  readonly l2?: number;
  readonly l2Biases?: boolean;
}

/** Row 0 is of class 0 and always counts. */
function make(rows: number, seed: number, parts: Parts): { data: Batch; options: ObjectiveOptions } {
  const { weights = false, ignored = false, targets = "none", classWeights = null } = parts;
  const { labelSmoothing = 0, l2 = 0, l2Biases = false } = parts;
  const features = getOrThrow(matrix(rows, D, uniform(rows * D, seed)));
  const labels = Array.from(uniform(rows, seed + 1), (v, i) => i === 0 ? 0 : Math.floor((v + 1) / 2 * C));
  if (ignored) labels.forEach((_, i) => i % 3 === 1 && (labels[i] = -1));
  const data = getOrThrow(batch({
    features,
    ...(targets === "alone" ? {} : { labels }),
    ...(targets === "none" ? {} : { targets: distributions(rows, seed + 2) }),
    ...(weights ? { weights: labels.map((_, i) => [1.5, 0, 1, 0.25][i % 4] as number) } : {}),
    ...(ignored ? { ignoredLabel: -1 } : {}),
  }));
  return { data, options: { labelSmoothing, l2, l2Biases, ...(classWeights === null ? {} : { classWeights }) } };
}

/** Loss, gradient, steps and reports against the reference; false where the gradient cancels. */
function check(model: Network, { data, options }: ReturnType<typeof make>, ratio: number): boolean {
  const { l2 = 0 } = options, ref = reference(model, data, options);
  if (!(norm(ref.gradient) > 5e-2 * ref.scale)) return false;
  const { loss, gradient } = getOrThrow(lossAndGradient(model, data, options));
  expect(relativeError([loss], [ref.loss])).toBeLessThan(1e-5);
  expect(relativeError(gradient, ref.gradient)).toBeLessThan(1e-4);
  const H = fgnCurvature(ref), lambda = ratio * unitOf(ref, data);
  const want = solveStep(H, ref.gradient, lambda + l2),
    predicted = reduction(H, ref.gradient, want, penaltyOf(model, options));
  for (const damping of [lambda, relative(ratio)]) {
    for (const system of ["gram", "matrixFree"] as const) {
      const solver = { system, tolerance: 1e-9, maxIterations: 1000 };
      const { params, report } = getOrThrow(fgnStep(model, data, damping, { ...options, ...solver }));
      expect(relativeError([report.lambda], [lambda])).toBeLessThan(1e-5);
      expect(stepError(params, model, want)).toBeLessThan(1e-4);
      expect(relativeError([report.lossBefore], [ref.loss])).toBeLessThan(1e-5);
      const after = lossAt(params, thetaOf(params), data, options);
      expect(Math.abs((report.lossAfter as number) - after)).toBeLessThan(1e-5 * (1 + after));
      expect(relativeError([report.predictedReduction], [predicted])).toBeLessThan(1e-4);
      expect(relativeError([report.gradientNorm], [norm(ref.gradient)])).toBeLessThan(1e-4);
    }
  }
  return true;
}

const ALONE: Readonly<Record<string, Parts>> = {
  "nothing more": {},
  "example weights": { weights: true },
  "class weights": { classWeights: [0.5, 2, 1, 3] },
  "a class of weight zero": { classWeights: [1, 2, 1, 0] },
  "ignored labels": { ignored: true },
  "label smoothing": { labelSmoothing: 0.2 },
  "soft targets": { targets: "alone" },
  "soft targets with labels": { targets: "with labels" },
  "ℓ2": { l2: 0.3 },
  "ℓ2 of biases, too": { l2: 0.3, l2Biases: true },
  "all of it": {
    weights: true,
    ignored: true,
    targets: "with labels",
    classWeights: [1, 0, 2, 0.5],
    labelSmoothing: 0.1,
    l2: 0.05,
  },
};

describe("the objective", () => {
  for (const [kind, model] of Object.entries(MODELS)) {
    for (const [name, parts] of Object.entries(ALONE)) {
      it(`of a ${kind} with ${name} is that of the reference`, () => {
        for (const ratio of [10, 1, 0.1]) expect(check(model, make(13, 1, parts), ratio)).toBe(true);
      });
    }
  }

  it("is that of the reference for any mixture", () => {
    const parts = fc.record({
      weights: fc.boolean(),
      ignored: fc.boolean(),
      targets: fc.constantFrom("none", "alone", "with labels"),
      classWeights: fc.constantFrom(null, [1, 2, 0.5, 3], [2, 0, 1, 1]),
      labelSmoothing: fc.constantFrom(0, 0.1, 0.7),
      l2: fc.constantFrom(0, 0.01, 1),
      l2Biases: fc.boolean(),
    });
    const problem = fc.record({ rows: fc.integer({ min: 1, max: 18 }), seed: fc.integer({ min: 0, max: 1e6 }), parts });
    fc.assert(
      fc.property(problem, fc.constantFrom(HEAD, NETWORK), fc.constantFrom(10, 1, 0.1), (given, model, ratio) => {
        fc.pre(check(model, make(given.rows, given.seed, given.parts), ratio));
      }),
      RUNS,
    );
  });

  it("is the one that full Gauss-Newton steps and refinements minimise", () => {
    for (const model of Object.values(MODELS)) {
      for (const parts of Object.values(ALONE)) {
        const { data, options } = make(13, 1, parts), { l2 = 0 } = options, ref = reference(model, data, options);
        const G = ggnCurvature(ref), lambda = unitOf(ref, data) / 3;
        const want = solveStep(G, ref.gradient, lambda + l2),
          predicted = reduction(G, ref.gradient, want, penaltyOf(model, options));
        const tight = { ...options, tolerance: 1e-6, maxIterations: 1000 };
        for (
          const { params, report } of [
            getOrThrow(ggnStep(model, data, lambda, tight)),
            getOrThrow(ggnStep(model, data, lambda, { ...tight, preconditioner: "fgn" })),
            getOrThrow(fgnStep(model, data, lambda, { ...options, refine: 30 })),
            getOrThrow(fgnStep(model, data, lambda, { ...options, refine: 30, system: "matrixFree" })),
          ]
        ) {
          expect(stepError(params, model, want)).toBeLessThan(1e-3);
          expect(relativeError([report.predictedReduction], [predicted])).toBeLessThan(1e-3);
          const after = lossAt(params, thetaOf(params), data, options);
          expect(Math.abs((report.lossAfter as number) - after)).toBeLessThan(1e-5 * (1 + after));
        }
      }
    }
  });

  it("falls at every step of Levenberg–Marquardt", () => {
    for (const model of Object.values(MODELS)) {
      const { data, options } = make(13, 1, ALONE["all of it"] as Parts);
      let params = model, damping = levenbergMarquardt({ lambda: 1e-4 }), last = Infinity;
      for (let i = 0; i < 15; i++) {
        const step = getOrThrow(fgnStep(params, data, damping, options));
        expect(step.report.lossAfter).toBeLessThanOrEqual(last + 1e-6);
        [params, damping, last] = [step.params, step.damping as typeof damping, step.report.lossAfter as number];
      }
      expect(last).toBeLessThan(lossAt(model, thetaOf(model), data, options));
    }
  });
});

describe("ways to say the same", () => {
  const steps = (model: Network, data: Batch, options: ObjectiveOptions): number[][] =>
    [0.1, relative(1)].map((damping) => difference(getOrThrow(fgnStep(model, data, damping, options)).params, model));
  const same = (a: number[][], b: number[][]): void =>
    a.forEach((step, i) => expect(relativeError(step, b[i] as number[])).toBeLessThan(1e-6));
  const { data } = make(13, 1, { weights: true });

  for (const [kind, model] of Object.entries(MODELS)) {
    it(`class weights count by their ratios alone, also for relative damping: ${kind}`, () => {
      const classWeights = [1, 0.5, 2, 0], scaled = classWeights.map((w) => 7 * w);
      same(steps(model, data, { classWeights: scaled }), steps(model, data, { classWeights }));
      same(steps(model, data, { classWeights: [7, 7, 7, 7] }), steps(model, data, {}));
    });

    it(`a class of weight zero is left out, at constant damping: ${kind}`, () => {
      const weights = Array.from(data.labels, (y, i) => y === 2 ? 0 : data.weights?.[i] as number);
      const without = getOrThrow(batch({ features: data.features, labels: data.labels, weights }));
      const a = getOrThrow(fgnStep(model, data, 0.1, { classWeights: [1, 1, 0, 1] }));
      expect(flat(a.params)).toEqual(flat(getOrThrow(fgnStep(model, without, 0.1)).params));
    });

    it(`an ignored label is an example of weight zero, byte for byte: ${kind}`, () => {
      const labels = Array.from(data.labels, (y, i) => i % 2 === 1 ? -100 : y);
      const ignored = getOrThrow(batch({ features: data.features, labels, ignoredLabel: -100 }));
      const weights = labels.map((y) => y === -100 ? 0 : 1);
      const absent = getOrThrow(batch({ features: data.features, labels: labels.map((y) => Math.max(y, 0)), weights }));
      expect(ignored).toEqual(absent);
      expect(getOrThrow(evaluate(model, ignored)).loss).toBe(getOrThrow(evaluate(model, absent)).loss);
    });

    it(`one-hot targets are labels, smoothed ones label smoothing: ${kind}`, () => {
      const { features, labels } = data;
      const hard = getOrThrow(batch({ features, labels }));
      for (const eps of [0, 0.3]) {
        const given = Float32Array.from({ length: 13 * C }, (_, n) => {
          return (1 - eps) * (labels[Math.floor(n / C)] === n % C ? 1 : 0) + eps / C;
        });
        const soft = getOrThrow(batch({ features, targets: { rows: 13, cols: C, data: given } }));
        expect(soft.labels).toEqual(labels);
        same(steps(model, soft, {}), steps(model, hard, { labelSmoothing: eps }));
        const { loss } = getOrThrow(lossAndGradient(model, hard, { labelSmoothing: eps }));
        expect(Math.abs(getOrThrow(evaluate(model, soft)).loss - loss)).toBeLessThan(1e-6);
      }
    });
  }

  it("labels default to the largest target, the lower class of equals", () => {
    const targets = getOrThrow(matrix(3, 3, [0.2, 0.4, 0.4, 0.5, 0.5, 0, 0, 0, 1]));
    const features = getOrThrow(matrix(3, 1, [1, 2, 3]));
    expect(getOrThrow(batch({ features, targets })).labels).toEqual(Uint32Array.of(1, 0, 2));
    expect(getOrThrow(batch({ features, targets, labels: [2, 1, 0] })).labels).toEqual(Uint32Array.of(2, 1, 0));
  });

  it("ℓ2 reaches the weights of features that no example of a sparse batch has", () => {
    // Columns 1, 4 and 5 of 6 are empty.
    const x = getOrThrow(sparse(3, 6, [0, 2, 3, 4], [0, 2, 3, 0], [1, 2, -1, 0.5]));
    const full = getOrThrow(matrix(3, 6, [1, 0, 2, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0.5, 0, 0, 0, 0, 0]));
    const labels = [0, 1, 3], options = { l2: 0.2, labelSmoothing: 0.1 };
    const given = getOrThrow(batch({ features: x, labels })), same = getOrThrow(batch({ features: full, labels }));
    const head = getOrThrow(randomHead({ features: 6, classes: C }, 3));
    const step = getOrThrow(fgnStep(head, given, 0.1, options)), wanted = getOrThrow(fgnStep(head, same, 0.1, options));
    expect(relativeError(difference(step.params, head), difference(wanted.params, head))).toBeLessThan(1e-6);
    expect(Math.abs(step.report.lossBefore - wanted.report.lossBefore)).toBeLessThan(1e-6);
    const g = getOrThrow(lossAndGradient(head, given, options)).gradient;
    expect(relativeError(g, getOrThrow(lossAndGradient(head, same, options)).gradient)).toBeLessThan(1e-6);
    const before = layerOf(head).weight.data, after = layerOf(step.params).weight.data;
    for (const k of [1, 4, 5, 7, 10, 11]) {
      expect(Math.abs((after[k] as number) - (before[k] as number) / 3)).toBeLessThan(1e-7); // θ − 0.2/(0.1 + 0.2) θ
    }
    const model = getOrThrow(initialise({ inputs: 6, layers: [embedding(C, { bias: false })], seed: 3 }));
    const moved = getOrThrow(fgnStep(model, given, 0.1, { l2: 0.2 })).params;
    const rows = flat(model), end = flat(moved);
    for (let k = C; k < 2 * C; k++) expect(Math.abs((end[k] as number) - (rows[k] as number) / 3)).toBeLessThan(1e-7);
    const frozen = getOrThrow(initialise({ inputs: 6, layers: [dense(C, { frozen: true }), dense(C)], seed: 3 }));
    expect(getOrThrow(fgnStep(frozen, given, 0.1, options)).params.layers[0]).toBe(frozen.layers[0]);
  });
});

describe("bad objectives", () => {
  const { data } = make(5, 1, {});
  const refused = (options: ObjectiveOptions, error: Record<string, unknown>): void => {
    expect(left(fgnStep(HEAD, data, 1, options))).toMatchObject(error);
    expect(left(ggnStep(HEAD, data, 1, options))).toMatchObject(error);
    expect(left(lossAndGradient(HEAD, data, options))).toMatchObject(error);
    expect(left(rowSystem(HEAD, data, options))).toMatchObject(error);
  };

  it("are refused by name: class weights, smoothing, ℓ2", () => {
    refused({ classWeights: [1, 1, 1] }, { _tag: "ShapeMismatch", what: "classWeights", expected: C, actual: 3 });
    refused({ classWeights: [1, NaN, 1, 1] }, { _tag: "NotFinite", what: "classWeights", index: 1 });
    refused({ classWeights: [1, 1, Infinity, 1] }, { _tag: "NotFinite", index: 2 });
    refused({ classWeights: [1, 1, 1, -1] }, { _tag: "NegativeWeight", index: 3, value: -1 });
    refused({ classWeights: [0, 0, 0, 0] }, { _tag: "ZeroWeights" });
    for (const labelSmoothing of [1, -0.1, NaN, Infinity]) {
      refused({ labelSmoothing }, { _tag: "InvalidOption", option: "labelSmoothing" });
    }
    for (const l2 of [-1, NaN, Infinity]) refused({ l2 }, { _tag: "InvalidOption", option: "l2" });
  });

  it("are refused by name: targets, weights, ignored labels", () => {
    const { features } = data, labels = [0, 1, 2, 3, 0];
    const cols = (count: number, fill: number[]): Matrix => getOrThrow(matrix(5, count, Array(5).fill(fill).flat()));
    expect(left(batch({ features }))).toMatchObject({ _tag: "InvalidOption", option: "labels" });
    expect(left(batch({ features, targets: distributions(4, 1) }))).toMatchObject({ _tag: "ShapeMismatch" });
    expect(left(batch({ features, targets: cols(2, [1.5, -0.5]) }))).toMatchObject({ _tag: "InvalidTargets", row: 0 });
    expect(left(batch({ features, targets: cols(2, [0.5, 0.4]) }))).toMatchObject({ _tag: "InvalidTargets", row: 0 });
    const broken = { rows: 5, cols: 2, data: new Float32Array(10).fill(NaN) };
    expect(left(batch({ features, targets: broken }))._tag).toBe("NotFinite");
    const narrow = getOrThrow(batch({ features, targets: cols(3, [1, 0, 0]) }));
    expect(left(fgnStep(HEAD, narrow))).toMatchObject({ _tag: "ShapeMismatch", what: "targets" });
    expect(left(evaluate(HEAD, narrow))).toMatchObject({ _tag: "ShapeMismatch", what: "targets" });
    expect(left(batch({ features, labels, weights: [1, -1, 1, 1, 1] }))).toMatchObject({ _tag: "NegativeWeight" });
    for (const ignoredLabel of [0.5, NaN, Infinity]) {
      expect(left(batch({ features, labels, ignoredLabel }))).toMatchObject({ option: "ignoredLabel" });
    }
    expect(left(batch({ features, labels: [7, 7, 7, 7, 7], ignoredLabel: 7 }))._tag).toBe("ZeroWeights");
  });
});
