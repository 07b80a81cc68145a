// Steps: golden vectors, random networks of every kind that backends share, every damping, extremes.

import fc from "fast-check";
import {
  backtracking,
  type Batch,
  batch,
  constant,
  type Damping,
  dense,
  fgnStep,
  gelu,
  getOrThrow,
  initialise,
  type Layer,
  layerNorm,
  levenbergMarquardt,
  linearHead,
  matrix,
  misfit,
  mlp,
  type Network,
  network,
  relative,
  residual,
  silu,
} from "../../../mod.ts";
import type { ResidentStep } from "../../../src/gpu/gpu.ts";
import { type Golden, layersOf } from "../../support/golden_file.ts";
import { ACTIVATION_KINDS } from "../../support/layer_kinds.ts";
import { examples, plans, realise } from "../../support/random_network.ts";
import { difference, flat, problem, relativeError, uniform } from "../../support/reference.ts";
import { below, type Case, close, done, lent } from "../check.ts";
import { sameStep } from "../same_step.ts";

function open(golden: Golden): { model: Network; data: Batch } {
  const { batchSize, x, y } = golden, inputs = x.length / batchSize;
  const features = getOrThrow(matrix(batchSize, inputs, x));
  return { model: getOrThrow(network(inputs, layersOf(golden))), data: getOrThrow(batch({ features, labels: y })) };
}

/** One file of test/golden: logits, loss and steps. */
export const goldenCase: Case = {
  name: "golden vectors: logits, losses and steps by both solvers",
  run: async (backend, given) => {
    for (const golden of given.golden) {
      const { model, data } = open(golden), { expected, name } = golden;
      const tolerance = name.includes("extreme") ? 1e-3 : 1e-4;
      const rounding = 1e-7 * Math.hypot(...flat(model));
      await lent(backend, model, data, async (params, batch) => {
        const logits = await done(backend.logits(params, batch));
        below(relativeError(logits.data, expected.logits), tolerance, `${name}: logits`);
        close((await done(backend.evaluate(params, batch))).loss, expected.loss, tolerance, `${name}: loss`);
        for (const { damping, step, lossAfterStep } of expected.steps) {
          for (const solver of ["cholesky", "cg"] as const) {
            const what = `${name}: step at λ = ${damping} by ${solver}`;
            const made = await done(backend.fgnStep(params, batch, damping, { solver, tolerance: 1e-9 }));
            const after = await done(backend.download(made.params));
            backend.release(made.params);
            const size = Math.hypot(...step);
            below(relativeError(difference(after, model), step), tolerance + rounding / size, what);
            const slack = 2e-6 * (1 + Math.abs(expected.loss)), { lossAfter = NaN } = made.report;
            below(Math.abs(lossAfter - lossAfterStep), tolerance * lossAfterStep + slack, `${what}: loss after`);
          }
        }
      });
    }
  },
};

/** Random networks without what a device lacks. */
const RANDOM = 40;
const randomCase: Case = {
  name: "random networks: dense, adapters, layer norms, activations, residual blocks; frozen parts; weights",
  run: async (backend) => {
    const able = plans.filter(({ first }) => first === "dense");
    for (const plan of fc.sample(able, { numRuns: RANDOM, seed: 7 })) {
      const { model, data } = realise(plan);
      await sameStep(backend, model, data, 0.1, {}, 1e-4, JSON.stringify(plan));
    }
  },
};

/** Sizes about the tiles of 64 and slices of 16, one row, one feature, many classes. */
const SIZES = [[1, 1, 2], [1, 5, 3], [7, 1, 2], [63, 65, 2], [64, 64, 64], [65, 15, 129], [130, 17, 3], [
  33,
  300,
  1000,
]];

const sizesCase: Case = {
  name: "heads of many sizes, with and without bias and weights",
  run: async (backend) => {
    for (const [B = 1, D = 1, C = 2] of SIZES) {
      for (const bias of [true, false]) {
        const weights = Array.from({ length: B }, (_, i) => i % 3 + (i === 0 ? 1 : 0));
        const { head, data } = problem(B, D, C, { bias, ...bias ? { weights } : {} });
        await sameStep(backend, head, data, relative(0.5), {}, 1e-4, `${B}×${D}×${C}${bias ? " with bias" : ""}`);
      }
    }
  },
};

