// Features standardised while training: which models, from where they start, what comes back, and checkpoints of it.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  columnScales,
  dense,
  embedding,
  evaluate,
  fgn,
  fit,
  foldScales,
  freeze,
  fromRows,
  getOrThrow,
  initialise,
  type Layer,
  layerNorm,
  type Matrix,
  matrix,
  memoryStore,
  mlp,
  type Model,
  type Network,
  network as networkOf,
  randomHead,
  readCheckpoint,
  relu,
  residual,
  robust,
  standardise,
  train,
  unfoldScales,
  withAdapters,
  withParameters,
  zeroHead,
} from "../../mod.ts";
import { denseMoments } from "../../src/data/column_moments.ts";
import { picker } from "../../src/data/select.ts";
import { isNew } from "../../src/network/fold.ts";
import { LAYERS } from "../../src/network/layer.ts";
import { scalesFor, startModel } from "../../src/train/standardise.ts";
import { PAIRS } from "../support/custom_models.ts";
import { flat, problem, relativeError, uniform } from "../support/reference.ts";
import { collect, digest, doneOf, dropAt, errorOf, network, noisy } from "../support/training.ts";

/** 240 rows of three classes that lie apart, in columns of any scale and offset. */
function clouds(scale: readonly number[] = [1, 1, 1, 1], shift: readonly number[] = [0, 0, 0, 0], seed = 3): Batch {
  const rows = 240, labels = Array.from({ length: rows }, (_, i) => i % 3), noise = uniform(rows * 4, seed);
  const value = (i: number, j: number): number => (j === i % 3 ? 1.6 : 0) + 1.5 * (noise[i * 4 + j] as number);
  const features = labels.map((_, i) => scale.map((s, j) => s * value(i, j) + (shift[j] as number)));
  return getOrThrow(batch({ features: getOrThrow(matrix(features)), labels }));
}

const small = (seed = 1): Network => getOrThrow(mlp({ inputs: 4, hidden: [12], classes: 3, seed }));
const SCALES = [1e4, 1, 1e-3, 1], SHIFTS = [0, 1000, 0, -50];
const OPTIONS = { epochs: 6, batchSize: 32 };

