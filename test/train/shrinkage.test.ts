// Shrinkage in training: which rows it is read off, what it does to a model that is too sure of itself, and that a run which
// was dropped anywhere ends with the bytes of one that was not, with folds, too.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  dense,
  embedding,
  evaluate,
  explain,
  fgn,
  fit,
  freeze,
  fromRows,
  getOrThrow,
  initialise,
  matrix,
  memoryStore,
  mlp,
  type Network,
  parameterCount,
  probabilities,
  relu,
  robust,
  type ShrinkageOption,
  train,
  type TrainOptions,
  weightDecay,
  zeroHead,
} from "../../mod.ts";
import { picker } from "../../src/data/select.ts";
import { copyModel } from "../../src/network/model.ts";
import { shrinkBefore, startShrinking } from "../../src/train/shrinkage.ts";
import { steer } from "../../src/train/steering.ts";
import { PAIRS } from "../support/custom_models.ts";
import { flat, left, problem, uniform } from "../support/reference.ts";
import {
  collect,
  digest,
  doneOf,
  dropAt,
  errorOf,
  network,
  noisy,
  outcome,
  type Records,
} from "../support/training.ts";

type Options = Pick<TrainOptions, "shrinkage" | "classWeights">;

const steerBy = (data: Batch, options: Options = {}, seed = 0, model: Network = network()) =>
  getOrThrow(steer(model, data, robust(), options, seed));

/** Counts by label. */
const counts = (labels: ArrayLike<number>): Map<number, number> =>
  Array.from(labels).reduce((map, label) => map.set(label, (map.get(label) ?? 0) + 1), new Map<number, number>());

