// Features, weights and models of any scale: a step is that of float64, or an error that says why not.
//
// 1e-4 (relative), weights and biases each by themselves, beside the rounding of the new parameters.

import fc from "fast-check";
import type { Either } from "fp-ts/lib/Either.js";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  constant,
  type Damping,
  type FgnError,
  fgnStep,
  getOrThrow,
  ggnStep,
  linearHead,
  type Matrix,
  matrix,
  type Network,
  online,
  relative,
  robust,
  rowSystem,
  sparse as toSparse,
  type SparseMatrix,
  type StepOptions,
  type StepReport,
} from "../../mod.ts";
import { flat, jacobian, layerOf, left, solveDense, uniform } from "../support/reference.ts";

const B = 6, D = 3, C = 4;
const labels = Array.from({ length: B }, (_, i) => i % C);

interface Scaled {
  readonly head: Network;
  readonly data: Batch;
  /** The same with dense features. */
  readonly dense: Batch;
}

/** The rows of a matrix as compressed sparse rows, none left out. */
const sparseOf = ({ rows, cols, data }: Matrix): SparseMatrix =>
  getOrThrow(toSparse(
    rows,
    cols,
    Uint32Array.from({ length: rows + 1 }, (_, i) => i * cols),
    Uint32Array.from(data, (_, k) => k % cols),
    data,
  ));

/** A head on features of size about `size`, with weights that give logits of about `spread`. */
function scaled(size: number, spread: number, bias: boolean, sparse = false, weights?: readonly number[]): Scaled {
  const features = getOrThrow(matrix(B, D, uniform(B * D, 1).map((v) => v * size)));
  const weight = uniform(C * D, 2).map((v) => spread === 0 ? 0 : v * spread / size);
  const made = getOrThrow(linearHead({ features: D, classes: C }, weight, uniform(C, 3).map((v) => spread * v)));
  const head = bias ? made : { ...made, layers: [{ ...layerOf(made), bias: null }] };
  const input = { labels, ...(weights && { weights }) };
  const dense = getOrThrow(batch({ features, ...input }));
  return { head, dense, data: sparse ? getOrThrow(batch({ features: sparseOf(features), ...input })) : dense };
}

/** The step of float64, by one row an example, and K̄/Σω. */
function exactStep({ head, dense }: Scaled, lambda?: number): { readonly step: number[]; readonly unit: number } {
  const { J, P, alpha } = jacobian(layerOf(head), dense);
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((s, v, k) => s + v * (b[k] as number), 0);
  const K = J.map((a) => J.map((b) => dot(a, b)));
  const total = dense.weights?.reduce((s, w) => s + w, 0) ?? B;
  const unit = alpha.reduce((s, a, i) => s + a * ((K[i] as number[])[i] as number), 0) / total,
    damping = lambda ?? unit;
  const p = P.map((row, i) => row[labels[i] as number] as number);
  const w = p.map((v, i) => Math.sqrt((alpha[i] as number) * v * (1 - v)));
  const r = p.map((v, i) => Math.sqrt((alpha[i] as number) * (1 - v) / v));
  const S = K.map((row, i) => row.map((k, j) => (w[i] as number) * k * (w[j] as number) + (i === j ? damping : 0)));
  const a = solveDense(S, r).map((u, i) => u * (w[i] as number));
  return {
    unit,
    step: (J[0] as number[]).map((_, k) => J.reduce((s, row, i) => s + (a[i] as number) * (row[k] as number), 0)),
  };
}

/** The relative errors of a step's weights and of its biases, less what rounding explains. */
function errors(problem: Scaled, after: Network, lambda?: number): number[] {
  const { head } = problem, want = exactStep(problem, lambda).step;
  const before = flat(head), now = flat(after);
  return [[0, C * D], [C * D, want.length]].map(([from, to]) => {
    let error = 0, rounding = 0, size = 0;
    for (let k = from as number; k < (to as number); k++) {
      const d = want[k] as number, top = 1e-300 + Math.max(...want.slice(from, to).map(Math.abs));
      error += (((now[k] as number) - (before[k] as number) - d) / top) ** 2;
      rounding += (2 ** -24 * (now[k] as number) / top) ** 2 + (1.5e-45 / top) ** 2;
      size += (d / top) ** 2;
    }
    return size === 0 ? 0 : Math.max(0, Math.sqrt(error) - 2 * Math.sqrt(rounding)) / Math.sqrt(size);
  });
}

/** Whether squares of such features are within float32, with room for sums. */
const isWithin = (size: number): boolean => size > 3e-19 && size < 3e18;

