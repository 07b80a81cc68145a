// Options of training: bad ones by name, and the share held out for validation.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  type BatchInput,
  type CheckpointStore,
  evaluate,
  fromRows,
  getOrThrow,
  holdOut,
  isSparse,
  matrix,
  memoryStore,
  robust,
  seedRandom,
  shuffle,
  train,
  type TrainOptions,
} from "../../mod.ts";
import { left, problem } from "../support/reference.ts";
import { collect, digest, doneOf, errorOf, network, noisy } from "../support/training.ts";

describe("bad options", () => {
  const validation = 0.5, store = memoryStore();
  /** Bad values of each option, whatever its type says. */
  const BAD: Readonly<Record<string, readonly unknown[]>> = {
    epochs: [0, -1, 1.5, NaN, Infinity, "3", null],
    batchSize: [0, 2.5, NaN, Infinity, "8", null],
    microBatch: [0, -4, 0.5, NaN, "8", null],
    seed: [NaN, Infinity, "1", null],
    reportEvery: [0, 0.5, NaN, Infinity, null],
    lossAfter: [1, "yes", null],
    maxSeconds: [0, -1, NaN, "5", null],
    optimizer: [robust, "robust", {}, null, { init: robust().init, update: robust().update }],
    validation: [0, 1, -0.2, 1.5, NaN, Infinity, "0.2", null, true, {}, { features: null, labels: [] }],
    earlyStopping: [true, 2, null],
    signal: [{}, true, null, new AbortController()],
    checkpoint: [true, "file", null],
    kernel: [{}, null, "simd128"],
    classWeights: [1, null, "2"],
    labelSmoothing: [-0.1, 1, NaN],
    l2: [-1, NaN, Infinity],
  };
  /** Options within options, or that need another one beside them, and what they are told as. */
  const NESTED: readonly (readonly [string, object])[] = [
    ...[0, 1.5, NaN, Infinity, "2", null].map((patience) =>
      ["earlyStopping.patience", { validation, earlyStopping: { patience } }] as const
    ),
    ...["top5", 1, null].map((by) => ["earlyStopping.by", { validation, earlyStopping: { by } }] as const),
    ["earlyStopping", { earlyStopping: {} }],
    ...[0, 2.5, NaN, Infinity, "9", null].map((every) =>
      ["checkpoint.every", { checkpoint: { store, every } }] as const
    ),
    ...[undefined, null, "file", {}, { load: store.load }, { save: store.save }].map((other) =>
      ["checkpoint.store", { checkpoint: { store: other } }] as const
    ),
  ];

  const plainCases = Object.entries(BAD).flatMap(([name, values]) =>
    values.map((value) => [name, { [name]: value }] as const)
  );

  it("give InvalidOption with their name, before anything is done or kept", async () => {
    for (const [option, options] of [...plainCases, ...NESTED]) {
      let calls = 0;
      const counting: CheckpointStore = {
        load: () => (calls++, memoryStore().load()),
        save: (bytes) => (calls++, memoryStore().save(bytes)),
      };
      for (const checkpoint of [undefined, { store: counting, every: 1 }]) {
        const asked = { ...(checkpoint && { checkpoint }), ...options };
        const error = await errorOf(train(network(), noisy(40), asked as TrainOptions));
        // The reader of numbers has the word on lists of them.
        const isList = option === "classWeights" && error?._tag === "WrongKind";
        if (!isList) {
          expect(error, `${option}: ${JSON.stringify(options)}`).toMatchObject({ _tag: "InvalidOption", option });
        }
        expect(error?.message).toContain(option);
        expect(error?.remedy).toBeTruthy();
      }
      // labelSmoothing and l2 are refused by the first step, after the store was asked for a checkpoint.
      expect(calls).toBeLessThanOrEqual(["labelSmoothing", "l2"].includes(option) ? 1 : 0);
    }
  });

  it("give the errors of the data before the first step", async () => {
    const run = (options: TrainOptions, data: Batch = noisy(20)) => errorOf(train(network(), data, options));
    expect(await run({ classWeights: [1, 2] })).toMatchObject({ _tag: "ShapeMismatch", what: "classWeights" });
    expect(await run({ classWeights: [1, 1, 1, 1, -1] })).toMatchObject({ _tag: "NegativeWeight", index: 4 });
    expect(await run({ classWeights: [1, 1, 1, 1, NaN] })).toMatchObject({ _tag: "NotFinite", what: "classWeights" });
    expect(await run({ validation: problem(9, 7, 5).data })).toMatchObject({ _tag: "FeatureMismatch" });
    expect(await run({ validation: problem(9, 12, 8).data })).toMatchObject({ _tag: "LabelOutOfRange", classes: 5 });
    expect(await run({}, problem(9, 12, 8).data)).toMatchObject({ _tag: "LabelOutOfRange" });
    expect(await run({ validation: 0.5 }, noisy(1))).toMatchObject({ _tag: "InvalidOption", option: "validation" });
  });

  it("are not missed by what is at the edge", async () => {
    const edge = { epochs: 1, batchSize: 2 ** 53 - 1, reportEvery: 2 ** 53 - 1, seed: -1.5, maxSeconds: Infinity };
    const given: TrainOptions = { ...edge, labelSmoothing: 0, l2: 0, lossAfter: false };
    expect(doneOf(await collect(train(network(), noisy(20), given)))).toMatchObject({ steps: 1, totalSteps: 1 });
  });
});

