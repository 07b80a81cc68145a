// Steps on sparse features against the same ones filled in: dense layers, embeddings, adapters, training.
//
// Tolerances (relative): 1e-5 on logits, gradients and steps, sums of the same products in another order, in float32;
// 1e-4 after 24 steps of training, through which those roundings travel. What the sparse form must not touch or
// change is compared exactly.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  dense,
  type Embedding,
  embedding,
  evaluate,
  type Features,
  fgn,
  fgnStep,
  getOrThrow,
  ggnStep,
  initialise,
  jvp,
  layerNorm,
  levenbergMarquardt,
  logits,
  lossAndGradient,
  type Matrix,
  matrix,
  type Network,
  network,
  parameterCount,
  parameters,
  relative,
  residual,
  rowSystem,
  sparse,
  type SparseMatrix,
  tanh,
  train,
  vjp,
  withAdapters,
  withParameters,
} from "../../mod.ts";
import { featureRows } from "../support/network_reference.ts";
import { randomFeatures } from "../support/random_network.ts";
import { difference, flat, layerOf, left, relativeError, uniform } from "../support/reference.ts";

const filled = (x: Features): Matrix => {
  return getOrThrow(matrix(x.rows, x.cols, featureRows(x).flatMap((row) => Array.from(row))));
};

/** Sparse features with about 40% of the entries, among them rows without any, and columns without any. */
function sparseFeatures(rows: number, cols: number, seed: number): SparseMatrix {
  const x = randomFeatures(rows, cols, true, (count, variance) => uniform(count, seed++).map((v) => v * variance * 3));
  if (!("offsets" in x)) throw new Error("not sparse");
  return x;
}

function examples(rows: number, cols: number, classes: number, seed: number): { thin: Batch; full: Batch } {
  const x = sparseFeatures(rows, cols, seed);
  const labels = uniform(rows, seed + 9).map((v) => Math.floor((v + 1) / 2 * classes));
  return { thin: getOrThrow(batch({ features: x, labels })), full: getOrThrow(batch({ features: filled(x), labels })) };
}

/** The network with its embedding as a dense layer. */
function asDense(model: Network): Network {
  const [first, ...rest] = model.layers as [Embedding, ...Network["layers"]];
  const { rows, cols, data } = first.weight;
  const turned = Float32Array.from(
    { length: rows * cols },
    (_, n) => data[(n % rows) * cols + Math.floor(n / rows)] as number,
  );
  return getOrThrow(network(model.inputs, [
    { ...first, _tag: "dense", weight: { rows: cols, cols: rows, data: turned } },
    ...rest,
  ]));
}

/** Numbers in the order of a network with an embedding, put in that of its dense form. */
function reordered(model: Network, values: ArrayLike<number>): ArrayLike<number> {
  const [first] = model.layers;
  if (first?._tag !== "embedding" || first.frozen) return values;
  const { rows, cols } = first.weight, all = Array.from(values);
  const turned = all.slice(0, rows * cols).map((_, n) => all[(n % rows) * cols + Math.floor(n / rows)] as number);
  return [...turned, ...all.slice(rows * cols)];
}

/** Networks over sparse features, and the same over dense ones. */
function pair(kind: string, inputs: number, bias: boolean, frozen: boolean, seed: number): [Network, Network] {
  const rest = [tanh(), residual([layerNorm(), dense(5)]), dense(4)];
  const first = (kind === "embedding" ? embedding : dense)(5, { bias, frozen });
  const drawn = (model: Network): Network => {
    return getOrThrow(withParameters(model, uniform(parameterCount(model), seed)));
  };
  if (kind === "linear head") {
    const model = drawn(getOrThrow(initialise({ inputs, layers: [dense(4, { bias })], seed })));
    return [model, model];
  }
  const base = getOrThrow(initialise({ inputs, layers: [first, ...rest], seed }));
  if (kind === "adapter") {
    const model = drawn(getOrThrow(withAdapters(base, { rank: 2, layers: [0] })));
    return [model, model];
  }
  const model = drawn(base);
  return [model, kind === "embedding" ? asDense(model) : model];
}

