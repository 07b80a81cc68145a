// Backtracking: the share of the full step that is taken, against the loss at θ + t d in float64, d the step of
// relative damping, for every objective and variant, on a head, a network and models of one's own.
//
// Every case is built so that the full step overshoots and that each attempt decides by at least 2e-5 of loss: the
// kernel's losses are those of float32 logits, good to 1e-6. Tolerances: 1e-5 on losses, 1e-4 (relative) on the
// quadratic model, read off the float32 Gram matrix; steps to the rounding of new parameters to float32.

import { describe, expect, it } from "vitest";
import {
  backtracking,
  type BacktrackingOptions,
  type Batch,
  customModel,
  fgnStep,
  getOrThrow,
  matrix,
  type Model,
  type Network,
  parameters,
  relative,
  type StepOptions,
  withParameters,
} from "../../mod.ts";
import { at, C, D, PAIRS } from "../support/custom_models.ts";
import { dot, lossAt, norm, reference, thetaOf } from "../support/network_reference.ts";
import { difference, flat, problem, relativeError, uniform } from "../support/reference.ts";

const { data: plain } = problem(16, D, C, { seed: 7 });
const RATIO = 1e-3;

/** The model with three times its parameters: far enough out for full steps to overshoot. */
const strained = <M extends Model>(model: M): M =>
  getOrThrow(withParameters<Model>(model, parameters(model).map((v) => 3 * v))) as M;

const MODELS = PAIRS.flatMap(([name, builtIn, own]) =>
  [[name, strained(builtIn), strained(builtIn)], [`${name} of one's own`, strained(builtIn), strained(own)]] as const
);

const soft: Batch = {
  ...plain,
  targets: getOrThrow(matrix(16, C, Array.from(plain.labels, (y) => [0, 1, 2].map((k) => k === y ? 0.8 : 0.1)).flat())),
};

interface Case {
  readonly options: StepOptions;
  readonly data?: Batch;
  /** Only for networks: it needs an explicit row system or a layer. */
  readonly network?: true;
}

const CASES: Readonly<Record<string, Case>> = {
  "nothing more": { options: {} },
  "ℓ2": { options: { l2: 0.05, l2Biases: true } },
  "label smoothing": { options: { labelSmoothing: 0.1 } },
  "soft targets": { options: {}, data: soft },
  "class weights": { options: { classWeights: [1, 2, 0.5] } },
  "conjugate gradient": { options: { solver: "cg", maxIterations: 9 } },
  "a matrix-free system": { options: { system: "matrixFree" } },
  refinement: { options: { refine: 2 } },
  "refinement with ℓ2 and soft targets": { options: { refine: 2, l2: 0.05, l2Biases: true }, data: soft },
  momentum: { options: { momentum: { decay: 0.5, previous: null } } },
  "the centred metric": { options: { metric: "centred" }, network: true },
  "a two-stage system": { options: { twoStage: 1e-3 }, network: true },
  "both, majorised": { options: { metric: "centred", twoStage: 1e-4, curvature: "majorized" }, network: true },
  "a trust region": { options: { trustRegion: 2 }, network: true },
};

/** Momentum needs a step before, of a size that lets the step fall. */
const filled = (options: StepOptions, model: Model, size = 1): StepOptions => {
  if (options.momentum === undefined) return options;
  return { momentum: { decay: 0.5, previous: uniform(parameters(model).length, 4).map((v) => size * v) } };
};

/** What float64 says of the full step: the loss along it, and −gᵀd. */
function along(model: Network, data: Batch, options: StepOptions, d: readonly number[]) {
  const theta = thetaOf(model);
  return {
    loss: (t: number): number => lossAt(model, theta.map((v, i) => v + t * at(d, i)), data, options),
    gain: -dot(reference(model, data, options).gradient, d),
  };
}

/** Where the search must end: the first length whose loss falls enough, each decision clear. */
function lengthOf(
  { loss, gain }: ReturnType<typeof along>,
  { shrink = 0.5, decrease = 1e-4 }: BacktrackingOptions,
): { rejections: number; length: number } {
  for (let rejections = 0, length = 1;; rejections++, length *= shrink) {
    const spare = loss(0) - loss(length) - decrease * length * gain;
    expect(Math.abs(spare)).toBeGreaterThan(2e-5);
    if (spare > 0) return { rejections, length };
  }
}

