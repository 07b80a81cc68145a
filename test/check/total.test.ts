// The boundary: what throws within a public function is a Left that says whose fault it was.

import { describe, expect, it } from "vitest";
import {
  averaged,
  type Batch,
  batch,
  type CheckpointStore,
  decodePlain,
  encodePlain,
  evaluate,
  fgn,
  fgnStep,
  fit,
  type FitOptions,
  getOrThrow,
  ggnStep,
  growClasses,
  holdOut,
  matrix,
  memoryStore,
  type Network,
  online,
  type Optimizer,
  readSafetensors,
  robust,
  scaled,
  seedRandom,
  shuffle,
  train,
  vjp,
  withParameters,
  writeSafetensors,
  zeroHead,
} from "../../mod.ts";
import { cpu } from "../../src/gpu/gpu.ts";
import { guard, guardAsync } from "../../src/check/total.ts";
import { left } from "../support/reference.ts";

const head = getOrThrow(zeroHead({ features: 2, classes: 2 }));
const data = getOrThrow(batch({ features: getOrThrow(matrix(4, 2, [1, 0, 0, 1, 2, 0, 0, 2])), labels: [0, 1, 0, 1] }));

const holdOutHalf = (_: Network, b: Batch) => holdOut(b, 0.5);

const boom = (): never => {
  throw new Error("boom");
};

/** The object with a field that throws when it is read. */
const unreadable = <A extends object>(value: A, name: keyof A): A =>
  Object.defineProperty({ ...value }, name, { enumerable: true, get: boom });

describe("an argument that cannot be read", () => {
  it("is named by its place", () => {
    const cases: readonly (readonly [string, () => unknown])[] = [
      ["batch.labels", () => left(fgnStep(head, unreadable(data, "labels")))],
      ["batch.features.data", () => left(evaluate(head, { ...data, features: unreadable(data.features, "data") }))],
      ["params.layers", () => left(fgnStep(unreadable(head, "layers"), data))],
      ["options.l2", () => left(fgnStep(head, data, 1, unreadable({ l2: 1 }, "l2")))],
    ];
    for (const [what, error] of cases) {
      expect(error()).toMatchObject({ _tag: "WrongKind", what, message: `${what}: reading it throws Error: boom` });
    }
  });

  it("may be a proxy, a getter of a class, a symbol or an array that was transferred", () => {
    class Batches {
      readonly labels = data.labels;
      get features(): never {
        return boom();
      }
    }
    expect(left(fgnStep(head, new Proxy(data, { get: boom })))).toMatchObject({
      _tag: "WrongKind",
      what: "batch._tag",
    });
    expect(left(fgnStep(head, new Batches() as unknown as Batch))).toMatchObject({ what: "batch.features" });
    expect(left(guard("f", { a: [1, Symbol("s")] }, boom))).toMatchObject({ _tag: "WrongKind", what: "a[1]" });
    const moved = Float32Array.of(1);
    structuredClone(moved, { transfer: [moved.buffer] });
    expect(left(guard("f", { a: { data: moved } }, boom))).toMatchObject({ _tag: "WrongKind", what: "a.data" });
  });

  it("may be a getter that gives another value at a later reading: a check of it says nothing about its use", () => {
    const reads = (count: number, first: unknown, then: unknown) => {
      let left = count;
      return { enumerable: true, get: () => left-- > 0 ? first : then };
    };
    for (let count = 0; count < 12; count++) {
      for (const name of ["_tag", "layers", "outputs"] as const) {
        const changing = Object.defineProperty({ ...head }, name, reads(count, head[name], {})) as Network;
        for (const result of [fgnStep(changing, data), evaluate(changing, data), withParameters(changing, [1, 2, 3])]) {
          if (result._tag === "Left") expect(result.left._tag).not.toBe("Unexpected");
        }
      }
    }
    const changing = Object.defineProperty({ ...head }, "layers", reads(2, head.layers, 0)) as Network;
    expect(left(fgnStep(changing, data))).toMatchObject({
      _tag: "WrongKind",
      message: "params.layers: this is a getter",
    });
  });

  it("may be a batch that is another one later: it is read once", () => {
    for (const name of ["labels", "features", "targets", "weights"] as const) {
      let reads = 0;
      const get = (): unknown => reads++ === 0 ? data[name] : { length: 2 ** 53 };
      const changing = Object.defineProperty({ ...data }, name, { enumerable: true, get }) as Batch;
      for (const call of [fgnStep, evaluate, (m: Network, b: Batch) => ggnStep(m, b, 0.1), holdOutHalf]) {
        reads = 0;
        expect((call as (m: Network, b: Batch) => { _tag: string })(head, changing)._tag, name).toBe("Right");
        expect(reads, name).toBe(1);
      }
      for (const optimizer of [fgn(), robust(), online()] as Optimizer<Network, unknown>[]) {
        reads = 0;
        expect(optimizer.update(head, optimizer.init(head), changing)._tag, name).toBe("Right");
        expect(reads, name).toBe(1);
      }
    }
  });

  it("is named in optimised code, too", () => {
    // Node 20 lets what a getter throws within Array.prototype.at past the catch around it, once that is compiled.
    const last = head.layers[0], tags = new Set<string>();
    for (let i = 0; i < 20_000; i++) {
      growClasses({ ...head, layers: [last] } as Network, 3);
      if (i % 100 < 99) continue;
      let reads = 0;
      const layers = Object.defineProperty([last], 0, { get: () => reads++ === 0 ? last : boom() });
      tags.add(growClasses({ ...head, layers } as Network, 3)._tag);
    }
    expect([...tags]).toEqual(["Left"]);
  });

  it("may be null, in every place", () => {
    const { features } = data, cotangent = getOrThrow(matrix(4, 2, new Float32Array(8))), none = null as never;
    const cases: readonly (readonly [string, unknown])[] = [
      ["the model", vjp(none, features, cotangent)],
      ["features", vjp(head, none, cotangent)],
      ["cotangent", vjp(head, features, none)],
      ["the options", vjp(head, features, cotangent, none)],
    ];
    for (const [what, result] of cases) {
      const message = expect.stringContaining(`${what}: null is given, in the place of`);
      expect(result).toMatchObject({ _tag: "Left", left: { _tag: "WrongKind", what, message } });
    }
  });

  it("ends a backend's task with a Left", async () => {
    expect(left(await cpu().onDevice(unreadable(head, "layers"))())).toMatchObject({ what: "params.layers" });
  });
});

