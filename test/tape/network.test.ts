// Random networks of all kinds of layers against the float64 reference.
//
// Tolerances, in brackets the largest seen over 2000 draws: 1e-5 on logits, loss, gradient and products with the
// Jacobian (7e-7), relative to the size that the same numbers have without cancellation, which is what the float32
// rounding of a few products of widths up to 9 scales with; 1e-5 on ⟨Jv, c⟩ = ⟨v, Jᵀc⟩ relative to ‖Jv‖‖c‖ (3e-7); 1e-4
// on the Gram matrix and on products with the full Gauss-Newton matrix (3e-6). Steps: 1e-4 (relative) for damping of
// at least 1e-2 of the Gram matrix, systems of condition up to 2000 (3e-5), beside the float32 rounding of the new
// parameters; 1e-5 between the explicit and the matrix-free system for damping of at least that of the Gram matrix
// (2e-7); 1e-3 on the predicted reduction, which the explicit system reads off S u (2e-4); 1e-3 for the full
// Gauss-Newton step at damping of at least 1e-1 (3e-4), which conjugate gradient solves in float32.
//
// Draws are skipped where an input of relu or leakyRelu comes within 1e-3 of the kink, where the central differences
// and float32 may see different sides, and, for steps, where the terms of the gradient cancel to less than 1/20 of
// their size: what is left then has fewer digits (one draw in forty).

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  fgnStep,
  getOrThrow,
  ggnProduct,
  ggnStep,
  jvp,
  logits,
  lossAndGradient,
  parameterCount,
  relative,
  rowSystem,
  vjp,
} from "../../mod.ts";
import {
  dot,
  erf,
  fgnCurvature,
  ggnCurvature,
  norm,
  reduction,
  type Reference,
  reference,
  solveStep,
  stepError,
  times,
  unitOf,
} from "../support/network_reference.ts";
import { problems, type RandomProblem } from "../support/random_network.ts";
import { difference, relativeError, uniform } from "../support/reference.ts";

const RUNS = { numRuns: 40, seed: 3 };

/** The reference of a draw, which is skipped near a kink. */
function away({ model, data }: RandomProblem): Reference {
  const ref = reference(model, data);
  fc.pre(ref.kink >= 1e-3);
  return ref;
}

/** The same, also skipped where the gradient cancels. */
function moving(problem: RandomProblem): Reference {
  const ref = away(problem);
  fc.pre(norm(ref.gradient) > 5e-2 * ref.scale);
  return ref;
}

const error = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Array.from(a, (v, i) => v - (b[i] as number)));

describe("the reference", () => {
  it("has erf to 1e-14", () => {
    // Abramowitz and Stegun, table 7.1, and erfc(4) = 1.541725790028002e-8.
    for (const [x, y] of [[0.5, 0.5204998778130465], [1, 0.8427007929497149], [2, 0.9953222650189527]] as const) {
      expect(Math.abs(erf(x) - y)).toBeLessThan(1e-14);
      expect(erf(-x)).toBe(-erf(x));
    }
    expect(Math.abs(1 - erf(4) - 1.541725790028002e-8)).toBeLessThan(1e-14);
  });
});

