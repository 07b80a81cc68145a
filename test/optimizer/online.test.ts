// Learning from single examples, new classes included: purity, bytes, bad input, and a stream of real languages.

import { createHash } from "node:crypto";
import * as E from "fp-ts/lib/Either.js";
import { describe, expect, it } from "vitest";
import { online as learner, runStream } from "../../bench/online/learners.ts";
import { streamOf } from "../../bench/online/stream.ts";
import { loadUdhr } from "../../examples/data/udhr.ts";
import {
  adapt,
  type AdaptOptions,
  type Batch,
  batch,
  decodePlain,
  dense,
  embedding,
  encodePlain,
  evaluate,
  explain,
  fit,
  freeze,
  fromRows,
  getOrThrow,
  initialise,
  layerNorm,
  linearHead,
  logits,
  matrix,
  mlp,
  type Model,
  type Network,
  observe,
  online,
  type OnlineOptions,
  type OnlineState,
  randomHead,
  relu,
  residual,
  tanh,
  toJson,
  withAdapters,
  zeroHead,
} from "../../mod.ts";
import { PAIRS } from "../support/custom_models.ts";
import { flat, left, problem, relativeError, uniform } from "../support/reference.ts";

/** Rows of features. */
const rows = (count: number, columns: number, seed = 7) =>
  getOrThrow(matrix(count, columns, uniform(count * columns, seed)));

const sparseRows = () => getOrThrow(fromRows(6, [[[0, 1], [3, -2]], [[1, 0.5], [5, 1]], [[2, 2]]]));

/** Labelled features. */
const labelled = (features: Batch["features"], labels: number[]): Batch => getOrThrow(batch({ features, labels }));

/** A hidden layer and a head that reads it. */
const small = (): Network => getOrThrow(mlp({ inputs: 6, hidden: [8], classes: 4, activation: "tanh", seed: 3 }));

describe("observe()", () => {
  it("gives means and variances of each layer's inputs, however the rows are split", () => {
    const network = small(), known = rows(300, 6);
    const state = getOrThrow(observe(network, null, known));
    expect(state).toMatchObject({ steps: 0, examples: 300 });
    const first = network.layers[0];
    if (first?._tag !== "dense") throw new Error("no dense layer");
    const hidden = getOrThrow(logits({ ...network, outputs: 8, layers: network.layers.slice(0, 2) }, known));
    [known, hidden].forEach(({ cols, data }, l) => {
      for (let c = 0; c < cols; c++) {
        const column = Array.from({ length: 300 }, (_, i) => data[i * cols + c] as number);
        const mean = column.reduce((sum, v) => sum + v, 0) / 300;
        const variance = column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 300;
        expect(Math.abs((state.layers[l]?.mean[c] as number) - mean)).toBeLessThan(1e-6);
        expect(Math.abs((state.layers[l]?.variance[c] as number) - variance)).toBeLessThan(1e-6);
      }
    });
    const part = (from: number, to: number) => getOrThrow(matrix(to - from, 6, known.data.slice(6 * from, 6 * to)));
    const split = [part(0, 1), part(1, 100), part(100, 300)].reduce<OnlineState | null>(
      (seen, features) => getOrThrow(observe(network, seen, features)),
      null,
    );
    split?.layers.forEach(({ mean, variance }, l) => {
      expect(relativeError(mean, state.layers[l]?.mean ?? [])).toBeLessThan(1e-5);
      expect(relativeError(variance, state.layers[l]?.variance ?? [])).toBeLessThan(1e-5);
    });
  });

  it("sees nothing where there is no metric, and refuses what does not fit", () => {
    const sparse = getOrThrow(initialise({ inputs: 6, layers: [embedding(4)] }));
    expect(getOrThrow(observe(sparse, null, sparseRows()))).toEqual(online().init(sparse));
    expect(left(observe(small(), null, rows(2, 5)))).toMatchObject({ _tag: "FeatureMismatch" });
    const other = getOrThrow(observe(getOrThrow(zeroHead({ features: 6, classes: 3 })), null, rows(2, 6)));
    expect(left(observe(small(), other, rows(2, 6)))).toMatchObject({ _tag: "ShapeMismatch" });
    expect(left(observe(small(), null, rows(0, 6)))).toMatchObject({ _tag: "EmptyBatch" });
  });
});

