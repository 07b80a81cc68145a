// Options of every function that takes some: wrong kinds, numbers as text and names that are none are told by name, before
// any work; undefined counts as not given; options of any origin are read once.

import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  adapt,
  always,
  averaged,
  backtracking,
  type Batch,
  batch,
  clipGlobalNorm,
  cosineDecay,
  dense,
  diagnose,
  embedding,
  evaluate,
  explain,
  fgn,
  fgnStep,
  fit,
  getOrThrow,
  ggnProduct,
  ggnStep,
  initialise,
  jvp,
  l2Penalty,
  layerNorm,
  levenbergMarquardt,
  linearHead,
  logits,
  lossAndGradient,
  matrix,
  misfit,
  mlp,
  momentum,
  observe,
  online,
  type Optimizer,
  paper,
  parameters,
  prepareKernel,
  probabilities,
  randomHead,
  robust,
  rowSystem,
  scaled,
  showError,
  stepDecay,
  times,
  train,
  trustRegion,
  vjp,
  warmUp,
  weightDecay,
  withAdapters,
  zeroHead,
} from "../../mod.ts";
import type { FgnError, Model, Network, Schedule } from "../../mod.ts";
import { cpu, webGpu } from "../../src/gpu/gpu.ts";
import { threadedKernel } from "../../src/threads/threads.ts";
import { left } from "../support/reference.ts";

const features = getOrThrow(matrix(4, 2, [1, 2, 3, 4, 5, 6, 1, 0]));
const data: Batch = getOrThrow(batch({ features, labels: [0, 1, 2, 0] }));
const model = getOrThrow(mlp({ inputs: 2, hidden: [4], classes: 3, seed: 1 }));
const direction = new Float32Array(parameters(model).length);

type Asked = Record<string, unknown>;
type Result = { readonly _tag: "Left"; readonly left: FgnError } | { readonly _tag: "Right" };

/** A result of an untyped call. */
// deno-lint-ignore no-explicit-any
type Call = (options: any) => Result | Promise<Result>;

const updateOf = <S>(optimizer: Optimizer<Network, S>, options = {}): Result =>
  optimizer.update(model, optimizer.init(model), data, options);

const firstOf = async (options: Asked): Promise<Result> => {
  for await (const record of train(model, data, options)) return record;
  throw new Error("no record");
};

const onCpu = async (options: Asked): Promise<Result> => {
  const backend = cpu();
  const params = getOrThrow(await backend.onDevice(model)()),
    examples = getOrThrow(await backend.batchOnDevice(data)());
  return await backend.fgnStep(params, examples, 0.1, options)();
};

const networkWith = (layer: ReturnType<typeof dense> | ReturnType<typeof layerNorm>): Result =>
  initialise({ inputs: 2, layers: [layer, dense(3)] });

/** Values that are not what an option of a kind may be: each kind as text, other kinds, and what is out of range. */
const BAD = {
  number: ["1", NaN, Infinity, null, true, [1], {}, 1n],
  flag: ["true", 1, 0, null, {}],
  count: ["3", 0, -1, 1.5, NaN, Infinity, null, true, 2n],
  word: ["other", 1, null, true, {}],
  list: ["1", 1, true, null],
  object: ["x", 1, true, null],
} as const;

const KERNEL = { kernel: BAD.object };
const OBJECTIVE = {
  labelSmoothing: [...BAD.number, 1, -0.1],
  l2: [...BAD.number, -1],
  l2Biases: BAD.flag,
};
const UPDATE = {
  ...OBJECTIVE,
  ...KERNEL,
  donate: BAD.flag,
  lossAfter: BAD.flag,
  trustRegion: [...BAD.number, -1],
  microBatch: BAD.count,
};
const METHOD = {
  tolerance: [...BAD.number, 0, 1],
  maxIterations: BAD.count,
  system: BAD.word,
  metric: BAD.word,
  curvature: BAD.word,
  twoStage: [...BAD.number, -1],
  trustRegion: [...BAD.number, -1],
};
const FREE = { solver: BAD.word, competitors: ["1", -1, 0.5, null], refine: ["1", -1, 0.5, null] };
const STEP = {
  ...OBJECTIVE,
  ...METHOD,
  ...FREE,
  momentum: BAD.object,
  donate: BAD.flag,
  lossAfter: BAD.flag,
};
const TRAIN = {
  ...OBJECTIVE,
  ...KERNEL,
  optimizer: BAD.object,
  epochs: BAD.count,
  batchSize: BAD.count,
  microBatch: BAD.count,
  seed: BAD.number,
  validation: [...BAD.number, 0, 1],
  earlyStopping: BAD.object,
  reportEvery: BAD.count,
  lossAfter: BAD.flag,
  maxSeconds: ["1", 0, NaN, null],
  signal: BAD.object,
  checkpoint: BAD.object,
};
const AFFINE = { bias: BAD.flag, initial: BAD.word, frozen: BAD.flag };