/** Every kind of layer in one network. */
export function everyKind(): Network {
  const layers = ACTIVATION_KINDS.flatMap((kind, i): Layer[] => [
    {
      _tag: "dense",
      weight: { rows: 12, cols: i === 0 ? 9 : 12, data: uniform(12 * (i === 0 ? 9 : 12), 40 + i).map((v) => v / 2) },
      bias: i % 2 === 0 ? uniform(12, 50 + i) : null,
      frozen: i === 3,
    },
    { _tag: "activation", kind, slope: kind === "leakyRelu" ? 0.1 : 0 },
  ]);
  const norm: Layer = {
    _tag: "layerNorm",
    gain: uniform(12, 60).map((v) => 1 + v / 4),
    shift: uniform(12, 61),
    epsilon: 1e-5,
    frozen: false,
  };
  const square = (seed: number): Layer => ({
    _tag: "dense",
    weight: { rows: 12, cols: 12, data: uniform(144, seed).map((v) => v / 2) },
    bias: uniform(12, seed + 1),
    frozen: false,
  });
  const block: Layer = { _tag: "residual", layers: [norm, square(70), { _tag: "activation", kind: "gelu", slope: 0 }] };
  const last: Layer = {
    _tag: "adapter",
    weight: { rows: 5, cols: 12, data: uniform(60, 80) },
    bias: uniform(5, 81),
    down: { rows: 2, cols: 12, data: uniform(24, 82) },
    up: { rows: 5, cols: 2, data: uniform(10, 83) },
    scale: 0.5,
    frozen: false,
  };
  return getOrThrow(network(9, [...layers, block, last]));
}

const DAMPINGS: readonly (readonly [string, Damping])[] = [
  ["a number", 0.5],
  ["constant", constant(0.2)],
  ["relative", relative(1)],
  ["Levenberg–Marquardt", levenbergMarquardt()],
  ["Levenberg–Marquardt that rejects", levenbergMarquardt({ lambda: 1e-5 })],
  ["backtracking", backtracking()],
  ["misfit", misfit()],
];

const dampingCase: Case = {
  name: "every damping: six steps, each with the state that the one before gives on",
  long: true,
  run: async (backend) => {
    const data = examples(40, 9, 5, 90);
    for (const [name, first] of DAMPINGS) {
      const options = name === "misfit" ? { curvature: "majorized" as const } : {};
      let params = everyKind(), damping = first;
      for (let n = 0; n < 6; n++) {
        await sameStep(backend, params, data, damping, options, 3e-4, `${name}, step ${n}`);
        ({ params, damping } = getOrThrow(fgnStep(params, data, damping, options)));
      }
    }
  },
};

const optionsCase: Case = {
  name: "options: curvature, no loss after, class weights, conjugate gradient with a warm start, λ too small",
  run: async (backend) => {
    const { head, data } = problem(50, 12, 6, { weights: Array.from({ length: 50 }, (_, i) => i % 4) });
    await sameStep(backend, head, data, 0.1, { curvature: "majorized" });
    await sameStep(backend, head, data, 0.1, { lossAfter: false });
    await sameStep(backend, head, data, 0.1, { classWeights: [1, 2, 0, 1, 3, 1] });
    await sameStep(backend, head, data, 0.1, { solver: "cg", tolerance: 1e-8, maxIterations: 300 });
    await sameStep(backend, head, data, 0.1, {
      solver: "cg",
      warmStart: new Float64Array(50).fill(0.01),
      system: "gram",
    });
    await sameStep(backend, head, data, undefined as unknown as Damping, { metric: "euclidean", l2: 0, twoStage: 0 });
  },
};

/** A head over one feature with margins of ±size. */
export function far(size: number): { head: Network; data: Batch } {
  const head = getOrThrow(linearHead({ features: 1, classes: 3 }, [size, 0, -size / 2], [0, 0, 0]));
  const features = getOrThrow(matrix(4, 1, [1, -1, 1, -1]));
  return { head, data: getOrThrow(batch({ features, labels: [0, 0, 2, 1] })) };
}