describe("online()", () => {
  const { data } = problem(12, 6, 4), one = problem(1, 6, 4, { seed: 5 }).data;

  it("is right about a single example after one step, and knows more after it", () => {
    const known = getOrThrow(observe(small(), null, rows(50, 6)));
    for (const state of [online().init(small()), known]) {
      const before = getOrThrow(evaluate(small(), one)).loss;
      const done = getOrThrow(online().update(small(), state, one, { lossAfter: true }));
      expect(done.report.lossBefore).toBeCloseTo(before, 5);
      expect(done.report.lossAfter as number).toBeLessThan(0.5 * before);
      expect(done.state).toMatchObject({ steps: 1, examples: state.examples + 1 });
      expect(online().result(done.params, done.state)).toBe(done.params);
    }
  });

  it("moves a head's margin to where κ + ratio says, by the metric of the running moments", () => {
    // The definition says d = M⁻¹Jᵀa, in float64.
    const { head } = problem(1, 6, 4), state = getOrThrow(observe(head, null, rows(40, 6))), weight = 1 / 41;
    const { params, state: next } = getOrThrow(online({ ratio: 0.1 }).update(head, state, one));
    const x = Array.from(one.features.data), y = one.labels[0] as number, moments = state.layers[0];
    const mean = x.map((v, i) => (moments?.mean[i] as number) + weight * (v - (moments?.mean[i] as number)));
    const variance = x.map((v, i) => {
      const away = v - (moments?.mean[i] as number);
      return (1 - weight) * ((moments?.variance[i] as number) + weight * away * away);
    });
    expect(relativeError(next.layers[0]?.mean ?? [], mean)).toBeLessThan(1e-6);
    expect(relativeError(next.layers[0]?.variance ?? [], variance)).toBeLessThan(1e-6);
    const unit = variance.reduce((sum, v) => sum + v, 0) / 6;
    const c2 = variance.map((v) => 1 / (v / unit + 0.01));
    const beta = 0.1 * variance.reduce((sum, v, i) => sum + v * (c2[i] as number), 0);
    const f = Array.from(getOrThrow(logits(head, one.features)).data);
    const rest = f.reduce((sum, v, k) => k === y ? sum : sum + Math.exp(v), 0);
    const m = (f[y] as number) - Math.log(rest), s = 1 / (1 + Math.exp(m)), kappa = Math.tanh(m / 2) / (2 * m);
    const g = f.map((v, k) => k === y ? 1 : -Math.exp(v) / rest);
    const centred = x.map((v, i) => v - (mean[i] as number));
    const K = g.reduce((sum, v) => sum + v * v, 0) *
      (beta + centred.reduce((sum, v, i) => sum + v * v * (c2[i] as number), 0));
    const a = s / (kappa * K + 0.1 * K);
    const rowsOf = g.map((v) => centred.map((z, i) => a * v * z * (c2[i] as number)));
    const biases = g.map((v, k) =>
      a * beta * v - (rowsOf[k] ?? []).reduce((sum, w, i) => sum + w * (mean[i] as number), 0)
    );
    const before = flat(head), change = flat(params).map((v, i) => v - (before[i] as number));
    expect(relativeError(change, [...rowsOf.flat(), ...biases])).toBeLessThan(1e-5);
  });

  it("writes to none of its arguments; its state survives a clone and a file", () => {
    const optimizer = online(), params = small(), state = getOrThrow(observe(params, null, rows(9, 6)));
    const before = JSON.stringify([flat(params), state]);
    const first = getOrThrow(optimizer.update(params, state, data));
    const then = JSON.stringify([flat(first.params), first.state]);
    const second = getOrThrow(optimizer.update(first.params, first.state, one));
    expect(JSON.stringify([flat(params), state])).toBe(before);
    expect(JSON.stringify([flat(first.params), first.state])).toBe(then);
    const bytes = getOrThrow(encodePlain("online", 1, first.state));
    for (const again of [structuredClone(first.state), getOrThrow(decodePlain("online", 1, bytes)) as OnlineState]) {
      const cloned = getOrThrow(optimizer.update(first.params, again, one));
      expect(flat(cloned.params)).toEqual(flat(second.params));
      expect(cloned.state).toEqual(second.state);
    }
  });

  it("counts a weight as so many examples, and none for weight 0", () => {
    const twice = { ...one, weights: Float32Array.of(2) }, state = getOrThrow(observe(small(), null, rows(5, 6)));
    expect(getOrThrow(online().update(small(), state, twice)).state.examples).toBe(7);
    const none = { ...one, weights: Float32Array.of(0) };
    expect(left(online().update(small(), state, none))).toMatchObject({ _tag: "ZeroWeights" });
  });

  it("trains, from nothing and in batches, as an optimizer of train", async () => {
    const features = rows(60, 6),
      teacher = getOrThrow(logits(getOrThrow(randomHead({ features: 6, classes: 3 }, 4)), features));
    const labels = Array.from({ length: 60 }, (_, i) => {
      const row = Array.from(teacher.data.subarray(3 * i, 3 * i + 3));
      return row.indexOf(Math.max(...row));
    });
    const data = labelled(features, labels), head = getOrThrow(zeroHead({ features: 6, classes: 3 }));
    const trained = getOrThrow(await fit(head, data, { optimizer: online(), batchSize: 8, epochs: 3 })());
    expect(getOrThrow(evaluate(trained.params, data)).accuracy).toBeGreaterThan(0.85);
    expect(explain(online())).toContain("μ = 0.003 K̄");
  });

  it("steps without a metric where there is none: models of your own, sparse features, adapters, soft targets", () => {
    const deep = getOrThrow(initialise({ inputs: 6, layers: [embedding(5), tanh(), dense(4)], seed: 3 }));
    const targets = getOrThrow(matrix(3, 4, new Float32Array(12).fill(0.25)));
    const dense3 = labelled(rows(3, 6), [0, 1, 2]), sparse3 = labelled(sparseRows(), [0, 1, 2]);
    const cases: readonly (readonly [Model, Batch, number])[] = [
      ...PAIRS.map(([, , custom]) => [custom, labelled(rows(3, 5), [0, 1, 2]), 0] as const),
      [getOrThrow(initialise({ inputs: 6, layers: [embedding(4)], seed: 3 })), sparse3, 0],
      [deep, sparse3, 1],
      [small(), sparse3, 1],
      [getOrThrow(withAdapters(small(), { rank: 2 })), dense3, 0],
      [small(), { ...dense3, targets }, 0],
      [small(), dense3, 2],
    ];
    for (const [model, part, layers] of cases) {
      const first = getOrThrow(adapt(model, "forget", part));
      const second = getOrThrow(adapt(first.params, first.state, part));
      expect(second.state.layers.length).toBe(layers);
      expect(second.state.steps).toBe(2);
      if (part.targets === null) {
        expect(getOrThrow(evaluate(second.params, part)).loss).toBeLessThan(getOrThrow(evaluate(model, part)).loss);
      }
    }
    // Bold only where every weight that trains is centred.
    const flatOf = (model: Model, part: Batch, options?: AdaptOptions) =>
      flat(getOrThrow(adapt(model, "forget", part, options)).params);
    const frozen = getOrThrow(freeze(deep, [0]));
    expect(flatOf(deep, sparse3)).toEqual(flatOf(deep, sparse3, { ratio: 0.3 }));
    expect(flatOf(frozen, sparse3)).toEqual(flatOf(frozen, sparse3, { ratio: 0.003 }));
    for (const options of [{ l2: 0.1 }, { labelSmoothing: 0.1 }]) {
      expect(getOrThrow(online().update(small(), online().init(small()), dense3, options)).state.layers).toEqual([]);
    }
  });

  it("refuses micro-batches that the batch does not fit into, as robust() does", () => {
    const three = labelled(rows(3, 6), [0, 1, 2]), optimizer = online();
    for (const microBatch of [2, 0, 1.5]) {
      const error = left(optimizer.update(small(), optimizer.init(small()), three, { microBatch }));
      expect(error).toMatchObject({ _tag: "InvalidOption", option: "microBatch", value: microBatch });
    }
    getOrThrow(optimizer.update(small(), optimizer.init(small()), three, { microBatch: 3 }));
  });

  it("stays finite at extremes: equal rows, zeros, huge features, dead units, layers without biases", () => {
    const layers = [dense(8, { bias: false }), layerNorm(), relu(), residual([dense(8), tanh()]), dense(4)];
    const mixed = getOrThrow(initialise({ inputs: 6, layers, seed: 2 }));
    const row = uniform(6, 3), equal = Float32Array.of(...row, ...row, ...row);
    const x = (values: Float32Array): Batch => labelled(getOrThrow(matrix(3, 6, values)), [0, 1, 3]);
    const parts = [x(equal), x(new Float32Array(18)), x(uniform(18, 1).map((v) => 1e4 * v)), one];
    for (const model of [small(), mixed, getOrThrow(zeroHead({ features: 6, classes: 4 }))]) {
      for (const first of parts) {
        let params = model, state = online().init(model);
        for (const part of [first, ...parts]) ({ params, state } = getOrThrow(online().update(params, state, part)));
        expect(flat(params).every(Number.isFinite)).toBe(true);
      }
    }
  });

  it("refuses bad options and a state of another network", () => {
    const update = (options: OnlineOptions, state = online().init(small())) =>
      left(online(options).update(small(), state, data));
    for (const ratio of [0, -1, NaN, Infinity]) expect(update({ ratio })).toMatchObject({ option: "ratio" });
    const other = getOrThrow(observe(getOrThrow(zeroHead({ features: 6, classes: 3 })), null, rows(2, 6)));
    expect(update({}, other)).toMatchObject({ _tag: "ShapeMismatch" });
    const longer = getOrThrow(observe(getOrThrow(mlp({ inputs: 6, hidden: [9], classes: 4 })), null, rows(2, 6)));
    expect(update({}, longer)).toMatchObject({ _tag: "ShapeMismatch", what: "the state's layers[1].mean" });
  });

  it("refuses a model and a state that types rule out", () => {
    const state = online().init(small());
    const update = (model: unknown, before: unknown) =>
      left(online().update(model as Network, before as OnlineState, data));
    for (const model of [null, {}, E.right(small())]) expect(update(model, state)).toMatchObject({ what: "the model" });
    for (const before of [null, 1, {}, E.right(state)]) {
      expect(update(small(), before)).toMatchObject({ _tag: "WrongKind", what: "the state" });
    }
    for (const [layers, what] of [[[null, null], "the state's layers"], [[{}, {}], "the state's layers[0].mean"]]) {
      expect(update(small(), { ...state, layers })).toMatchObject({ _tag: "WrongKind", what });
    }
  });
});