/** Examples that are told apart by their first feature, with weights and targets that follow from it. */
function numbered(rows: number, kind: "dense" | "sparse" | "bare"): Batch {
  const entries = Array.from({ length: rows }, (_, i): [number, number][] => [[0, i + 1], [1 + i % 11, 0.5]]);
  const features = getOrThrow(fromRows(12, entries)), labels = Array.from({ length: rows }, (_, i) => i % 5);
  const weights = labels.map((_, i) => i / 4 + 1);
  if (kind === "sparse") return getOrThrow(batch({ features, labels, weights }));
  const dense = getOrThrow(matrix(
    rows,
    12,
    entries.flatMap((row) => {
      const line = new Array<number>(12).fill(0);
      for (const [column, value] of row) line[column] = value;
      return line;
    }),
  ));
  if (kind === "bare") return getOrThrow(batch({ features: dense, labels }));
  const targets = getOrThrow(matrix(rows, 5, labels.flatMap((y) => [0, 1, 2, 3, 4].map((k) => k === y ? 0.6 : 0.1))));
  return getOrThrow(batch({ features: dense, labels, targets, weights }));
}

/** The numbers of the examples, after a look at all they carry. */
function numbersOf(part: Batch, whole: Batch): number[] {
  const { features, labels, targets, weights } = part;
  expect([targets === null, weights === null]).toEqual([whole.targets === null, whole.weights === null]);
  expect([features.rows, features.cols]).toEqual([labels.length, 12]);
  return Array.from({ length: features.rows }, (_, row) => {
    const from = isSparse(features) ? features.offsets[row] as number : row * 12;
    const i = (features.data[from] as number) - 1;
    if (isSparse(features)) {
      expect([...features.indices.subarray(from, features.offsets[row + 1])]).toEqual([0, 1 + i % 11]);
    } else {
      const original = whole.features.data.subarray(i * 12, i * 12 + 12);
      expect([...features.data.subarray(from, from + 12)]).toEqual([...original]);
    }
    expect(labels[row]).toBe(i % 5);
    expect(weights?.[row] ?? i / 4 + 1).toBe(i / 4 + 1);
    const target = targets?.data.subarray(row * 5, row * 5 + 5) ?? [];
    expect([...target]).toEqual([...whole.targets?.data.subarray(i * 5, i * 5 + 5) ?? []]);
    return i;
  });
}