/** Every function with options: the call, and bad values of each option. */
const FUNCTIONS: Readonly<Record<string, readonly [Call, Readonly<Record<string, readonly unknown[]>>]>> = {
  fgnStep: [(o) => fgnStep(model, data, 0.1, o), { ...STEP, ...KERNEL }],
  ggnStep: [
    (o) => ggnStep(model, data, 0.1, o),
    { ...OBJECTIVE, ...KERNEL, ...METHOD, donate: BAD.flag, lossAfter: BAD.flag, preconditioner: BAD.word },
  ],
  "a backend's fgnStep": [onCpu, STEP],
  cpu: [async (o) => await cpu(o).onDevice(model)(), KERNEL],
  webGpu: [(o) => webGpu(o)(), { device: BAD.object, powerPreference: BAD.word }],
  threadedKernel: [(o) => threadedKernel(o)(), { threads: [...BAD.count, 1, 65] }],
  ggnProduct: [(o) => ggnProduct(model, data, direction, o), KERNEL],
  lossAndGradient: [(o) => lossAndGradient(model, data, o), { ...OBJECTIVE, ...KERNEL }],
  rowSystem: [(o) => rowSystem(model, data, o), { ...OBJECTIVE, ...KERNEL }],
  jvp: [(o) => jvp(model, features, direction, o), KERNEL],
  vjp: [(o) => vjp(model, features, getOrThrow(matrix(4, 3, new Float32Array(12))), o), KERNEL],
  evaluate: [(o) => evaluate(model, data, o), KERNEL],
  logits: [(o) => logits(model, features, o), KERNEL],
  probabilities: [(o) => probabilities(model, features, o), KERNEL],
  observe: [(o) => observe(model, null, features, o), KERNEL],
  adapt: [
    (o) => adapt(model, "forget", data, o),
    { ...UPDATE, ratio: [...BAD.number, 0, -1], maxClasses: [...BAD.count, 1] },
  ],
  diagnose: [
    (o) => diagnose(model, data, 0.1, o),
    { ...OBJECTIVE, ...KERNEL, maxIterations: BAD.count, samples: [...BAD.count, 1] },
  ],
  prepareKernel: [
    (o) => prepareKernel(model, 4, { milliseconds: 0, ...o }),
    { ...KERNEL, milliseconds: [...BAD.number, -1], run: ["x", 1, null, {}] },
  ],
  train: [firstOf, TRAIN],
  fit: [(o) => fit(model, data, o)(), { ...TRAIN, onProgress: ["x", 1, null, {}] }],
  fgn: [(o) => updateOf(fgn(o)), { ...METHOD, ...FREE }],
  paper: [(o) => updateOf(paper(o)), {}],
  robust: [(o) => updateOf(robust(o)), { caution: [...BAD.number, 0, -1], rule: BAD.word }],
  online: [(o) => updateOf(online(o)), { ratio: [...BAD.number, 0, -1] }],
  "fgn's update": [(o) => updateOf(fgn(), o), UPDATE],
  "robust's update": [(o) => updateOf(robust(), o), UPDATE],
  "online's update": [(o) => updateOf(online(), o), UPDATE],
  "averaged's update": [(o) => updateOf(averaged()(fgn()), o), UPDATE],
  "scaled's update": [(o) => updateOf(scaled(0.5)(fgn()), o), UPDATE],
  "momentum's update": [(o) => updateOf(momentum()(fgn()), o), UPDATE],
  "l2Penalty's update": [(o) => updateOf(l2Penalty(0.1)(fgn()), o), UPDATE],
  "clipGlobalNorm's update": [(o) => updateOf(clipGlobalNorm(1)(fgn()), o), UPDATE],
  backtracking: [
    (o) => fgnStep(model, data, backtracking(o)),
    { shrink: [...BAD.number, 0, 1], decrease: [...BAD.number, -1, 1], attempts: BAD.count },
  ],
  levenbergMarquardt: [
    (o) => fgnStep(model, data, levenbergMarquardt(o)),
    { raise: [...BAD.number, 1], lower: [...BAD.number, 0, 2], attempts: BAD.count },
  ],
  misfit: [(o) => fgnStep(model, data, misfit(o)), { caution: [...BAD.number, 0], rule: BAD.word }],
  dense: [(o) => networkWith(dense(4, o)), AFFINE],
  embedding: [(o) => initialise({ inputs: 2, layers: [embedding(3, o)] }), AFFINE],
  layerNorm: [(o) => networkWith(layerNorm(o)), { epsilon: [...BAD.number, 0], frozen: BAD.flag }],
  mlp: [
    (o) => mlp({ inputs: 2, hidden: [4], classes: 3, ...o }),
    { bias: BAD.flag, seed: BAD.number },
  ],
  initialise: [
    (o) => initialise({ inputs: 2, layers: [dense(3)], ...o }),
    { layers: ["dense", 1, null, {}], seed: BAD.number },
  ],
  zeroHead: [(o) => zeroHead({ features: 2, classes: 3, ...o }), { bias: BAD.flag }],
  randomHead: [(o) => randomHead({ features: 2, classes: 3, ...o }, 1), { bias: BAD.flag }],
  linearHead: [(o) => linearHead({ features: 1, classes: 2, ...o }, [1, 2], null), { bias: BAD.flag }],
  withAdapters: [
    (o) => withAdapters(model, { rank: 1, ...o }),
    { alpha: BAD.number, seed: BAD.number, layers: ["0", 0, null, {}] },
  ],
};

