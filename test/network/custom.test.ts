// Models given by their functions: a linear head and a tanh network in plain JavaScript, beside the built-in ones.
//
// Tolerances (relative): 1e-4 between the steps, 1e-5 between logits and products with the Jacobian: the built-in
// models multiply in float32, these in float64, and both are rounded to float32 in between. 1e-3 for the full
// Gauss-Newton system, solved in float32. Relative damping rests on Hutchinson's estimate of Σ α K_ii over four
// probes of random signs, whose standard deviation is √(2 Σ_{i≠j} α_i α_j K_ij² / 4): it must lie within four.

import { describe, expect, it } from "vitest";
import {
  batch,
  constant,
  customModel,
  evaluate,
  fgn,
  type FgnState,
  fgnStep,
  getOrThrow,
  ggnProduct,
  ggnStep,
  jvp,
  levenbergMarquardt,
  logits,
  lossAndGradient,
  matrix,
  type Model,
  probabilities,
  randomHead,
  relative,
  type Step,
  train,
  vjp,
  withParameters,
} from "../../mod.ts";
import { instantiate } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { at, C, D, LINEAR, PAIRS } from "../support/custom_models.ts";
import { dot, reference } from "../support/network_reference.ts";
import { difference, flat, left, problem, relativeError, uniform } from "../support/reference.ts";

const { data } = problem(20, D, C);
/** Objectives; those of a model of one's own penalise every parameter. */
const OBJECTIVES = [
  {},
  { l2: 0.1, l2Biases: true },
  { labelSmoothing: 0.1, l2: 0.01, l2Biases: true, classWeights: [1, 2, 0.5] },
];
const FREE = { system: "matrixFree", tolerance: 1e-9 } as const;

