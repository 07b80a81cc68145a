// What the ℓ2 penalty takes in: weights, and biases, gains and shifts where they are asked for.

import { pipe } from "fp-ts/lib/function.js";
import { describe, expect, it } from "vitest";
import {
  batch,
  customModel,
  dense,
  embedding,
  fgn,
  fgnStep,
  fromRows,
  getOrThrow,
  ggnStep,
  initialise,
  l2Penalty,
  layerNorm,
  lossAndGradient,
  matrix,
  mlp,
  type Network,
  type ObjectiveOptions,
  parameters,
  probabilities,
  residual,
  withAdapters,
  withParameters,
  zeroHead,
} from "../../mod.ts";
import { accumulatedStep } from "../../src/step/micro_step.ts";
import { ggnCurvature, penaltyOf, reduction, reference } from "../support/network_reference.ts";
import { difference, relativeError, uniform } from "../support/reference.ts";

const N = 24, D = 2, C = 3;
const FEATURES = getOrThrow(matrix(
  N,
  D,
  Array.from({ length: N * D }, (_, k) => {
    const i = Math.floor(k / D), j = k % D;
    return ((7 * i + 3 * j) % 11 - 5) / 4;
  }),
));
const LABELS = Array.from({ length: N }, (_, i) => i % 8 === 0 ? 0 : i % 3 === 0 ? 1 : 2);
const DATA = getOrThrow(batch({ features: FEATURES, labels: LABELS }));

/** Weights, then intercepts, of LogisticRegression(C=1/(l2*24), tol=1e-12, solver="newton-cg"), scikit-learn 1.9.1. */
const SCIKIT_LEARN: readonly (readonly [l2: number, optimum: readonly number[]])[] = [
  [0.05, [
    ...[-0.8948094156235771, -0.2795050057944115, 0.8578318503601464],
    ...[0.19774173220078517, 0.036977565263430295, 0.08176327359362678],
    ...[-0.9966704276303966, 0.09021299272219258, 0.9064574349082072],
  ]],
  [1, [
    ...[-0.11128773111065739, -0.03260673109470984, 0.13240935316198152],
    ...[0.013737156734526879, -0.021121622051324153, 0.01886957436018298],
    ...[-0.8001757609528142, 0.053865787292884076, 0.7463099736599295],
  ]],
];

/** The parameters after many steps. */
function descend(step: (params: Network) => Network): number[] {
  let params = getOrThrow(zeroHead({ features: D, classes: C }));
  for (let n = 0; n < 500; n++) params = step(params);
  return Array.from(parameters(params));
}

describe("the optimum with an ℓ2 penalty is that of scikit-learn", () => {
  for (const [l2, optimum] of SCIKIT_LEARN) {
    const optimizer = pipe(fgn<Network>({ damping: 0.2 }), l2Penalty(l2));
    const STEPS: Readonly<Record<string, (params: Network) => Network>> = {
      "fgnStep": (params) => getOrThrow(fgnStep(params, DATA, 0.2, { l2 })).params,
      "fgnStep, matrix-free": (params) => getOrThrow(fgnStep(params, DATA, 0.2, { l2, system: "matrixFree" })).params,
      "fgnStep, refined": (params) => getOrThrow(fgnStep(params, DATA, 0.2, { l2, refine: 3 })).params,
      "fgnStep with momentum of none": (params) =>
        getOrThrow(fgnStep(params, DATA, 0.2, { l2, momentum: { decay: 0.5, previous: null } })).params,
      "ggnStep": (params) => getOrThrow(ggnStep(params, DATA, 0.2, { l2 })).params,
      "micro-batches": (params) => getOrThrow(accumulatedStep(params, DATA, 7, 0.2, { l2 })).params,
      "l2Penalty": (params) => getOrThrow(optimizer.update(params, optimizer.init(params), DATA)).params,
    };
    for (const [name, step] of Object.entries(STEPS)) {
      it(`by ${name}, ℓ2 = ${l2}`, () => expect(relativeError(descend(step), optimum)).toBeLessThan(1e-5));
    }
  }
});

