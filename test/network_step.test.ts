// The step on networks: purity, frozen layers, extremes, Levenberg–Marquardt, the loss after a step, warm starts,
// the choice of the system. What a step is worth in numbers is in network.test.ts.
//
// Tolerances: 1e-5 · (1 + loss) between the loss after a step and the one that the next step sees: the two add up
// the same logits in another order where a layer moves its output by its Gram matrix; 1e-4 (relative) between the
// explicit and the matrix-free system of 3000 rows, whose float32 sums are 3000 long; all else is exact.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  dense,
  embedding,
  evaluate,
  fgnStep,
  freeze,
  ggnProduct,
  ggnStep,
  initialise,
  jvp,
  type Layer,
  layerNorm,
  levenbergMarquardt,
  logits,
  lossAndGradient,
  matrix,
  mlp,
  type Network,
  parameterCount,
  parameters,
  probabilities,
  relative,
  relu,
  residual,
  rowSystem,
  type StepOptions,
  tanh,
  toJson,
  train,
  vjp,
  withAdapters,
  withParameters,
} from "../mod.ts";
import { defaultKernel, instantiate } from "../src/kernel/kernel.ts";
import { wasmBase64 } from "../src/kernel/simd.generated.ts";
import { problems, randomFeatures } from "./random_network.ts";
import { difference, flat, left, problem, relativeError, right, uniform } from "./reference.ts";

const RUNS = { numRuns: 40, seed: 5 };

/** Draws like those of random_network.ts from a seed. */
const drawing = (seed: number) => (count: number, variance: number): Float32Array =>
  uniform(count, seed++).map((v) => v * Math.sqrt(3 * variance));

/** A batch of B rows of D features in C classes. */
function examples(B: number, D: number, C: number, seed = 1, sparse = false): Batch {
  const labels = uniform(B, seed).map((v) => Math.floor((v + 1) / 2 * C));
  return right(batch({ features: randomFeatures(B, D, sparse, drawing(seed + 1)), labels }));
}

const text = (model: Network, { features, labels, weights }: Batch): string =>
  JSON.stringify([toJson(model), [...features.data], [...labels], weights && [...weights]]);

/** Layers in residual blocks and outside. */
const allLayers = (layers: readonly Layer[]): Layer[] =>
  layers.flatMap((layer) => layer._tag === "residual" ? allLayers(layer.layers) : [layer]);

/** The frozen arrays of a layer, then the trainable ones. */
function arraysOf(layer: Layer): [frozen: (Float32Array | null)[], trainable: (Float32Array | null)[]] {
  switch (layer._tag) {
    case "dense":
    case "embedding": {
      const arrays = [layer.weight.data, layer.bias];
      return layer.frozen ? [arrays, []] : [[], arrays];
    }
    case "layerNorm":
      return layer.frozen ? [[layer.gain, layer.shift], []] : [[], [layer.gain, layer.shift]];
    case "adapter": {
      const base = [layer.weight.data, layer.bias], factors = [layer.down.data, layer.up.data];
      return layer.frozen ? [[...base, ...factors], []] : [base, factors];
    }
    default:
      return [[], []];
  }
}