describe("standardised training", () => {
  it("trains and evaluates on raw features as on standardised ones by hand", async () => {
    const raw = clouds(SCALES, SHIFTS), other = clouds(SCALES, SHIFTS, 8);
    const scales = getOrThrow(columnScales(raw)), byHand = { ...OPTIONS, standardise: false };
    for (const model of [small(), getOrThrow(zeroHead({ features: 4, classes: 3 }))]) {
      const inputs = getOrThrow(standardise(raw, scales)), others = getOrThrow(standardise(other, scales));
      const one = getOrThrow(await fit(model, raw, { ...OPTIONS, validation: other })());
      const two = getOrThrow(await fit(model, inputs, { ...byHand, validation: others })());
      expect(flat(one.params)).toEqual(flat(getOrThrow(foldScales(two.params, scales))));
      // Raw columns of 1,000 ± 1 leave float32 logits 1e-4.
      expect(Math.abs((one.evaluation?.loss as number) / (two.evaluation?.loss as number) - 1)).toBeLessThan(1e-3);
      expect(one.evaluation).toEqual(getOrThrow(evaluate(one.params, other)));
      expect(one.evaluation?.accuracy).toBeGreaterThan(0.7);
    }
  });

  it("goes on from a trained network where it was", async () => {
    const data = clouds(SCALES, SHIFTS), first = getOrThrow(await fit(small(), data, { ...OPTIONS, epochs: 20 })());
    const before = getOrThrow(evaluate(first.params, data));
    for (const further of [data, clouds(SCALES.map((s) => 3 * s), SHIFTS.map((s) => 3 * s + 1))]) {
      const raw = further === data ? before : getOrThrow(evaluate(first.params, further));
      const scales = getOrThrow(columnScales(further));
      const start = startModel(first.params, scales), inputs = getOrThrow(standardise(further, scales));
      expect(getOrThrow(evaluate(start, inputs)).loss / raw.loss).toBeCloseTo(1, 2);
    }
    // As by hand: the same steps from the same function, but for the rounding of its parameters.
    const scales = getOrThrow(columnScales(data)), inputs = getOrThrow(standardise(data, scales));
    const again = getOrThrow(await fit(first.params, data, { ...OPTIONS, epochs: 1 })());
    const start = getOrThrow(unfoldScales(first.params, scales));
    const byHand = getOrThrow(await fit(start, inputs, { ...OPTIONS, epochs: 1, standardise: false })());
    expect(flat(again.params)).toEqual(flat(getOrThrow(foldScales(byHand.params, scales))));
  });

  it("leaves what it was given alone, and gives back arrays of its own", async () => {
    const data = clouds(SCALES, SHIFTS), trained = getOrThrow(await fit(small(), data, OPTIONS)());
    for (const model of [small(), trained.params]) {
      const before = [digest(model), JSON.stringify([...data.features.data])];
      const { params } = getOrThrow(await fit(model, data, OPTIONS)());
      expect([digest(model), JSON.stringify([...data.features.data])]).toEqual(before);
      const buffers = new Set(
        (params as Network).layers.flatMap((layer) => "weight" in layer ? [layer.weight.data] : []),
      );
      for (const layer of model.layers) if ("weight" in layer) expect(buffers.has(layer.weight.data)).toBe(false);
    }
  });

  it("gives back the parameters given where no step was taken", async () => {
    const options = { signal: AbortSignal.abort() }, model = small();
    expect(flat(doneOf(await collect(train(model, clouds(SCALES, SHIFTS), options))).params)).toEqual(flat(model));
  });

  it("learns classes from columns that do not vary, whatever they hold", async () => {
    const labels = Array.from({ length: 60 }, (_, i) => i % 4 === 0 ? 1 : 0);
    for (const value of [0, 7, 3e38, -1e-40]) {
      const features = getOrThrow(matrix(60, 2, new Float32Array(120).fill(value)));
      const data = getOrThrow(batch({ features, labels }));
      const { params } = getOrThrow(await fit(getOrThrow(zeroHead({ features: 2, classes: 2 })), data, OPTIONS)());
      expect(getOrThrow(evaluate(params, data)).accuracy).toBe(0.75);
    }
  });

  it("takes part in the values of every record: best, epochs and the end", async () => {
    const data = clouds(SCALES, SHIFTS), options = { ...OPTIONS, validation: 0.25, earlyStopping: { patience: 1 } };
    const seen = await collect(train(small(), data, options)), end = doneOf(seen);
    const best = seen.find((record) => record._tag === "epoch" && record.epoch === end.epoch);
    expect(best !== undefined && "params" in best && digest(best.params)).toBe(digest(end.params));
    const plain = await collect(train(small(), data, { ...options, standardise: false }));
    expect(digest(doneOf(plain).params)).not.toBe(digest(end.params));
  });
});

describe("weights of the examples", () => {
  const data = clouds(SCALES, SHIFTS), { rows } = data.features;
  const weighted = (weights: number[]): Batch => ({ ...data, weights: Float32Array.from(weights) });
  const picked = (order: number[]): Batch =>
    getOrThrow(batch({
      features: getOrThrow(matrix(order.map((i) => [...data.features.data.subarray(4 * i, 4 * i + 4)]))),
      labels: order.map((i) => data.labels[i] as number),
    }));

  it("count an example as often as they say, and not at all at 0", () => {
    const times = Array.from({ length: rows }, (_, i) => i % 3);
    const one = getOrThrow(columnScales(weighted(times)));
    const two = getOrThrow(columnScales(picked(times.flatMap((n, i) => new Array<number>(n).fill(i)))));
    expect(relativeError(one.mean as Float64Array, [...two.mean as Float64Array])).toBeLessThan(1e-12);
    expect(relativeError(one.size, [...two.size])).toBeLessThan(1e-12);
    // A value in a row without weight, however large, changes nothing.
    const wild = Float32Array.from(data.features.data);
    wild[1] = 1e30;
    expect(getOrThrow(columnScales({ ...weighted(times), features: { rows, cols: 4, data: wild } }))).toEqual(one);
  });

  it("are those of the classes, too", async () => {
    const classWeights = [0, 1, 2], weights = [...data.labels].map((y) => classWeights[y] as number);
    const counts = getOrThrow(scalesFor(small(), data.features, weights, Infinity));
    const trained = getOrThrow(await fit(small(), data, { ...OPTIONS, classWeights })());
    const scales = getOrThrow(columnScales(weighted(weights)));
    expect({ ...scales, limit: null }).toEqual(counts);
    const byHand = { ...OPTIONS, classWeights, standardise: false };
    const { params } = getOrThrow(await fit(small(), getOrThrow(standardise(data, scales)), byHand)());
    expect(relativeError(flat(trained.params), flat(getOrThrow(foldScales(params, scales))))).toBeLessThan(1e-3);
  });
});

