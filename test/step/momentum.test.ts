// Momentum through the right-hand side: (H + λI + ℓ2 I) d = −g + λβd₋, and (H + λM) d = −g + λβM d₋ in another metric,
// against dense float64 solves over the parameters, for heads, networks and models of one's own, explicit and
// matrix-free.
//
// Tolerances (relative): 1e-4 on steps, beside the rounding of new parameters to float32, and on the quadratic model,
// as for steps without momentum; 1e-6 on residuals, the float32 rounding of matrix-free products; 1e-3 between the
// residual of a capped conjugate gradient and its float64 value.

import { describe, expect, it } from "vitest";
import {
  backtracking,
  type Batch,
  dense,
  embedding,
  type Features,
  fgn,
  fgnStep,
  getOrThrow,
  ggnStep,
  initialise,
  layerNorm,
  levenbergMarquardt,
  matrix,
  type Model,
  momentum,
  type Network,
  parameters,
  randomHead,
  relative,
  residual,
  robust,
  type StepOptions,
  tanh,
  train,
  withAdapters,
  withParameters,
} from "../../mod.ts";
import { at, C, D, PAIRS } from "../support/custom_models.ts";
import { momentumStep } from "../support/momentum_reference.ts";
import { dot, featureRows, norm, reference, thetaOf } from "../support/network_reference.ts";
import { examples } from "../support/random_network.ts";
import { difference, flat, left, problem, relativeError, uniform } from "../support/reference.ts";

const DECAY = 0.8, LAMBDA = 0.05;
const { data: plain } = problem(14, D, C, { seed: 3 });
const weighted = problem(14, D, C, { seed: 3, weights: Array.from({ length: 14 }, (_, i) => i % 4) }).data;
const soft: Batch = {
  ...plain,
  targets: getOrThrow(matrix(14, C, Array.from(plain.labels, (y) => [0, 1, 2].map((k) => k === y ? 0.6 : 0.2)).flat())),
};

/** A step before of about the size of the next. */
const before = (model: Model): Float32Array => uniform(parameters(model).length, 11).map((v) => v / 2);
const asking = (model: Model): StepOptions => ({ momentum: { decay: DECAY, previous: before(model) } });

/** The step of a model against the solve for the network that it is. */
function check(model: Model, builtIn: Network, data: Batch, options: StepOptions): void {
  const want = momentumStep(builtIn, data, options, LAMBDA, before(builtIn).map((v) => DECAY * v));
  const { params, report } = getOrThrow(fgnStep(model, data, LAMBDA, { ...options, ...asking(model) }));
  const rounding = 2 ** -23 * norm(flat(params)) / norm(want.d);
  expect(relativeError(difference(params, model), want.d)).toBeLessThan(1e-4 + rounding);
  expect(relativeError([report.predictedReduction], [want.predicted])).toBeLessThan(1e-4);
  expect(report.residual).toBeLessThan(1e-6);
  expect(report.lambda).toBe(LAMBDA);
}

const OBJECTIVES: Readonly<Record<string, readonly [Batch, StepOptions]>> = {
  "nothing more": [plain, {}],
  weights: [weighted, {}],
  "ℓ2": [plain, { l2: 0.1 }],
  "label smoothing": [plain, { labelSmoothing: 0.2 }],
  "soft targets, weights and ℓ2": [{ ...soft, weights: weighted.weights }, { l2: 0.02 }],
  "class weights": [plain, { classWeights: [1, 3, 0.5] }],
  "majorised curvature": [plain, { curvature: "majorized" }],
};
const SYSTEMS = [{ system: "gram" }, { system: "gram", solver: "cg", tolerance: 1e-10 }, {
  system: "matrixFree",
  tolerance: 1e-10,
}] as const;

