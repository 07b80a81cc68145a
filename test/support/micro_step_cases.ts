// What the tests of accumulated steps share: examples, objectives, and the comparison with a step on the whole batch.

import { expect } from "vitest";
import {
  type Batch,
  batch,
  type Damping,
  dense,
  fgnStep,
  getOrThrow,
  initialise,
  layerNorm,
  type Matrix,
  matrix,
  mlp,
  type Model,
  type Network,
  randomHead,
  residual,
  type StepOptions,
  tanh,
  withAdapters,
} from "../../mod.ts";
import { accumulatedStep } from "../../src/step/micro_step.ts";
import { difference, relativeError, uniform } from "./reference.ts";

/** Conjugate gradient to the end. */
export const TIGHT = { tolerance: 1e-10, maxIterations: 1000 } as const;
/** Micro-batches to try on B examples. */
export const sizes = (B: number): number[] => [1, 3, B - 1, B, B + 5].filter((m) => m >= 1);

/** a = b to a relative bound. */
export const close = (a: number | undefined, b: number | undefined, bound: number): void => {
  expect(Math.abs((a as number) - (b as number))).toBeLessThanOrEqual(bound * Math.abs(b as number));
};

/** The numbers of a damping. */
const numbersOf = (damping: Damping): number[] =>
  Object.values(typeof damping === "number" ? { damping } : damping).filter((v) => typeof v === "number");

/** For every micro-batch: the step is that of the whole batch, and says so. */
export function sameStep(model: Model, data: Batch, damping: Damping, options: StepOptions = {}): void {
  const asked = { ...TIGHT, ...options };
  const want = getOrThrow(fgnStep(model, data, damping, { ...asked, system: "matrixFree" }));
  for (const most of sizes(data.labels.length)) {
    const step = getOrThrow(accumulatedStep(model, data, most, damping, asked)), { report } = step;
    expect(relativeError(difference(step.params, model), difference(want.params, model))).toBeLessThan(1e-5);
    expect(relativeError(step.dual, want.dual)).toBeLessThan(1e-5);
    const { accepted, rejections, lossAfter } = want.report;
    expect(report).toMatchObject({ accepted, rejections, system: "matrixFree", solver: "cg" });
    close(report.lambda, want.report.lambda, 1e-6);
    close(report.lossBefore, want.report.lossBefore, 1e-6);
    close(report.gradientNorm, want.report.gradientNorm, 1e-5);
    close(report.predictedReduction, want.report.predictedReduction, 1e-3);
    expect(report.residual).toBeLessThan(1e-5);
    if (lossAfter === undefined) expect(report.lossAfter).toBeUndefined();
    else close(report.lossAfter, lossAfter, 1e-5);
    expect(relativeError(numbersOf(step.damping), numbersOf(want.damping))).toBeLessThan(1e-6);
  }
}

export const B = 14, D = 4, C = 5;
export const HEAD = getOrThrow(randomHead({ features: D, classes: C }, 1));
export const BLOCKS = getOrThrow(
  initialise({ inputs: D, layers: [dense(6), tanh(), residual([layerNorm(), dense(6)]), dense(C)], seed: 2 }),
);
const ADAPTED = getOrThrow(
  withAdapters(getOrThrow(mlp({ inputs: D, hidden: [6], classes: C, activation: "tanh", seed: 3 })), {
    rank: 2,
  }),
);
/** The models. */
export const MODELS: Readonly<Record<string, Network>> = {
  "a linear head": HEAD,
  "a network": BLOCKS,
  adapters: ADAPTED,
};

/** Distributions over the classes, one a row. */
function distributions(rows: number, seed: number): Matrix {
  const data = uniform(rows * C, seed).map((v) => (v + 1.1) * (v + 1.1));
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * C, (i + 1) * C), sum = row.reduce((s, v) => s + v, 0);
    row.forEach((v, k) => row[k] = v / sum);
  }
  return { rows, cols: C, data };
}

/** Rows 6–11 have no weight: whole micro-batches of 1 and 3. */
export const WEIGHTS = Array.from({ length: B }, (_, i) => i >= 6 && i < 12 ? 0 : [1, 0.5, 2][i % 3] as number);
const LABELS = Array.from({ length: B }, (_, i) => (i * 7) % C);

const examples = (parts: { weights?: number[]; targets?: Matrix } = {}): Batch =>
  getOrThrow(batch({ features: getOrThrow(matrix(B, D, uniform(B * D, 5))), labels: LABELS, ...parts }));

/** Batches with their objectives. */
export const CASES: Readonly<Record<string, readonly [Batch, StepOptions]>> = {
  "nothing more": [examples(), {}],
  "weights, some zero": [examples({ weights: WEIGHTS }), {}],
  "class weights": [examples(), { classWeights: [1, 0.5, 0, 2, 3] }],
  "label smoothing": [examples(), { labelSmoothing: 0.2 }],
  "soft targets": [examples({ targets: distributions(B, 7) }), {}],
  "ℓ2": [examples(), { l2: 0.1 }],
  "majorised curvature": [examples(), { curvature: "majorized" }],
  "all of it": [
    examples({ weights: WEIGHTS, targets: distributions(B, 8) }),
    { classWeights: [1, 0, 2, 0.5, 1], labelSmoothing: 0.1, l2: 0.05, curvature: "majorized" },
  ],
};
