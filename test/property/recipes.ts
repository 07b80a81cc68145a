// Well-formed arguments of every function of the library, and what each gives. A new export needs a recipe here.

import * as fgn from "../../mod.ts";
import * as gpu from "../../src/gpu/gpu.ts";
import * as file from "../../src/io/file_store.ts";
import * as onnx from "../../src/onnx/onnx.ts";
import * as data from "../../src/readers/readers.ts";
import * as threads from "../../src/threads/threads.ts";
import * as some from "./values.ts";

const right = fgn.getOrThrow;

/** What a function gives: an Either, a task or promise of one, an iterator of them, or a plain value. */
type Gives = "either" | "task" | "promise" | "iterator" | ((result: unknown) => boolean);

/** A function, its well-formed arguments and what it gives for whatever arguments. */
export interface Recipe {
  readonly call: (...args: never[]) => unknown;
  /** Arguments, made anew; `variant` chooses among kinds. */
  readonly args: (variant: number) => readonly unknown[];
  readonly gives: Gives;
  /** Rounds that pass before it is called again (default 1: every round): starting workers takes time. */
  readonly every?: number;
  /** Whether its result is to be closed: it has workers or a device of its own. */
  readonly ends?: boolean;
}

type Call = Recipe["call"];

const isText = (value: unknown): boolean => typeof value === "string";
const isNumber = (value: unknown): boolean => typeof value === "number";
const isTagged = (value: unknown): boolean => typeof (value as { readonly _tag?: unknown })._tag === "string";
const isFunction = (value: unknown): boolean => typeof value === "function";
const isNothing = (value: unknown): boolean => value === undefined;
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const hasFunctions = (...names: readonly string[]) => (value: unknown): boolean =>
  names.every((name) => isFunction((value as Record<string, unknown>)[name]));
const isOptimizer = (value: unknown): boolean =>
  hasFunctions("init", "update", "result")(value) && isText((value as { readonly name: unknown }).name) &&
  Array.isArray((value as { readonly notes: unknown }).notes);

const either = (call: unknown, args: Recipe["args"]): Recipe => ({ call: call as Call, args, gives: "either" });
const task = (call: unknown, args: Recipe["args"]): Recipe => ({ call: call as Call, args, gives: "task" });
const plain = (call: unknown, args: Recipe["args"], gives: (result: unknown) => boolean): Recipe => ({
  call: call as Call,
  args,
  gives,
});

/** A measure of weighted predictions. */
const measure = (call: unknown, options: object): Recipe =>
  either(
    call,
    () => [some.predictions(), some.labels(), { weights: [1, 1, 1, 2, 1, 1], ignoredLabel: 9, ...options }],
  );

type AnyOptimizer = fgn.Optimizer<fgn.Model, unknown>;

/** An optimizer's own functions. What `result` gives for wrong arguments is as wrong as they are: it is any value. */
function optimizer(name: string, make: () => unknown): Record<string, Recipe> {
  const made = (): AnyOptimizer => make() as AnyOptimizer;
  const started = (variant: number) => {
    const model = some.model(variant), optimizer = made();
    return { model, state: optimizer.init(model) };
  };
  return {
    [`${name}.init`]: plain((...args: [never]) => made().init(...args), (v) => [some.model(v)], isObject),
    [`${name}.update`]: either(
      (...args: [never, never, never, never]) => made().update(...args),
      (v) => {
        const { model, state } = started(v);
        return [model, state, some.data(v % 2), {
          l2: 0,
          lossAfter: true,
          microBatch: 6,
          classWeights: [1, 1, 1],
          labelSmoothing: 0,
        }];
      },
    ),
    ...(made().shrink && {
      [`${name}.shrink`]: either(
        (...args: [never, never, never, never]) => made().shrink?.(...args),
        (v) => {
          const { model, state } = started(v);
          return [model, state, { share: 0.1, sparse: 0 }, { donate: false }];
        },
      ),
    }),
    ...(made().steer && {
      [`${name}.steer`]: either(
        (...args: [never, never]) => made().steer?.(...args),
        (v) => [started(v).state, 2],
      ),
    }),
    [`${name}.result`]: plain(
      (...args: [never, never]) => made().result(...args),
      (v) => {
        const { model, state } = started(v);
        return [model, state];
      },
      () => true,
    ),
  };
}

