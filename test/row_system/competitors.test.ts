// Competitor rows against a float64 solve over the parameters: k of them for the curvature that k splits keep, C − 2 for
// the full Gauss-Newton matrix; with everything that an objective has, at extremes, and what they refuse.
//
// Tolerance 1e-5 on the step, 1e-4 on what the report says (relative, L2), beside the rounding of new parameters to float32, as for the step itself.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  dense,
  fgn,
  fgnStep,
  fromRows,
  getOrThrow,
  ggnStep,
  initialise,
  layerNorm,
  levenbergMarquardt,
  linearHead,
  matrix,
  mlp,
  type Model,
  type Network,
  type ObjectiveOptions,
  randomHead,
  relative,
  residual,
  silu,
  type StepOptions,
  tanh as tanhLayer,
  train,
  zeroHead,
} from "../../mod.ts";
import { at, C as OWN_CLASSES, D as OWN_FEATURES, PAIRS } from "../support/custom_models.ts";
import {
  dot,
  ggnCurvature,
  norm,
  outer,
  penaltyOf,
  reduction,
  type Reference,
  reference,
  solveStep,
  stepError,
  unitOf,
} from "../support/network_reference.ts";
import { difference, flat, left, problem, relativeError, uniform } from "../support/reference.ts";

const D = 4;
const head = (C: number, seed = 1): Network => getOrThrow(randomHead({ features: D, classes: C }, seed));
const tanh = (C: number): Network =>
  getOrThrow(mlp({ inputs: D, hidden: [5], classes: C, activation: "tanh", seed: 2 }));

/** Σ α Σ_j p_j s_j Π_{i<j} s_i J_jᵀJ_j with j = 0 the label and then the k likeliest competitors. */
function keptCurvature({ logits, probabilities, logitJacobian, alpha, gradient }: Reference, data: Batch, k: number) {
  const rows: number[][] = [], weights: number[] = [];
  probabilities.forEach((p, i) => {
    const C = p.length, y = at(data.labels, i);
    const others = p.map((_, c) => c).filter((c) => c !== y);
    others.sort((a, b) => at(logits, i * C + b) - at(logits, i * C + a) || a - b);
    let running = [y, ...others], left = at(alpha, i);
    for (const t of [y, ...others.slice(0, k)]) {
      running = running.filter((c) => c !== t);
      const top = Math.max(...running.map((c) => at(logits, i * C + c)));
      const e = running.map((c) => Math.exp(at(logits, i * C + c) - top)), sum = e.reduce((s, v) => s + v, 0);
      const J = (c: number, n: number): number => at(logitJacobian[i * C + c] ?? [], n);
      rows.push(gradient.map((_, n) => running.reduce((v, c, r) => v - at(e, r) / sum * J(c, n), J(t, n))));
      const odds = Math.exp(-Math.abs(at(logits, i * C + t) - top - Math.log(sum)));
      weights.push(left * odds / (1 + odds) ** 2);
      left *= (at(logits, i * C + t) > top + Math.log(sum) ? odds : 1) / (1 + odds);
    }
  });
  return outer(rows, weights, gradient.length);
}

/** The step with k competitors, and its report, against the reference. */
function check(model: Network, data: Batch, k: number, ratio: number, options: ObjectiveOptions = {}): void {
  const { l2 = 0 } = options, ref = reference(model, data, options), lambda = ratio * unitOf(ref, data);
  const H = k >= model.outputs - 2 ? ggnCurvature(ref) : keptCurvature(ref, data, k);
  const want = solveStep(H, ref.gradient, lambda + l2),
    predicted = reduction(H, ref.gradient, want, penaltyOf(model, options));
  for (const system of ["gram", "matrixFree"] as const) {
    const solver = { system, tolerance: 1e-9, maxIterations: 1000, competitors: k };
    const { params, report, dual } = getOrThrow(fgnStep(model, data, relative(ratio), { ...options, ...solver }));
    expect(relativeError([report.lambda], [lambda])).toBeLessThan(1e-5);
    expect(relativeError([report.lossBefore], [ref.loss])).toBeLessThan(1e-5);
    expect(relativeError([report.gradientNorm], [norm(ref.gradient)])).toBeLessThan(1e-4);
    expect(relativeError([report.predictedReduction], [predicted])).toBeLessThan(1e-4);
    expect(stepError(params, model, want)).toBeLessThan(1e-5);
    expect(dual.length).toBe(data.labels.length);
  }
}