const draws = fc.record({
  kind: fc.constantFrom("linear head", "dense", "embedding", "adapter"),
  bias: fc.boolean(),
  frozen: fc.boolean(),
  rows: fc.integer({ min: 1, max: 20 }),
  inputs: fc.integer({ min: 1, max: 12 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
});
const RUNS = { numRuns: 60, seed: 6 };

/** ‖a − b‖ within 1e-5 of ‖b‖, beside the rounding of parameters of the given size. */
function close(a: ArrayLike<number>, b: ArrayLike<number>, size = 0): void {
  const error = Math.hypot(...Array.from(b, (v, i) => (a[i] as number) - v));
  expect(error).toBeLessThanOrEqual(1e-5 * Math.hypot(...Array.from(b)) + 2 ** -23 * size);
}

describe("sparse features", () => {
  it("give the logits, derivatives and row system of the same dense ones", () => {
    fc.assert(
      fc.property(draws, ({ kind, bias, frozen, rows, inputs, seed }) => {
        const [model, same] = pair(kind, inputs, bias, frozen, seed), { thin, full } = examples(rows, inputs, 4, seed);
        close(getOrThrow(logits(model, thin.features)).data, getOrThrow(logits(same, full.features)).data);
        const a = getOrThrow(lossAndGradient(model, thin)), b = getOrThrow(lossAndGradient(same, full));
        expect(Math.abs(a.loss - b.loss)).toBeLessThan(1e-6 * (1 + b.loss));
        const scale = Math.max(...getOrThrow(rowSystem(same, full)).gram.map(Math.abs));
        close(reordered(model, a.gradient), b.gradient, Math.sqrt(scale));
        close(getOrThrow(rowSystem(model, thin)).gram, getOrThrow(rowSystem(same, full)).gram);
        const v = uniform(parameterCount(model), seed + 1),
          c = getOrThrow(matrix(rows, 4, uniform(rows * 4, seed + 2)));
        const turned = Float32Array.from(reordered(model, v));
        close(getOrThrow(jvp(model, thin.features, v)).data, getOrThrow(jvp(same, full.features, turned)).data);
        close(reordered(model, getOrThrow(vjp(model, thin.features, c))), getOrThrow(vjp(same, full.features, c)));
        expect(Math.abs(getOrThrow(evaluate(model, thin)).loss - b.loss)).toBeLessThan(1e-6 * (1 + b.loss));
      }),
      RUNS,
    );
  });

  it("give the steps of the same dense ones, by every system and method", () => {
    fc.assert(
      fc.property(draws, ({ kind, bias, frozen, rows, inputs, seed }) => {
        const [model, same] = pair(kind, inputs, bias, frozen, seed), { thin, full } = examples(rows, inputs, 4, seed);
        const free = { system: "matrixFree", tolerance: 1e-8 } as const;
        const runs = [
          (m: Network, d: Batch) => getOrThrow(fgnStep(m, d, relative(1))),
          (m: Network, d: Batch) => getOrThrow(fgnStep(m, d, relative(1), free)),
          (m: Network, d: Batch) => getOrThrow(fgnStep(m, d, relative(1), { l2: 0.1, labelSmoothing: 0.1 })),
          (m: Network, d: Batch) => getOrThrow(fgnStep(m, d, relative(1), { refine: 2 })),
          (m: Network, d: Batch) => getOrThrow(fgnStep(m, d, levenbergMarquardt())),
          (m: Network, d: Batch) => getOrThrow(ggnStep(m, d, relative(1), { tolerance: 1e-6 })),
        ];
        for (const run of runs) {
          const a = run(model, thin), b = run(same, full);
          const error = relativeError(reordered(model, difference(a.params, model)), difference(b.params, same));
          const size = Math.hypot(...difference(b.params, same));
          expect(error * size).toBeLessThanOrEqual(1e-4 * size + 2 ** -23 * Math.hypot(...flat(same)));
          expect(a.report.system).toBe(b.report.system);
          expect(Math.abs((a.report.lossAfter as number) - (b.report.lossAfter as number))).toBeLessThan(1e-5);
        }
      }),
      RUNS,
    );
  });

  it("move the weights of the features that occur, and no others, by not a bit", () => {
    const x = getOrThrow(sparse(4, 6, [0, 2, 2, 3, 4], [0, 3, 5, 0], [1, 2, -1, 0.5])); // row 1 and columns 1, 2, 4 empty
    const data = getOrThrow(batch({ features: x, labels: [0, 1, 2, 3] }));
    const head = getOrThrow(initialise({ inputs: 6, layers: [dense(4)], seed: 3 }));
    const [before, after] = [head, getOrThrow(fgnStep(head, data, 0.1)).params].map((m) => layerOf(m).weight.data);
    const table = getOrThrow(initialise({ inputs: 6, layers: [embedding(4)], seed: 3 }));
    const old = parameters(table), moved = parameters(getOrThrow(fgnStep(table, data, 0.1)).params);
    for (let feature = 0; feature < 6; feature++) {
      for (let c = 0; c < 4; c++) {
        const occurs = [0, 3, 5].includes(feature);
        expect(after?.[c * 6 + feature] === before?.[c * 6 + feature]).toBe(!occurs);
        expect(moved[feature * 4 + c] === old[feature * 4 + c]).toBe(!occurs);
      }
    }
  });

  it("may have rows without entries, or none at all: the biases alone move", () => {
    const empty = getOrThrow(sparse(3, 5, [0, 0, 0, 0], [], []));
    const zeros = getOrThrow(batch({ features: getOrThrow(matrix(3, 5, new Float32Array(15))), labels: [0, 1, 1] }));
    const data = getOrThrow(batch({ features: empty, labels: [0, 1, 1] }));
    for (const options of [{}, { system: "matrixFree" }, { l2: 0.1 }, { refine: 2 }] as const) {
      const head = getOrThrow(initialise({ inputs: 5, layers: [dense(3)], seed: 1 }));
      const step = getOrThrow(fgnStep(head, data, 0.1, options)), same = getOrThrow(fgnStep(head, zeros, 0.1, options));
      close(flat(step.params), flat(same.params));
      const bare = getOrThrow(
        initialise({ inputs: 5, layers: [embedding(4, { bias: false }), tanh(), dense(3)], seed: 1 }),
      );
      expect(getOrThrow(fgnStep(bare, data, 0.1, options)).report.accepted).toBe(true);
      const still = getOrThrow(initialise({ inputs: 5, layers: [dense(3, { bias: false })], seed: 1 }));
      if (!("l2" in options)) expect(flat(getOrThrow(fgnStep(still, data, 0.1, options)).params)).toEqual(flat(still));
    }
  });

  it("train in place as the same dense ones do, and leave model and data alone", async () => {
    for (const kind of ["linear head", "dense", "embedding", "adapter"]) {
      const [model, same] = pair(kind, 12, true, false, 5), { thin, full } = examples(60, 12, 4, 5);
      const before = JSON.stringify([flat(model), [...thin.features.data], [...thin.labels]]);
      const ends: ArrayLike<number>[] = [];
      for (const [start, data] of [[model, thin], [same, full], [model, thin]] as const) {
        let last = start;
        const options = { epochs: 6, batchSize: 16, seed: 2, validation: data, standardise: false, optimizer: fgn() };
        for await (const record of train(start, data, options)) {
          const seen = getOrThrow(record);
          if (seen._tag === "epoch") last = seen.params;
        }
        ends.push(data === thin ? reordered(model, flat(last)) : flat(last));
      }
      expect(relativeError(ends[0] as number[], ends[1] as number[])).toBeLessThan(1e-4);
      expect(ends[2]).toEqual(ends[0]);
      expect(JSON.stringify([flat(model), [...thin.features.data], [...thin.labels]])).toBe(before);
    }
  });

  it("need a first layer that takes them, and an embedding takes nothing else: InvalidLayer", () => {
    const { thin, full } = examples(6, 5, 4, 1);
    const refuse = (layers: Parameters<typeof initialise>[0]["layers"], data: Batch): void => {
      const model = getOrThrow(initialise({ inputs: 5, layers }));
      const error = { _tag: "InvalidLayer", layer: "layers[0]" };
      for (
        const result of [
          fgnStep(model, data),
          ggnStep(model, data),
          lossAndGradient(model, data),
          evaluate(model, data),
          logits(model, data.features),
          rowSystem(model, data),
          fgnStep(model, data, 1, { system: "matrixFree" }),
        ]
      ) expect(left(result)).toMatchObject(error);
    };
    refuse([embedding(4)], full);
    refuse([residual([dense(5)]), dense(4)], thin);
    refuse([layerNorm(), dense(4)], thin);
    refuse([tanh(), dense(4)], thin);
  });
});