/** Constructors whose spread of other arguments takes what is no object for nothing. */
const SPREAD = ["prepareKernel", "mlp", "initialise", "zeroHead", "randomHead", "linearHead", "withAdapters"];

/** Options that are lists of numbers. */
const NUMBERS = ["classWeights", "warmStart", "hidden"];

const cases = Object.entries(FUNCTIONS);

describe.each(cases)("options of %s", (name, [call, bad]) => {
  it("of a wrong kind or out of range are told by name", async () => {
    for (const [option, values] of Object.entries(bad)) {
      for (const value of values) {
        const error = left(await call({ [option]: value }) as never) as FgnError;
        // The reader of numbers has the word on options that are lists of them.
        const isList = NUMBERS.includes(option) && error._tag === "WrongKind";
        if (!isList) expect(error, `${option}: ${String(value)}`).toMatchObject({ _tag: "InvalidOption", option });
        expect(error.message).toContain(option);
        expect(error.remedy).toMatch(/^Give /);
      }
    }
  });

  it("that there are not are told, with the nearest one", async () => {
    for (const option of Object.keys(bad).filter((known) => known.length > 4)) {
      for (const wrong of [`${option}s`, option.slice(0, -1), option.slice(0, 2) + option.slice(3), `_${option}`]) {
        if (wrong in bad) continue;
        const error = left(await call({ [wrong]: 1 }) as never) as FgnError;
        expect(error).toMatchObject({ _tag: "InvalidOption", option: wrong });
        expect(error.message).toBe(`there is no option ${wrong}: did you mean ${option}?`);
      }
    }
    const error = left(await call({ qqqqqq: 1 }) as never) as FgnError;
    expect(error).toMatchObject({ _tag: "InvalidOption", option: "qqqqqq", message: "there is no option qqqqqq" });
  });

  it("that are undefined count as not given", async () => {
    const optional = Object.keys(bad).filter((option) => !["hidden", "layers"].includes(option));
    const none = Object.fromEntries([...optional, "qqqqqq"].map((option) => [option, undefined]));
    const plain = await call({}), same = await call(none);
    if (name !== "webGpu" && name !== "threadedKernel") expect(plain._tag).toBe("Right");
    expect(same._tag).toBe(plain._tag);
  });

  it("are of no other kind than an object", async () => {
    if (SPREAD.includes(name)) return;
    for (const other of [null, 1, "l2", true, [], [1], new Map([["l2", 1]]), new Date(0), () => ({}), Symbol("l2")]) {
      const error = left(await call(other) as never) as FgnError;
      expect(error._tag, String(error.message)).toBe("WrongKind");
    }
  });

  it("may have names that objects have", async () => {
    for (const other of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      const own = JSON.parse(`{"${other}": {"l2": 1}}`);
      if (SPREAD.includes(name) && other === "__proto__") continue;
      expect(left(await call(own) as never)).toMatchObject({ _tag: "InvalidOption", option: other });
    }
  });
});

