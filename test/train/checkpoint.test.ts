// Resuming: a run that was dropped anywhere and goes on from its checkpoint ends with the bytes of one that was not.

import { describe, expect, it } from "vitest";
import { type CheckpointStore, fgn, getOrThrow, memoryStore, readCheckpoint, robust, train } from "../../mod.ts";
import { flat, uniform } from "../support/reference.ts";
import {
  collect,
  digest,
  doneOf,
  dropAt,
  network,
  noisy,
  outcome,
  type Scenario,
  SCENARIOS,
} from "../support/training.ts";

/** Whole numbers from 1 to `most`, the same for the same seed. */
const draws = (count: number, most: number, seed: number): number[] =>
  Array.from(uniform(count, seed), (v) => 1 + Math.floor((v + 1) / 2 * most));

/** A store that counts what is saved. */
function counted(): CheckpointStore & { saves: number } {
  const store = memoryStore();
  const counting = {
    saves: 0,
    load: store.load,
    save: (bytes: Uint8Array) => (counting.saves++, store.save(bytes)),
  };
  return counting;
}

/** Drops a run at each of the steps in turn, then lets it end. At most `every` steps are done again. */
async function interrupt({ start }: Scenario, every: number, steps: readonly number[]): Promise<unknown> {
  const checkpoint = { store: memoryStore(), every };
  let last = 0;
  for (const step of steps) {
    const seen = await dropAt(start({ checkpoint, reportEvery: 1 }), step);
    expect(seen[0] ?? Infinity).toBeGreaterThan(last - every);
    last = seen.at(-1) ?? last;
  }
  return outcome(await collect(start({ checkpoint })));
}

describe("a dropped run", () => {
  SCENARIOS.forEach((scenario, index) => {
    it(`ends as the whole one: ${scenario.name}`, async () => {
      const whole = await collect(scenario.start({ reportEvery: 1 })), { steps } = doneOf(whole);
      expect(steps).toBeGreaterThanOrEqual(12);
      const wanted = outcome(whole);
      const every = (i: number): number => [1, 3, 7][i % 3] as number;
      for (const [i, k] of draws(9, steps, 100 + index).entries()) {
        expect(await interrupt(scenario, every(i), [k]), `dropped at ${k}, kept every ${every(i)}`).toEqual(wanted);
      }
      const several = draws(5, steps, 200 + index).sort((a, b) => a - b);
      expect(await interrupt(scenario, every(index), several), `dropped at ${several}`).toEqual(wanted);
    });
  });

  it("gives the same records from where it goes on", async () => {
    for (const { start } of SCENARIOS) {
      const told = async (records: Promise<Awaited<ReturnType<typeof collect>>>): Promise<unknown[]> =>
        (await records).map((record) => "params" in record ? { ...record, params: digest(record.params) } : record);
      const checkpoint = { store: memoryStore(), every: 3 };
      await dropAt(start({ checkpoint, reportEvery: 1 }), 6);
      const whole = await told(collect(start({ reportEvery: 1 }))),
        rest = await told(collect(start({ checkpoint, reportEvery: 1 })));
      expect(rest.length).toBeLessThan(whole.length);
      expect(rest).toEqual(whole.slice(-rest.length));
    }
  });

  it("keeps a checkpoint as often as it was asked to, and at the end of every epoch", async () => {
    const run = async (every?: number): Promise<number> => {
      const store = counted(), checkpoint = every === undefined ? { store } : { store, every };
      await collect(train(network(), noisy(100), { epochs: 2, batchSize: 10, checkpoint }));
      return store.saves;
    };
    // Twenty steps and two ends of epochs.
    expect(await run(1)).toBe(22);
    expect(await run(3)).toBe(8);
    expect(await run(7)).toBe(4);
    expect(await run()).toBe(2);
    const store = counted();
    await collect(train(network(), noisy(1000), { epochs: 1, batchSize: 4, checkpoint: { store } }));
    expect(store.saves).toBe(3);
  });
});

