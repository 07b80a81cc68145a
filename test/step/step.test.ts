// The step against a float64 reference, its properties, and its extremes.
//
// Tolerance 1e-4 (relative, L2) unless said otherwise: float32 products, float64 solves, well damped systems.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  batch,
  evaluate,
  fgnStep,
  getOrThrow,
  levenbergMarquardt,
  linearHead,
  logits,
  lossAndGradient,
  matrix,
  type Network,
  probabilities,
  relative,
  rowSystem,
  type StepOptions,
  zeroHead,
} from "../../mod.ts";
import { defaultKernel, instantiate } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { difference, flat, jacobian, layerOf, left, problem, relativeError, solveDense } from "../support/reference.ts";

const shape = fc.record({
  B: fc.integer({ min: 1, max: 21 }),
  D: fc.integer({ min: 1, max: 19 }),
  C: fc.integer({ min: 2, max: 13 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
  bias: fc.boolean(),
});
const RUNS = { numRuns: 60, seed: 7 };
const LAMBDA = 0.1;

/** (Jᵀ diag(c) J + λI) d = −g with curvature weights c, densely in parameter space. */
function parameterSpaceStep(head: Network, data: Parameters<typeof jacobian>[1], lambda: number): number[] {
  const { J, P, alpha } = jacobian(layerOf(head), data);
  const n = (J[0] as number[]).length;
  const H = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const g = new Array<number>(n).fill(0);
  J.forEach((row, i) => {
    const p = (P[i] as number[])[data.labels[i] as number] as number, a = alpha[i] as number;
    row.forEach((u, j) => {
      g[j] = (g[j] as number) + a * (1 - p) * u;
      row.forEach((v, k) => (H[j] as number[])[k] = ((H[j] as number[])[k] as number) + a * p * (1 - p) * u * v);
    });
  });
  H.forEach((row, j) => row[j] = (row[j] as number) + lambda);
  return solveDense(H, g);
}

describe("fgnStep()", () => {
  it("is the parameter-space step, over shapes", () => {
    fc.assert(
      fc.property(shape, ({ B, D, C, seed, bias }) => {
        const { head, data } = problem(B, Math.min(D, 6), Math.min(C, 5), { seed, bias });
        const { params } = getOrThrow(fgnStep(head, data, LAMBDA));
        expect(relativeError(difference(params, head), parameterSpaceStep(head, data, LAMBDA))).toBeLessThan(1e-4);
      }),
      RUNS,
    );
  });

  it("splits the softmax Hessian exactly, and is the full Gauss-Newton step for two classes", () => {
    const { head, data } = problem(9, 4, 6, { spread: 2 });
    const { P } = jacobian(layerOf(head), data);
    P.forEach((p, i) => {
      const y = data.labels[i] as number, s = 1 - (p[y] as number);
      const q = p.map((v, c) => (c === y ? 0 : v / s));
      for (let a = 0; a < 6; a++) {
        for (let b = 0; b < 6; b++) {
          const [pa, pb, qa, qb] = [p[a], p[b], q[a], q[b]] as [number, number, number, number];
          const full = (a === b ? pa : 0) - pa * pb;
          const kept = (p[y] as number) * s * ((a === y ? 1 : 0) - qa) * ((b === y ? 1 : 0) - qb);
          expect(Math.abs(full - kept - s * ((a === b ? qa : 0) - qa * qb))).toBeLessThan(1e-15);
        }
      }
    });
    const two = problem(7, 3, 2, { spread: 2 });
    const { J, P: P2, alpha } = jacobian(layerOf(two.head), two.data);
    // For C = 2 every logit Jacobian row is ±half of the margin's: the full curvature is p s J Jᵀ, as kept.
    const step = difference(getOrThrow(fgnStep(two.head, two.data, LAMBDA)).params, two.head);
    const dropped = P2.map((p) => p.filter((_, c) => c < 2).reduce((s, v) => s + v, 0) - 1);
    expect(Math.max(...dropped.map(Math.abs))).toBeLessThan(1e-15);
    expect(relativeError(step, fullStep(two.data.features.data, J, P2, alpha, LAMBDA))).toBeLessThan(1e-4);
  });

  it("by conjugate gradient is as good beside confidently wrong examples, whose right-hand sides are large", () => {
    for (const spread of [5, 10, 30, 300]) {
      for (const competitors of [0, 1, 11]) {
        const { head, data } = problem(42, 5, 13, { spread, bias: false });
        const step = (options: StepOptions): number[] =>
          difference(getOrThrow(fgnStep(head, data, relative(0.1), { competitors, ...options })).params, head);
        const direct = step({ solver: "cholesky" }), rounding = 1e-7 * spread / Math.hypot(...direct);
        for (const system of ["gram", "matrixFree"] as const) {
          expect(relativeError(step({ system, solver: "cg" }), direct)).toBeLessThan(5e-6 + 8 * rounding);
        }
      }
    }
  });

  it("does not depend on the order of rows or the numbering of classes", () => {
    fc.assert(
      fc.property(shape, ({ B, D, C, seed, bias }) => {
        const { head, data } = problem(B, D, C, { seed, bias });
        const step = difference(getOrThrow(fgnStep(head, data, LAMBDA)).params, head);
        const reversed = Float32Array.from({ length: B * D }, (_, k) => {
          return data.features.data[(B - 1 - Math.floor(k / D)) * D + k % D] as number;
        });
        const turned = getOrThrow(
          batch({ features: getOrThrow(matrix(B, D, reversed)), labels: data.labels.slice().reverse() }),
        );
        const other = difference(getOrThrow(fgnStep(head, turned, LAMBDA)).params, head);
        expect(relativeError(other, step)).toBeLessThan(1e-4);

        const roll = (c: number): number => (c + 1) % C;
        const weight = new Float32Array(C * D), b = new Float32Array(C);
        const given = layerOf(head);
        for (let c = 0; c < C; c++) {
          weight.set(given.weight.data.subarray(c * D, (c + 1) * D), roll(c) * D);
          b[roll(c)] = given.bias?.[c] ?? 0;
        }
        const size = { features: D, classes: C };
        const rolled = getOrThrow(linearHead(size, weight, bias ? b : null));
        const renamed = getOrThrow(batch({ features: data.features, labels: data.labels.map(roll) }));
        const moved = layerOf(getOrThrow(fgnStep(rolled, renamed, LAMBDA)).params).weight.data;
        const back = Float32Array.from({ length: C * D }, (_, k) => {
          const at = roll(Math.floor(k / D)) * D + k % D;
          return (moved[at] as number) - (weight[at] as number);
        });
        expect(relativeError(back, step.slice(0, C * D))).toBeLessThan(1e-4);
      }),
      RUNS,
    );
  });

  it("takes weight 2 as the row twice and weight 0 as the row absent, also with relative damping", () => {
    fc.assert(
      fc.property(shape, fc.constantFrom(LAMBDA, relative(1)), ({ B, D, C, seed, bias }, damping) => {
        const weights: number[] = Array.from({ length: B }, (_, i) => (i + seed) % 3);
        if (!weights.some((w) => w > 0)) weights[0] = 1;
        const { head, data } = problem(B, D, C, { seed, bias, weights });
        const rows = weights.flatMap((w, i) => new Array<number>(w).fill(i));
        const repeated = getOrThrow(batch({
          features: getOrThrow(matrix(
            rows.length,
            D,
            rows.flatMap((i) => Array.from(data.features.data.subarray(i * D, (i + 1) * D))),
          )),
          labels: rows.map((i) => data.labels[i] as number),
        }));
        const a = getOrThrow(fgnStep(head, data, damping)), b = getOrThrow(fgnStep(head, repeated, damping));
        expect(relativeError(difference(a.params, head), difference(b.params, head))).toBeLessThan(1e-4);
        expect(Math.abs(a.report.lossBefore - b.report.lossBefore)).toBeLessThan(1e-6 * (1 + b.report.lossBefore));
      }),
      RUNS,
    );
  });

  it("does not change when all logits are shifted", () => {
    const { head, data } = problem(10, 6, 5);
    const { weight, bias } = layerOf(head);
    const size = { features: 6, classes: 5 };
    const shifted = getOrThrow(linearHead(size, weight.data, (bias as Float32Array).map((b) => b + 3)));
    const a = difference(getOrThrow(fgnStep(head, data, LAMBDA)).params, head);
    expect(relativeError(difference(getOrThrow(fgnStep(shifted, data, LAMBDA)).params, shifted), a)).toBeLessThan(1e-4);
  });

  it("gives the same bytes again, and writes to none of its arguments", () => {
    const { head, data } = problem(33, 20, 17, { weights: Array.from({ length: 33 }, (_, i) => i % 4) });
    const before = JSON.stringify([flat(head), ...data.features.data, ...data.labels, ...(data.weights ?? [])]);
    const first = getOrThrow(fgnStep(head, data));
    fgnStep(problem(64, 50, 40).head, problem(64, 50, 40).data);
    expect(flat(getOrThrow(fgnStep(head, data)).params)).toEqual(flat(first.params));
    expect(JSON.stringify([flat(head), ...data.features.data, ...data.labels, ...(data.weights ?? [])])).toBe(before);
  });

  it("reports the loss after the step as the next step sees it, and the exact gradient norm", () => {
    const { head, data } = problem(40, 12, 9);
    const { params, report } = getOrThrow(fgnStep(head, data));
    const next = getOrThrow(lossAndGradient(params, data));
    expect(Math.abs((report.lossAfter ?? NaN) - next.loss)).toBeLessThan(1e-6);
    const norm = Math.hypot(...getOrThrow(lossAndGradient(head, data)).gradient);
    expect(Math.abs(report.gradientNorm - norm)).toBeLessThan(1e-4 * norm);
    expect(report.gainRatio).toBeGreaterThan(0);
    expect(getOrThrow(fgnStep(head, data, 0.1, { lossAfter: false })).report.lossAfter).toBeUndefined();
  });

  it("solves by Cholesky and by conjugate gradient alike, and says when a cap stopped it", () => {
    const { head, data } = problem(50, 30, 20);
    const direct = getOrThrow(fgnStep(head, data, 0.01, { solver: "cholesky" }));
    const iterative = getOrThrow(fgnStep(head, data, 0.01, { solver: "cg", tolerance: 1e-9 }));
    const steps = [direct, iterative].map((s) => difference(s.params, head)) as [number[], number[]];
    expect(relativeError(steps[1], steps[0])).toBeLessThan(1e-4);
    expect(iterative.report.stop).toBe("converged");
    expect(direct.report.residual).toBeLessThan(1e-12);
    expect(getOrThrow(fgnStep(head, data, 0.01, { solver: "cg", maxIterations: 1 })).report.stop).toBe("iterationCap");
  });

  it("stays finite at extremes: one row, one feature, zeros, duplicates, margins to 1e4, denormals", () => {
    for (const scale of [0, 1e-42, 1e-20, 1, 100, 1e4]) {
      for (const [B, D, C] of [[1, 1, 2], [1, 5, 3], [6, 1, 2], [17, 4, 10]] as const) {
        const { head, data } = problem(B, D, C, { spread: scale });
        const x = data.features.data;
        for (const values of [x, x.map(() => 1), x.map(() => 0), x.map((v) => v * 1e-40)]) {
          const part = getOrThrow(batch({ features: getOrThrow(matrix(B, D, values)), labels: data.labels }));
          const { params, report } = getOrThrow(fgnStep(head, part));
          expect(flat(params).every(Number.isFinite)).toBe(true);
          expect(Number.isFinite(report.lossAfter)).toBe(true);
          expect(Number.isFinite(report.predictedReduction)).toBe(true);
        }
      }
    }
  });
});

/** The damped full Gauss-Newton step for two classes, from the logits' Jacobian. */
function fullStep(x: Float32Array, J: number[][], P: number[][], alpha: number[], lambda: number): number[] {
  const n = (J[0] as number[]).length, D = x.length / J.length;
  const logitJacobian = (i: number, c: number): number[] => {
    const row = new Array<number>(n).fill(0);
    for (let d = 0; d < D; d++) row[c * D + d] = x[i * D + d] as number;
    row[2 * D + c] = 1;
    return row;
  };
  const H = Array.from({ length: n }, (_, j) => new Array<number>(n).fill(0).map((v, k) => v + (j === k ? lambda : 0)));
  const g = new Array<number>(n).fill(0);
  J.forEach((margin, i) => {
    const p = P[i] as [number, number], a = alpha[i] as number;
    const rows = [logitJacobian(i, 0), logitJacobian(i, 1)] as const;
    const trueClass = (margin[2 * D] as number) > 0 ? 0 : 1;
    margin.forEach((u, j) => g[j] = (g[j] as number) + a * (1 - p[trueClass]) * u);
    for (const c of [0, 1] as const) {
      for (const e of [0, 1] as const) {
        const h = a * ((c === e ? p[c] : 0) - p[c] * p[e]);
        rows[c].forEach((u, j) =>
          rows[e].forEach((v, k) => (H[j] as number[])[k] = ((H[j] as number[])[k] as number) + h * u * v)
        );
      }
    }
  });
  return solveDense(H, g);
}

describe("majorised curvature", () => {
  it("never raises the loss of a linear head with two classes, whatever the damping", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        fc.double({ min: -8, max: 2, noNaN: true }),
        fc.integer({ min: 0, max: 6 }),
        (B, D, exponent, spread) => {
          const { head, data } = problem(B, D, 2, { seed: B + D, spread: 2 ** spread });
          const options = { curvature: "majorized" } as const;
          const result = fgnStep(head, data, relative(10 ** exponent), options);
          if (result._tag === "Left") return expect(result.left._tag).toBe("NotPositiveDefinite");
          const { lossBefore, lossAfter } = result.right.report;
          expect(lossAfter).toBeLessThanOrEqual(lossBefore * (1 + 1e-5) + 1e-6);
        },
      ),
      RUNS,
    );
  });

  it("is p s where the margin is 0, so that a first step from zeros is the same", () => {
    const { data } = problem(12, 5, 2), head = getOrThrow(zeroHead({ features: 5, classes: 2 }));
    const plain = getOrThrow(fgnStep(head, data, LAMBDA)),
      majorized = getOrThrow(
        fgnStep(head, data, LAMBDA, { curvature: "majorized" }),
      );
    expect(flat(majorized.params)).toEqual(flat(plain.params));
  });

  it("is refused by another name", () => {
    const { head, data } = problem(20, 5, 4);
    const wrong = { curvature: "hessian" } as unknown as { curvature: "majorized" };
    expect(left(fgnStep(head, data, 1, wrong))).toMatchObject({ _tag: "InvalidOption", option: "curvature" });
  });
});