describe("first layers", () => {
  const { data } = problem(40, 6, 4),
    sparse = getOrThrow(fromRows(
      6,
      Array.from({ length: 40 }, (_, i) => [[i % 6, i % 6 === 2 ? 1000 + i : 1 + i % 3], [(i + 1) % 6, 0.5]] as const)
        .map((row) => row.filter(([column], k) => k === 0 || column !== 2)),
    ));
  const start = (...layers: Parameters<typeof initialise>[0]["layers"]): Network =>
    getOrThrow(initialise({ inputs: 6, layers, seed: 2 }));
  const scalesOn = (model: Model, features: Batch["features"] = data.features) =>
    getOrThrow(scalesFor(model, features, null, Infinity));

  it("are decided kind by kind", () => {
    expect(Object.entries(LAYERS).filter(([, { affine }]) => affine).map(([tag]) => tag)).toEqual([
      "dense",
      "embedding",
    ]);
    expect(scalesOn(start(dense(5), relu(), dense(4)))?.mean).toHaveLength(6);
    // Without biases there is nothing to take in means.
    expect(scalesOn(start(dense(5, { bias: false }), relu(), dense(4)))?.mean).toBeNull();
    const model = start(dense(5), relu(), dense(4));
    const kept: readonly Model[] = [
      start(dense(5, { frozen: true }), relu(), dense(4)),
      start(relu(), dense(4)),
      start(layerNorm(), dense(4)),
      start(residual([dense(6)]), dense(4)),
      getOrThrow(withAdapters(model, { rank: 2, layers: [0] })),
      getOrThrow(freeze(model, [0])),
    ];
    for (const one of kept) expect(scalesOn(one)).toBeNull();
    const [, , custom] = PAIRS[1] as (typeof PAIRS)[number];
    expect(scalesOn(custom)).toBeNull();
  });

  it("that see features as they are train as without the option", async () => {
    const models: readonly Network[] = [
      start(layerNorm(), dense(4)),
      start(dense(5, { frozen: true }), relu(), dense(4)),
      getOrThrow(withAdapters(start(dense(5), relu(), dense(4)), { rank: 2, layers: [0] })),
    ];
    for (const model of models) {
      const run = (standardise: boolean) => fit(model, data, { epochs: 2, standardise })();
      expect(flat(getOrThrow(await run(true)).params)).toEqual(flat(getOrThrow(await run(false)).params));
    }
  });

  it("of sparse features are scaled where a column lies far from the median, and not centred", async () => {
    const scales = scalesOn(start(embedding(5), relu(), dense(4)), sparse);
    expect(scales?.mean).toBeNull();
    expect([...scales?.size ?? []].map((size) => size > 1)).toEqual([false, false, true, false, false, false]);
    const labels = Array.from({ length: 40 }, (_, i) => i % 4),
      examples = getOrThrow(batch({ features: sparse, labels }));
    for (const model of [start(embedding(5), relu(), dense(4)), start(dense(5), relu(), dense(4))]) {
      const one = getOrThrow(await fit(model, examples, OPTIONS)());
      const own = getOrThrow(columnScales(examples)), inputs = getOrThrow(standardise(examples, own));
      const two = getOrThrow(await fit(model, inputs, { ...OPTIONS, standardise: false })());
      expect(flat(one.params)).toEqual(flat(getOrThrow(foldScales(two.params, own))));
    }
  });

  it("count as new while they are as constructors make them", () => {
    const news: readonly Network[] = [
      ...[0, 1, 2, 3].map(small),
      getOrThrow(zeroHead({ features: 6, classes: 4 })),
      getOrThrow(zeroHead({ features: 6, classes: 4, bias: false })),
      getOrThrow(randomHead({ features: 6, classes: 4 }, 3)),
      getOrThrow(mlp({ inputs: 6, hidden: [9], classes: 4, activation: "tanh", bias: false })),
      getOrThrow(mlp({ inputs: 60, hidden: [9], classes: 4, bias: false })),
      start(dense(9, { initial: "he" }), relu(), dense(4)),
      start(dense(9, { initial: "glorot", bias: false }), relu(), dense(4)),
      start(embedding(9), layerNorm(), relu(), dense(4)),
      start(embedding(9, { bias: false }), relu(), dense(4)),
    ];
    expect(news.map(isNew)).toEqual(news.map(() => true));
  });

  it("count as trained with biases, with weights that no constructor draws, and after training", async () => {
    const values = flat(small());
    const biased = getOrThrow(withParameters(small(), values.map((value, i) => i === 48 ? 0.1 : value)));
    const drawn = getOrThrow(withParameters(small(), values.map((value, i) => i < 48 ? 3 * value : value)));
    const bare = getOrThrow(mlp({ inputs: 4, hidden: [12], classes: 3, bias: false }));
    const trained = [small(), bare].map(async (model) => getOrThrow(await fit(model, clouds(), OPTIONS)()).params);
    const stepped = getOrThrow(fgn().update(small(), fgn().init(small()), clouds())).params;
    for (const model of [biased, drawn, stepped, ...await Promise.all(trained)]) expect(isNew(model)).toBe(false);
  });
});