describe("options of any origin", () => {
  const want = parameters(getOrThrow(fgnStep(model, data, 0.1, { l2: 0.5, lossAfter: false })).params);
  class Settings {
    readonly lossAfter = false;
    get l2() {
      return 0.5;
    }
  }
  const origins = {
    "a null prototype": Object.assign(Object.create(null), { l2: 0.5, lossAfter: false }),
    "another realm": runInNewContext("({ l2: 0.5, lossAfter: false })"),
    "a class": new Settings(),
    "a prototype with options": Object.create({ l2: 0.5, lossAfter: false }),
    "a proxy": new Proxy({ l2: 0.5, lossAfter: false }, {}),
  };

  it.each(Object.entries(origins))("are read: %s", (_, options) => {
    const step = getOrThrow(fgnStep(model, data, 0.1, options));
    expect(parameters(step.params)).toEqual(want);
    expect(step.report.lossAfter).toBeUndefined();
  });

  it("are read once", () => {
    for (
      const call of [
        (o: object) => fgnStep(model, data, 0.1, o),
        (o: object) => lossAndGradient(model, data, o),
        (o: object) => updateOf(robust(), o),
        (o: object) => updateOf(averaged()(fgn()), o),
      ]
    ) {
      let reads = 0;
      const changing = {
        get l2() {
          return reads++ === 0 ? 0.5 : "0.5";
        },
      };
      expect(call(changing)._tag).toBe("Right");
      expect(reads).toBe(1);
    }
  });

  it("that throw when they are read are told", () => {
    const throwing = {
      get l2() {
        throw new Error("no");
      },
    };
    expect(left(fgnStep(model, data, 0.1, throwing as object))).toMatchObject({
      _tag: "WrongKind",
      what: "options.l2",
    });
  });

  it("do not change", () => {
    const options = Object.freeze({ l2: 0.5, lossAfter: undefined });
    expect(fgnStep(model, data, 0.1, options as object)._tag).toBe("Right");
    expect(options).toEqual({ l2: 0.5, lossAfter: undefined });
  });
});

it("names of other libraries are told what stands for them here", async () => {
  const told = (error: FgnError) => showError(error);
  const of = async (options: Asked) => left(await firstOf(options) as never) as FgnError;
  expect(told(await of({ learningRate: 0.1 }))).toContain(
    "no option learningRate: the damping of the optimizer sets the length",
  );
  expect(told(await of({ lr: 0.1 }))).toContain("the damping of the optimizer sets");
  expect(told(await of({ batch_size: 8 }))).toContain("did you mean batchSize? Give one of");
  expect(told(await of({ epoch: 8 }))).toContain("did you mean epochs?");
  expect(told(await of({ verbose: 1 }))).toContain("onProgress");
  expect(told(await of({ weight_decay: 1 }))).toContain("it is l2");
  expect(told(await of({ random_state: 1 }))).toContain("it is seed");
  expect(told(left(updateOf(fgn({ dampping: 1 } as object)) as never))).toContain("did you mean damping?");
  const long = left(fgnStep(model, data, 0.1, { ["x".repeat(1e6)]: 1 } as object));
  expect(long.message.length).toBeLessThan(200);
});