describe("levenbergMarquardt()", () => {
  it("raises λ until the loss falls, lowers it after, and lets no step raise the loss", () => {
    const { head, data } = problem(30, 10, 5, { spread: 3 });
    let params = head, damping: ReturnType<typeof levenbergMarquardt> = levenbergMarquardt({ lambda: 1e-6 });
    let last = Infinity, rejections = 0;
    for (let i = 0; i < 30; i++) {
      const step = getOrThrow(fgnStep(params, data, damping));
      rejections += step.report.rejections;
      expect(step.report.lossAfter).toBeLessThanOrEqual(last);
      last = step.report.lossAfter as number;
      params = step.params;
      damping = step.damping as typeof damping;
    }
    expect(rejections).toBeGreaterThan(0);
    expect(last).toBeLessThan(0.3);
  });

  it("gives the parameters back when all attempts are rejected", () => {
    const { head, data } = problem(30, 10, 5, { spread: 3 });
    const step = getOrThrow(fgnStep(head, data, levenbergMarquardt({ lambda: 1e-6, attempts: 1 })));
    expect(step.report.accepted).toBe(false);
    expect(step.params).toBe(head);
    expect(step.report.lossAfter).toBe(step.report.lossBefore);
    expect(step.report.actualReduction).toBeLessThan(0);
    expect(step.damping).toMatchObject({ lambda: step.report.lambda * 2 });
  });
});