for (const [name, builtIn, model] of PAIRS) {
  describe(`a ${name} of one's own`, () => {
    it("takes the steps of the built-in one, of all objectives", () => {
      const targets = getOrThrow(probabilities(getOrThrow(randomHead({ features: D, classes: C }, 9)), data.features));
      const soft = getOrThrow(batch({ features: data.features, labels: data.labels, targets }));
      for (const given of [data, soft]) {
        for (const options of OBJECTIVES) {
          for (const damping of [1, constant(0.1), 0.01]) {
            const a = getOrThrow(fgnStep(model, given, damping, { ...FREE, ...options }));
            const b = getOrThrow(fgnStep(builtIn, given, damping, { ...FREE, ...options }));
            expect(relativeError(difference(a.params, model), difference(b.params, builtIn))).toBeLessThan(1e-4);
            for (const key of ["lossBefore", "lossAfter", "gradientNorm", "predictedReduction"] as const) {
              expect(relativeError([a.report[key] as number], [b.report[key] as number])).toBeLessThan(1e-4);
            }
            expect(a.report).toMatchObject({ system: "matrixFree", solver: "cg", stop: "converged" });
          }
        }
      }
    });

    it("predicts, evaluates and differentiates as the built-in one", () => {
      const { features } = problem(300, D, C).data; // more rows than one pass takes
      for (const f of [logits, probabilities]) {
        expect(relativeError(getOrThrow(f(model, features)).data, getOrThrow(f(builtIn, features)).data)).toBeLessThan(
          1e-5,
        );
      }
      const seen = getOrThrow(evaluate(model, data)), wanted = getOrThrow(evaluate(builtIn, data));
      expect(seen).toEqual({ ...wanted, loss: seen.loss });
      expect(Math.abs(seen.loss - wanted.loss)).toBeLessThan(1e-6);
      const v = uniform(flat(model).length, 1), c = getOrThrow(matrix(20, C, uniform(20 * C, 2)));
      const forward = getOrThrow(jvp(model, data.features, v)).data,
        backward = getOrThrow(vjp(model, data.features, c));
      expect(relativeError(forward, getOrThrow(jvp(builtIn, data.features, v)).data)).toBeLessThan(1e-5);
      expect(relativeError(backward, getOrThrow(vjp(builtIn, data.features, c)))).toBeLessThan(1e-5);
      const product = getOrThrow(ggnProduct(model, data, v));
      expect(relativeError(product, getOrThrow(ggnProduct(builtIn, data, v)))).toBeLessThan(1e-5);
      const a = getOrThrow(lossAndGradient(model, data, { l2: 0.1, l2Biases: true })),
        b = getOrThrow(lossAndGradient(builtIn, data, { l2: 0.1, l2Biases: true }));
      expect(relativeError(a.gradient, b.gradient)).toBeLessThan(1e-5);
      expect(Math.abs(a.loss - b.loss)).toBeLessThan(1e-6);
    });

    it("takes full Gauss-Newton steps, refinements and Levenberg–Marquardt as the built-in one", () => {
      const runs: readonly (<M extends Model>(m: M) => Step<M>)[] = [
        (m) => getOrThrow(ggnStep(m, data, 0.1, { tolerance: 1e-6 })),
        (m) => getOrThrow(ggnStep(m, data, 0.1, { tolerance: 1e-6, preconditioner: "fgn", l2: 0.1, l2Biases: true })),
        (m) => getOrThrow(fgnStep(m, data, 0.1, { ...FREE, refine: 10 })),
        (m) => getOrThrow(fgnStep(m, data, levenbergMarquardt({ lambda: 1e-4 }), FREE)),
      ];
      for (const run of runs) {
        const a = run(model), b = run(builtIn);
        expect(relativeError(difference(a.params, model), difference(b.params, builtIn))).toBeLessThan(1e-3);
        expect(a.report.rejections).toBe(b.report.rejections);
      }
    });

    it("trains as the built-in one, and is not written to", async () => {
      const before = model.parameters.slice();
      const ends: number[][] = [];
      for (const start of [model, model, builtIn] as Model[]) {
        const options = {
          epochs: 4,
          batchSize: 8,
          seed: 3,
          validation: data,
          standardise: false, // a model of one's own sees features as they are
          optimizer: fgn<Model>({ damping: 0.3, system: "matrixFree" }),
        };
        let last: number[] = [], loss = Infinity;
        for await (const record of train<Model, FgnState>(start, data, options)) {
          const seen = getOrThrow(record);
          if (seen._tag === "epoch") [last, loss] = [flat(seen.params), seen.evaluation?.loss ?? NaN];
        }
        expect(loss).toBeLessThan(getOrThrow(evaluate(start, data)).loss);
        ends.push(last);
      }
      expect(ends[1]).toEqual(ends[0]);
      expect(relativeError(ends[0] as number[], ends[2] as number[])).toBeLessThan(1e-4);
      expect(model.parameters).toEqual(before);
    });

    it("estimates the Gram matrix that damping is relative to", () => {
      for (const weights of [undefined, Array.from({ length: 20 }, (_, i) => 0.5 + i % 3)]) {
        const { features, labels } = data;
        const given = getOrThrow(batch({ features, labels, ...(weights === undefined ? {} : { weights }) }));
        const { jacobian, alpha } = reference(builtIn, given);
        let exact = 0, variance = 0;
        jacobian.forEach((a, i) =>
          jacobian.forEach((b, j) => {
            const entry = Math.sqrt(at(alpha, i) * at(alpha, j)) * dot(a, b);
            if (i === j) exact += entry;
            else variance += 2 * entry * entry / 4;
          })
        );
        const total = weights?.reduce((s, w) => s + w, 0) ?? 20;
        const { lambda } = getOrThrow(fgnStep(model, given, relative(0.5))).report;
        expect(Math.abs(lambda * total / 0.5 - exact)).toBeLessThan(4 * Math.sqrt(variance));
      }
    });

    it("meets no mismatch near an optimum, where the gradient cancels", () => {
      let params = model, damping = levenbergMarquardt();
      for (let i = 0; i < 60; i++) {
        const step = getOrThrow(fgnStep(params, data, damping, { l2: 1e-2, refine: 2 }));
        [params, damping] = [step.params, step.damping as typeof damping];
      }
      expect(Math.hypot(...getOrThrow(lossAndGradient(params, data, { l2: 1e-2 })).gradient)).toBeLessThan(1e-3);
    });
  });
}

