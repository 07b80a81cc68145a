// The loop of training: defaults, records, early stopping, interruption.

import { describe, expect, it } from "vitest";
import {
  fgn,
  fit,
  getOrThrow,
  memoryStore,
  type Model,
  type Progress,
  robust,
  train,
  type TrainOptions,
  zeroHead,
} from "../../mod.ts";
import { flat, left, problem } from "../support/reference.ts";
import { collect, digest, doneOf, errorOf, network, noisy, outcome, SCENARIOS } from "../support/training.ts";

/** Copies of records with a digest in the place of their parameters. */
const told = (seen: readonly Progress<Model>[]): unknown[] =>
  seen.map((record) => structuredClone("params" in record ? { ...record, params: digest(record.params) } : record));

type EpochRecord = Extract<Progress<Model>, { readonly _tag: "epoch" }>;

const epochsOf = (seen: readonly Progress<Model>[]): EpochRecord[] => seen.filter((record) => record._tag === "epoch");

describe("train() without options", () => {
  it("is that with robust() and the defaults told", async () => {
    const { data } = problem(300, 12, 5);
    const defaults = { optimizer: robust(), epochs: 5, batchSize: 128, seed: 0, reportEvery: 10, lossAfter: false };
    const plain = await collect(train(network(), data)), told5 = await collect(train(network(), data, defaults));
    expect(told(plain)).toEqual(told(told5));
    expect(plain.map(({ _tag, steps }) => `${_tag} ${steps}`)).toEqual([
      "epoch 3",
      "epoch 6",
      "epoch 9",
      "step 10",
      "epoch 12",
      "epoch 15",
      "done 15",
    ]);
    expect(doneOf(plain)).toMatchObject({ stopped: "finished", evaluation: undefined, epoch: 5, totalSteps: 15 });
    expect(digest(doneOf(plain).params)).not.toBe(digest(network()));
  });

  it("takes the step whether or not it tells the loss after it", async () => {
    for (const { start } of SCENARIOS) {
      expect(outcome(await collect(start({ lossAfter: true })))).toEqual(outcome(await collect(start({}))));
    }
    const seen = await collect(train(network(), noisy(40), { epochs: 1, reportEvery: 1, lossAfter: true }));
    expect(seen[0]).toMatchObject({ _tag: "step", report: { lossAfter: expect.any(Number) } });
  });
});

describe("fit()", () => {
  it("gives what the iterator ends with, the history and every record", async () => {
    const data = noisy(90), options = { epochs: 4, batchSize: 20, validation: 0.2, reportEvery: 3 };
    const seen = await collect(train(network(), data, options)), heard: Progress<Model>[] = [];
    const task = fit(network(), data, { ...options, onProgress: (record) => heard.push(record) });
    expect(heard).toEqual([]);
    const trained = getOrThrow(await task()), { params, evaluation, stopped, steps } = doneOf(seen);
    expect(told(heard)).toEqual(told(seen));
    expect(digest(trained.params)).toBe(digest(params));
    expect(trained).toMatchObject({ evaluation: evaluation as object, stopped, steps });
    expect(trained.history).toEqual(epochsOf(seen).map(({ epoch, evaluation }) => ({ epoch, evaluation })));
    expect(trained.history.length).toBe(4);
    expect(getOrThrow(await task()).steps).toBe(steps);
    const alone = getOrThrow(await fit(network(), data, { epochs: 2 })());
    expect(alone.history).toEqual([1, 2].map((epoch) => ({ epoch, evaluation: undefined })));
  });

  it("gives errors as values, without a record of them", async () => {
    const heard: unknown[] = [], onProgress = (record: unknown) => void heard.push(record);
    const { data } = problem(20, 7, 5);
    expect(left(await fit(network(), data, { onProgress })())._tag).toBe("FeatureMismatch");
    expect(left(await fit(network(), noisy(20), { epochs: 0, onProgress })())).toMatchObject({ option: "epochs" });
    // Features that are finite and take the logits beyond float32: the first step fails.
    const wild = { ...noisy(20), features: { rows: 20, cols: 12, data: new Float32Array(240).fill(3e38) } };
    expect(left(await fit(network(), wild, { onProgress, standardise: false })())._tag).toBe("Overflow");
    expect(await errorOf(train(network(), wild, { standardise: false }))).toMatchObject({ _tag: "Overflow" });
    expect(heard).toEqual([]);
  });
});