/** Hash of the stream below; what Node, Deno and Bun must all print. */
const EXPECTED = "8b39ca866da10a37f25af8c7ad70979b827d309bc7789d05f7d5cace501dd590";

describe("adapt()", () => {
  it("gives the same bytes in every runtime, growing from 2 classes to 9", () => {
    const features = rows(120, 6, 11);
    let params = getOrThrow(mlp({ inputs: 6, hidden: [8], classes: 2, seed: 3 })),
      state: OnlineState | "forget" = "forget";
    for (let i = 0; i < 120; i++) {
      const part = labelled(getOrThrow(matrix(1, 6, features.data.slice(6 * i, 6 * i + 6))), [i % Math.min(9, 2 + i)]);
      ({ params, state } = getOrThrow(adapt(params, state, part)));
    }
    expect(params.outputs).toBe(9);
    expect(createHash("sha256").update(Float32Array.from(flat(params))).digest("hex")).toBe(EXPECTED);
  });

  it("grows by labels and by targets beyond the classes, and writes to nothing", () => {
    const params = small(), before = JSON.stringify(toJson(params));
    const { params: grown, state } = getOrThrow(adapt(params, "forget", labelled(rows(2, 6), [9, 5])));
    expect(grown.outputs).toBe(10);
    expect(JSON.stringify(toJson(params))).toBe(before);
    expect(getOrThrow(adapt(grown, state, labelled(rows(2, 6), [0, 1]))).params.outputs).toBe(10);
    const targets = getOrThrow(matrix(1, 12, Float32Array.from({ length: 12 }, (_, c) => c === 11 ? 1 : 0)));
    const soft = getOrThrow(batch({ features: rows(1, 6), targets }));
    expect(getOrThrow(adapt(grown, state, soft)).params.outputs).toBe(12);
  });

  it("refuses labels beyond the most classes, models that cannot grow, and bad limits", () => {
    const far = labelled(rows(2, 6), [1, 4_000_000_000]);
    const refused = (options?: AdaptOptions, part = far, model: Model = small()) =>
      left(adapt(model, "forget", part, options));
    expect(refused()).toMatchObject({ _tag: "LabelOutOfRange", index: 1, label: 4_000_000_000, classes: 65_536 });
    expect(refused({ maxClasses: 5 }, labelled(rows(1, 6), [5]))).toMatchObject({ classes: 5, label: 5 });
    expect(refused({ maxClasses: 2 }, labelled(rows(1, 6), [4]))).toMatchObject({ classes: 4, label: 4 });
    expect(getOrThrow(adapt(small(), "forget", labelled(rows(1, 6), [3]), { maxClasses: 2 })).params.outputs).toBe(4);
    expect(getOrThrow(adapt(small(), "forget", labelled(rows(1, 6), [4]), { maxClasses: 5 })).params.outputs).toBe(5);
    for (const maxClasses of [1, 2.5, NaN, Infinity]) {
      expect(refused({ maxClasses })).toMatchObject({ option: "maxClasses" });
    }
    for (const ratio of [0, NaN]) {
      expect(refused({ ratio }, labelled(rows(1, 6), [1]))).toMatchObject({ option: "ratio" });
    }
    const custom = PAIRS[0]?.[2] as Model;
    expect(refused({}, labelled(rows(1, 5), [3]), custom)).toMatchObject({ _tag: "LabelOutOfRange", classes: 3 });
    const ends = getOrThrow(initialise({ inputs: 6, layers: [dense(4), tanh()] }));
    expect(refused({}, labelled(rows(1, 6), [4]), ends)).toMatchObject({ _tag: "InvalidLayer" });
    const soft = { ...labelled(rows(1, 6), [1]), targets: getOrThrow(matrix(1, 3, [0, 1, 0])) };
    expect(refused({}, soft)).toMatchObject({ _tag: "ShapeMismatch" });
  });

  it("loses nothing by bad input: the same parameters and state go on", () => {
    const head = getOrThrow(linearHead({ features: 6, classes: 3 }, uniform(18, 1), [0, 0, 0]));
    const good = labelled(rows(1, 6), [3]);
    const { params, state } = getOrThrow(adapt(head, "forget", good));
    const kept = JSON.stringify([toJson(params), state]);
    const bad: readonly Batch[] = [
      labelled(rows(1, 5), [0]),
      { ...good, labels: Uint32Array.of(1, 2) },
      { ...good, features: { rows: 1, cols: 6, data: new Float32Array(6).fill(NaN) } },
      { ...good, features: { rows: 1, cols: 6, data: new Float32Array(6).fill(3e38) } },
      { ...good, weights: Float32Array.of(0) },
    ];
    for (const part of bad) left(adapt(params, state, part));
    expect(JSON.stringify([toJson(params), state])).toBe(kept);
    const again = getOrThrow(adapt(params, state, good));
    expect(flat(again.params)).toEqual(flat(getOrThrow(adapt(params, structuredClone(state), good)).params));
  });

  it("learns languages from one text each and keeps the others", async () => {
    const stream = streamOf(loadUdhr(1, 100), { classes: 100, known: 75, rounds: 2, seed: 1 });
    const start = getOrThrow(zeroHead({ features: 1024, classes: 75 }));
    const { params } = getOrThrow(await fit(start, stream.train, { epochs: 3, seed: 1 })());
    const { accuracies: [once, twice] } = runStream(params, stream, learner(), 1, [1, 2]);
    expect(once?.new).toBeGreaterThan(0.5);
    expect(once?.old).toBeGreaterThan(0.88);
    expect(twice?.new).toBeGreaterThan(once?.new as number);
  }, 60_000);
});