describe("a model that is made of another", () => {
  it("may call this library within its functions", () => {
    const [, builtIn, model] = PAIRS[1] as (typeof PAIRS)[number];
    const at = (theta: Float32Array) => getOrThrow(withParameters(builtIn, theta));
    const wrapped = getOrThrow(customModel({
      parameters: model.parameters,
      classes: C,
      forward: (theta, x) => getOrThrow(logits(at(theta), x)).data,
      jvp: (theta, x, v) => getOrThrow(jvp(at(theta), x, v)).data,
      vjp: (theta, x, c) => getOrThrow(vjp(at(theta), x, getOrThrow(matrix(x.rows, C, c)))),
    }));
    for (const options of [{}, { refine: 3, l2: 0.1 }, { labelSmoothing: 0.1 }]) {
      const a = getOrThrow(fgnStep(wrapped, data, 0.1, { ...FREE, ...options }));
      const b = getOrThrow(fgnStep(builtIn, data, 0.1, { ...FREE, ...options }));
      expect(relativeError(difference(a.params, wrapped), difference(b.params, builtIn))).toBeLessThan(1e-4);
    }
  });
});

describe("the estimate of the Gram matrix", () => {
  it("is exact where the examples share no parameters", () => {
    // f = θ, one parameter a logit: K is diagonal, and signs do not matter.
    const model = getOrThrow(customModel({
      parameters: uniform(6 * C, 1),
      classes: C,
      forward: (theta) => theta,
      jvp: (_theta, _x, v) => v,
      vjp: (_theta, _x, c) => c,
    }));
    const labels = [0, 1, 2, 0, 1, 2], weights = [1, 2, 0.5, 0, 3, 1];
    const given = getOrThrow(batch({ features: getOrThrow(matrix(6, 1, new Float32Array(6))), labels, weights }));
    const classWeights = [1, 2, 0.25], shares = labels.map((y, i) => at(weights, i) * at(classWeights, y));
    const total = shares.reduce((s, v) => s + v, 0);
    const exact = labels.reduce((sum, y, i) => {
      const e = Array.from({ length: C }, (_, k) => k === y ? 0 : Math.exp(at(model.parameters, i * C + k)));
      const all = e.reduce((s, v) => s + v, 0);
      return sum + at(shares, i) / total * (1 + e.reduce((s, v) => s + (v / all) ** 2, 0));
    }, 0);
    const { report } = getOrThrow(fgnStep(model, given, relative(2), { classWeights }));
    expect(relativeError([report.lambda], [2 * exact / 7.5])).toBeLessThan(1e-5);
  });

  it("may call this library within its functions, which then run on another kernel", () => {
    const { head, data } = problem(20, D, C);
    const inner = problem(64, 50, 40);
    const calls = <A>(value: A): A => {
      getOrThrow(fgnStep(inner.head, inner.data));
      return value;
    };
    const plain = getOrThrow(customModel({ parameters: flat(head), classes: C, ...LINEAR }));
    const nested = getOrThrow(customModel({
      parameters: flat(head),
      classes: C,
      forward: (theta, x) => calls(LINEAR.forward(theta, x)),
      jvp: (theta, x, v) => calls(LINEAR.jvp(theta, x, v)),
      vjp: (theta, x, c) => calls(LINEAR.vjp(theta, x, c)),
    }));
    expect(flat(getOrThrow(fgnStep(nested, data)).params)).toEqual(flat(getOrThrow(fgnStep(plain, data)).params));
    const kernel = getOrThrow(instantiate(simd));
    const own = getOrThrow(customModel({
      parameters: flat(head),
      classes: C,
      ...LINEAR,
      forward: (theta, x) => {
        expect(left(fgnStep(inner.head, inner.data, 1, { kernel }))._tag).toBe("KernelBusy");
        return LINEAR.forward(theta, x);
      },
    }));
    expect(fgnStep(own, data, 1, { kernel })._tag).toBe("Right");
  });
});