describe("a step on a network", () => {
  it("writes to nothing it is given, gives the same bytes again and shares frozen arrays alone", () => {
    const other = problem(40, 30, 20);
    fc.assert(
      fc.property(problems(400), fc.constantFrom("gram", "matrixFree"), (given, system) => {
        const { model, data } = given, before = text(model, data);
        const options = { system, l2: 0.01 } as const;
        const runs = [
          () => right(fgnStep(model, data, relative(1), options)),
          () => right(fgnStep(model, data, levenbergMarquardt(), { system, refine: 2 })),
          () => right(ggnStep(model, data, 0.1, { labelSmoothing: 0.1 })),
        ];
        for (const run of runs) {
          const first = run();
          right(fgnStep(other.head, other.data));
          const second = run();
          expect(parameters(second.params)).toEqual(parameters(first.params));
          expect(second.report).toEqual(first.report);
          const old = allLayers(model.layers);
          allLayers(first.params.layers).forEach((layer, i) => {
            const [kept, moved] = arraysOf(layer), [was, wasMoved] = arraysOf(old[i] as Layer);
            kept.forEach((array, k) => expect(array).toBe(was[k]));
            moved.forEach((array, k) => expect(array !== null && array === wasMoved[k]).toBe(false));
          });
        }
        expect(text(model, data)).toBe(before);
      }),
      RUNS,
    );
  });

  it("needs a layer that is not frozen, but evaluates, predicts and differentiates without one", async () => {
    const data = examples(6, 5, 3), model = right(freeze(right(mlp({ inputs: 5, hidden: [4], classes: 3 }))));
    for (
      const step of [fgnStep(model, data), ggnStep(model, data), fgnStep(model, data, 1, { system: "matrixFree" })]
    ) {
      expect(left(step)).toMatchObject({ _tag: "InvalidLayer", layer: "layers" });
    }
    for await (const record of train(model, data)) expect(left(record)._tag).toBe("InvalidLayer");
    expect(right(evaluate(model, data)).loss).toBeGreaterThan(0);
    expect(right(logits(model, data.features)).data.every(Number.isFinite)).toBe(true);
    expect(right(probabilities(model, data.features)).data.every(Number.isFinite)).toBe(true);
    expect(right(jvp(model, data.features, [])).data).toEqual(new Float32Array(18));
    expect(right(vjp(model, data.features, right(matrix(6, 3, uniform(18, 1))))).length).toBe(0);
  });

  it("leaves the kernel whole where nothing depends on the parameters", () => {
    // On a kernel of its own, lest a broken one fail the tests that follow.
    const kernel = right(instantiate("simd128", wasmBase64));
    const { head, data } = problem(300, 5, 40), model = right(freeze(head));
    const before = right(evaluate(model, data, { kernel })).loss;
    expect(right(lossAndGradient(model, data, { kernel })).gradient.length).toBe(0);
    expect(right(evaluate(model, data, { kernel })).loss).toBe(before);
    expect(right(ggnProduct(model, data, [], { kernel })).length).toBe(0);
    expect(right(evaluate(model, data, { kernel })).loss).toBe(before);
    expect(right(rowSystem(model, data, { kernel })).gram).toEqual(new Float64Array(300 * 300));
    expect(right(evaluate(model, data, { kernel })).loss).toBe(before);
  });

  it("has no dual for the full Gauss-Newton matrix: zeros", () => {
    const { head, data } = problem(8, 5, 4), big = problem(64, 50, 40);
    right(fgnStep(big.head, big.data));
    for (const preconditioner of ["none", "fgn"] as const) {
      expect(right(ggnStep(head, data, 0.1, { preconditioner })).dual).toEqual(new Float64Array(8));
    }
  });

  it("keeps the kernel's memory flat over 3,000 steps", () => {
    const data = examples(8, 6, 4);
    const layers = [dense(6), tanh(), residual([layerNorm(), dense(6)]), dense(4)];
    let params = right(initialise({ inputs: 6, layers }));
    params = right(fgnStep(params, data)).params;
    const { exports } = right(defaultKernel());
    const before = exports.memory.buffer.byteLength;
    for (let i = 0; i < 3000; i++) params = right(fgnStep(params, data)).params;
    expect(exports.memory.buffer.byteLength).toBe(before);
    expect(flat(params).every(Number.isFinite)).toBe(true);
  });
});