describe("records", () => {
  it("hold copies: neither changes to them nor going on change the other", async () => {
    for (const { start } of SCENARIOS) {
      const untouched = await collect(start({})), seen: Progress<Model>[] = [], before: unknown[] = [];
      for await (const record of start({})) {
        const got = getOrThrow(record);
        before.push(told([got])[0]);
        seen.push(got);
      }
      expect(told(seen)).toEqual(before);
      const spoiled: unknown[] = [];
      for await (const record of start({})) {
        const got = getOrThrow(record);
        spoiled.push(told([got])[0]);
        if (!("params" in got)) continue;
        const arrays = got.params._tag === "custom"
          ? [got.params.parameters]
          : got.params.layers.flatMap((layer) => "weight" in layer ? [layer.weight.data] : []);
        for (const array of arrays) array.fill(NaN);
        Object.assign(got.evaluation ?? {}, { loss: -1, accuracy: 2 });
      }
      expect(spoiled).toEqual(told(untouched));
    }
  });

  it("leave what was given as it was", async () => {
    const model = network(), data = noisy(60), validation = noisy(30, 5);
    const before = JSON.stringify([model, data, validation]);
    const options: TrainOptions = { epochs: 2, batchSize: 16, validation, classWeights: [1, 2, 1, 1, 1] };
    const kept = JSON.stringify(options);
    await collect(train(model, data, options));
    await collect(train(model, data, { ...options, validation: 0.3, optimizer: fgn({ metric: "centred" }) }));
    expect(JSON.stringify([model, data, validation])).toBe(before);
    expect(JSON.stringify(options)).toBe(kept);
  });

  it("pass over batches without weight, by example and class; none with weight at all is an error", async () => {
    const data = problem(24, 12, 5).data, labels = data.labels.map((_, i) => i < 12 ? 0 : 1);
    const half = { ...data, labels };
    const options: TrainOptions = { epochs: 2, batchSize: 1, reportEvery: 1, classWeights: [0, 1, 1, 1, 1] };
    const seen = await collect(train(network(), half, options));
    expect(seen.filter(({ _tag }) => _tag === "step").length).toBe(24);
    expect(doneOf(seen)).toMatchObject({ steps: 48, stopped: "finished" });
    const kept = { ...half, weights: Float32Array.from(labels) };
    const weighted = await collect(train(network(), kept, { ...options, classWeights: [1, 1, 1, 1, 1] }));
    expect(outcome(weighted)).toEqual(outcome(seen));
    const bigints = { classWeights: BigInt64Array.of(0n, 1n, 1n, 1n, 1n), checkpoint: { store: memoryStore() } };
    const big = await collect(train(network(), half, { ...options, ...bigints }));
    expect(outcome(big)).toEqual(outcome(seen));
    const none = await errorOf(train(network(), half, { ...options, classWeights: [0, 0, 1, 1, 1] }));
    expect(none).toMatchObject({ _tag: "ZeroWeights" });
    const blind = { ...data, weights: new Float32Array(24) };
    expect(await errorOf(train(network(), data, { validation: blind }))).toMatchObject({ _tag: "ZeroWeights" });
  });
});

describe("early stopping", () => {
  const optimizer = fgn({ damping: 1e-4 });
  for (const by of ["loss", "accuracy"] as const) {
    for (const patience of [1, 3]) {
      it(`by ${by} waits ${patience} epochs for a gain and gives back the best`, async () => {
        const options = { epochs: 40, batchSize: 32, validation: 0.3, earlyStopping: { patience, by }, optimizer };
        const seen = await collect(train(network([16]), noisy(160), options));
        const epochs = epochsOf(seen), end = doneOf(seen);
        const score = ({ evaluation }: EpochRecord): number =>
          by === "loss" ? -(evaluation?.loss as number) : evaluation?.accuracy as number;
        const best = epochs.reduce((a, b) => score(b) > score(a) ? b : a);
        expect(end.stopped).toBe("earlyStopping");
        expect(epochs.length).toBe(best.epoch + patience);
        expect(end.epoch).toBe(best.epoch);
        expect(digest(end.params)).toBe(digest(best.params));
        expect(digest(end.params)).not.toBe(digest((epochs.at(-1) as EpochRecord).params));
        expect(end.evaluation).toEqual(best.evaluation);
      });
    }
  }

  it("gives the best also where the epochs end first", async () => {
    const options = { epochs: 8, batchSize: 32, validation: 0.3, optimizer };
    const seen = await collect(
      train(network([16]), noisy(160), { ...options, earlyStopping: { patience: 8, by: "accuracy" } }),
    );
    const shares = epochsOf(seen).map(({ evaluation }) => evaluation?.accuracy as number);
    const best = epochsOf(seen)[shares.indexOf(Math.max(...shares))] as EpochRecord;
    expect(best.epoch).toBeLessThan(8);
    expect(doneOf(seen)).toMatchObject({ stopped: "finished", epoch: best.epoch, evaluation: best.evaluation });
    expect(digest(doneOf(seen).params)).toBe(digest(best.params));
  });
});