describe("what constructors cannot return", () => {
  const text = "1" as unknown as number;
  const inner = fgn<Model>();
  const faulty: Readonly<Record<string, readonly [Optimizer<Network, unknown>, string]>> = Object.fromEntries(
    ([
      ["robust", robust({ caution: -1 }), "caution"],
      ["online", online({ ratio: text }), "ratio"],
      ["fgn", fgn({ metric: "other" } as object), "metric"],
      ["fgn's damping", fgn({ damping: backtracking({ shrinkk: 0.5 } as object) }), "shrinkk"],
      ["fgn's momentum", fgn({ momentum: {} } as object), "momentum"],
      ["paper", paper({ metric: "centred" } as object), "metric"],
      ["l2Penalty", l2Penalty(text)(inner), "l2Penalty"],
      ["trustRegion", trustRegion(0)(inner), "trustRegion"],
      ["clipGlobalNorm", clipGlobalNorm(NaN)(inner), "clipGlobalNorm"],
      ["scaled", scaled(-1)(inner), "scaled"],
      ["scaled by text", scaled(text)(inner), "scaled"],
      ["weightDecay", weightDecay(1)(inner), "weightDecay"],
      ["momentum", momentum(1)(inner), "momentum"],
      ["averaged", averaged(text)(inner), "averaged"],
      ["cosineDecay", scaled(cosineDecay(text))(inner), "cosineDecay.steps"],
      ["warmUp", scaled(warmUp(10, -1))(inner), "warmUp.factor"],
      ["stepDecay", weightDecay(stepDecay(0, 0.5))(inner), "stepDecay.every"],
      ["times", weightDecay(times(NaN, cosineDecay(10)))(inner), "times.factor"],
      ["times of a bad one", weightDecay(times(1, cosineDecay(0)))(inner), "cosineDecay.steps"],
      ["always", scaled(always(text))(inner), "always.factor"],
    ] as [string, Optimizer<Network, unknown>, string][]).map((
      [name, optimizer, option],
    ) => [name, [optimizer, option]]),
  );

  it.each(Object.entries(faulty))("%s is told before any work", async (_, [optimizer, option]) => {
    const want = { _tag: "InvalidOption", option };
    const around = [
      optimizer,
      averaged()(optimizer),
      momentum()(optimizer),
      scaled(1)(optimizer),
      clipGlobalNorm(1)(optimizer),
      l2Penalty(1)(optimizer),
    ] as Optimizer<Network, unknown>[];
    for (const chain of around) {
      expect(chain.fault).toMatchObject(want);
      expect(left(chain.update(model, chain.init(model), data))).toMatchObject(want);
      expect(explain(chain)).toContain(option);
      expect(explain(chain)).toContain("InvalidOption");
      let loads = 0;
      const store = {
        load: () => (loads++, Promise.resolve(rightOf(null))),
        save: () => Promise.resolve(rightOf(undefined)),
      };
      expect(left(await firstOf({ optimizer: chain, checkpoint: { store } }) as never)).toMatchObject(want);
      expect(left(await fit(model, data, { optimizer: chain })())).toMatchObject(want);
      expect(loads).toBe(0);
    }
  });

  const rightOf = <A>(value: A) => ({ _tag: "Right", right: value }) as const;

  it("and nothing is told where all is well", () => {
    const sound = [robust(), online(), fgn(), paper(), averaged()(fgn()), scaled(cosineDecay(10))(fgn())];
    for (const optimizer of sound as Optimizer<Network, unknown>[]) {
      expect("fault" in optimizer).toBe(false);
      expect(explain(optimizer)).not.toContain("!");
    }
    const schedules: Schedule[] = [always(1), warmUp(3), cosineDecay(3), stepDecay(3, 1), times(2, always(1))];
    for (const schedule of schedules) expect(Object.keys(schedule)).toEqual(["at", "note"]);
    for (const state of [backtracking(), levenbergMarquardt(), misfit()]) expect("fault" in state).toBe(false);
    for (const spec of [dense(2), embedding(2), layerNorm()]) expect("fault" in spec).toBe(false);
  });
});