describe("a step on features of any scale", () => {
  const SYSTEMS: Readonly<Record<string, StepOptions>> = {
    "a Gram matrix": { system: "gram" },
    "a matrix-free system": { system: "matrixFree", tolerance: 1e-8, maxIterations: 200 },
  };
  for (const [system, options] of Object.entries(SYSTEMS)) {
    for (const bias of [false, true]) {
      for (const sparse of [false, true]) {
        it(`is that of float64, by ${system}, ${bias ? "with" : "without"} biases, ${sparse ? "sparse" : "dense"}`, () => {
          for (let e = -30; e <= 30; e++) {
            const size = 10 ** e;
            for (const spread of [0, 1]) {
              if (spread > 0 && !(size > 1e-37 && size < 1e37)) continue;
              const problem = scaled(size, spread, bias, sparse);
              const step = fgnStep(problem.head, problem.data, relative(1), options);
              const unit = exactStep(problem).unit;
              const mustWork = size < 3e18 && (bias || isWithin(size));
              if (step._tag === "Left") {
                expect(step.left._tag).toBe("Overflow");
                expect(mustWork, `1e${e}: ${step.left.message}`).toBe(false);
                continue;
              }
              expect(Math.abs(step.right.report.lambda / unit - 1), `λ at 1e${e}`).toBeLessThan(1e-4);
              for (const error of errors(problem, step.right.params, unit)) expect(error, `1e${e}`).toBeLessThan(1e-4);
            }
          }
        });
      }
    }
  }

  it("moves something where it is accepted and the gradient is not zero, by any method", () => {
    const METHODS: readonly ((s: Scaled) => Either<FgnError, { params: Network; report: StepReport }>)[] = [
      ({ head, data }) => fgnStep(head, data),
      ({ head, data }) => fgnStep(head, data, relative(1), { refine: 2 }),
      ({ head, data }) => ggnStep(head, data),
      ({ head, data }) => fgnStep(head, data, relative(1), { metric: "centred" }),
      ({ head, data }) => fgnStep(head, data, relative(1), { curvature: "majorized" }),
      ({ head, data }) => fgnStep(head, data, relative(1), { competitors: 1 }),
      ({ head, data }) => robust().update(head, robust().init(head), data),
      ({ head, data }) => online().update(head, online().init(head), data),
    ];
    const draws = fc.tuple(fc.integer({ min: -30, max: 30 }), fc.boolean(), fc.constantFrom(...METHODS.keys()));
    fc.assert(
      fc.property(draws, ([e, bias, method]) => {
        const problem = scaled(10 ** e, 0, bias);
        const step = (METHODS[method] as (typeof METHODS)[number])(problem);
        if (step._tag === "Left") return ["Overflow", "NotPositiveDefinite"].includes(step.left._tag);
        const before = flat(problem.head);
        return !step.right.report.accepted || flat(step.right.params).some((v, k) => v !== before[k]);
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it("names what left the range, and what to do", () => {
    for (const size of [1e-25, 1e25]) {
      const { head, data } = scaled(size, 0, false);
      for (const result of [fgnStep(head, data), rowSystem(head, data)]) {
        const error = left(result);
        expect(error._tag).toBe("Overflow");
        expect(error.message).toContain("features");
        expect(error.remedy).toContain("Scale the features");
      }
    }
  });

  it("of zeros without biases has no gradient, and stays", () => {
    const { head, data } = scaled(0, 0, false);
    for (const system of ["gram", "matrixFree"] as const) {
      const { params, report } = getOrThrow(fgnStep(head, data, relative(1), { system }));
      expect(flat(params)).toEqual(flat(head));
      expect(report.gradientNorm).toBe(0);
    }
  });
});

describe("example weights", () => {
  const shape = [1, 0.5, 2, 0, 1.5, 1];
  const stepOf = (factor: number, damping: Damping) => {
    const problem = scaled(1, 1, true, false, shape.map((w) => w * factor));
    return { problem, step: getOrThrow(fgnStep(problem.head, problem.data, damping)) };
  };

  it("move a step by their ratios alone where λ is a number", () => {
    const once = stepOf(1, constant(0.1)).step;
    for (const factor of [0.002, 0.1, 8, 700]) {
      const { problem, step } = stepOf(factor, constant(0.1));
      for (const error of errors(problem, step.params, 0.1)) expect(error).toBeLessThan(1e-5);
      expect(Math.abs(step.report.lossBefore / once.report.lossBefore - 1)).toBeLessThan(1e-6);
    }
  });

  it("count examples where λ is relative, in the step of float64", () => {
    const unit = stepOf(1, relative(1)).step.report.lambda;
    for (const factor of [0.002, 0.1, 8, 700]) {
      const { problem, step } = stepOf(factor, relative(1));
      expect(Math.abs(step.report.lambda * factor / unit - 1)).toBeLessThan(1e-6);
      for (const error of errors(problem, step.params, step.report.lambda)) expect(error).toBeLessThan(1e-4);
    }
  });

  it("far from 1 are refused, with their mean", () => {
    const { data: { features } } = scaled(1, 1, true);
    for (const factor of [1e-30, 1e-6, 1e-4, 1e4, 1e6, 1e30]) {
      const error = left(batch({ features, labels, weights: shape.map((w) => w * factor) }));
      expect(error._tag).toBe("InvalidOption");
      expect(error.message).toContain("on average");
      expect(error.remedy).toContain("Divide the weights by their mean");
    }
    // Those of 0 are left out, and do not count.
    expect(batch({ features, labels, weights: [1, 0, 0, 0, 0, 0] })._tag).toBe("Right");
  });
});