describe("folding", () => {
  const raw = clouds(SCALES, SHIFTS), scales = getOrThrow(columnScales(raw));

  it("and unfolding give the same logits, and each other's start", () => {
    for (const model of [small(), getOrThrow(randomHead({ features: 4, classes: 3 }, 2))]) {
      const folded = getOrThrow(foldScales(model, scales)), inputs = getOrThrow(standardise(raw, scales));
      expect(getOrThrow(evaluate(folded, raw)).loss).toBeCloseTo(getOrThrow(evaluate(model, inputs)).loss, 3);
      expect(relativeError(flat(getOrThrow(unfoldScales(folded, scales))), flat(model))).toBeLessThan(1e-4);
    }
  });

  it("refuses first layers that cannot, and scales of other columns", () => {
    const normal = getOrThrow(initialise({ inputs: 4, layers: [layerNorm(), dense(3)] }));
    const bare = getOrThrow(zeroHead({ features: 4, classes: 3, bias: false }));
    for (const change of [foldScales, unfoldScales]) {
      expect(change(normal, scales)).toMatchObject({ left: { _tag: "InvalidLayer", layer: "layers[0]" } });
      expect(change(bare, scales)).toMatchObject({ left: { _tag: "InvalidLayer", layer: "layers[0]" } });
      expect(change(network(), scales)).toMatchObject({ left: { _tag: "ShapeMismatch" } });
      expect(change(small(), {} as never)).toMatchObject({ left: { _tag: "WrongKind", what: "the scales" } });
      expect(change(bare, getOrThrow(columnScales(raw, { centre: false })))._tag).toBe("Right");
    }
    const thin = getOrThrow(batch({ features: getOrThrow(fromRows(4, [[[0, 1]], [[1, 2]]])), labels: [0, 1] }));
    expect(standardise(thin, scales)).toMatchObject({ left: { _tag: "WrongKind", what: "the scales" } });
  });

  it("starts training from initial weights of one's own", () => {
    const own = flat(small()).map((value, i) => i < 48 ? 2.5 * value : value);
    const layers = getOrThrow(withParameters(small(), own)).layers as Layer[];
    const model = getOrThrow(networkOf(4, layers)), folded = getOrThrow(foldScales(model, scales));
    expect(relativeError(flat(startModel(folded, scales)), flat(model))).toBeLessThan(1e-3);
  });
});