describe("a fault of the library", () => {
  it("has a tag of its own, what was thrown, and asks for a report", async () => {
    const cause = new TypeError("x is not a function");
    const broken = (): never => {
      throw cause;
    };
    const error = left(guard("fgnStep", { params: head }, broken));
    expect(error).toMatchObject({ _tag: "Unexpected", where: "fgnStep", cause });
    expect(error.message).toBe("fgnStep failed: TypeError: x is not a function");
    expect(error.remedy).toContain("please report it");
    expect(left(await guardAsync("fit", {}, broken))).toMatchObject({ _tag: "Unexpected", where: "fit" });
  });

  it("is never told as a fault of a file, of memory or of a generator", () => {
    const random = seedRandom(1), file = getOrThrow(encodePlain("a", 1, { b: Float32Array.of(1) }));
    const tensors = new Map([["b", { shape: [1], data: Float32Array.of(1) }]]);
    const calls: readonly (readonly [string, () => unknown, object, string])[] = [
      ["shuffle", () => shuffle(9, random), Math, "imul"],
      ["encodePlain", () => encodePlain("a", 1, { b: 1 }), JSON, "stringify"],
      ["decodePlain", () => decodePlain("a", 1, file), Object, "fromEntries"],
      ["readSafetensors", () => readSafetensors(file), Object.getPrototypeOf(Uint8Array.prototype), "subarray"],
      ["writeSafetensors", () => writeSafetensors({ tensors }), TextEncoder.prototype, "encode"],
    ];
    for (const [where, call, holder, name] of calls) {
      const field = Object.getOwnPropertyDescriptor(holder, name) as PropertyDescriptor,
        cause = new TypeError("a fault");
      const broken = (): never => {
        throw cause;
      };
      Object.defineProperty(holder, name, { configurable: true, writable: true, value: broken });
      let result: unknown;
      try {
        result = call();
      } finally {
        Object.defineProperty(holder, name, field);
      }
      expect(result, where).toMatchObject({ _tag: "Left", left: { _tag: "Unexpected", where, cause } });
    }
  });

  it("is told at once, though arguments hold the global object", () => {
    const began = performance.now();
    expect(left(guard("f", { a: globalThis, b: [1] }, boom))._tag).toMatch(/^(WrongKind|Unexpected)$/);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it("is told though what was thrown has no text, and arguments contain themselves", () => {
    const own: Record<string, unknown> = {};
    own["own"] = own;
    const error = left(guard("f", own, () => {
      throw new Proxy({}, { getPrototypeOf: boom, get: boom, ownKeys: boom });
    }));
    expect(error).toMatchObject({ _tag: "Unexpected", message: "f failed: something that cannot be read" });
  });
});

describe("a function of the caller's that fails", () => {
  type Own = Optimizer<Network, unknown>;
  const own: Own = { ...(fgn() as unknown as Own), name: "own" };
  const fitted = async (options: Partial<FitOptions<Network, unknown>>) =>
    left(await fit<Network, unknown>(head, data, { epochs: 1, reportEvery: 1, ...options })());

  it("is named, in an optimizer", async () => {
    const none = "gave no Either with a value or an error of this library";
    const cases: readonly (readonly [Partial<Own>, string, string])[] = [
      [{ init: boom }, "own.init", "threw Error: boom"],
      [{ update: boom }, "own.update", "threw Error: boom"],
      [{ result: boom }, "own.result", "threw Error: boom"],
      [{ update: () => undefined as never }, "own.update", none],
      [{ update: () => ({ _tag: "Left", left: "no" }) as never }, "own.update", none],
    ];
    for (const [part, what, cause] of cases) {
      expect(await fitted({ optimizer: { ...own, ...part } })).toMatchObject({ _tag: "CallbackFailure", what, cause });
    }
    const empty = { ...own, update: () => ({ _tag: "Right", right: {} }) as never };
    expect(await fitted({ optimizer: empty })).toMatchObject({ _tag: "CallbackFailure", what: "own.update" });
  });

  it("is named within a transform, and in a schedule", () => {
    const inner = averaged()({ ...own, update: boom });
    expect(left(inner.update(head, inner.init(head), data))).toMatchObject({ what: "own.update" });
    const timed = scaled({ at: boom, note: "late" })(fgn());
    expect(left(timed.update(head, timed.init(head), data))).toMatchObject({
      _tag: "CallbackFailure",
      what: "schedule.at",
    });
  });

  it("is named in onProgress, whose promise is waited for", async () => {
    const failed = { _tag: "CallbackFailure", what: "onProgress", cause: "threw Error: boom" };
    expect(await fitted({ onProgress: boom })).toMatchObject(failed);
    expect(await fitted({ onProgress: () => Promise.reject(new Error("boom")) as never })).toMatchObject(failed);
    let done = 0;
    const slow = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      done++;
    };
    expect((await fit(head, data, { epochs: 2, reportEvery: 1, onProgress: slow as () => void })())._tag).toBe("Right");
    expect(done).toBe(5); // two steps, two epochs, and the end
  });

  it("is a failure of storage, in a store", async () => {
    const stores: readonly Partial<CheckpointStore>[] = [
      { load: boom },
      { load: () => Promise.reject(Object.create(null)) },
      { save: () => Promise.resolve({ _tag: "Left", left: "full" }) as never },
      { save: () => undefined as never },
    ];
    for (const part of stores) {
      expect(await fitted({ checkpoint: { store: { ...memoryStore(), ...part } } })).toMatchObject({
        _tag: "StorageFailed",
      });
    }
  });

  it("ends train's iterator with a Left", async () => {
    const records = [];
    const options = { optimizer: robust(), signal: unreadable({ aborted: false }, "aborted") as AbortSignal };
    for await (const record of train(head, data, options)) records.push(record);
    expect(records).toMatchObject([{ _tag: "Left", left: { what: "options.signal.aborted" } }]);
  });
});