describe("holdOut()", () => {
  for (const kind of ["dense", "sparse", "bare"] as const) {
    it(`parts ${kind} examples in two, whole and in order`, () => {
      for (
        const [rows, share, held] of [[2, 0.5, 1], [40, 0.25, 10], [41, 0.1, 5], [3, 1e-9, 1], [3, 0.999, 2]] as const
      ) {
        const data = numbered(rows, kind), kept = JSON.stringify(data);
        const split = getOrThrow(holdOut(data, share, 7));
        const trained = numbersOf(split.train, data), validated = numbersOf(split.validation, data);
        expect(validated.length).toBe(held);
        const ascending = (a: number, b: number): number => a - b;
        expect([...trained, ...validated].sort(ascending)).toEqual(Array.from({ length: rows }, (_, i) => i));
        expect(trained).toEqual([...trained].sort(ascending));
        expect(validated).toEqual([...validated].sort(ascending));
        expect(getOrThrow(holdOut(data, share, 7))).toEqual(split);
        expect(JSON.stringify(data)).toBe(kept);
      }
    });
  }

  it("draws anew for another seed, and holds no more memory than it needs", () => {
    const data = numbered(40, "dense");
    const draws = [0, 1, 2, 3].map((seed) => numbersOf(getOrThrow(holdOut(data, 0.25, seed)).validation, data).join());
    expect(new Set(draws).size).toBe(4);
    // The draws are the same in every runtime: they come from the generator's integers alone.
    expect(draws[0]).toBe(numbersOf(getOrThrow(holdOut(data, 0.25)).validation, data).join());
    expect(draws[1]).toBe(EXPECTED);
    const { validation } = getOrThrow(holdOut(data, 0.25));
    expect(validation.features.data.buffer.byteLength).toBe(4 * 10 * 12);
    expect(validation.targets?.data.buffer.byteLength).toBe(4 * 10 * 5);
  });

  it("refuses shares outside (0, 1), a single example and a seed that is none", () => {
    const data = numbered(4, "bare");
    for (const share of [0, 1, -1, 2, NaN, Infinity, "0.5" as unknown as number]) {
      expect(left(holdOut(data, share))).toMatchObject({ _tag: "InvalidOption", option: "share" });
    }
    expect(left(holdOut(numbered(1, "bare"), 0.5))).toMatchObject({ _tag: "InvalidOption", option: "share" });
    expect(left(holdOut(data, 0.5, NaN))).toMatchObject({ _tag: "InvalidOption", option: "seed" });
  });
});