describe("clip", () => {
  /** A row in forty far out in every column. */
  const far = (data: Batch): Batch => {
    const values = Float32Array.from(data.features.data, (v, at) => at % 160 < 4 ? (at % 320 < 160 ? 500 : -500) : v);
    return { ...data, features: getOrThrow(matrix(240, 4, values)) };
  };
  const run = async (data: Batch, clip?: number | false, given: object = {}) =>
    getOrThrow(await fit(small(), data, { ...OPTIONS, ...(clip !== undefined && { clip }), ...given })());

  it("changes nothing where nothing lies beyond it, and is 10 by default", async () => {
    const data = clouds(SCALES, SHIFTS), plain = digest((await run(data)).params);
    expect(digest((await run(data, false)).params)).toBe(plain);
    expect(digest((await run(data, 10)).params)).toBe(plain);
    expect(digest((await run(data, Infinity)).params)).toBe(plain);
    expect(digest((await run(data, 0.5)).params)).not.toBe(plain);
  });

  it("is that of features clipped by hand, in units of a column's size, and never of the given ones", async () => {
    const data = far(clouds()), copy = data.features.data.slice(), clip = 2;
    const { size, mean } = getOrThrow(columnScales(data)), moments = denseMoments(data.features as Matrix, null, true);
    const factor = (size[0] as number) * Math.sqrt(moments.off[0] as number) / (moments.deviation[0] as number);
    const { limit } = getOrThrow(scalesFor(small(), data.features, null, clip)) ?? { limit: null };
    expect(limit).toBeCloseTo(clip / factor, 12);
    const rows = picker(data, 240, false, getOrThrow(columnScales(data)), limit as number)(
      Uint32Array.from({ length: 240 }, (_, i) => i),
    );
    const wanted = Float32Array.from(copy, (v, at) => {
      const j = at % 4, x = (v - (mean as Float64Array)[j]!) / (size[j] as number);
      return Math.min(clip / factor, Math.max(-clip / factor, x));
    });
    expect(relativeError(rows.features.data, wanted)).toBeLessThan(1e-6);
    await run(data, clip);
    expect(data.features.data).toEqual(copy);
  });

  it("is for standardised dense features", async () => {
    const raw = await fit(small(), clouds(), { standardise: false, clip: 3 })();
    expect(raw).toMatchObject({ left: { _tag: "InvalidOption", option: "clip" } });
    for (const clip of [0, -1, NaN, true]) {
      expect(await fit(small(), clouds(), { clip: clip as number })()).toMatchObject({
        left: { _tag: "InvalidOption" },
      });
    }
    expect((await fit(small(), clouds(), { standardise: false, clip: false, epochs: 1 })())._tag).toBe("Right");
    const thin = getOrThrow(fromRows(4, [[[0, 1e6]], [[1, 2]]]));
    const scales = getOrThrow(scalesFor(getOrThrow(mlp({ inputs: 4, hidden: [3], classes: 2 })), thin, null, 10));
    expect(scales?.limit ?? null).toBe(null);
  });

  it("is part of a checkpoint's identity, and a run goes on with the bytes of an uninterrupted one", async () => {
    const data = far(clouds()), options = { epochs: 2, batchSize: 32, clip: 2 }, store = memoryStore();
    await dropAt(train(small(), data, { ...options, reportEvery: 1, checkpoint: { store, every: 1 } }), 9);
    const other = train(small(), data, { ...options, clip: 3, checkpoint: { store } });
    expect(await errorOf(other)).toMatchObject({ _tag: "CheckpointMismatch", what: "options" });
    const rest = await collect(train(small(), data, { ...options, checkpoint: { store } }));
    expect(digest(doneOf(rest).params)).toBe(digest(doneOf(await collect(train(small(), data, options))).params));
  });
});

describe("checkpoints of standardised runs", () => {
  const data = clouds(SCALES, SHIFTS), options = { epochs: 3, batchSize: 32, seed: 2 };

  it("hold the scales: parameters come out for raw features, and the run goes on with the same bytes", async () => {
    const store = memoryStore(), whole = await collect(train(small(), data, options));
    await dropAt(train(small(), data, { ...options, reportEvery: 1, checkpoint: { store, every: 1 } }), 13);
    const bytes = getOrThrow(await store.load()) as Uint8Array;
    const early = getOrThrow(readCheckpoint(bytes, small(), robust()));
    expect(early.steps).toBe(13);
    expect(getOrThrow(evaluate(early.params, data)).accuracy).toBeGreaterThan(0.6);
    const rest = await collect(train(small(), data, { ...options, checkpoint: { store } }));
    expect(digest(doneOf(rest).params)).toBe(digest(doneOf(whole).params));
    const end = getOrThrow(readCheckpoint(getOrThrow(await store.load()) as Uint8Array, small(), robust()));
    expect(digest(end.params)).toBe(digest(doneOf(whole).params));
  });

  it("are of another run with the other setting, whether or not it matters", async () => {
    for (const given of [data, noisy(40)]) {
      const model = given === data ? small() : network();
      for (const standardise of [true, false]) {
        const store = memoryStore();
        await collect(train(model, given, { epochs: 1, standardise, checkpoint: { store } }));
        const other = train(model, given, { epochs: 2, standardise: !standardise, checkpoint: { store } });
        expect(await errorOf(other)).toMatchObject({ _tag: "CheckpointMismatch", what: "options" });
      }
    }
  });
});