describe("random networks", () => {
  it("give the logits, loss and gradient of the reference", () => {
    fc.assert(
      fc.property(problems(400), (problem) => {
        const { model, data } = problem, ref = away(problem);
        const f = getOrThrow(logits(model, data.features));
        expect([f.rows, f.cols]).toEqual([data.labels.length, model.outputs]);
        expect(error(f.data, ref.logits)).toBeLessThan(1e-5 * norm(ref.logits));
        const { loss, gradient } = getOrThrow(lossAndGradient(model, data));
        expect(Math.abs(loss - ref.loss)).toBeLessThan(1e-5 * (1 + ref.loss));
        expect(error(gradient, ref.gradient)).toBeLessThan(1e-5 * ref.scale);
      }),
      RUNS,
    );
  });

  it("give its products with the Jacobian and its transpose, each other's adjoints", () => {
    fc.assert(
      fc.property(problems(400), fc.integer({ min: 0, max: 1e6 }), (problem, seed) => {
        const { model, data } = problem, ref = away(problem);
        const P = parameterCount(model), B = data.labels.length, C = model.outputs;
        const v = uniform(P, seed), c = uniform(B * C, seed + 1);
        const forward = getOrThrow(jvp(model, data.features, v)).data;
        const backward = getOrThrow(vjp(model, data.features, { rows: B, cols: C, data: c }));
        const size = norm(ref.logitJacobian.map(norm));
        expect(error(forward, times(ref.logitJacobian, v))).toBeLessThan(1e-5 * size * norm(v) / Math.sqrt(P));
        const want = Array.from(v, (_, k) => dot(ref.logitJacobian.map((row) => row[k] as number), c));
        expect(error(backward, want)).toBeLessThan(1e-5 * size * norm(c) / Math.sqrt(B * C));
        const scale = Math.max(norm(forward) * norm(c), norm(v) * norm(backward));
        expect(Math.abs(dot(forward, c) - dot(v, backward))).toBeLessThanOrEqual(1e-5 * scale);
      }),
      RUNS,
    );
  });

  it("give its row system and its full Gauss-Newton product", () => {
    fc.assert(
      fc.property(problems(200), fc.integer({ min: 0, max: 1e6 }), (problem, seed) => {
        const { model, data } = problem, ref = away(problem);
        const { gram, margins, slopes, loss } = getOrThrow(rowSystem(model, data));
        expect(relativeError(gram, ref.jacobian.flatMap((a) => ref.jacobian.map((b) => dot(a, b))))).toBeLessThan(1e-4);
        expect(error(margins, ref.margins)).toBeLessThan(1e-5 * (norm(ref.logits) + norm(ref.margins)));
        const want = ref.margins.map((m, i) => (ref.alpha[i] as number) / (1 + Math.exp(m)));
        expect(relativeError(slopes, want)).toBeLessThan(1e-5);
        expect(Math.abs(loss - ref.loss)).toBeLessThan(1e-5 * (1 + ref.loss));
        const v = uniform(ref.gradient.length, seed);
        expect(relativeError(getOrThrow(ggnProduct(model, data, v)), times(ggnCurvature(ref), v))).toBeLessThan(1e-4);
      }),
      RUNS,
    );
  });

  it("take the parameter-space step at several dampings, explicit and matrix-free", () => {
    fc.assert(
      fc.property(problems(160), (problem) => {
        const { model, data } = problem, ref = moving(problem), H = fgnCurvature(ref), unit = unitOf(ref, data);
        for (const ratio of [10, 1, 0.1, 0.01]) {
          const lambda = ratio * unit, want = solveStep(H, ref.gradient, lambda);
          const free = { system: "matrixFree", tolerance: 1e-9, maxIterations: 1000 } as const;
          const gram = getOrThrow(fgnStep(model, data, lambda, { system: "gram" }));
          const matrixFree = getOrThrow(fgnStep(model, data, lambda, free));
          for (const { params, report } of [gram, matrixFree]) {
            expect(stepError(params, model, want)).toBeLessThan(1e-4);
            expect(relativeError([report.predictedReduction], [reduction(H, ref.gradient, want)])).toBeLessThan(1e-3);
            expect(Math.abs(report.gradientNorm - norm(ref.gradient))).toBeLessThan(1e-5 * ref.scale);
          }
          expect([gram.report.system, matrixFree.report.system]).toEqual(["gram", "matrixFree"]);
          const between = stepError(matrixFree.params, model, difference(gram.params, model));
          if (ratio >= 1) expect(between).toBeLessThan(1e-5);
        }
        for (const system of ["gram", "matrixFree"] as const) {
          const { report } = getOrThrow(fgnStep(model, data, relative(0.5), { system }));
          expect(relativeError([report.lambda], [0.5 * unit])).toBeLessThan(1e-5);
        }
      }),
      RUNS,
    );
  });

  it("take the step of the full Gauss-Newton matrix, directly and by refinement", () => {
    fc.assert(
      fc.property(problems(160), fc.constantFrom("gram", "matrixFree"), (problem, system) => {
        const { model, data } = problem, ref = moving(problem), G = ggnCurvature(ref), unit = unitOf(ref, data);
        for (const ratio of [1, 0.1]) {
          const lambda = ratio * unit, want = solveStep(G, ref.gradient, lambda);
          const predicted = reduction(G, ref.gradient, want);
          const tight = { system, tolerance: 1e-6, maxIterations: 1000 } as const;
          for (
            const { params, report, dual } of [
              getOrThrow(ggnStep(model, data, lambda, tight)),
              getOrThrow(ggnStep(model, data, lambda, { ...tight, preconditioner: "fgn" })),
              getOrThrow(fgnStep(model, data, lambda, { system, refine: 30 })),
            ]
          ) {
            expect(stepError(params, model, want)).toBeLessThan(1e-3);
            expect(relativeError([report.predictedReduction], [predicted])).toBeLessThan(1e-3);
            expect(report.iterations).toBeGreaterThanOrEqual(0);
            expect(dual.every(Number.isFinite)).toBe(true);
          }
        }
      }),
      RUNS,
    );
  });

  it("come nearer to the full step with every few refinements", () => {
    fc.assert(
      fc.property(problems(120), (problem) => {
        const { model, data } = problem, ref = moving(problem), G = ggnCurvature(ref);
        const lambda = 0.05 * unitOf(ref, data), want = solveStep(G, ref.gradient, lambda);
        // The error in the norm of G + λI falls monotonically in exact arithmetic; 1e-4 is its float32 floor.
        const distances = [0, 1, 3, 9, 27].map((refine) => {
          const d = difference(getOrThrow(fgnStep(model, data, lambda, { refine })).params, model);
          const e = d.map((v, k) => v - (want[k] as number));
          return Math.sqrt(dot(e, times(G, e)) + lambda * dot(e, e));
        });
        const size = Math.sqrt(dot(want, times(G, want)) + lambda * dot(want, want));
        distances.slice(1).forEach((d, i) => {
          expect(d).toBeLessThan((distances[i] as number) * (1 + 1e-6) + 1e-4 * size);
        });
      }),
      RUNS,
    );
  });
});