describe("levenbergMarquardt() on networks", () => {
  it("never raises the loss over 30 steps, by any system and method", () => {
    let rejections = 0;
    const data = examples(24, 6, 4);
    const start = right(initialise({ inputs: 6, layers: [dense(8), tanh(), residual([dense(8), relu()]), dense(4)] }));
    for (const options of [{}, { system: "matrixFree" }, { refine: 2 }, { l2: 1e-3, labelSmoothing: 0.1 }] as const) {
      let params = start, damping = levenbergMarquardt({ lambda: 1e-6, lower: 0.3 }), last = Infinity;
      for (let i = 0; i < 30; i++) {
        const step = right(fgnStep(params, data, damping, options));
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
    const data = examples(20, 4, 3, 1), model = right(mlp({ inputs: 4, hidden: [16], classes: 3, seed: 2 }));
    const wild = right(withParameters(model, parameters(model).map((v) => 4 * v)));
    for (const options of [{}, { system: "matrixFree" }, { refine: 2 }, { l2: 0.01 }] as const) {
      const before = text(wild, data);
      const step = right(fgnStep(wild, data, levenbergMarquardt({ lambda: 1e-7, attempts: 1 }), options));
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
  "linear head": (inputs) => right(initialise({ inputs, layers: [dense(4)] })),
  "two layers": (inputs) => right(initialise({ inputs, layers: [dense(6), tanh(), dense(4)] })),
  "no biases": (inputs) => right(initialise({ inputs, layers: [dense(6, { bias: false }), relu(), dense(4)] })),
  "frozen end": (inputs) =>
    right(initialise({ inputs, layers: [dense(6), layerNorm({ frozen: true }), tanh(), dense(4, { frozen: true })] })),
  "residual block": (inputs) =>
    right(initialise({ inputs, layers: [dense(6), residual([layerNorm(), dense(6)]), dense(4)] })),
  adapters: (inputs) => {
    const model = right(mlp({ inputs, hidden: [6], classes: 4, activation: "tanh" }));
    const adapted = right(withAdapters(model, { rank: 2 }));
    return right(withParameters(adapted, uniform(parameterCount(adapted), 3)));
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

describe("the loss after a step", () => {
  const check = (model: Network, data: Batch): void => {
    for (const options of OPTIONS) {
      for (const damping of [relative(1), relative(0.01), levenbergMarquardt({ lambda: 1e-5 })]) {
        const { params, report } = right(fgnStep(model, data, damping, options));
        const next = right(fgnStep(params, data, damping, options)).report.lossBefore;
        expect(Math.abs((report.lossAfter as number) - next)).toBeLessThan(1e-5 * (1 + next));
        expect(right(lossAndGradient(params, data, options)).loss).toBe(next);
        const blind = right(fgnStep(model, data, damping, { ...options, lossAfter: false }));
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
    const model = right(initialise({ inputs: 12, layers: [embedding(6), tanh(), dense(4)] }));
    check(model, examples(9, 12, 4, 1, true));
  });
});

describe("warmStart", () => {
  const data = examples(30, 8, 5), model = right(mlp({ inputs: 8, hidden: [10], classes: 5 }));

  it("goes on where the dual of a step on the same batch stopped", () => {
    for (const system of ["gram", "matrixFree"] as const) {
      const options = { system, solver: "cg", tolerance: 1e-6 } as const;
      const first = right(fgnStep(model, data, relative(0.1), options));
      expect(first.report.iterations).toBeGreaterThan(3);
      const second = right(fgnStep(model, data, relative(0.1), { ...options, warmStart: first.dual }));
      expect(second.report.iterations).toBeLessThanOrEqual(1);
      expect(second.report.stop).toBe("converged");
      expect(relativeError(difference(second.params, model), difference(first.params, model))).toBeLessThan(1e-4);
    }
  });

  it("is refused at the wrong length", () => {
    for (const length of [0, 29, 31]) {
      const warmStart = new Float64Array(length);
      const error = left(fgnStep(model, data, 1, { solver: "cg", warmStart }));
      expect(error).toMatchObject({ _tag: "ShapeMismatch", what: "warmStart", expected: 30, actual: length });
    }
  });
});

describe("the report", () => {
  it("names system, solver, stop and iterations", () => {
    const data = examples(30, 8, 5), model = right(mlp({ inputs: 8, hidden: [10], classes: 5 }));
    const seen = (options: StepOptions) => right(fgnStep(model, data, 0.01, options)).report;
    expect(seen({})).toMatchObject({ system: "gram", solver: "cholesky", stop: "direct", iterations: 0 });
    expect(seen({ solver: "cg" })).toMatchObject({ system: "gram", solver: "cg", stop: "converged" });
    expect(seen({ solver: "cg", maxIterations: 2 })).toMatchObject({ stop: "iterationCap", iterations: 2 });
    expect(seen({ system: "matrixFree" })).toMatchObject({ system: "matrixFree", solver: "cg", stop: "converged" });
    expect(seen({ refine: 4 })).toMatchObject({ system: "gram", solver: "cg", stop: "iterationCap", iterations: 4 });
    const full = right(ggnStep(model, data, 0.01, { maxIterations: 3 })).report;
    expect(full).toMatchObject({ solver: "cg", stop: "iterationCap", iterations: 3 });
    const both = { system: "matrixFree", solver: "cholesky" } as const;
    expect(left(fgnStep(model, data, 1, both))).toMatchObject({ _tag: "InvalidOption", option: "solver" });
  });

  it("chooses the matrix-free system by itself for many rows of few features, which agrees with the explicit one", () => {
    const { head, data } = problem(3000, 4, 2);
    const chosen = right(fgnStep(head, data, 0.1, { tolerance: 1e-8 }));
    expect(chosen.report.system).toBe("matrixFree");
    const explicit = right(fgnStep(head, data, 0.1, { system: "gram", tolerance: 1e-8 }));
    expect(explicit.report).toMatchObject({ system: "gram", solver: "cg" });
    expect(relativeError(difference(chosen.params, head), difference(explicit.params, head))).toBeLessThan(1e-4);
    expect(relativeError([chosen.report.gradientNorm], [explicit.report.gradientNorm])).toBeLessThan(1e-4);
  });
});
