// Accumulated steps against steps on the whole batch, and against the float64 reference.
//
// Tolerances (relative): 1e-5 between the two, whose float32 sums run in another order, at a tolerance of 1e-10; 1e-4
// from the float64 reference, as everywhere; 1e-3 on the predicted reduction, a small difference of two float32 products.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  backtracking,
  batch,
  constant,
  type Damping,
  dense,
  embedding,
  fgnStep,
  getOrThrow,
  initialise,
  levenbergMarquardt,
  misfit,
  type Network,
  parameters,
  randomHead,
  relative,
  releaseKernel,
  type Step,
  tanh,
  withAdapters,
} from "../../mod.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { accumulatedStep } from "../../src/step/micro_step.ts";
import {
  B,
  BLOCKS,
  C,
  CASES,
  close,
  D,
  HEAD,
  MODELS,
  sameStep,
  sizes,
  TIGHT,
  WEIGHTS,
} from "../support/micro_step_cases.ts";
import {
  fgnCurvature,
  lossAt,
  norm,
  reference,
  solveStep,
  stepError,
  thetaOf,
  unitOf,
} from "../support/network_reference.ts";
import { randomFeatures } from "../support/random_network.ts";
import { difference, flat, problem, uniform } from "../support/reference.ts";

/** κ(m) = tanh(|m|/2)/(2|m|). */
const kappa = (m: number): number => Math.abs(m) < 1e-6 ? 0.25 : Math.tanh(Math.abs(m) / 2) / (2 * Math.abs(m));

describe("accumulatedStep()", () => {
  for (const [kind, model] of Object.entries(MODELS)) {
    for (const [name, [data, options]] of Object.entries(CASES)) {
      it(`is the step on the whole batch, of ${kind} with ${name}`, () => {
        for (const damping of [relative(1), relative(0.1)]) sameStep(model, data, damping, options);
      });

      it(`is the step of the float64 system, of ${kind} with ${name}`, () => {
        const ref = reference(model, data, options), { l2 = 0 } = options;
        const curvatures = options.curvature === "majorized"
          ? ref.margins.map((m, i) => ref.alpha[i] as number * kappa(m))
          : ref.curvatures;
        const H = fgnCurvature({ ...ref, curvatures }), lambda = unitOf(ref, data);
        const want = solveStep(H, ref.gradient, lambda + l2);
        for (const most of sizes(B)) {
          const { params, report } = getOrThrow(
            accumulatedStep(model, data, most, relative(1), { ...options, ...TIGHT }),
          );
          close(report.lambda, lambda, 1e-5);
          expect(stepError(params, model, want)).toBeLessThan(1e-4);
          close(report.lossBefore, ref.loss, 1e-5);
          close(report.lossAfter, lossAt(params, thetaOf(params), data, options), 1e-5);
          close(report.gradientNorm, norm(ref.gradient), 1e-4);
        }
      });
    }
  }

  it("takes sparse features into embedding, dense and adapter layers, and leaves other rows alone", () => {
    const features = randomFeatures(B, 40, true, ((seed) => (count, v) => uniform(count, seed++).map((x) => x * v))(3));
    const data = getOrThrow(batch({ features, labels: Array.from({ length: B }, (_, i) => i % C), weights: WEIGHTS }));
    const embedded = getOrThrow(initialise({ inputs: 60, layers: [embedding(6), tanh(), dense(C)] }));
    const wide = { ...data, features: { ...features, cols: 60 } };
    const head = getOrThrow(randomHead({ features: 60, classes: C }, 4));
    for (const model of [embedded, head, getOrThrow(withAdapters(head, { rank: 2 }))]) {
      sameStep(model, wide, relative(0.3));
      sameStep(model, wide, relative(0.3), { l2: 0.01, labelSmoothing: 0.1 });
    }
    const { params } = getOrThrow(accumulatedStep(embedded, wide, 4, relative(1)));
    const changed = difference(params, embedded).slice(0, 60 * 6).map((d) => d !== 0);
    expect(changed.slice(0, 40 * 6)).toContain(true);
    expect(changed.slice(40 * 6)).not.toContain(true);
  });

  it("takes every damping, with rejections", () => {
    const { head, data } = problem(B, D, C, { spread: 2 });
    for (
      const damping of [
        0.02,
        constant(0.02),
        misfit(),
        misfit({ caution: 3, rule: "steady" }),
        levenbergMarquardt(),
        levenbergMarquardt({ lambda: 1e-3 }),
        levenbergMarquardt({ lambda: 1e-3, attempts: 2 }),
        backtracking({ ratio: 0.05 }),
      ]
    ) {
      for (const options of [{}, { l2: 0.01, labelSmoothing: 0.1 }]) sameStep(head, data, damping, options);
    }
    const bold = levenbergMarquardt({ lambda: 1e-3 });
    const step = getOrThrow(accumulatedStep(head, data, 3, bold, TIGHT));
    expect(step.report.rejections).toBeGreaterThan(0);
    expect(step.damping).toMatchObject({ lambda: 0.95 * step.report.lambda });
    expect(getOrThrow(accumulatedStep(head, data, 3, 0.02)).damping).toBe(0.02);
    expect(getOrThrow(accumulatedStep(head, data, 3, backtracking({ ratio: 0.05 }))).report.rejections).toBeGreaterThan(
      0,
    );
  });

  it("gives the parameters back when every attempt is rejected", () => {
    const { head, data } = problem(B, D, C, { spread: 3 });
    const step = getOrThrow(accumulatedStep(head, data, 4, levenbergMarquardt({ lambda: 1e-3, attempts: 1 })));
    expect(step.report.accepted).toBe(false);
    expect(step.params).toBe(head);
    expect(step.report.lossAfter).toBe(step.report.lossBefore);
  });

  it("never raises the loss over 15 steps of Levenberg–Marquardt", () => {
    const [data, options] = CASES["all of it"] as (typeof CASES)[string];
    let params: Network = BLOCKS, damping: Damping = levenbergMarquardt({ lambda: 1e-3 }), last = Infinity;
    for (let i = 0; i < 15; i++) {
      const step: Step<Network> = getOrThrow(accumulatedStep(params, data, 4, damping, options));
      expect(step.report.lossAfter).toBeLessThanOrEqual(last + 1e-6);
      [params, damping, last] = [step.params, step.damping, step.report.lossAfter as number];
    }
    expect(last).toBeLessThan(lossAt(BLOCKS, thetaOf(BLOCKS), data, options));
  });

  it("starts warm from a dual, and leaves the loss out when asked to", () => {
    const [data] = CASES["weights, some zero"] as (typeof CASES)[string];
    const cold = getOrThrow(accumulatedStep(HEAD, data, 5, 0.05, { tolerance: 1e-6 }));
    const warm = getOrThrow(accumulatedStep(HEAD, data, 3, 0.05, { tolerance: 1e-6, warmStart: cold.dual }));
    expect(cold.report.iterations).toBeGreaterThan(3);
    expect(warm.report.iterations).toBeLessThan(3);
    sameStep(HEAD, data, 0.05, { lossAfter: false });
  });

  it("takes a batch of one example", () => {
    const { head, data } = problem(1, D, C);
    sameStep(head, data, relative(1));
    sameStep(head, data, relative(1), { l2: 0.1, labelSmoothing: 0.1, curvature: "majorized" });
  });

  it("holds on to what extreme margins do", () => {
    const { head, data } = problem(B, D, C, { spread: 40 });
    sameStep(head, data, relative(3));
    sameStep(head, data, relative(1), { curvature: "majorized" });
  });
});

