// Trial steps on networks: Levenberg–Marquardt, retries, and the loss after a step.
//
// Tolerances: 1e-5 · (1 + loss) between the loss after a step and the one that the next step sees: the two add up
// the same logits in another order where a layer moves its output by its Gram matrix; 1e-6 (relative) between the
// parameters that a retry and a first attempt at its λ give, which are the same sums.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  dense,
  embedding,
  fgnStep,
  getOrThrow,
  initialise,
  layerNorm,
  levenbergMarquardt,
  lossAndGradient,
  mlp,
  type Network,
  parameterCount,
  parameters,
  relative,
  relu,
  residual,
  type StepOptions,
  tanh,
  withAdapters,
  withParameters,
} from "../../mod.ts";
import { examples, text } from "../support/random_network.ts";
import { difference, flat, relativeError, uniform } from "../support/reference.ts";

describe("levenbergMarquardt() on networks", () => {
  it("never raises the loss over 30 steps, by any system and method", () => {
    let rejections = 0;
    const data = examples(24, 6, 4);
    const start = getOrThrow(
      initialise({ inputs: 6, layers: [dense(8), tanh(), residual([dense(8), relu()]), dense(4)] }),
    );
    for (const options of [{}, { system: "matrixFree" }, { refine: 2 }, { l2: 1e-3, labelSmoothing: 0.1 }] as const) {
      let params = start, damping = levenbergMarquardt({ lambda: 1e-6, lower: 0.3 }), last = Infinity;
      for (let i = 0; i < 30; i++) {
        const step = getOrThrow(fgnStep(params, data, damping, options));
        const { report } = step;
        expect(report.lossBefore).toBeLessThanOrEqual(last + 1e-5);
        expect(report.lossAfter).toBeLessThanOrEqual(report.lossBefore);
        if (!report.accepted) expect(step.params).toBe(params);
        rejections += report.rejections;
        last = report.lossAfter as number;
        params = step.params;
        damping = step.damping as typeof damping;
      }
      expect(last).toBeLessThan(0.8);
    }
    expect(rejections).toBeGreaterThan(0);
  });

  it("gives the same network back when every attempt is rejected, whatever the system", () => {
    const data = examples(20, 4, 3, 1), model = getOrThrow(mlp({ inputs: 4, hidden: [16], classes: 3, seed: 2 }));
    const wild = getOrThrow(withParameters(model, parameters(model).map((v) => 4 * v)));
    for (const options of [{}, { system: "matrixFree" }, { refine: 2 }, { l2: 0.01 }] as const) {
      const before = text(wild, data);
      const step = getOrThrow(fgnStep(wild, data, levenbergMarquardt({ lambda: 1e-7, attempts: 1 }), options));
      expect(step.report).toMatchObject({ accepted: false, rejections: 0, lossAfter: step.report.lossBefore });
      expect(step.report.actualReduction).toBeLessThan(0);
      expect(step.params).toBe(wild);
      expect(text(wild, data)).toBe(before);
      expect(step.damping).toMatchObject({ lambda: 2 * step.report.lambda });
    }
  });
});

/** Networks over `inputs` features, dense or sparse, whose first layer may move its output by its Gram matrix. */
const SHAPES: Readonly<Record<string, (inputs: number) => Network>> = {
  "linear head": (inputs) => getOrThrow(initialise({ inputs, layers: [dense(4)] })),
  "two layers": (inputs) => getOrThrow(initialise({ inputs, layers: [dense(6), tanh(), dense(4)] })),
  "no biases": (inputs) => getOrThrow(initialise({ inputs, layers: [dense(6, { bias: false }), relu(), dense(4)] })),
  "frozen end": (inputs) =>
    getOrThrow(
      initialise({ inputs, layers: [dense(6), layerNorm({ frozen: true }), tanh(), dense(4, { frozen: true })] }),
    ),
  "residual block": (inputs) =>
    getOrThrow(initialise({ inputs, layers: [dense(6), residual([layerNorm(), dense(6)]), dense(4)] })),
  adapters: (inputs) => {
    const model = getOrThrow(mlp({ inputs, hidden: [6], classes: 4, activation: "tanh" }));
    const adapted = getOrThrow(withAdapters(model, { rank: 2 }));
    return getOrThrow(withParameters(adapted, uniform(parameterCount(adapted), 3)));
  },
};
const OPTIONS: readonly StepOptions[] = [
  {},
  { solver: "cg" },
  { system: "matrixFree" },
  { refine: 2 },
  { l2: 0.1 },
  { labelSmoothing: 0.1 },
];

describe("a retry", () => {
  for (const [name, make] of Object.entries(SHAPES)) {
    it(`is the first attempt at the λ that it ends at: ${name}`, () => {
      let rejections = 0;
      for (const inputs of [20, 3]) {
        const start = make(inputs), data = examples(9, inputs, 4);
        const model = getOrThrow(withParameters(start, parameters(start).map((v) => 3 * v)));
        for (const options of OPTIONS) {
          const retried = getOrThrow(fgnStep(model, data, levenbergMarquardt({ lambda: 1e-6, raise: 8 }), options));
          const direct = getOrThrow(fgnStep(model, data, retried.report.lambda, options));
          rejections += retried.report.rejections;
          expect(retried.report.accepted).toBe(true);
          expect(relativeError(difference(retried.params, model), difference(direct.params, model))).toBeLessThan(1e-6);
          expect(relativeError([retried.report.predictedReduction], [direct.report.predictedReduction])).toBeLessThan(
            1e-6,
          );
        }
      }
      expect(rejections).toBeGreaterThan(0);
    });
  }
});

describe("the loss after a step", () => {
  const check = (model: Network, data: Batch): void => {
    for (const options of OPTIONS) {
      const { l2 = 0, labelSmoothing = 0 } = options, objective = { l2, labelSmoothing };
      for (const damping of [relative(1), relative(0.01), levenbergMarquardt({ lambda: 1e-5 })]) {
        const { params, report } = getOrThrow(fgnStep(model, data, damping, options));
        const next = getOrThrow(fgnStep(params, data, damping, options)).report.lossBefore;
        expect(Math.abs((report.lossAfter as number) - next)).toBeLessThan(1e-5 * (1 + next));
        expect(getOrThrow(lossAndGradient(params, data, objective)).loss).toBe(next);
        const blind = getOrThrow(fgnStep(model, data, damping, { ...options, lossAfter: false }));
        expect(relativeError(flat(blind.params), flat(params))).toBeLessThan(1e-6);
      }
    }
  };
  for (const [name, make] of Object.entries(SHAPES)) {
    // 9 examples: a first layer of 20 inputs moves by its Gram matrix, one of 3 is multiplied again.
    for (const inputs of [20, 3]) {
      it(`is what the next one sees: ${name}, ${inputs} dense inputs`, () =>
        check(make(inputs), examples(9, inputs, 4)));
    }
    it(`is what the next one sees: ${name}, sparse inputs`, () => check(make(12), examples(9, 12, 4, 1, true)));
  }
  it("is what the next one sees: embedding", () => {
    const model = getOrThrow(initialise({ inputs: 12, layers: [embedding(6), tanh(), dense(4)] }));
    check(model, examples(9, 12, 4, 1, true));
  });
});