describe("lossAndGradient()", () => {
  it("agrees with finite differences of the loss", () => {
    const { head, data } = problem(12, 5, 4);
    const { gradient } = getOrThrow(lossAndGradient(head, data));
    const layer = layerOf(head);
    // Central differences of a float64 loss; h = 1e-4 leaves 1e-8 of truncation.
    const at = (k: number, h: number): number => {
      const weight = Float64Array.from(layer.weight.data);
      weight[k] = (weight[k] as number) + h;
      const { P, alpha } = jacobian(
        { ...layer, weight: { ...layer.weight, data: weight as unknown as Float32Array } },
        data,
      );
      return P.reduce((s, p, i) => {
        return s - (alpha[i] as number) * Math.log(p[data.labels[i] as number] as number);
      }, 0);
    };
    const numeric = Array.from(layer.weight.data, (_, k) => (at(k, 1e-4) - at(k, -1e-4)) / 2e-4);
    expect(relativeError(gradient.subarray(0, numeric.length), numeric)).toBeLessThan(1e-5);
  });
});

describe("evaluate(), logits() and probabilities()", () => {
  it("agree with each other over more rows than one pass takes", () => {
    const { head, data } = problem(600, 7, 9, { spread: 3 });
    const p = getOrThrow(probabilities(head, data.features)).data;
    const f = getOrThrow(logits(head, data.features)).data;
    let correct = 0, near = 0, loss = 0;
    for (let i = 0; i < 600; i++) {
      const row = Array.from(p.subarray(i * 9, (i + 1) * 9)), y = data.labels[i] as number;
      expect(Math.abs(row.reduce((s, v) => s + v, 0) - 1)).toBeLessThan(1e-5);
      const rank = Array.from(f.subarray(i * 9, (i + 1) * 9)).filter((v) => v > (f[i * 9 + y] as number)).length;
      if (rank === 0) correct++;
      if (rank < 5) near++;
      loss -= Math.log(row[y] as number) / 600;
    }
    const seen = getOrThrow(evaluate(head, data));
    expect(seen.accuracy).toBeCloseTo(correct / 600, 12);
    expect(seen.top5).toBeCloseTo(near / 600, 12);
    expect(Math.abs(seen.loss - loss)).toBeLessThan(1e-5);
  });

  it("gives a head of zeros the accuracy of class 0, for ties go to the lower class", () => {
    const { data } = problem(50, 3, 10);
    const head = getOrThrow(zeroHead({ features: 3, classes: 10 }));
    expect(getOrThrow(evaluate(head, data)).accuracy).toBe(data.labels.filter((y) => y === 0).length / 50);
  });
});