/** Bytes of a kernel that has done nothing else. */
function memoryOf(run: () => void): number {
  releaseKernel();
  run();
  return getOrThrow(defaultKernel()).exports.memory.buffer.byteLength;
}

describe("the memory of an accumulated step", () => {
  it("is that of the micro-batch and two to four parameter vectors", () => {
    const rows = 256, classes = 4000, head = getOrThrow(randomHead({ features: 16, classes }, 1));
    const { data } = problem(rows, 16, classes);
    const options = { lossAfter: false, maxIterations: 2 };
    const vector = 4 * parameters(head).length, panels = 4 * classes * rows;
    const whole = memoryOf(() => getOrThrow(fgnStep(head, data, relative(1), { ...options, system: "matrixFree" })));
    const parts = memoryOf(() => getOrThrow(accumulatedStep(head, data, 32, relative(1), options)));
    expect(whole).toBeGreaterThan(2 * panels);
    expect(parts).toBeLessThan(2 * panels / 8 + 2 * vector + 2 ** 19);
    // ℓ2 adds its vector and that of the step, smoothing the targets of a micro-batch, a second attempt a vector.
    const most = { ...options, l2: 0.1, labelSmoothing: 0.1 };
    const all = memoryOf(() => getOrThrow(accumulatedStep(head, data, 32, levenbergMarquardt(), most)));
    expect(all).toBeLessThan(5 * panels / 8 + 5 * vector + 2 ** 19);
    const twice = memoryOf(() =>
      getOrThrow(accumulatedStep(head, problem(2 * rows, 16, classes).data, 32, 1, options))
    );
    expect(twice - parts).toBeLessThan(2 ** 17);
  });
});

/** Hashes of the steps below, the same in every runtime: any change of the numeric path shows here. */
const HASH = "cac8030b34909faaf71a125c5e28a747ff9b5d94db9b2858d2838434c5fa04c5";
const HASH_WITH_BIASES = "b4fe4f55c5f3088f74eb5d2d28aee86ec8ed1e1157e5ed1a49f43d2e39564a5b";

describe("the bytes of accumulated steps", () => {
  const hashOf = (l2Biases: boolean): string => {
    const hash = createHash("sha256");
    for (const [data, given] of Object.values(CASES)) {
      const options = { ...given, l2Biases };
      let params: Network = BLOCKS, damping: Damping = levenbergMarquardt({ lambda: 0.01 });
      for (const most of [1, 3, 4, B]) {
        const step: Step<Network> = getOrThrow(accumulatedStep(params, data, most, damping, options));
        [params, damping] = [step.params, step.damping];
      }
      hash.update(Float64Array.from(flat(params)));
    }
    return hash.digest("hex");
  };

  it("are the same in every runtime", () => {
    expect(hashOf(false)).toBe(HASH);
    expect(hashOf(true)).toBe(HASH_WITH_BIASES);
  });
});