describe("the rows that are held out", () => {
  const data = noisy(2000);

  it("are a sixteenth from 2,000 rows on, class by class, dealt by the seed, and at most 256", () => {
    expect(steerBy(noisy(1999))?._tag).toBe("folds");
    const steering = steerBy(data);
    if (steering?._tag !== "heldOut") throw new Error("not held out");
    const { held, trained } = steering;
    expect(held).toHaveLength(125);
    expect([...held, ...trained].sort((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    const all = counts(data.labels), some = counts(held.map((row) => data.labels[row] as number));
    for (const [label, count] of all) expect(Math.abs((some.get(label) ?? 0) - count / 16)).toBeLessThan(1);
    expect(steerBy(data)).toEqual(steering);
    expect(steerBy(data, {}, 1)).not.toEqual(steering);
    // In the order of the data the first half of them would lie before the second.
    expect(held.slice(0, 60).some((row) => row > 1200)).toBe(true);
    expect(steerBy(noisy(9000))).toMatchObject({ held: { length: 256 } });
  });

  it("leave out rows without weight and classes of one row; the gate counts those that count", () => {
    const weights = Float32Array.from({ length: 2100 }, (_, i) => i < 2000 ? 1 : 0), rows = noisy(2100);
    const weighted: Batch = { ...rows, weights, labels: rows.labels.map((label, i) => i === 7 ? 4 : label % 4) };
    const steering = steerBy(weighted);
    if (steering?._tag !== "heldOut") throw new Error("not held out");
    expect(steering.held.every((row) => row < 2000 && row !== 7)).toBe(true);
    expect(steerBy({ ...weighted, weights: weights.map((w, i) => i === 0 ? 0 : w) })?._tag).toBe("folds");
  });

  it("are as many as asked for below 2,000, or refused where there are none", () => {
    expect(steerBy(noisy(160), { shrinkage: "heldOut" })).toMatchObject({ held: { length: 10 } });
    const few = steer(network(), noisy(4), robust(), { shrinkage: "heldOut" }, 0);
    expect(left(few)).toMatchObject({ _tag: "InvalidOption", option: "shrinkage" });
  });

  it("are in four folds of equal size with folds", () => {
    const steering = steerBy(noisy(103), { shrinkage: "folds" });
    if (steering?._tag !== "folds") throw new Error("no folds");
    expect(Array.from(counts(steering.foldOf).values()).sort()).toEqual([25, 26, 26, 26]);
    const { trained } = Object(steering);
    expect(trained).toBeUndefined();
  });

  it("are folds by default from 100 rows that count, where the model is small", () => {
    expect(steerBy(noisy(100))).toMatchObject({ _tag: "folds", foldOf: { length: 100 } });
    expect(steerBy(noisy(99))).toBeNull();
    const weights = Float32Array.from({ length: 120 }, (_, i) => i < 99 ? 1 : 0);
    expect(steerBy({ ...noisy(120), weights })).toBeNull();
    const data = noisy(200),
      large = (hidden: number): Network =>
        getOrThrow(mlp({ inputs: data.features.cols, hidden: [hidden, 512], classes: 5 }));
    expect(steerBy(data, {}, 0, large(300))?._tag).toBe("folds");
    expect(parameterCount(large(520))).toBeGreaterThan(2 ** 18);
    expect(steerBy(data, {}, 0, large(520))).toBeNull();
  });

  it("keep as many counting with class weights as without", () => {
    const classWeights = [1, 4, 0, 2, 1], steering = steerBy(data, { classWeights });
    const total = data.labels.reduce((sum, label) => sum + (classWeights[label] as number), 0);
    expect((steering?.meanWeight as number) * 2000).toBeCloseTo(total, 9);
  });

  it("are none without an optimizer and a model that shrink, which is refused where it was asked for", async () => {
    const own = PAIRS[1]?.[2] as never, frozen = getOrThrow(freeze(network()));
    expect(getOrThrow(steer(network(), data, fgn(), {}, 0))).toBeNull();
    expect(getOrThrow(steer(frozen, data, robust(), {}, 0))).toBeNull();
    expect(getOrThrow(steer(own, data, robust() as never, {}, 0))).toBeNull();
    expect(steerBy(data, { shrinkage: "off" })).toBeNull();
    const table = getOrThrow(initialise({ inputs: 12, layers: [embedding(5)] }));
    expect(steerBy(data, {}, 0, table)).toBeNull();
    expect(steerBy(data, { shrinkage: "heldOut" }, 0, table)).not.toBeNull();
    expect(getOrThrow(steer(network(), data, weightDecay(1e-3)(robust()), {}, 0))).not.toBeNull();
    for (const shrinkage of ["heldOut", "folds"] as const) {
      expect(left(steer(network(), data, fgn(), { shrinkage }, 0))).toMatchObject({ option: "shrinkage" });
      expect(left(steer(frozen, data, robust(), { shrinkage }, 0))).toMatchObject({ option: "shrinkage" });
    }
    expect(await errorOf(train(network(), data, { shrinkage: "on" as never }))).toMatchObject({ option: "shrinkage" });
  });

  it("are not trained on, and are the same whatever the validation examples are", async () => {
    const end = doneOf(await collect(train(network(), data, { epochs: 2, batchSize: 100 })));
    expect(end.steps).toBe(2 * Math.ceil(1875 / 100));
    expect(end.totalSteps).toBe(end.steps);
    const other = noisy(500, 3),
      validated = doneOf(await collect(train(network(), data, { epochs: 2, batchSize: 100, validation: other })));
    expect(digest(validated.params)).toBe(digest(end.params));
  });
});

/** How much surer a model is than it is right. */
function excessOf(params: Network, data: Batch): number {
  const { rows, cols, data: p } = getOrThrow(probabilities(params, data.features));
  let sure = 0, right = 0;
  for (let i = 0; i < rows; i++) {
    const row = p.subarray(i * cols, (i + 1) * cols), best = row.indexOf(Math.max(...row));
    sure += row[best] as number;
    right += best === data.labels[i] ? 1 : 0;
  }
  return (sure - right) / rows;
}

/** Rows of 100 features whose largest among the first four is the label, but for half of them, whose label is anything. */
function halfNoise(rows: number, seed: number): Batch {
  const features = uniform(100 * rows, seed), draws = uniform(2 * rows, seed + 1);
  const labels = Uint32Array.from({ length: rows }, (_, i) => {
    const row = features.subarray(100 * i, 100 * i + 4);
    return (draws[2 * i] as number) < 0
      ? row.indexOf(Math.max(...row))
      : Math.floor(2 * (draws[2 * i + 1] as number) + 2);
  });
  return getOrThrow(batch({ features: getOrThrow(matrix(rows, 100, features)), labels }));
}

describe("a run that shrinks", () => {
  const data = halfNoise(2000, 1), fresh = halfNoise(1000, 5), options = { epochs: 12, batchSize: 100 };
  const head = getOrThrow(zeroHead({ features: 100, classes: 4 }));
  const run = async (
    shrinkage: ShrinkageOption,
    rows: Batch,
    more = {},
  ): Promise<readonly [loss: number, excess: number]> => {
    const { params } = await getOrThrow(fit(head, rows, { ...options, ...more, shrinkage }));
    return [getOrThrow(evaluate(params, fresh)).loss, excessOf(params, fresh)];
  };

  // Shares are in proportion to what is in excess, so that some of it stays while steps go on adding to it: a third at least
  // is gone. 125 rows tell how sure to be to about .045, two draws of them to .03.
  it("is less sure of itself where labels are noise, and has less loss", async () => {
    const [lossWithout, without] = await run("off", data);
    let sum = 0;
    for (const seed of [0, 1]) {
      const [loss, excess] = await run("auto", data, { seed });
      expect(loss).toBeLessThan(lossWithout);
      sum += excess;
    }
    expect(without).toBeGreaterThan(0.05);
    expect(Math.abs(sum / 2)).toBeLessThan((2 / 3) * without);
  });

  it("by folds, too, on few rows, whose weights and soft targets count", async () => {
    const few = halfNoise(300, 1), small = { batchSize: 30 };
    const [lossWithout, without] = await run("off", few, small), [loss, excess] = await run("folds", few, small);
    expect(Math.abs(excess)).toBeLessThan(0.5 * without);
    expect(loss).toBeLessThan(lossWithout - 0.1);
    const targets = getOrThrow(
      matrix(300, 4, Float32Array.from({ length: 1200 }, (_, i) => few.labels[i >> 2] === i % 4 ? 1 : 0)),
    );
    const soft = { ...few, targets, weights: new Float32Array(300).fill(1) };
    // Soft targets step in the Euclidean metric: another run, which shrinks as well.
    const [softWithout] = await run("off", soft, small), [softLoss] = await run("folds", soft, small);
    expect(softLoss).toBeLessThan(softWithout);
  });

  it("says in its records how much it shrank, at every fourth step at most", async () => {
    const seen = await collect(train(head, data, { ...options, reportEvery: 1 }));
    const shares = seen.flatMap((record) => record._tag === "step" ? record.shrinkage : []);
    expect(shares.some((share) => share > 0)).toBe(true);
    shares.forEach((share, i) => expect(share > 0 ? i % 4 : 1).toBe(1));
    expect(Math.max(...shares)).toBeLessThan(1 - 0.8 ** 4 + 1e-9);
    const off = await collect(train(head, data, { ...options, epochs: 1, shrinkage: "off", reportEvery: 1 }));
    expect(off.every((record) => record._tag !== "step" || record.shrinkage === 0)).toBe(true);
    expect(explain(robust(), {})).toContain("shrinks the weights");
    expect(explain(fgn(), {})).toContain("does not shrink");
  });
});

describe("what rows count for", () => {
  it("is their weight by their class: a row of weight 2 is the row twice", () => {
    const { head, data } = problem(8, 3, 4), optimizer = robust();
    const state = optimizer.init(head), rows = Uint32Array.from({ length: 4 }, (_, i) => i);
    const scaleOf = (part: Batch, options: Options = {}) => {
      const steering = getOrThrow(steer(head, part, optimizer, { ...options, shrinkage: "folds" }, 3)),
        run = { model: copyModel(head), state };
      if (steering === null) throw new Error("no folds");
      const one = { ...steering, foldOf: new Uint8Array(part.labels.length) };
      const shrinking = startShrinking(steering, head, optimizer);
      if (shrinking === null) throw new Error("no folds");
      const stepping = { optimizer, pick: (picked: Uint32Array) => picker(part, 16, false)(picked), updateOptions: {} };
      getOrThrow(shrinkBefore(run, 1, shrinking, one, Uint32Array.from(part.labels.keys()), stepping));
      return shrinking.scale;
    };
    const four = picker(data, 4, false)(rows), twice = picker(data, 8, false)(Uint32Array.of(0, 0, 1, 2, 3));
    const weighted = scaleOf({ ...four, weights: Float32Array.of(2, 1, 1, 1) }), repeated = scaleOf(twice);
    expect(weighted.slope).toBeCloseTo(repeated.slope, 9);
    expect(weighted.curvature).toBeCloseTo(repeated.curvature, 9);
    const uneven = scaleOf(four, { classWeights: [3, 3, 3, 3] });
    expect(uneven.slope).toBeCloseTo(scaleOf(four).slope, 12);
    const none = scaleOf({ ...four, weights: Float32Array.of(0, 0, 0, 0) });
    expect(none).toMatchObject({ slope: 0, curvature: 0 });
  });
});

describe("a run that ends within a step", () => {
  it("does not shrink again before that step", () => {
    const data = halfNoise(200, 1), model = getOrThrow(zeroHead({ features: 100, classes: 4 })), optimizer = robust();
    const steering = getOrThrow(steer(model, data, optimizer, { shrinkage: "heldOut" }, 0));
    const shrinking = steering && startShrinking(steering, model, optimizer);
    if (steering === null || shrinking === null) throw new Error("no rows");
    const first = getOrThrow(optimizer.update(model, optimizer.init(model), data));
    const run = { model: first.params, state: first.state }, rows = Uint32Array.from({ length: 10 }, (_, i) => i);
    shrinking.scale = { ...shrinking.scale, slope: 100 };
    const stepping = { optimizer, pick: picker(data, 32, false), updateOptions: {} };
    const share = getOrThrow(shrinkBefore(run, 1, shrinking, steering, rows, stepping));
    const before = flat(run.model), stands = structuredClone(shrinking);
    expect(share).toBeGreaterThan(0);
    expect(getOrThrow(shrinkBefore(run, 1, shrinking, steering, rows, stepping))).toBe(share);
    expect(flat(run.model)).toEqual(before);
    expect(shrinking).toEqual(stands);
  });
});

describe("a table of sparse features", () => {
  it("shrinks once it owes a tenth, and the layers after it at once", async () => {
    const rows = Array.from(
      { length: 600 },
      (_, i): [number, number][] => [[(i * 37) % 90, 1], [(i * 11 + 5) % 90, 0.5]],
    );
    const draws = uniform(600, 4), labels = Uint32Array.from(draws, (v) => Math.floor(2 * v + 2));
    const data = getOrThrow(batch({ features: getOrThrow(fromRows(90, rows)), labels }));
    const model = getOrThrow(initialise({ inputs: 90, layers: [embedding(8), relu(), dense(4)], seed: 2 }));
    const options = { epochs: 12, batchSize: 60, shrinkage: "heldOut" } as const;
    const on = await getOrThrow(fit(model, data, options)),
      off = await getOrThrow(fit(model, data, { ...options, shrinkage: "off" }));
    const size = (params: Network, from: number, to: number): number => Math.hypot(...flat(params).slice(from, to));
    expect(size(on.params, 0, 720)).toBeLessThan(size(off.params, 0, 720));
    expect(size(on.params, 728, 760)).toBeLessThan(size(off.params, 728, 760));
  });
});

/** Hashes of the parameters that the runs below end with. */
const HASHES = { heldOut: "ef668976", folds: "c72da55e" };

describe("a dropped run that shrinks", () => {
  const data = halfNoise(240, 1), head = getOrThrow(zeroHead({ features: 100, classes: 4 }));
  const start = (shrinkage: ShrinkageOption, extra: object): Records =>
    train(head, data, { epochs: 4, batchSize: 24, shrinkage, reportEvery: 1, ...extra }) as Records;

  it.each(["heldOut", "folds"] as const)("ends as the whole one: %s", async (shrinkage) => {
    const whole = await collect(start(shrinkage, {})), wanted = outcome(whole);
    expect(whole.some((record) => record._tag === "step" && record.shrinkage > 0)).toBe(true);
    // The same bytes in every runtime.
    expect(digest(doneOf(whole).params).slice(0, 8)).toBe(HASHES[shrinkage]);
    for (const [every, step] of [[1, 6], [3, 17], [7, 30]] as const) {
      const checkpoint = { store: memoryStore(), every };
      await dropAt(start(shrinkage, { checkpoint }), step);
      expect(outcome(await collect(start(shrinkage, { checkpoint }))), `dropped at ${step}`).toEqual(wanted);
    }
  });

  it("is another run than one that steers otherwise", async () => {
    const checkpoint = { store: memoryStore(), every: 1 };
    await dropAt(start("heldOut", { checkpoint }), 6);
    expect(await errorOf(start("folds", { checkpoint }))).toMatchObject({
      _tag: "CheckpointMismatch",
      what: "options",
    });
    expect(await errorOf(start("auto", { checkpoint }))).toMatchObject({ _tag: "CheckpointMismatch", what: "options" });
  });
});