describe("rowSystem()", () => {
  it("is symmetric, and slopes are weights times right-hand sides", () => {
    const { head, data } = problem(19, 8, 6, { spread: 20 });
    const { gram, slopes, rowWeights, rhs } = getOrThrow(rowSystem(head, data));
    for (let i = 0; i < 19; i++) {
      const product = (rowWeights[i] as number) * (rhs[i] as number);
      expect(Math.abs(product - (slopes[i] as number))).toBeLessThan(1e-12 * (slopes[i] as number));
      for (let j = 0; j < 19; j++) expect(gram[i * 19 + j]).toBe(gram[j * 19 + i]);
    }
  });
});

describe("the kernel's memory", () => {
  it("stays flat over 20,000 steps", () => {
    const { head, data } = problem(16, 8, 10);
    const kernel = getOrThrow(defaultKernel());
    let params = getOrThrow(fgnStep(head, data)).params;
    const before = kernel.exports.memory.buffer.byteLength;
    for (let i = 0; i < 20_000; i++) params = getOrThrow(fgnStep(params, data)).params;
    expect(kernel.exports.memory.buffer.byteLength).toBe(before);
    expect(flat(params).every(Number.isFinite)).toBe(true);
  }, 60_000);

  it("is that of the kernel given in the options, with the same bytes", () => {
    const { head, data } = problem(200, 300, 100);
    const own = getOrThrow(instantiate(simd));
    const before = own.exports.memory.buffer.byteLength;
    const { params } = getOrThrow(fgnStep(head, data, 0.1, { kernel: own }));
    expect(own.exports.memory.buffer.byteLength).toBeGreaterThan(before);
    expect(flat(params)).toEqual(flat(getOrThrow(fgnStep(head, data, 0.1)).params));
  });

  it("survives growth between and within calls", () => {
    const small = problem(5, 3, 4), large = problem(300, 400, 200);
    const first = flat(getOrThrow(fgnStep(small.head, small.data)).params);
    getOrThrow(fgnStep(large.head, large.data));
    expect(flat(getOrThrow(fgnStep(small.head, small.data)).params)).toEqual(first);
  });
});