describe("the step with momentum", () => {
  for (const [kind, builtIn, own] of PAIRS) {
    for (const [name, [data, options]] of Object.entries(OBJECTIVES)) {
      it(`equals the solve over the parameters: ${kind}, ${name}`, () => {
        for (const system of SYSTEMS) check(builtIn, builtIn, data, { ...options, ...system });
        // The penalty of a model of one's own takes in every parameter.
        const all = options.l2 === undefined ? options : { ...options, l2Biases: true };
        check(own, builtIn, data, { ...all, tolerance: 1e-10 });
        check(builtIn, builtIn, data, all);
      });
    }
    for (const data of [plain, weighted]) {
      for (const curvature of ["gaussNewton", "majorized"] as const) {
        const name = `${kind}, ${curvature}${data === plain ? "" : ", weights"}`;
        it(`equals the solve in the centred metric: ${name}`, () => {
          check(builtIn, builtIn, data, { metric: "centred", curvature });
        });
      }
    }
  }

  it("equals the solve over the parameters: residual blocks, layer norms, adapters, a frozen layer", () => {
    const layers = [dense(5), tanh(), residual([layerNorm(), dense(5)]), dense(4, { frozen: true }), tanh(), dense(C)];
    const mixed = getOrThrow(initialise({ inputs: D, layers, seed: 3 }));
    const adapted = getOrThrow(withAdapters(mixed, { rank: 2, layers: [0], seed: 5 }));
    for (const model of [mixed, adapted]) {
      for (const options of [{}, { l2: 0.1 }]) {
        for (const system of SYSTEMS) check(model, model, plain, { ...options, ...system });
      }
    }
  });

  it("is that of the λ that Levenberg–Marquardt and relative damping end at", () => {
    for (const [, builtIn] of PAIRS) {
      const model = getOrThrow(withParameters(builtIn, parameters(builtIn).map((v) => 3 * v)));
      for (const options of [{}, { l2: 0.01 }, { metric: "centred" }] as const) {
        const all = { ...options, ...asking(model) };
        const retried = getOrThrow(fgnStep(model, plain, levenbergMarquardt({ lambda: 1e-6, raise: 8 }), all));
        expect(retried.report.rejections).toBeGreaterThan(0);
        for (const { params, report } of [retried, getOrThrow(fgnStep(model, plain, relative(0.3), all))]) {
          expect(report.accepted).toBe(true);
          const direct = getOrThrow(fgnStep(model, plain, report.lambda, all));
          expect(relativeError(difference(params, model), difference(direct.params, model))).toBeLessThan(1e-6);
        }
      }
    }
  });

  it("moves the features that no example has by β d₋", () => {
    const data = examples(6, 12, 4, 1, true), rows = featureRows(data.features);
    const filled: Features = getOrThrow(matrix(6, 12, rows.flatMap((row) => Array.from(row))));
    const absent = Array.from({ length: 12 }, (_, k) => k).filter((k) => rows.every((row) => row[k] === 0));
    expect(absent.length).toBeGreaterThan(0);
    const head = getOrThrow(randomHead({ features: 12, classes: 4 }, 3));
    for (const options of [{}, { l2: 0.1 }]) {
      const asked = { ...options, ...asking(head) };
      const sparse = getOrThrow(fgnStep(head, data, LAMBDA, asked));
      const full = getOrThrow(fgnStep(head, { ...data, features: filled }, LAMBDA, asked));
      expect(relativeError(difference(sparse.params, head), difference(full.params, head))).toBeLessThan(1e-6);
    }
    const table = getOrThrow(initialise({ inputs: 12, layers: [embedding(4)], seed: 2 }));
    const step = difference(getOrThrow(fgnStep(table, data, LAMBDA, asking(table))).params, table);
    for (const k of absent) {
      for (let c = 0; c < 4; c++) {
        expect(Math.abs(at(step, 4 * k + c) - DECAY * at(before(table), 4 * k + c))).toBeLessThan(1e-7);
      }
    }
  });

  it("reports the residual of its own right-hand side", () => {
    for (const [, builtIn] of PAIRS) {
      for (const l2 of [0, 0.1]) {
        const options = { ...asking(builtIn), l2, solver: "cg", maxIterations: 3 } as const;
        const { dual, report } = getOrThrow(fgnStep(builtIn, plain, LAMBDA, options));
        expect(report.stop).toBe("iterationCap");
        const ref = reference(builtIn, plain), total = LAMBDA + l2, theta = thetaOf(builtIn);
        const w = ref.curvatures.map(Math.sqrt), J = ref.jacobian.map((row, i) => row.map((v) => at(w, i) * v));
        const outside = theta.map((v, k) => (LAMBDA * DECAY * at(before(builtIn), k) - l2 * v) / total);
        const rhs = J.map((row, i) =>
          at(ref.alpha, i) / (1 + Math.exp(at(ref.margins, i))) / at(w, i) - dot(row, outside)
        );
        const u = Array.from(dual, (a, i) => a / at(w, i));
        const image = J.map((row, i) =>
          J.reduce((sum, other, j) => sum + dot(row, other) * at(u, j), total * at(u, i))
        );
        const want = norm(rhs.map((v, i) => v - at(image, i))) / norm(rhs);
        expect(want).toBeGreaterThan(1e-3);
        expect(relativeError([report.residual], [want])).toBeLessThan(1e-3);
      }
    }
  });

  it("is the plain step, byte for byte, without a step before and with decay 0", () => {
    for (const [, ...models] of PAIRS) {
      for (const model of models) {
        const none = getOrThrow(fgnStep(model, plain, LAMBDA));
        for (const momentum of [{ decay: 0.9, previous: null }, { decay: 0, previous: before(model) }]) {
          const step = getOrThrow(fgnStep(model, plain, LAMBDA, { momentum }));
          expect(flat(step.params)).toEqual(flat(none.params));
          expect(step.report).toEqual(none.report);
        }
        const zero = { decay: 0.9, previous: before(model).fill(0) };
        const still = getOrThrow(fgnStep(model, plain, LAMBDA, { momentum: zero }));
        expect(relativeError(difference(still.params, model), difference(none.params, model))).toBeLessThan(1e-6);
      }
    }
  });

  it("takes any numbers for the step before, and writes to nothing", () => {
    const [[, head]] = PAIRS as [(typeof PAIRS)[number]];
    const previous = before(head), kept = previous.slice(), start = flat(head);
    const step = (previous: ArrayLike<number>) =>
      flat(getOrThrow(fgnStep(head, plain, LAMBDA, { momentum: { decay: DECAY, previous } })).params);
    const first = step(previous);
    expect(step(Array.from(previous))).toEqual(first);
    expect(step(Float64Array.from(previous))).toEqual(first);
    expect(previous).toEqual(kept);
    expect(flat(head)).toEqual(start);
  });

  it("that leads uphill is given back by backtracking, and forgotten", () => {
    const [[, head]] = PAIRS as [(typeof PAIRS)[number]];
    const optimizer = momentum(0.9)(fgn({ damping: backtracking() })), fresh = optimizer.init(head);
    const down = difference(getOrThrow(fgnStep(head, plain, LAMBDA)).params, head);
    const state = { ...fresh, previous: Float32Array.from(down, (v) => -1e3 * v) };
    const stuck = getOrThrow(optimizer.update(head, state, plain));
    expect(stuck.report.accepted).toBe(false);
    expect(flat(stuck.params)).toEqual(flat(head));
    expect(stuck.state.previous).toEqual(new Float32Array(down.length));
    const { report } = getOrThrow(optimizer.update(stuck.params, stuck.state, plain));
    expect(report).toMatchObject({ accepted: true, rejections: 0 });
  });

  it("refuses what does not fit, by name", async () => {
    const [, [, network, own]] = PAIRS as [(typeof PAIRS)[number], (typeof PAIRS)[number]];
    const P = parameters(network).length;
    const refused = (momentum: unknown, options: StepOptions = {}, model: Model = network) =>
      left(fgnStep(model, plain, 1, { ...options, momentum } as StepOptions));
    for (const length of [0, P - 1, P + 1]) {
      const previous = new Float32Array(length), what = { what: "momentum", expected: P, actual: length };
      expect(refused({ decay: 0.5, previous })).toMatchObject({ _tag: "ShapeMismatch", ...what });
    }
    for (const value of [NaN, Infinity, 1e39]) {
      const numbers = Array.from(before(network));
      numbers[3] = value;
      expect(refused({ decay: 0.5, previous: numbers })).toMatchObject({
        _tag: "NotFinite",
        what: "momentum",
        index: 3,
      });
    }
    const invalid = { _tag: "InvalidOption", option: "momentum" };
    for (const decay of [-0.1, 1, NaN, Infinity, "0.5"]) {
      for (const previous of [null, before(network)]) {
        expect(refused({ decay, previous })).toMatchObject({ ...invalid, option: "momentum.decay" });
      }
    }
    for (const previous of [null, before(network)]) {
      const good = { decay: 0.5, previous };
      expect(refused(good, { twoStage: 0.1 })).toMatchObject(invalid);
      expect(refused(good, { refine: 1 })).toMatchObject(invalid);
      expect(refused(good, { refine: 1 }, own)).toMatchObject(invalid);
      expect(left(ggnStep(network, plain, 1, { momentum: good } as StepOptions))).toMatchObject(invalid);
    }
    // robust() refuses it also where it steps without the parts that do not go with it.
    for (const [model, data] of [[network, plain], [network, soft], [own, plain]] as const) {
      const optimizer = momentum(0.9)(robust<Model>());
      expect(left(optimizer.update(model, optimizer.init(model), data))).toMatchObject(invalid);
    }
    for await (const record of train(network, plain, { optimizer: momentum(0.9)(robust()) })) {
      expect(left(record)).toMatchObject(invalid);
    }
  });
});