const extremesCase: Case = {
  name: "extremes: margins up to 10,000, duplicated rows, zero weights, features of zeros, saturated activations",
  run: async (backend) => {
    for (const size of [1, 30, 100, 1e4]) {
      const { head, data } = far(size);
      await sameStep(backend, head, data, 0.1, {}, 1e-3, `margins of ${size}`);
    }
    const { head, data } = problem(6, 4, 3), row = Array.from(data.features.data.subarray(0, 4));
    const same = getOrThrow(
      batch({ features: getOrThrow(matrix(6, 4, Array(6).fill(row).flat())), labels: [0, 0, 0, 1, 1, 2] }),
    );
    await sameStep(backend, head, same, 0.01, {}, 1e-3, "duplicates");
    const weights = [0, 0, 1, 0, 2, 0];
    await sameStep(backend, head, { ...data, weights: Float32Array.from(weights) }, 0.1, {}, 1e-3, "zero weights");
    const zeros = getOrThrow(batch({ features: getOrThrow(matrix(3, 4, Array(12).fill(0))), labels: [0, 1, 2] }));
    await sameStep(
      backend,
      getOrThrow(linearHead({ features: 4, classes: 3 }, uniform(12, 3), null)),
      zeros,
      0.1,
      {},
      1e-3,
      "zeros",
    );
    for (const hidden of ["tanh", "relu"] as const) {
      const model = getOrThrow(mlp({ inputs: 4, hidden: [6], classes: 3, activation: hidden }));
      const wide = { ...data.features, data: data.features.data.map((v) => 300 * v) };
      await sameStep(backend, model, { ...data, features: wide }, relative(1), {}, 1e-3, `saturated ${hidden}`);
    }
  },
};

const trainingCase: Case = {
  name: "a training run reaches the loss of the CPU",
  long: true,
  run: async (backend) => {
    const spec = { inputs: 20, hidden: [24], classes: 4, seed: 5 }, model = getOrThrow(mlp(spec));
    const features = getOrThrow(matrix(200, 20, uniform(4000, 11)));
    const labels = Array.from({ length: 200 }, (_, i) => {
      const row = features.data.subarray(20 * i, 20 * i + 4);
      return row.indexOf(Math.max(...row));
    });
    const data = getOrThrow(batch({ features, labels }));
    let expected = { params: model, damping: levenbergMarquardt() as Damping };
    await lent(backend, model, data, async (start, held) => {
      let params = start, damping: Damping = levenbergMarquardt(), loss = Infinity, want = Infinity;
      for (let n = 0; n < 25; n++) {
        const step: ResidentStep = await done(backend.fgnStep(params, held, damping, { donate: n > 0 }));
        ({ params, damping } = step);
        loss = step.report.lossAfter ?? NaN;
        const on = getOrThrow(fgnStep(expected.params, data, expected.damping));
        expected = on;
        want = on.report.lossAfter ?? NaN;
      }
      below(want, 0.25, "loss on the CPU");
      close(loss, want, 1e-2, "loss");
      const { accuracy, top5, examples } = await done(backend.evaluate(params, held));
      below(0.95, accuracy, "accuracy");
      close(top5, 1, 1e-6, "top 5");
      close(examples, 200, 1e-9, "examples");
      backend.release(params);
    });
  },
};

const initialiseCase: Case = {
  name: "deep networks made by initialise",
  run: async (backend) => {
    const inner = residual([layerNorm(), dense(16), silu(), dense(16)]);
    const layers = [dense(16), gelu(), inner, inner, layerNorm(), dense(3)];
    await sameStep(backend, getOrThrow(initialise({ inputs: 6, layers })), examples(70, 6, 3, 3), relative(1));
  },
};

export const steps: readonly Case[] = [
  goldenCase,
  sizesCase,
  randomCase,
  initialiseCase,
  dampingCase,
  optionsCase,
  extremesCase,
  trainingCase,
];