describe("backtracking()", () => {
  for (const [kind, builtIn, model] of MODELS) {
    for (const [name, { options: given, data = plain, network }] of Object.entries(CASES)) {
      if (network === true && model._tag === "custom") continue;
      it(`shortens the step until the loss falls: ${kind}, ${name}`, () => {
        const options = filled(given, model);
        const full = getOrThrow(fgnStep<Model>(model, data, relative(RATIO), options));
        const d = difference(full.params, model), size = norm(flat(full.params));
        const seen = along(builtIn, data, options, d), curvature = 2 * (seen.gain - full.report.predictedReduction);
        let most = 0;
        for (const [shrink, decrease] of [[0.5, 1e-4], [0.7, 0.3], [0.3, 0.8]] as const) {
          const damping = backtracking({ ratio: RATIO, shrink, decrease, attempts: 40 });
          const { params, report, damping: next } = getOrThrow(fgnStep<Model>(model, data, damping, options));
          const { rejections, length } = lengthOf(seen, { shrink, decrease });
          expect(report).toMatchObject({ accepted: true, rejections });
          most = Math.max(most, rejections);
          const want = d.map((v) => length * v);
          expect(norm(difference(params, model).map((v, i) => v - at(want, i)))).toBeLessThan(2e-7 * size);
          expect(Math.abs((report.lossAfter as number) - seen.loss(length))).toBeLessThan(1e-5);
          expect(report.actualReduction).toBe(report.lossBefore - (report.lossAfter as number));
          const predicted = length * seen.gain - length * length * curvature / 2;
          expect(Math.abs(report.predictedReduction - predicted)).toBeLessThan(1e-4 * length * seen.gain);
          // Nothing is solved again, and nothing is carried on.
          for (const key of ["lambda", "iterations", "residual", "solver", "stop", "system", "lossBefore"] as const) {
            expect(report[key]).toBe(full.report[key]);
          }
          expect(next).toBe(damping);
        }
        expect(most).toBeGreaterThan(0);
      });
    }
  }

  it("gives the parameters back when no attempt is accepted", () => {
    for (const [, builtIn, model] of MODELS) {
      const options = { l2: 0.05, l2Biases: true };
      const full = getOrThrow(fgnStep<Model>(model, plain, relative(RATIO), options));
      const { loss } = along(builtIn, plain, options, difference(full.params, model));
      for (const attempts of [1, 2]) {
        const damping = backtracking({ ratio: RATIO, shrink: 0.9, decrease: 0.8, attempts });
        const { params, report, damping: next } = getOrThrow(fgnStep<Model>(model, plain, damping, options));
        expect(report).toMatchObject({ accepted: false, rejections: attempts - 1, lossAfter: report.lossBefore });
        expect(Math.abs((report.actualReduction as number) - (loss(0) - loss(0.9 ** (attempts - 1))))).toBeLessThan(
          1e-5,
        );
        expect(params).toBe(model);
        expect(next).toBe(damping);
      }
    }
  });

  it("is relative damping, byte for byte, where the full step falls", () => {
    for (const [, , model] of MODELS) {
      for (const { options: given, data = plain, network } of Object.values(CASES)) {
        if (network === true && model._tag === "custom") continue;
        for (const lossAfter of [true, false]) {
          const options = { ...filled(given, model, 1e-3), lossAfter };
          const tried = getOrThrow(fgnStep<Model>(model, data, backtracking({ ratio: 30 }), options));
          const direct = getOrThrow(fgnStep<Model>(model, data, relative(30), options));
          expect(tried.report.rejections).toBe(0);
          expect(flat(tried.params)).toEqual(flat(direct.params));
          expect(tried.dual).toEqual(direct.dual);
          if (lossAfter) expect(tried.report).toEqual(direct.report);
        }
      }
    }
  });

  it("calls a model's jvp for the first attempt alone", () => {
    for (const [, , model] of MODELS) {
      if (model._tag !== "custom") continue;
      const { forward, jvp, vjp } = model.functions;
      const calls = (damping: Parameters<typeof fgnStep>[2]) => {
        const counts = { forward: 0, jvp: 0 };
        const counted = getOrThrow(customModel({
          parameters: model.parameters,
          classes: C,
          vjp,
          forward: (theta, x) => (counts.forward++, forward(theta, x)),
          jvp: (theta, x, v) => (counts.jvp++, jvp(theta, x, v)),
        }));
        const { rejections } = getOrThrow(fgnStep(counted, plain, damping)).report;
        return { counts, rejections };
      };
      const once = calls(relative(RATIO)), often = calls(backtracking({ ratio: RATIO, decrease: 0.5 }));
      expect(often.rejections).toBeGreaterThan(0);
      expect(often.counts).toEqual({ forward: once.counts.forward + often.rejections, jvp: once.counts.jvp });
    }
  });

  it("gives the dual of the step that it takes", () => {
    const [, , head] = MODELS[0] as (typeof MODELS)[number];
    const full = getOrThrow(fgnStep(head, plain, relative(RATIO)));
    const short = getOrThrow(fgnStep(head, plain, backtracking({ ratio: RATIO, shrink: 0.25, decrease: 0.3 })));
    expect(short.report.rejections).toBeGreaterThan(0);
    const length = 0.25 ** short.report.rejections;
    expect(relativeError(short.dual, full.dual.map((a) => length * a))).toBeLessThan(1e-12);
  });

  it("stands still, accepted, once a share is too short to be seen", () => {
    const [, , head] = MODELS[0] as (typeof MODELS)[number];
    const { params, report } = getOrThrow(
      fgnStep(head, plain, backtracking({ ratio: RATIO, shrink: 1e-200, decrease: 0.9 })),
    );
    expect(report).toMatchObject({ accepted: true, rejections: 1, lossAfter: report.lossBefore });
    expect(flat(params)).toEqual(flat(head));
  });

  it("lets no step of a run raise the loss, where full steps do", () => {
    const rises = (damping: Parameters<typeof fgnStep>[2]): number => {
      let [, , params]: readonly [string, Network, Model] = MODELS[2] as (typeof MODELS)[number], count = 0;
      for (let i = 0; i < 20; i++) {
        const step = getOrThrow(fgnStep(params, plain, damping));
        if (!((step.report.lossAfter as number) <= step.report.lossBefore)) count++;
        params = step.params;
      }
      return count;
    };
    expect(rises(relative(RATIO))).toBeGreaterThan(0);
    expect(rises(backtracking({ ratio: RATIO }))).toBe(0);
  });
});