describe("interruption", () => {
  /** One long epoch: 4000 steps of about a tenth of a millisecond and more. */
  const long = () => problem(32_000, 12, 5).data;
  const LONG = { epochs: 1, batchSize: 8, reportEvery: 1e9 };

  it("before the start: no step, the parameters given", async () => {
    const options = { signal: AbortSignal.abort(), validation: 0.5 };
    for (
      const records of [
        train(network(), noisy(40), options),
        train(network(), noisy(40), { ...options, optimizer: fgn() }),
      ]
    ) {
      const seen = await collect(records);
      expect(seen.length).toBe(1);
      expect(doneOf(seen)).toMatchObject({ steps: 0, epoch: 1, stopped: "aborted", evaluation: { examples: 20 } });
      expect(flat(doneOf(seen).params)).toEqual(flat(network()));
    }
  });

  it("from a record: not one step more", async () => {
    const stop = new AbortController();
    const trained = getOrThrow(
      await fit(network(), noisy(160), {
        batchSize: 16,
        reportEvery: 1,
        signal: stop.signal,
        onProgress: ({ steps }) => steps === 13 && stop.abort(),
      })(),
    );
    expect(trained).toMatchObject({ steps: 13, stopped: "aborted" });
    expect(trained.history.length).toBe(1);
    expect(flat(trained.params).every(Number.isFinite)).toBe(true);
  });

  it("from a timer, within an epoch that gives no records", async () => {
    const stop = new AbortController(), head = getOrThrow(zeroHead({ features: 12, classes: 5 }));
    setTimeout(() => stop.abort(), 1);
    const end = doneOf(await collect(train(head, long(), { ...LONG, signal: stop.signal })));
    expect(end.stopped).toBe("aborted");
    expect(end.steps).toBeGreaterThan(0);
    expect(end.steps).toBeLessThan(4000);
  });

  it("by time, after at least one step", async () => {
    const head = getOrThrow(zeroHead({ features: 12, classes: 5 }));
    const end = doneOf(await collect(train(head, long(), { ...LONG, maxSeconds: 0.02 })));
    expect(end.stopped).toBe("maxSeconds");
    expect(end.steps).toBeLessThan(4000);
    const one = doneOf(await collect(train(head, long(), { ...LONG, maxSeconds: 1e-9 })));
    expect(one).toMatchObject({ steps: 1, stopped: "maxSeconds" });
    expect(flat(one.params)).not.toEqual(flat(head));
    const ample = doneOf(await collect(train(network(), noisy(40), { epochs: 2, maxSeconds: 1e6 })));
    expect(ample.stopped).toBe("finished");
  });

  it("keeps a checkpoint from which the run goes on to the same end", async () => {
    for (const { start } of SCENARIOS) {
      const whole = outcome(await collect(start({})));
      const checkpoint = { store: memoryStore(), every: 1e9 }, stop = new AbortController();
      for await (const record of start({ checkpoint, reportEvery: 1, signal: stop.signal })) {
        if (getOrThrow(record).steps === 7) stop.abort();
      }
      let end = doneOf(await collect(start({ checkpoint, maxSeconds: 1e-9 })));
      expect(end).toMatchObject({ steps: 8, stopped: "maxSeconds" });
      for (let calls = 0; end.stopped === "maxSeconds" && calls < 50; calls++) {
        end = doneOf(await collect(start({ checkpoint, maxSeconds: 1e-9 })));
      }
      expect(outcome([end])).toEqual(whole);
    }
  });
});
