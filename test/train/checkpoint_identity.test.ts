// What a checkpoint refuses to go on with: another run's, damaged ones, and stores that fail.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  type CheckpointStore,
  encodePlain,
  fgn,
  freeze,
  getOrThrow,
  memoryStore,
  mlp,
  type Network,
  type Optimizer,
  readCheckpoint,
  robust,
  train,
  type TrainOptions,
} from "../../mod.ts";
import { storageFailed } from "../../src/io/store.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { flat, left, uniform } from "../support/reference.ts";
import { collect, doneOf, dropAt, errorOf, network, noisy, outcome, SCENARIOS } from "../support/training.ts";

const BASE = { epochs: 2, batchSize: 16, seed: 1, reportEvery: 1 };

/** A store that a run was dropped into. */
async function begun(
  model = network(),
  data = noisy(60),
  options: TrainOptions = {},
): Promise<CheckpointStore> {
  const store = memoryStore();
  await dropAt(train(model, data, { ...BASE, ...options, checkpoint: { store, every: 1 } }), 3);
  return store;
}

const bytesOf = async (store: CheckpointStore): Promise<Uint8Array> => getOrThrow(await store.load()) as Uint8Array;

/** A store that holds bytes. */
const holding = async (bytes: Uint8Array): Promise<CheckpointStore> => {
  const store = memoryStore();
  getOrThrow(await store.save(bytes));
  return store;
};

describe("a checkpoint of another run", () => {
  /** The error of going on with other things; the checkpoint must stay as it is. */
  async function mismatch(
    store: CheckpointStore,
    model = network(),
    data = noisy(60),
    options: TrainOptions = {},
  ): Promise<unknown> {
    const before = await bytesOf(store);
    const error = await errorOf(train(model, data, { ...BASE, ...options, checkpoint: { store, every: 1 } }));
    if (error?._tag !== "CheckpointMismatch") return error;
    expect(await bytesOf(store)).toEqual(before);
    expect(error.expected).not.toBe(error.actual);
    expect(error.message).toContain(error.what);
    return error.what;
  }

  it("is refused for other data", async () => {
    const store = await begun(), data = noisy(60), first = data.features.data;
    const negated = { ...data.features, data: first.map((v) => -v) };
    const swapped = { ...data, labels: data.labels.map((_, i) => data.labels[i ^ 1] as number) };
    const others: Batch[] = [
      noisy(60, 2),
      noisy(61),
      { ...data, features: negated },
      { ...data, features: { ...data.features, data: first.map((v, i) => i === 700 ? v + 1e-6 : v) } },
      { ...data, weights: new Float32Array(60).fill(1) },
      swapped,
    ];
    for (const other of others) expect(await mismatch(store, network(), other)).toBe("data");
    expect(await mismatch(store, network(), data, { validation: 0.2 })).toBe("data");
    expect(await mismatch(store, network(), data, { validation: noisy(9, 3) })).toBe("data");
    const weighted = { ...data, weights: Float32Array.from(uniform(60, 5), (v) => 1 + v / 2) };
    const heavier = { ...weighted, weights: weighted.weights.map((w) => w * 2) };
    expect(await mismatch(await begun(network(), weighted), network(), heavier)).toBe("data");
  });

  it("is refused for another model", async () => {
    const store = await begun();
    expect(await mismatch(store, network([9]))).toBe("model");
    expect(await mismatch(store, network([8, 8]))).toBe("model");
    expect(await mismatch(store, getOrThrow(mlp({ inputs: 12, hidden: [8], classes: 5, activation: "tanh" })))).toBe(
      "model",
    );
    const frozen = getOrThrow(freeze(network(), [0]));
    expect(await mismatch(store, frozen)).toBe("model");
    const kept = await begun(frozen);
    const [first, ...rest] = frozen.layers;
    if (first?._tag !== "dense") throw new Error("not dense");
    const data = first.weight.data.map((v, i) => i === 5 ? v + 1e-3 : v);
    const moved: Network = { ...frozen, layers: [{ ...first, weight: { ...first.weight, data } }, ...rest] };
    expect(await mismatch(kept, moved)).toBe("model");
    expect(await mismatch(store, getOrThrow(mlp({ inputs: 12, hidden: [8], classes: 5, seed: 9 })))).toBe("start");
  });

  it("is refused for another optimizer, or other settings of it", async () => {
    const store = await begun();
    for (const other of [robust({ caution: 2 }), robust({ rule: "steady" })]) {
      expect(await mismatch(store, network(), noisy(60), { optimizer: other })).toBe("optimizer");
    }
    // The state's type is left out of what the helpers take.
    const asOwn = (optimizer: unknown): TrainOptions => ({
      optimizer: optimizer as NonNullable<TrainOptions["optimizer"]>,
    });
    expect(await mismatch(store, network(), noisy(60), asOwn(fgn()))).toBe("optimizer");
    const plain = await begun(network(), noisy(60), asOwn(fgn()));
    for (const other of [fgn({ damping: 0.5 }), fgn({ metric: "centred" }), fgn({ refine: 1 })]) {
      expect(await mismatch(plain, network(), noisy(60), asOwn(other))).toBe("optimizer");
    }
  });

  it("is refused for other options that steps depend on", async () => {
    const store = await begun(), validation = noisy(20, 4);
    const others: TrainOptions[] = [
      { batchSize: 17 },
      { seed: 2 },
      { labelSmoothing: 0.1 },
      { l2: 1e-3 },
      { classWeights: [1, 1, 1, 1, 2] },
    ];
    for (const other of others) expect(await mismatch(store, network(), noisy(60), other)).toBe("options");
    const stopping: TrainOptions = { validation, earlyStopping: { patience: 2 } };
    const watched = await begun(network(), noisy(60), stopping);
    for (const earlyStopping of [{ patience: 3 }, { by: "accuracy" as const }]) {
      expect(await mismatch(watched, network(), noisy(60), { validation, earlyStopping })).toBe("options");
    }
  });

  it("is refused for another kernel: another build, or other bytes", async () => {
    const store = await begun(), loaded = getOrThrow(defaultKernel());
    for (const kernel of [{ ...loaded, name: "relaxed-simd" } as const, { ...loaded, hash: "0" }]) {
      expect(await mismatch(store, network(), noisy(60), { kernel })).toBe("kernel");
    }
  });

  it("goes on whatever is asked for beside the steps", async () => {
    const whole = outcome(await collect(train(network(), noisy(60), BASE)));
    const others: TrainOptions[] = [{ reportEvery: 7 }, { lossAfter: true }, { maxSeconds: 1e5 }, {
      optimizer: robust(),
    }];
    for (const other of others) {
      const checkpoint = { store: await begun(), every: 1e9 };
      expect(outcome(await collect(train(network(), noisy(60), { ...BASE, ...other, checkpoint })))).toEqual(whole);
    }
  });
});