function examples(B: number, C: number, seed = 1, more: Partial<Parameters<typeof batch>[0]> = {}): Batch {
  const features = getOrThrow(matrix(B, D, uniform(B * D, seed)));
  const labels = Array.from(uniform(B, seed + 1), (v) => Math.floor((v + 1) / 2 * C));
  return getOrThrow(batch({ features, labels, ...more }));
}

/** Distributions over the classes, one a row. */
function distributions(B: number, C: number, seed: number) {
  const z = uniform(B * C, seed).map((v) => Math.exp(2 * v));
  return getOrThrow(matrix(
    B,
    C,
    z.map((v, n) => {
      const first = n - n % C;
      return v / z.subarray(first, first + C).reduce((s, w) => s + w, 0);
    }),
  ));
}

describe("competitors", () => {
  for (const [name, make] of Object.entries({ "linear head": head, network: tanh })) {
    for (const C of [3, 4, 10]) {
      it(`of a ${name} with ${C} classes, any number of them: equal the solve over the parameters`, () => {
        for (const k of [0, 1, 2, 3, C - 3, C - 2, C, 1000]) {
          if (k < 0) continue;
          for (const B of [1, 7, 20]) check(make(C), examples(B, C), k, 0.1);
        }
      });
    }

    it(`of a ${name}, all of them: equal ggnStep()`, () => {
      for (const C of [3, 10]) {
        for (const B of [1, 7, 20]) {
          const model = make(C), data = examples(B, C, 5), tight = { tolerance: 1e-7, maxIterations: 500 };
          const step = getOrThrow(fgnStep(model, data, relative(0.3), { competitors: C - 2 }));
          const full = getOrThrow(ggnStep(model, data, step.report.lambda, tight));
          expect(relativeError(difference(step.params, model), difference(full.params, model))).toBeLessThan(2e-5);
          expect(relativeError([step.report.predictedReduction], [full.report.predictedReduction])).toBeLessThan(1e-4);
        }
      }
    });

    it(`of a ${name} go with everything an objective has`, () => {
      const B = 9, C = 5, weights = Array.from({ length: B }, (_, i) => [1.5, 0, 1, 0.25][i % 4] as number);
      const data = examples(B, C, 3, { weights }), targets = distributions(B, C, 4);
      for (const k of [1, 2, 3]) {
        check(make(C), data, k, 0.2);
        check(make(C), data, k, 0.2, { classWeights: [1, 0, 2, 0.5, 1], labelSmoothing: 0.1 });
        check(make(C), examples(B, C, 3, { targets }), k, 0.2, { l2: 0.05 });
        check(make(C), examples(B, C, 3, { targets, weights }), k, 0.2, { l2: 0.05, labelSmoothing: 0.2 });
      }
    });
  }

  it("of two classes: there are none", () => {
    const { head, data } = problem(9, 5, 2);
    expect(getOrThrow(fgnStep(head, data, 0.1, { competitors: 3 }))).toEqual(getOrThrow(fgnStep(head, data, 0.1)));
  });

  it("of equal probabilities are the lower classes, and of repeated examples the same", () => {
    const zero = getOrThrow(zeroHead({ features: D, classes: 6 })), data = examples(8, 6);
    for (const k of [1, 4]) check(zero, data, k, 0.1);
    const four = examples(4, 6), x = [...four.features.data], y = [...four.labels];
    const twice = getOrThrow(batch({ features: getOrThrow(matrix(8, D, [...x, ...x])), labels: [...y, ...y] }));
    const weights = [2, 2, 2, 2], weighed = getOrThrow(batch({ features: four.features, labels: y, weights }));
    for (const k of [1, 4]) {
      check(head(6), twice, k, 0.1);
      const step = (data: Batch) => getOrThrow(fgnStep(head(6), data, relative(0.1), { competitors: k })).params;
      expect(relativeError(flat(step(weighed)), flat(step(twice)))).toBeLessThan(1e-6);
    }
  });

  it("of sparse features, by either system", () => {
    const entries = Array.from({ length: 9 }, (_, i) => [0, 1, 2].map((j) => [(3 * i + 5 * j) % D, j - 0.5] as const));
    const features = getOrThrow(fromRows(D, entries.map((row) => [...new Map(row)])));
    const data = getOrThrow(batch({ features, labels: Array.from({ length: 9 }, (_, i) => i % 5) }));
    for (const k of [1, 3]) for (const model of [head(5), tanh(5)]) check(model, data, k, 0.1);
  });

  it("of models of one's own are those of the built-in ones", () => {
    const features = getOrThrow(matrix(7, OWN_FEATURES, uniform(7 * OWN_FEATURES, 8)));
    const data = getOrThrow(batch({ features, labels: Array.from({ length: 7 }, (_, i) => i % OWN_CLASSES) }));
    for (const [, builtIn, own] of PAIRS) {
      const step = (model: Model) =>
        difference(getOrThrow(fgnStep(model, data, 0.1, { competitors: 1, tolerance: 1e-9 })).params, model);
      expect(relativeError(step(own), step(builtIn))).toBeLessThan(1e-4);
      expect(relativeError(step(own), difference(getOrThrow(fgnStep(own, data, 0.1)).params, own))).toBeGreaterThan(
        1e-3,
      );
    }
  });

  it("of networks that end in other layers than a dense one", () => {
    const data = examples(9, 5);
    for (const last of [[tanhLayer()], [layerNorm()], [residual([dense(5), silu()])]]) {
      const model = getOrThrow(initialise({ inputs: D, layers: [dense(5), ...last], seed: 3 }));
      for (const k of [1, 3]) check(model, data, k, 0.1);
    }
  });

  it("beside a majorised label's row keep their own curvature", () => {
    const model = head(4), data = examples(10, 4), ref = reference(model, data);
    const G = ggnCurvature(ref), lambda = 0.1;
    const kappa = ref.margins.map((m, i) => at(ref.alpha, i) * Math.tanh(Math.abs(m) / 2) / (2 * Math.abs(m)));
    const more = outer(ref.jacobian, kappa.map((v, i) => v - at(ref.curvatures, i)), ref.gradient.length);
    const want = solveStep(G.map((row, j) => row.map((v, n) => v + at(more[j] ?? [], n))), ref.gradient, lambda);
    const options = { competitors: 2, curvature: "majorized" } as const;
    expect(stepError(getOrThrow(fgnStep(model, data, lambda, options)).params, model, want)).toBeLessThan(1e-4);
  });

  it("bring the step closer to the full one, each of them, unless damping is small", () => {
    for (const seed of [1, 2, 3]) {
      const model = head(10, seed), data = examples(20, 10, seed + 10), ref = reference(model, data);
      const steps = (lambda: number): number[][] =>
        Array.from(
          { length: 9 },
          (_, competitors) => difference(getOrThrow(fgnStep(model, data, lambda, { competitors })).params, model),
        );
      const full = solveStep(ggnCurvature(ref), ref.gradient, 0.1);
      const cosines = steps(0.1).map((d) => dot(d, full) / (norm(d) * norm(full)));
      cosines.slice(1).forEach((cosine, k) => expect(cosine).toBeGreaterThan(at(cosines, k) - 1e-6));
      expect(at(cosines, 0)).toBeLessThan(0.99);
      expect(at(cosines, 8)).toBeGreaterThan(1 - 1e-6);
      // Each adds curvature: −gᵀd = gᵀ(H + λI)⁻¹g falls at any damping.
      const slopes = steps(1e-3).map((d) => -dot(d, ref.gradient));
      slopes.slice(1).forEach((slope, k) => expect(slope).toBeLessThan(at(slopes, k)));
    }
  });

  it("are finite where margins reach 1e4, and equal the solve where the gradient does not vanish", () => {
    for (const C of [3, 10]) {
      for (const scale of [1e1, 1e2, 1e3, 1e4]) {
        const weight = uniform(C * D, 7).map((v) => v * scale), data = examples(12, C, 9);
        const model = getOrThrow(linearHead({ features: D, classes: C }, weight, null));
        const reached = Math.max(...reference(model, data).margins.map(Math.abs));
        expect(reached).toBeGreaterThan(scale / 2);
        for (const k of [1, C - 2]) {
          const { params, report } = getOrThrow(fgnStep(model, data, relative(1e-3), { competitors: k }));
          expect(flat(params).every(Number.isFinite)).toBe(true);
          expect(Object.values(report).every((v) => typeof v !== "number" || Number.isFinite(v))).toBe(true);
          check(model, data, k, 1e-3);
        }
      }
    }
  });

  it("leave the loss that the next step sees, also after retries", () => {
    const data = examples(40, 6), models = [head(6), tanh(6)];
    for (const model of models) {
      for (const options of [{}, { l2: 0.01, labelSmoothing: 0.1 }]) {
        for (const damping of [relative(0.1), levenbergMarquardt({ lambda: 1e-7 })]) {
          const all = { competitors: 2, ...options };
          const { params, report } = getOrThrow(fgnStep(model, data, damping, all));
          const next = getOrThrow(fgnStep(params, data, relative(1), all)).report.lossBefore;
          expect(Math.abs(next - (report.lossAfter as number))).toBeLessThan(1e-5);
        }
      }
    }
    const far = getOrThrow(linearHead({ features: D, classes: 6 }, uniform(6 * D, 1).map((v) => 20 * v), null));
    const { report } = getOrThrow(
      fgnStep(far, data, levenbergMarquardt({ lambda: 1e-9, attempts: 60 }), { competitors: 1 }),
    );
    expect(report).toMatchObject({ accepted: true });
    expect(report.rejections).toBeGreaterThan(0);
    expect(report.lossAfter).toBeLessThan(report.lossBefore);
  });

  it("write to nothing they are given", () => {
    const model = tanh(5), data = examples(9, 5, 3, { targets: distributions(9, 5, 4) });
    const before = structuredClone({ model, data });
    getOrThrow(fgnStep(model, data, 1, { competitors: 2 }));
    expect({ model, data }).toEqual(before);
  });

  it("refuse what they do not go with, and what is no number of them", () => {
    const data = examples(6, 4), model = head(4);
    const refused = (options: StepOptions): unknown => left(fgnStep(model, data, 1, options));
    const invalid = (value: unknown) => ({ _tag: "InvalidOption", option: "competitors", value });
    for (const competitors of [-1, 1.5, NaN, Infinity, "2" as unknown as number]) {
      expect(refused({ competitors })).toMatchObject(invalid(competitors));
    }
    expect(refused({ competitors: 1, twoStage: 0.5 })).toMatchObject(invalid(1));
    expect(refused({ competitors: 1, refine: 2 })).toMatchObject(invalid(1));
    expect(refused({ competitors: 1, warmStart: new Float64Array(6) })).toMatchObject(invalid(1));
    const full = { competitors: 1 } as Parameters<typeof ggnStep>[3];
    expect(left(ggnStep(model, data, 1, full))).toMatchObject(invalid(1));
    const many = getOrThrow(zeroHead({ features: 400, classes: 2 ** 16 }));
    const wide = getOrThrow(
      batch({ features: getOrThrow(matrix(400, 400, new Float32Array(160000))), labels: new Uint32Array(400) }),
    );
    expect(left(fgnStep(many, wide, 1, { competitors: 2 ** 16 }))._tag).toBe("OutOfMemory");
  });

  it("give the same bytes in every runtime", async () => {
    const { data } = problem(100, 13, 7, { weights: Array.from({ length: 100 }, (_, i) => 1 + i % 2) });
    const network = getOrThrow(mlp({ inputs: 13, hidden: [9], classes: 7, seed: 1 }));
    const optimizer = fgn({ competitors: 2, metric: "factored" });
    const options = { epochs: 5, batchSize: 25, seed: 3, standardise: false, optimizer };
    let last: Network | undefined;
    for await (const record of train(network, data, options)) {
      const seen = getOrThrow(record);
      if (seen._tag === "epoch") last = seen.params;
    }
    const bytes = Float32Array.from(flat(last as Network));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(EXPECTED);
  });
});

/** Hash of the run above; what Node, Deno and Bun must all print. */
const EXPECTED = "9edeb5c462fd60920e9e279ded1f5e966cea3f9ee9233411efd11e06a6ac1978";