/** A transform: what it takes, what it makes of an optimizer, and the functions of that. */
function transform(name: string, make: (...args: never[]) => unknown, args: Recipe["args"]): Record<string, Recipe> {
  const apply = make as (...args: readonly unknown[]) => (inner: unknown) => unknown;
  return {
    [name]: plain(make, args, isFunction),
    [`${name}()`]: plain(
      (...given: [never]) => apply(...args(0))(...given),
      (v) => [v % 2 ? fgn.fgn() : some.ownOptimizer()],
      isOptimizer,
    ),
    ...optimizer(`${name}()()`, () => apply(...args(0))(fgn.fgn())),
  };
}

const schedule = (name: string, make: (...args: never[]) => unknown, args: Recipe["args"]): Record<string, Recipe> => ({
  [name]: plain(make, args, hasFunctions("at")),
  [`${name}().at`]: plain(
    (...given: [never]) => (make as (...args: readonly unknown[]) => fgn.Schedule)(...args(0)).at(...given),
    () => [3],
    isNumber,
  ),
});

const backend = gpu.cpu();
// Handles are known by themselves, not by their fields, and are used again: none may be written to.
const resident = Object.freeze(right(await backend.onDevice(some.head())()));
const residentBatch = Object.freeze(right(await backend.batchOnDevice(some.data())()));
/** A step on parameters of its own, which it may be told to give up. */
const residentStep = (params: unknown, ...rest: [never]) => async (): Promise<unknown> => {
  const own = params === resident ? right(await backend.onDevice(some.head())()) : params;
  return await backend.fgnStep(own as gpu.Resident, ...rest)();
};
const promise = (call: unknown, args: Recipe["args"]): Recipe => ({ call: call as Call, args, gives: "promise" });
const path = (): string => `node_modules/.cache/fgn/property/${Math.floor(Math.random() * 4)}.safetensors`;

/** The bytes of a table, of text or of arrays. */
function fileBytes(variant: number): Uint8Array {
  if (variant % 2 === 0) return new TextEncoder().encode("a,b\n1,x\nNA,y\n");
  const column = { shape: [2], data: Float32Array.of(1, 2) };
  return right(fgn.writeSafetensors({ tensors: new Map([["a", column], ["b", column]]) }));
}