describe("damaged checkpoints", () => {
  const resume = (store: CheckpointStore) => errorOf(train(network(), noisy(60), { ...BASE, checkpoint: { store } }));

  it("are refused: cut off, foreign, of another version", async () => {
    const bytes = await bytesOf(await begun());
    const cuts = [0, 1, 7, 8, 100, bytes.length >> 1, bytes.length - 4, bytes.length - 1].map((n) => bytes.slice(0, n));
    const longer = new Uint8Array([...bytes, 0]);
    const text = new TextEncoder().encode("{}"), others = [encodePlain("other", 1, { a: 1 })];
    for (const value of [null, 1, "x", [], {}, { identity: {} }, { hash: "" }]) {
      others.push(encodePlain("fgn-checkpoint", 3, value));
    }
    others.push(encodePlain("fgn-checkpoint", 4, {}));
    for (const bad of [...cuts, longer, text, new Uint8Array(64), ...others.map((one) => getOrThrow(one))]) {
      const store = await holding(bad), error = await resume(store);
      expect(error, `${bad.length} bytes`).toMatchObject({ _tag: "InvalidFile", what: "fgn-checkpoint" });
      expect(await bytesOf(store)).toEqual(bad);
    }
  });

  it("of an earlier version are refused with what to do about them", () => {
    for (const version of [1, 2]) {
      const bytes = getOrThrow(encodePlain("fgn-checkpoint", version, {}));
      const error = left(readCheckpoint(bytes, network(), robust()));
      expect(error).toMatchObject({ _tag: "InvalidFile", reason: `version ${version} where 3 is read` });
      expect(error.remedy).toContain("End the run with the release of fgn that began it");
    }
  });

  it("are refused when one bit is another, in the numbers too", async () => {
    const bytes = await bytesOf(await begun());
    expect(await resume(await holding(bytes))).toBe(undefined);
    for (const draw of uniform(400, 3)) {
      const damaged = bytes.slice(), bit = Math.floor((draw + 1) / 2 * 8 * bytes.length);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      // The identity is not asked for here: damage is seen before anything is compared.
      expect(left(readCheckpoint(damaged, network(), robust()))._tag, `bit ${bit}`).toBe("InvalidFile");
    }
  });
});