describe("an ℓ2 penalty", () => {
  const rates = getOrThrow(batch({
    features: getOrThrow(matrix(100, 1, Array.from({ length: 100 }, (_, i) => i % 2 ? 1 : -1))),
    labels: Array.from({ length: 100 }, (_, i) => i < 10 ? 0 : 1),
  }));
  const rateWith = (options: ObjectiveOptions): number => {
    let params = getOrThrow(zeroHead({ features: 1, classes: 2 }));
    for (let n = 0; n < 400; n++) params = getOrThrow(fgnStep(params, rates, 1e-3, options)).params;
    return getOrThrow(probabilities(params, getOrThrow(matrix(1, 1, [0])))).data[1] as number;
  };

  it("leaves the base rates of classes, unless it takes in biases", () => {
    expect(rateWith({ l2: 1 })).toBeCloseTo(0.9, 5);
    expect(rateWith({ l2: 1, l2Biases: false })).toBeCloseTo(0.9, 5);
    // At biases ∓a the gradient of both is zero: a = .9 − σ(2a).
    let low = 0, high = 1;
    for (let n = 0; n < 60; n++) {
      const a = (low + high) / 2;
      if (a < 0.9 - 1 / (1 + Math.exp(-2 * a))) low = a;
      else high = a;
    }
    expect(rateWith({ l2: 1, l2Biases: true })).toBeCloseTo(1 / (1 + Math.exp(-2 * low)), 5);
  });

  /** The network with random parameters, biases and gains included. */
  const scatter = (model: Network): Network => getOrThrow(withParameters(model, uniform(parameters(model).length, 8)));
  const layers = [dense(4), residual([layerNorm(), dense(4)]), dense(C)];
  const deep = scatter(getOrThrow(initialise({ inputs: 3, layers })));
  const sparse = scatter(getOrThrow(initialise({ inputs: 5, layers: [embedding(C)] })));
  const adapted = scatter(
    getOrThrow(withAdapters(getOrThrow(mlp({ inputs: 3, hidden: [4], classes: C })), { rank: 2 })),
  );
  const dense3 = getOrThrow(matrix(6, 3, uniform(18, 7))), labels = [0, 1, 2, 2, 1, 0];
  const sparseRows = getOrThrow(fromRows(5, labels.map((_, i) => [[i % 5, 1 + i / 4]] as [number, number][])));
  const MODELS = {
    "residual blocks and layer norms": [deep, dense3],
    embeddings: [sparse, sparseRows],
    adapters: [adapted, dense3],
  } as const;

  for (const [name, [model, features]] of Object.entries(MODELS)) {
    const data = getOrThrow(batch({ features, labels }));
    it(`takes in the weights of ${name} alone, and all parameters with l2Biases`, () => {
      const plain = getOrThrow(lossAndGradient(model, data)), theta = parameters(model);
      for (const options of [{ l2: 0.5 }, { l2: 0.5, l2Biases: true }]) {
        const { loss, gradient } = getOrThrow(lossAndGradient(model, data, options)),
          diagonal = penaltyOf(model, options);
        const want = diagonal.map((l2, k) => l2 * (theta[k] as number));
        const got = Array.from(gradient, (g, k) => g - (plain.gradient[k] as number));
        got.forEach((g, k) => expect(Math.abs(g - (want[k] as number))).toBeLessThan(1e-6));
        const penalty = want.reduce((sum, w, k) => sum + w * (theta[k] as number) / 2, 0);
        expect(loss - plain.loss).toBeCloseTo(penalty, 6);
      }
    });

    it(`is in the model of a step of ${name}: small steps gain what it predicts`, () => {
      for (const l2Biases of [false, true]) {
        const options = { l2: 0.5, l2Biases };
        for (const step of [fgnStep(model, data, 300, options), ggnStep(model, data, 300, options)]) {
          expect(getOrThrow(step).report.gainRatio).toBeCloseTo(1, 2);
        }
      }
    });
  }

  it("is in the model of a refined step that a trust region shortened", () => {
    const data = getOrThrow(batch({ features: dense3, labels })), ref = reference(deep, data, { l2: 2 });
    const { params, report } = getOrThrow(fgnStep(deep, data, 0.01, { l2: 2, refine: 3, trustRegion: 0.1 }));
    const d = difference(params, deep),
      want = reduction(ggnCurvature(ref), ref.gradient, d, penaltyOf(deep, { l2: 2 }));
    expect(relativeError([report.predictedReduction], [want])).toBeLessThan(1e-4);
  });

  it("takes in all parameters of a model of your own", () => {
    const own = getOrThrow(customModel({
      parameters: [0.5, -0.25],
      classes: 2,
      forward: ([a = 0, b = 0], x) => Array.from({ length: 2 * x.rows }, (_, i) => i % 2 ? b : a),
      jvp: (_, x, [a = 0, b = 0]) => Array.from({ length: 2 * x.rows }, (_, i) => i % 2 ? b : a),
      vjp: (_, x, c) =>
        [0, 1].map((k) => Array.from({ length: x.rows }, (_, i) => c[2 * i + k] as number).reduce((s, v) => s + v, 0)),
    }));
    const data = getOrThrow(batch({ features: getOrThrow(matrix(2, 1, [1, 2])), labels: [0, 1] }));
    const plain = getOrThrow(lossAndGradient(own, data)), penalised = getOrThrow(lossAndGradient(own, data, { l2: 2 }));
    expect(penalised.gradient[0] as number - (plain.gradient[0] as number)).toBeCloseTo(1, 6);
    expect(penalised.gradient[1] as number - (plain.gradient[1] as number)).toBeCloseTo(-0.5, 6);
  });

  it("says what l2Biases may be", () => {
    for (const l2Biases of ["yes", 1, null] as unknown as boolean[]) {
      expect(fgnStep(getOrThrow(zeroHead({ features: D, classes: C })), DATA, 1, { l2: 1, l2Biases })).toMatchObject({
        left: { _tag: "InvalidOption", option: "l2Biases" },
      });
    }
  });
});