describe("holdOut() by class", () => {
  /** One example a label, with or without weights and soft targets. */
  const labelled = (labels: readonly number[], given: Partial<BatchInput> = {}): Batch =>
    getOrThrow(batch({ features: getOrThrow(matrix(labels.length, 1, labels.map((_, i) => i))), labels, ...given }));
  /** How often each label occurs. */
  const tally = ({ labels, weights }: Batch): Record<number, number> => {
    const counts: Record<number, number> = {};
    labels.forEach((y, i) => {
      if (weights === null || (weights[i] as number) > 0) counts[y] = (counts[y] ?? 0) + 1;
    });
    return counts;
  };
  const times = (label: number, count: number): number[] => new Array<number>(count).fill(label);
  const mixed = (labels: readonly number[], seed: number): number[] => {
    const { order } = getOrThrow(shuffle(labels.length, seedRandom(seed)));
    return Array.from(order, (i) => labels[i] as number);
  };

  it("takes the share of every class, to one example", () => {
    const labels = mixed([...times(0, 100), ...times(1, 60), ...times(2, 33), ...times(7, 7)], 3);
    for (const share of [0.1, 0.25, 0.5, 0.9]) {
      for (const seed of [0, 1, 2]) {
        const { train, validation } = getOrThrow(holdOut(labelled(labels), share, seed)), seen = tally(validation);
        for (const [label, count] of [[0, 100], [1, 60], [2, 33], [7, 7]] as const) {
          expect(Math.abs((seen[label] ?? 0) - share * count)).toBeLessThan(1);
          expect((seen[label] ?? 0) + (tally(train)[label] ?? 0)).toBe(count);
        }
        expect(validation.labels.length).toBe(200 * share);
      }
    }
  });

  it("keeps one example of every class with two on either side", () => {
    const size = fc.integer({ min: 1, max: 12 });
    const problem = fc.record({
      sizes: fc.array(size, { minLength: 1, maxLength: 12 }),
      share: fc.double({ min: 0.001, max: 0.999, noNaN: true }),
      seed: fc.integer({ min: 0, max: 1e6 }),
      ignored: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(problem, ({ sizes, share, seed, ignored }) => {
        const all = [...sizes.flatMap((count, label) => times(label, count)), ...times(-1, ignored)];
        fc.pre(all.length >= 2);
        const data = labelled(mixed(all, seed), ignored > 0 ? { ignoredLabel: -1 } : {});
        const { train, validation } = getOrThrow(holdOut(data, share, seed)),
          [kept, seen] = [tally(train), tally(validation)];
        expect(train.labels.length).toBeGreaterThan(0);
        expect(validation.labels.length).toBeGreaterThan(0);
        expect(train.labels.length + validation.labels.length).toBe(all.length);
        sizes.forEach((count, label) => {
          expect((kept[label] ?? 0) + (seen[label] ?? 0)).toBe(count);
          if (count < 2) return;
          expect(kept[label] ?? 0).toBeGreaterThan(0);
          expect(seen[label] ?? 0).toBeGreaterThan(0);
        });
      }),
      { numRuns: 300, seed: 8 },
    );
  });

  it("draws classes of one example together, and trains on the only one", () => {
    const distinct = Array.from({ length: 20 }, (_, i) => i);
    expect(getOrThrow(holdOut(labelled(distinct), 0.25)).validation.labels.length).toBe(5);
    for (const seed of [0, 1, 2, 3]) {
      const { validation } = getOrThrow(holdOut(labelled([...times(0, 9), 1]), 0.5, seed));
      expect(tally(validation)[1]).toBeUndefined();
    }
  });

  it("counts examples without weight by themselves", () => {
    const labels = [...times(0, 8), ...times(1, 8)], weights = labels.map((_, i) => i % 4 === 0 ? 1 : 0);
    for (const seed of [0, 1, 2, 3]) {
      const { train, validation } = getOrThrow(holdOut(labelled(labels, { weights }), 0.25, seed));
      expect([tally(train), tally(validation)]).toEqual([{ 0: 1, 1: 1 }, { 0: 1, 1: 1 }]);
      expect(validation.labels.length).toBe(5);
    }
    const alone = getOrThrow(holdOut(labelled([0, 1], { weights: [1, 0] }), 0.5));
    expect([tally(alone.train), alone.validation.weights]).toEqual([{ 0: 1 }, Float32Array.of(0)]);
  });

  it("goes by the likeliest class of soft targets", () => {
    const targets = getOrThrow(
      matrix(12, 2, Array.from({ length: 12 }, (_, i) => i < 9 ? [0.75, 0.25] : [0.25, 0.75]).flat()),
    );
    const data = getOrThrow(
      batch({ features: getOrThrow(matrix(12, 1, Array.from({ length: 12 }, (_, i) => i))), targets }),
    );
    const { validation } = getOrThrow(holdOut(data, 1 / 3));
    expect(tally(validation)).toEqual({ 0: 3, 1: 1 });
    expect(validation.targets?.data.filter((_, k) => k % 2 === 0).filter((p) => p > 0.5).length).toBe(3);
  });

  it("is quick with as many classes as examples have", () => {
    const labels = Array.from({ length: 200_000 }, (_, i) => i % 65_536), began = performance.now();
    const { validation } = getOrThrow(holdOut(labelled(labels), 0.2));
    expect(new Set(validation.labels).size).toBe(65_536);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

/** Ten of forty, two of each class, for seed 1. */
const EXPECTED = "1,5,12,19,20,23,24,27,31,33";

describe("a share for validation", () => {
  it("trains as on the two parts of holdOut by the run's seed", async () => {
    const data = noisy(50), options = { epochs: 3, batchSize: 16, seed: 6 };
    const { train: examples, validation } = getOrThrow(holdOut(data, 0.2, 6));
    const one = doneOf(await collect(train(network(), data, { ...options, validation: 0.2 })));
    const two = doneOf(await collect(train(network(), examples, { ...options, validation })));
    expect(digest(one.params)).toBe(digest(two.params));
    expect(one.evaluation).toEqual(two.evaluation);
    expect(one.evaluation).toEqual(getOrThrow(evaluate(one.params, validation)));
    expect(one).toMatchObject({ evaluation: { examples: 10 }, totalSteps: 9 });
    const other = doneOf(await collect(train(network(), data, { ...options, seed: 7, validation: 0.2 })));
    expect(other.evaluation).not.toEqual(one.evaluation);
  });

  it("leaves the steps alone when the examples are others", async () => {
    const data = noisy(50), options = { epochs: 2, batchSize: 16 };
    const without = doneOf(await collect(train(network(), data, options)));
    const validated = doneOf(await collect(train(network(), data, { ...options, validation: noisy(30, 3) })));
    expect(digest(validated.params)).toBe(digest(without.params));
    expect(without.evaluation).toBe(undefined);
  });
});