describe("a finished run", () => {
  it("is done at once", async () => {
    for (const { start } of SCENARIOS) {
      const checkpoint = { store: memoryStore(), every: 5 }, first = await collect(start({ checkpoint }));
      for (let again = 0; again < 2; again++) {
        const seen = await collect(start({ checkpoint }));
        expect(seen.length).toBe(1);
        expect(outcome(seen)).toEqual(outcome(first));
      }
    }
  });

  it("goes on to more epochs, as one that was asked for them at once", async () => {
    const run = async (epochs: number, store = memoryStore()) =>
      await collect(
        train(network(), noisy(70), { epochs, batchSize: 16, validation: 0.2, checkpoint: { store, every: 4 } }),
      );
    const store = memoryStore();
    expect(doneOf(await run(5, store)).steps).toBe(20);
    const more = await run(8, store);
    expect(more.filter(({ _tag }) => _tag === "epoch").map(({ epoch }) => epoch)).toEqual([6, 7, 8]);
    expect(outcome(more)).toEqual(outcome(await run(8)));
    // Fewer epochs than are done: what there is.
    expect(doneOf(await run(2, store)).params).toEqual(doneOf(more).params);
  });

  it("that stopped early stays so with more epochs", async () => {
    const { start } = SCENARIOS.at(-1) as Scenario, checkpoint = { store: memoryStore() };
    const end = doneOf(await collect(start({ checkpoint })));
    expect(end.stopped).toBe("earlyStopping");
    const again = await collect(start({ checkpoint, epochs: 30 }));
    expect(again.length).toBe(1);
    expect(doneOf(again)).toMatchObject({ stopped: "earlyStopping", epoch: end.epoch, steps: end.steps });
    expect(digest(doneOf(again).params)).toBe(digest(end.params));
  });
});

describe("readCheckpoint()", () => {
  it("gives what the optimizer says to keep, the best, and where the run stands", async () => {
    const store = memoryStore(), model = network(), given = flat(model);
    const options = { epochs: 3, batchSize: 16, validation: 0.2, checkpoint: { store, every: 2 }, reportEvery: 1 };
    await dropAt(train(model, noisy(80), options), 2);
    const bytes = async (): Promise<Uint8Array> => getOrThrow(await store.load()) as Uint8Array;
    expect(getOrThrow(readCheckpoint(await bytes(), network(), robust()))).toMatchObject({
      epoch: 1,
      steps: 2,
      best: null,
    });
    const seen = await collect(train(model, noisy(80), options)), end = doneOf(seen);
    const read = getOrThrow(readCheckpoint(await bytes(), network(), robust({ caution: 9 })));
    expect(read).toMatchObject({ epoch: 4, steps: 12 });
    expect(digest(read.params)).toBe(digest(end.params));
    const epochs = seen.filter((record) => record._tag === "epoch");
    const best = epochs.reduce((a, b) => (b.evaluation?.loss ?? 0) < (a.evaluation?.loss ?? 0) ? b : a);
    expect(read.best && digest(read.best)).toBe(digest(best.params));
    expect(flat(model)).toEqual(given);
  });

  it("refuses what an optimizer of one's own gives as its result and is no model", async () => {
    const store = memoryStore();
    await collect(train(network(), noisy(40), { epochs: 1, checkpoint: { store } }));
    const file = getOrThrow(await store.load()) as Uint8Array;
    for (const result of [() => Promise.resolve(), () => null, () => ({ _tag: "network" })]) {
      const read = readCheckpoint(file, network(), { ...robust(), result } as never);
      expect(read).toMatchObject({ left: { _tag: "CallbackFailure", what: "robust.result" } });
    }
  });

  it("names what does not fit", async () => {
    const store = memoryStore();
    await collect(train(network(), noisy(40), { epochs: 1, checkpoint: { store } }));
    const bytes = getOrThrow(await store.load()) as Uint8Array;
    expect(readCheckpoint(bytes, network([9]), robust())).toMatchObject({ left: { what: "model" } });
    expect(readCheckpoint(bytes, network(), fgn())).toMatchObject({
      left: { _tag: "CheckpointMismatch", what: "optimizer", expected: "fgn", actual: "robust" },
    });
    for (const other of [new Uint8Array(0), bytes.subarray(9), new Uint8Array(1000)]) {
      expect(readCheckpoint(other, network(), robust())).toMatchObject({ left: { _tag: "InvalidFile" } });
    }
  });
});