/** Every function by its name: `name` an export, `name()` what that gives, `name().part` a function of that. */
export const RECIPES: Readonly<Record<string, Recipe>> = {
  // Data
  matrix: either(fgn.matrix, () => [2, 3, [1, 2, 3, 4, 5, 6]]),
  fromRows: either(fgn.fromRows, () => [3, [[[0, 1]], [[1, 2], [2, 3]]]]),
  sparse: either(fgn.sparse, () => [2, 3, [0, 1, 3], [1, 0, 2], [5, 7, 9]]),
  isSparse: plain(
    fgn.isSparse,
    (v) => [v % 2 ? some.features() : some.sparseFeatures()],
    (r) => typeof r === "boolean",
  ),
  batch: either(
    fgn.batch,
    (v) => [{
      features: v % 2 ? some.features() : some.sparseFeatures(),
      labels: [0, 1, 2, 0, 1, 2],
      targets: some.soft(),
      weights: [1, 1, 1, 2, 1, 1],
      ignoredLabel: 9,
    }],
  ),
  columnScales: either(fgn.columnScales, (v) => [some.data(v), { centre: v % 2 === 0 }]),
  standardise: either(fgn.standardise, (v) => [some.data(v % 3), some.scales()]),
  // Models
  foldScales: either(fgn.foldScales, (v) => [v % 2 ? some.head() : some.net(), some.scales()]),
  unfoldScales: either(fgn.unfoldScales, (v) => [v % 2 ? some.head() : some.net(), some.scales()]),
  linearHead: either(fgn.linearHead, () => [{ features: 2, classes: 2 }, [1, 2, 3, 4], [0, 1]]),
  randomHead: either(fgn.randomHead, () => [{ features: 2, classes: 2, bias: true }, 1]),
  zeroHead: either(fgn.zeroHead, () => [{ features: 2, classes: 2, bias: true }]),
  dense: plain(fgn.dense, () => [3, { bias: true, initial: "he", frozen: false }], isTagged),
  embedding: plain(fgn.embedding, () => [3, { bias: true, initial: "he", frozen: false }], isTagged),
  layerNorm: plain(fgn.layerNorm, () => [{ epsilon: 1e-5, frozen: false }], isTagged),
  residual: plain(fgn.residual, () => [[fgn.layerNorm(), fgn.dense(3)]], isTagged),
  gelu: plain(fgn.gelu, () => [], isTagged),
  leakyRelu: plain(fgn.leakyRelu, () => [0.1], isTagged),
  relu: plain(fgn.relu, () => [], isTagged),
  sigmoid: plain(fgn.sigmoid, () => [], isTagged),
  silu: plain(fgn.silu, () => [], isTagged),
  tanh: plain(fgn.tanh, () => [], isTagged),
  initialise: either(
    fgn.initialise,
    () => [{
      inputs: 3,
      layers: [fgn.dense(3), fgn.residual([fgn.layerNorm(), fgn.dense(3)]), fgn.relu(), fgn.dense(2)],
      seed: 1,
    }],
  ),
  mlp: either(fgn.mlp, () => [{ inputs: 3, hidden: [4, 2], classes: 2, activation: "relu", bias: true, seed: 1 }]),
  network: either(
    fgn.network,
    (v) => [3, ([some.head, some.net, some.deep, some.adapted][v % 4] as typeof some.head)().layers],
  ),
  freeze: either(fgn.freeze, () => [some.net(), [0]]),
  unfreeze: either(fgn.unfreeze, () => [some.net(), [0]]),
  withAdapters: either(fgn.withAdapters, () => [some.net(), { rank: 1, alpha: 1, seed: 1, layers: [0] }]),
  mergeAdapters: either(fgn.mergeAdapters, () => [some.adapted()]),
  growClasses: either(fgn.growClasses, () => [some.net(), 5]),
  parameterCount: plain(fgn.parameterCount, (v) => [some.model(v)], isNumber),
  parameters: plain(fgn.parameters, (v) => [some.model(v)], (r) => r instanceof Float32Array),
  withParameters: either(fgn.withParameters, (v) => [some.model(v), fgn.parameters(some.model(v))]),
  fromJson: either(fgn.fromJson, () => [fgn.toJson(some.deep())]),
  toJson: plain(fgn.toJson, () => [some.deep()], isObject),
  customModel: either(fgn.customModel, () => [{ parameters: [1, 2], classes: 3, ...some.functions() }]),
  // The step
  fgnStep: either(
    fgn.fgnStep,
    (v) => [some.model(v), some.data(v % 3), v % 2 ? 0.1 : fgn.relative(1), some.stepOptions()],
  ),
  ggnStep: either(
    fgn.ggnStep,
    (v) => [some.model(v), some.data(v % 3), 0.1, { preconditioner: "none", tolerance: 1e-3, maxIterations: 5, l2: 0 }],
  ),
  ggnProduct: either(fgn.ggnProduct, (v) => [some.model(v), some.data(v % 2), fgn.parameters(some.model(v)), {}]),
  backtracking: plain(fgn.backtracking, () => [{ damping: fgn.relative(1), shrink: 0.5, attempts: 3 }], isTagged),
  constant: plain(fgn.constant, () => [0.1], isTagged),
  levenbergMarquardt: plain(fgn.levenbergMarquardt, () => [{ lambda: 1, raise: 2, lower: 0.9, attempts: 3 }], isTagged),
  misfit: plain(fgn.misfit, () => [{ caution: 1, rule: "adaptive" }], isTagged),
  relative: plain(fgn.relative, () => [1], isTagged),
  // Optimizers
  robust: plain(fgn.robust, () => [{ caution: 1, rule: "adaptive" }], isOptimizer),
  ...optimizer("robust()", () => fgn.robust()),
  fgn: plain(fgn.fgn, () => [{ damping: fgn.levenbergMarquardt(), solver: "auto", metric: "euclidean" }], isOptimizer),
  ...optimizer("fgn()", () => fgn.fgn()),
  paper: plain(fgn.paper, () => [{ damping: fgn.constant(0.1) }], isOptimizer),
  ...optimizer("paper()", () => fgn.paper()),
  online: plain(fgn.online, () => [{ ratio: 0.1 }], isOptimizer),
  ...optimizer("online()", () => fgn.online()),
  ...transform("clipGlobalNorm", fgn.clipGlobalNorm, () => [1]),
  ...transform("l2Penalty", fgn.l2Penalty, () => [1e-3]),
  ...transform("trustRegion", fgn.trustRegion, () => [0.2]),
  ...transform("momentum", fgn.momentum, () => [0.9]),
  ...transform("averaged", fgn.averaged, () => [0.9]),
  ...transform("scaled", fgn.scaled, (v) => [v % 2 ? 0.5 : fgn.cosineDecay(10)]),
  ...transform("weightDecay", fgn.weightDecay, (v) => [v % 2 ? 1e-3 : fgn.times(1e-3, fgn.cosineDecay(10))]),
  ...schedule("always", fgn.always, () => [0.5]),
  ...schedule("cosineDecay", fgn.cosineDecay, () => [10, 0.1]),
  ...schedule("stepDecay", fgn.stepDecay, () => [10, 0.5]),
  ...schedule("warmUp", fgn.warmUp, () => [10, 0.5]),
  ...schedule("times", fgn.times, () => [0.5, fgn.always(1)]),
  explain: plain(fgn.explain, (v) => [v % 2 ? fgn.robust() : some.ownOptimizer()], isText),
  observe: either(fgn.observe, (v) => [some.model(v), { steps: 0, examples: 0, layers: [] }, some.features(), {}]),
  adapt: either(
    fgn.adapt,
    (
      v,
    ) => [some.model(v), { steps: 0, examples: 0, layers: [] }, some.data(v % 2), {
      ratio: 0.1,
      maxClasses: 8,
      lossAfter: true,
    }],
  ),
  // Training and prediction
  train: {
    call: fgn.train as Call,
    args: (v) => {
      const { onProgress: _, ...options } = some.trainOptions(v);
      return [some.net(), some.data(v % 2), options];
    },
    gives: "iterator",
  },
  fit: task(fgn.fit, (v) => [some.net(), some.data(v % 2), some.trainOptions(v)]),
  holdOut: either(fgn.holdOut, (v) => [some.data(v), 0.3, 1]),
  readCheckpoint: either(fgn.readCheckpoint, () => [some.checkpointBytes(), some.net(), fgn.robust()]),
  evaluate: either(fgn.evaluate, (v) => [some.model(v), some.data(v % 3), {}]),
  logits: either(fgn.logits, (v) => [some.model(v), some.features(), {}]),
  probabilities: either(fgn.probabilities, (v) => [some.model(v), some.features(), {}]),
  // Measures of predictions
  classReport: measure(fgn.classReport, { k: 2 }),
  confusion: measure(fgn.confusion, { matrix: true, most: 3 }),
  reliability: measure(fgn.reliability, { bins: 5 }),
  temperature: either(
    fgn.temperature,
    (v) => [v % 2 ? some.features() : some.predictions(), some.labels(), {
      from: v % 2 ? "logits" : "probabilities",
      weights: [1, 1, 1, 2, 1, 1],
      ignoredLabel: 9,
    }],
  ),
  applyTemperature: either(fgn.applyTemperature, () => [some.predictions(), 2]),
  foldTemperature: either(fgn.foldTemperature, (v) => [v % 2 ? some.net() : some.adapted(), 2]),
  thresholdFor: either(
    fgn.thresholdFor,
    () => [some.predictions(), some.labels(), 0.9, { weights: [1, 1, 1, 2, 1, 1], ignoredLabel: 9 }],
  ),
  conformalThreshold: either(
    fgn.conformalThreshold,
    () => [some.predictions(), some.labels(), 0.2, { ignoredLabel: 9 }],
  ),
  conformalSets: either(fgn.conformalSets, () => [some.predictions(), 0.4]),
  suspects: either(
    fgn.suspects,
    (v) => [some.predictions(), some.labels(), { by: v % 2 ? "margin" : "selfConfidence", most: 3, ignoredLabel: 9 }],
  ),
  // Files
  // Classifiers
  table: either(
    fgn.table,
    () => [{ age: [1, null, 3], town: ["Ulm", "Graz", "Ulm"], vector: [[1, 2], [3, 4], [5, 6]] }],
  ),
  inferRecipe: either(
    fgn.inferRecipe,
    (v) => [[some.people(), [[1, 2, 3]], ["a text"], some.features(), some.sparseFeatures()][v % 5], {
      missing: "impute",
      label: "town",
    }],
  ),
  makeFeatures: either(fgn.makeFeatures, (v) => {
    const rows = [some.people(), [[1, 2, 3]], ["a text"], some.features(), some.sparseFeatures()][v % 5] as fgn.Rows;
    return [right(fgn.inferRecipe(rows, { missing: "impute" })), rows];
  }),
  widthOf: plain(fgn.widthOf, () => [{ kind: "vector", length: 3 }], isNumber),
  classifierOf: either(fgn.classifierOf, () => [some.net(), ["a", "b", "c"], { known: some.features() }]),
  trainClassifier: task(fgn.trainClassifier, (v) => [
    v % 2
      ? { features: some.features(), labels: ["a", "b", "c", "a", "b", "c"] }
      : { table: some.people(), label: "town" },
    {
      epochs: 1,
      hidden: v % 2 ? [2] : [],
      validation: 0.3,
      temperature: true,
      threshold: { precision: 0.9 },
      classWeights: "balanced",
      missing: "impute",
      seed: 1,
      onProgress: () => {},
    },
  ]),
  classify: either(fgn.classify, () => [some.classifier(), some.features(), { top: 2, threshold: 0.5 }]),
  report: either(fgn.report, () => [some.classifier(), some.labelled(), { k: 2, most: 3 }]),
  learn: either(fgn.learn, () => [some.classifier(), some.labelled(), { ratio: 0.1, maxClasses: 9 }]),
  encodeClassifier: either(fgn.encodeClassifier, () => [some.classifier()]),
  decodeClassifier: either(fgn.decodeClassifier, () => [right(fgn.encodeClassifier(some.classifier()))]),
  decodePlain: either(
    fgn.decodePlain,
    () => ["format", 1, right(fgn.encodePlain("format", 1, { a: [1, Float32Array.of(2)] }))],
  ),
  encodePlain: either(fgn.encodePlain, () => ["format", 1, { a: [1, Float32Array.of(2)], b: "text" }]),
  memoryStore: plain(fgn.memoryStore, () => [], hasFunctions("load", "save")),
  "memoryStore().load": promise(() => fgn.memoryStore().load(), () => []),
  "memoryStore().save": promise((...args: [never]) => fgn.memoryStore().save(...args), () => [Uint8Array.of(1, 2)]),
  readSafetensors: either(fgn.readSafetensors, () => [some.checkpointBytes()]),
  writeSafetensors: either(
    fgn.writeSafetensors,
    () => [{ tensors: new Map([["a", { shape: [2], data: Float32Array.of(1, 2) }]]), metadata: new Map([["k", "v"]]) }],
  ),
  // Looking inside
  jvp: either(fgn.jvp, (v) => [some.model(v), some.features(), fgn.parameters(some.model(v)), {}]),
  vjp: either(fgn.vjp, (v) => [some.model(v), some.features(), some.soft(), {}]),
  lossAndGradient: either(
    fgn.lossAndGradient,
    (v) => [some.model(v), some.data(v % 3), { l2: 0.1, labelSmoothing: 0.1, classWeights: [1, 1, 1] }],
  ),
  rowSystem: either(fgn.rowSystem, (v) => [some.model(v), some.data(v % 2), { classWeights: [1, 1, 1] }]),
  diagnose: either(fgn.diagnose, (v) => [some.model(v), some.data(v % 2), 0.1, { maxIterations: 5, samples: 2 }]),
  showDiagnosis: plain(fgn.showDiagnosis, () => [right(fgn.diagnose(some.head(), some.data(), 0.1))], isText),
  // Randomness, errors, the kernel
  seedRandom: plain(fgn.seedRandom, () => [1], Array.isArray),
  shuffle: either(fgn.shuffle, () => [6, fgn.seedRandom(1)]),
  showError: plain(fgn.showError, () => {
    const wrong = fgn.matrix(1, 1, []);
    return [wrong._tag === "Left" ? wrong.left : null];
  }, isText),
  releaseKernel: plain(fgn.releaseKernel, () => [], isNothing),
  prepareKernel: either(
    fgn.prepareKernel,
    () => [some.head(), 4, { milliseconds: 0, run: (m: fgn.Network, b: fgn.Batch) => fgn.fgnStep(m, b) }],
  ),
  // ONNX
  toOnnx: either(onnx.toOnnx, () => [some.classifier(), { logits: true }]),
  appendToEncoder: either(onnx.appendToEncoder, () => [
    some.encoder(),
    some.classifier(),
    { pooling: "none", normalize: false, output: "vector", mask: "mask" },
  ]),
  pipelineConfig: either(onnx.pipelineConfig, () => [some.classifier(), { model_type: "bert", hidden: [1, null] }]),
  // Backends
  cpu: plain(gpu.cpu, () => [{}], hasFunctions("onDevice", "fgnStep", "release", "close")),
  "cpu().onDevice": task(backend.onDevice, () => [some.net()]),
  "cpu().batchOnDevice": task(backend.batchOnDevice, (v) => [some.data(v)]),
  "cpu().fgnStep": task(residentStep, () => [resident, residentBatch, 0.1, { ...some.stepOptions() }]),
  "cpu().evaluate": task(backend.evaluate, () => [resident, residentBatch]),
  "cpu().logits": task(backend.logits, () => [resident, residentBatch]),
  "cpu().download": task(backend.download, () => [resident]),
  "cpu().release": plain(gpu.cpu().release, () => [resident], isNothing),
  "cpu().traffic": plain(backend.traffic, () => [], isObject),
  "cpu().close": plain(gpu.cpu().close, () => [], isNothing),
  webGpu: { ...task(gpu.webGpu, () => [{ powerPreference: "low-power" }]), ends: true },
  preferGpu: task(gpu.preferGpu, () => [gpu.cpu(), { powerPreference: "low-power" }]),
  // Files and threads
  fileStore: plain(file.fileStore, () => [path()], hasFunctions("load", "save")),
  "fileStore().load": promise(() => file.fileStore(path()).load(), () => []),
  "fileStore().save": {
    ...promise((...args: [never]) => file.fileStore(path()).save(...args), () => [Uint8Array.of(1, 2)]),
    every: 10,
  },
  readTable: task(data.readTable, (v) => [fileBytes(v), { missing: ["NA"], texts: ["b"], columns: ["a", "b"] }]),
  readTables: { call: data.readTables, args: (v) => [fileBytes(v), { rows: 1, maxBytes: 1000 }], gives: "iterator" },
  readHead: task(data.readHead, () => {
    const weight = { shape: [2, 3], data: new Float32Array(6) };
    const bytes = right(fgn.writeSafetensors({ tensors: new Map([["fc.weight", weight]]) }));
    return [bytes, { layers: ["fc"], activation: fgn.relu() }];
  }),
  threadedKernel: { ...task(threads.threadedKernel, () => [{ threads: 2 }]), every: 200, ends: true },
};

/** Functions that throw by design. */
export const THROWING: ReadonlySet<string> = new Set(["getOrThrow"]);

/** The exports of the library that are functions. */
export function exportedFunctions(): readonly string[] {
  const modules: readonly object[] = [fgn, gpu, file, data, onnx, threads];
  return modules.flatMap((module) => Object.entries(module)).filter(([, value]) => isFunction(value)).map(([name]) =>
    name
  );
}

/** Names of the functions that a result holds: `()` for itself, `().name` for its fields. */
export function functionsOf(result: unknown): readonly string[] {
  if (isFunction(result)) return ["()"];
  if (!isObject(result)) return [];
  const value = (result as { readonly _tag?: unknown })._tag === "Right"
    ? (result as { readonly right: object }).right
    : result as object;
  return Object.entries(Object(value)).filter(([, part]) => isFunction(part)).map(([name]) => `().${name}`);
}