describe("stores that fail", () => {
  const fine = memoryStore();
  const boom = (): never => {
    throw new Error("boom");
  };
  const run = (store: unknown) =>
    errorOf(train(network(), noisy(60), { ...BASE, checkpoint: { store: store as CheckpointStore, every: 2 } }));

  it("end the run with StorageFailed, whichever way they fail", async () => {
    const ways = [
      () => Promise.resolve(storageFailed("load", "boom")),
      () => Promise.reject(new Error("boom")),
      () => Promise.reject("boom"),
      boom,
      () => undefined,
      () => Promise.resolve(undefined),
      () => Promise.resolve({ bytes: null }),
    ];
    for (const way of ways) {
      expect(await run({ load: way, save: fine.save })).toMatchObject({ _tag: "StorageFailed", what: "load" });
      const saved = await run({ load: memoryStore().load, save: way });
      expect(saved).toMatchObject({ _tag: "StorageFailed" });
      expect(saved?.message).toContain("the checkpoint could not be");
    }
    expect(await run({ load: boom, save: fine.save })).toMatchObject({ cause: "boom" });
    expect(await run({ load: () => Promise.resolve(getOrThrow), save: fine.save })).toMatchObject({
      _tag: "StorageFailed",
    });
    for (const other of [undefined, "x", [1]]) {
      const load = () => Promise.resolve({ _tag: "Right", right: other });
      expect(await run({ load, save: fine.save })).toMatchObject({ _tag: "InvalidFile" });
    }
  });

  it("lose no more than the steps since the last save", async () => {
    for (const { start } of SCENARIOS) {
      const store = memoryStore();
      let saves = 0;
      const failing: CheckpointStore = { load: store.load, save: (bytes) => ++saves > 2 ? boom() : store.save(bytes) };
      const error = await errorOf(start({ checkpoint: { store: failing, every: 3 } }));
      expect(error).toMatchObject({ _tag: "StorageFailed", what: "save", cause: "boom" });
      const resumed = await collect(start({ checkpoint: { store, every: 3 } }));
      expect(outcome(resumed)).toEqual(outcome(await collect(start({}))));
    }
  });

  it("give a failure to save when aborted", async () => {
    const store = { load: memoryStore().load, save: boom };
    const options = { signal: AbortSignal.abort(), checkpoint: { store } };
    expect(await errorOf(train(network(), noisy(60), options))).toMatchObject({ _tag: "StorageFailed", what: "save" });
  });
});

describe("an optimizer whose state no file can hold", () => {
  it("is refused before the first step, and trains without a checkpoint", async () => {
    const inner = fgn();
    let updates = 0;
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const kept of [() => 1, new Date(), new Map(), 1n, circular]) {
      const own: Optimizer<Network, { readonly inner: ReturnType<typeof inner.init>; readonly kept: unknown }> = {
        name: "own",
        notes: [],
        init: (params) => ({ inner: inner.init(params), kept }),
        update: (params, state, part, options) => {
          updates++;
          const done = inner.update(params, state.inner, part, options);
          return done._tag === "Left"
            ? done
            : { ...done, right: { ...done.right, state: { ...state, inner: done.right.state } } };
        },
        result: (params) => params,
      };
      const options = { ...BASE, optimizer: own };
      const error = await errorOf(train(network(), noisy(60), { ...options, checkpoint: { store: memoryStore() } }));
      expect(error).toMatchObject({ _tag: "NotPlain", path: expect.stringContaining("state.kept") });
      expect(updates).toBe(0);
      const end = doneOf(await collect(train(network(), noisy(60), options)));
      expect(flat(end.params).every(Number.isFinite)).toBe(true);
      updates = 0;
    }
  });

  it("may keep bytes and unaligned parts of buffers", async () => {
    const inner = fgn(), store = memoryStore(), kept = new Uint8Array(16).subarray(3, 10).fill(7);
    const own: Optimizer<Network, Uint8Array> = {
      name: "own",
      notes: [],
      init: () => kept,
      update: (params, state, part, options) => {
        const done = inner.update(params, inner.init(params), part, options);
        return done._tag === "Left" ? done : { ...done, right: { ...done.right, state: state.map((v) => v + 1) } };
      },
      result: (params) => params,
    };
    const options = { ...BASE, optimizer: own, checkpoint: { store, every: 1 } };
    await dropAt(train(network(), noisy(60), options), 3);
    const end = doneOf(await collect(train(network(), noisy(60), options)));
    expect(outcome([end])).toEqual(outcome(await collect(train(network(), noisy(60), { ...BASE, optimizer: own }))));
  });
});
