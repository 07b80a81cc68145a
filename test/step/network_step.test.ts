// The step on networks: purity, frozen layers, memory, warm starts, the report and the choice of the system. What a
// step is worth in numbers is in network.test.ts.
//
// Tolerances: 1e-4 (relative) between a step and its warm start, two runs of conjugate gradient to a residual of 1e-6,
// and between the explicit and the matrix-free system of 3000 rows, whose float32 sums are 3000 long; all else is
// exact.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dense,
  evaluate,
  fgnStep,
  freeze,
  getOrThrow,
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
  parameters,
  probabilities,
  relative,
  residual,
  rowSystem,
  type StepOptions,
  tanh,
  train,
  vjp,
} from "../../mod.ts";
import { defaultKernel, instantiate } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { examples, problems, text } from "../support/random_network.ts";
import { difference, flat, left, problem, relativeError, uniform } from "../support/reference.ts";

const RUNS = { numRuns: 40, seed: 5 };

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
          () => getOrThrow(fgnStep(model, data, relative(1), options)),
          () => getOrThrow(fgnStep(model, data, levenbergMarquardt(), { system, refine: 2 })),
          () => getOrThrow(ggnStep(model, data, 0.1, { labelSmoothing: 0.1 })),
        ];
        for (const run of runs) {
          const first = run();
          getOrThrow(fgnStep(other.head, other.data));
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
    const data = examples(6, 5, 3), model = getOrThrow(freeze(getOrThrow(mlp({ inputs: 5, hidden: [4], classes: 3 }))));
    for (
      const step of [fgnStep(model, data), ggnStep(model, data), fgnStep(model, data, 1, { system: "matrixFree" })]
    ) {
      expect(left(step)).toMatchObject({ _tag: "InvalidLayer", layer: "layers" });
    }
    for await (const record of train(model, data)) expect(left(record)._tag).toBe("InvalidLayer");
    expect(getOrThrow(evaluate(model, data)).loss).toBeGreaterThan(0);
    expect(getOrThrow(logits(model, data.features)).data.every(Number.isFinite)).toBe(true);
    expect(getOrThrow(probabilities(model, data.features)).data.every(Number.isFinite)).toBe(true);
    expect(getOrThrow(jvp(model, data.features, [])).data).toEqual(new Float32Array(18));
    expect(getOrThrow(vjp(model, data.features, getOrThrow(matrix(6, 3, uniform(18, 1))))).length).toBe(0);
  });

  it("leaves the kernel whole where nothing depends on the parameters", () => {
    // On a kernel of its own, lest a broken one fail the tests that follow.
    const kernel = getOrThrow(instantiate(simd));
    const { head, data } = problem(300, 5, 40), model = getOrThrow(freeze(head));
    const before = getOrThrow(evaluate(model, data, { kernel })).loss;
    expect(getOrThrow(lossAndGradient(model, data, { kernel })).gradient.length).toBe(0);
    expect(getOrThrow(evaluate(model, data, { kernel })).loss).toBe(before);
    expect(getOrThrow(ggnProduct(model, data, [], { kernel })).length).toBe(0);
    expect(getOrThrow(evaluate(model, data, { kernel })).loss).toBe(before);
    expect(getOrThrow(rowSystem(model, data, { kernel })).gram).toEqual(new Float64Array(300 * 300));
    expect(getOrThrow(evaluate(model, data, { kernel })).loss).toBe(before);
  });

  it("has no dual for the full Gauss-Newton matrix: zeros", () => {
    const { head, data } = problem(8, 5, 4), big = problem(64, 50, 40);
    getOrThrow(fgnStep(big.head, big.data));
    for (const preconditioner of ["none", "fgn"] as const) {
      expect(getOrThrow(ggnStep(head, data, 0.1, { preconditioner })).dual).toEqual(new Float64Array(8));
    }
  });

  it("keeps the kernel's memory flat over 3,000 steps", () => {
    const data = examples(8, 6, 4);
    const layers = [dense(6), tanh(), residual([layerNorm(), dense(6)]), dense(4)];
    let params = getOrThrow(initialise({ inputs: 6, layers }));
    params = getOrThrow(fgnStep(params, data)).params;
    const { exports } = getOrThrow(defaultKernel());
    const before = exports.memory.buffer.byteLength;
    for (let i = 0; i < 3000; i++) params = getOrThrow(fgnStep(params, data)).params;
    expect(exports.memory.buffer.byteLength).toBe(before);
    expect(flat(params).every(Number.isFinite)).toBe(true);
  });
});

describe("warmStart", () => {
  const data = examples(30, 8, 5),
    model = getOrThrow(mlp({ inputs: 8, hidden: [10], classes: 5 })),
    big = problem(60, 50, 40);

  it("goes on where the dual of a step on the same batch stopped", () => {
    for (const system of ["gram", "matrixFree"] as const) {
      const options = { system, solver: "cg", tolerance: 1e-6 } as const;
      const first = getOrThrow(fgnStep(model, data, relative(0.1), options));
      expect(first.report.iterations).toBeGreaterThan(3);
      getOrThrow(fgnStep(big.head, big.data)); // lest the kernel's memory still holds the solution
      const second = getOrThrow(fgnStep(model, data, relative(0.1), { ...options, warmStart: first.dual }));
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
    const data = examples(30, 8, 5), model = getOrThrow(mlp({ inputs: 8, hidden: [10], classes: 5 }));
    const seen = (options: StepOptions) => getOrThrow(fgnStep(model, data, 0.01, options)).report;
    expect(seen({})).toMatchObject({ system: "gram", solver: "cholesky", stop: "direct", iterations: 0 });
    expect(seen({ solver: "cg" })).toMatchObject({ system: "gram", solver: "cg", stop: "converged" });
    expect(seen({ solver: "cg", maxIterations: 2 })).toMatchObject({ stop: "iterationCap", iterations: 2 });
    expect(seen({ system: "matrixFree" })).toMatchObject({ system: "matrixFree", solver: "cg", stop: "converged" });
    expect(seen({ refine: 4 })).toMatchObject({ system: "gram", solver: "cg", stop: "iterationCap", iterations: 4 });
    const full = getOrThrow(ggnStep(model, data, 0.01, { maxIterations: 3 })).report;
    expect(full).toMatchObject({ solver: "cg", stop: "iterationCap", iterations: 3 });
    const both = { system: "matrixFree", solver: "cholesky" } as const;
    expect(left(fgnStep(model, data, 1, both))).toMatchObject({ _tag: "InvalidOption", option: "solver" });
  });

  it("chooses the matrix-free system by itself for many rows of few features, which agrees with the explicit one", () => {
    const { head, data } = problem(3000, 4, 2);
    const chosen = getOrThrow(fgnStep(head, data, 0.1, { tolerance: 1e-8 }));
    expect(chosen.report.system).toBe("matrixFree");
    const explicit = getOrThrow(fgnStep(head, data, 0.1, { system: "gram", tolerance: 1e-8 }));
    expect(explicit.report).toMatchObject({ system: "gram", solver: "cg" });
    expect(relativeError(difference(chosen.params, head), difference(explicit.params, head))).toBeLessThan(1e-4);
    expect(relativeError([chosen.report.gradientNorm], [explicit.report.gradientNorm])).toBeLessThan(1e-4);
  });
});
