// Well-formed values, made anew for every call: what the attacks start from.

import * as fgn from "../../mod.ts";
import { encodeModel, node, valueInfo } from "../../src/onnx/model.ts";

const right = fgn.getOrThrow;

export const features = (): fgn.Matrix =>
  right(fgn.matrix(6, 3, Float32Array.from({ length: 18 }, (_, i) => (i * 7 % 11) / 5 - 1)));
export const sparseFeatures = (): fgn.SparseMatrix =>
  right(fgn.fromRows(3, Array.from({ length: 6 }, (_, i) => [[i % 3, 1 + i / 6] as const])));
export const soft = (): fgn.Matrix =>
  right(fgn.matrix(6, 3, Float32Array.from({ length: 18 }, (_, i) => i % 3 === 0 ? 0.5 : 0.25)));

/** Probabilities that are no ties, with labels of each class, of which one row is predicted wrongly. */
export const predictions = (): fgn.Matrix =>
  right(fgn.matrix([[0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8], [0.4, 0.5, 0.1], [0, 1, 0], [0.2, 0.2, 0.6]]));
export const labels = (): number[] => [0, 1, 2, 0, 1, 2];

/** A batch: with labels alone, with weights, with soft targets, with sparse features. */
export function data(variant = 0): fgn.Batch {
  const labels = Uint32Array.of(0, 1, 2, 0, 1, 2);
  if (variant % 4 === 1) return right(fgn.batch({ features: features(), labels, weights: [1, 2, 1, 0, 1, 1] }));
  if (variant % 4 === 2) return right(fgn.batch({ features: features(), targets: soft() }));
  if (variant % 4 === 3) return right(fgn.batch({ features: sparseFeatures(), labels }));
  return right(fgn.batch({ features: features(), labels }));
}

export const scales = (): fgn.ColumnScales => right(fgn.columnScales(data()));

export const head = (): fgn.Network => right(fgn.randomHead({ features: 3, classes: 3 }, 1));
export const net = (): fgn.Network => right(fgn.mlp({ inputs: 3, hidden: [4], classes: 3, seed: 2 }));
export const deep = (): fgn.Network =>
  right(fgn.initialise({
    inputs: 3,
    layers: [fgn.dense(4), fgn.residual([fgn.layerNorm(), fgn.dense(4), fgn.gelu()]), fgn.dense(3)],
    seed: 3,
  }));
export const adapted = (): fgn.Network => right(fgn.withAdapters(net(), { rank: 1, seed: 1 }));

/** The functions of a head without biases. */
export const functions = (): fgn.ModelFunctions => {
  const multiply = (w: Float32Array, { rows, data }: fgn.Features): number[] =>
    Array.from({ length: rows * 3 }, (_, n) => {
      const row = 3 * Math.floor(n / 3), k = 3 * (n % 3);
      return [0, 1, 2].reduce((sum, j) => sum + (w[k + j] as number) * (data[row + j] as number), 0);
    });
  return {
    forward: (theta, x) => multiply(theta, x),
    jvp: (_, x, v) => multiply(v, x),
    vjp: (_, { rows, data }, c) =>
      Array.from({ length: 9 }, (_, p) => {
        const k = Math.floor(p / 3), j = p % 3;
        return Array.from({ length: rows }, (_, i) => (c[3 * i + k] as number) * (data[3 * i + j] as number))
          .reduce((sum, v) => sum + v, 0);
      }),
  };
};

export const own = (): fgn.CustomModel =>
  right(fgn.customModel({ parameters: [0, 0.1, 0, 0.2, 0, 0, 0.1, 0, 0], classes: 3, ...functions() }));

/** A model of any kind; that of one's own and the others read dense features. */
export const model = (variant = 0): fgn.Model => [head, net, deep, adapted, own][variant % 5]?.() as fgn.Model;

/** An optimizer that a user wrote. */
export function ownOptimizer(): fgn.Optimizer<fgn.Network, { readonly count: number }> {
  return {
    name: "own",
    notes: ["a note"],
    init: () => ({ count: 0 }),
    update: (params, state, batch) => {
      const step = fgn.fgnStep(params, batch);
      if (step._tag === "Left") return step;
      return {
        _tag: "Right",
        right: { params: step.right.params, state: { count: state.count + 1 }, report: step.right.report },
      };
    },
    result: (params) => params,
  };
}

/** A store that a user wrote. */
export function ownStore(): fgn.CheckpointStore {
  let saved: Uint8Array | null = null;
  return {
    load: () => Promise.resolve({ _tag: "Right", right: saved }),
    save: (bytes) => {
      saved = bytes;
      return Promise.resolve({ _tag: "Right", right: undefined });
    },
  };
}

/** All options of a step, with their defaults or small values. */
export const stepOptions = (): fgn.StepOptions => ({
  solver: "auto",
  tolerance: 1e-4,
  maxIterations: 20,
  system: "auto",
  classWeights: [1, 2, 1],
  labelSmoothing: 0,
  l2: 0,
  metric: "euclidean",
  competitors: 0,
  lossAfter: true,
  curvature: "gaussNewton",
  twoStage: 0,
  refine: 0,
  trustRegion: 0,
  donate: false,
});

/** All options of a run. */
export const trainOptions = (variant = 0): fgn.FitOptions<fgn.Network, never> =>
  ({
    epochs: 1,
    batchSize: 3,
    standardise: variant % 2 === 0,
    shrinkage: variant % 4 === 2 ? "folds" : "auto",
    seed: 1,
    validation: variant % 2 === 0 ? 0.3 : data(1),
    earlyStopping: { patience: 1, by: "loss" },
    reportEvery: 1,
    lossAfter: true,
    maxSeconds: 10,
    signal: new AbortController().signal,
    checkpoint: { store: variant % 3 === 0 ? ownStore() : fgn.memoryStore(), every: 1 },
    optimizer: variant % 4 === 0 ? ownOptimizer() : variant % 4 === 1 ? fgn.averaged()(ownOptimizer()) : fgn.robust(),
    classWeights: [1, 1, 1],
    labelSmoothing: 0,
    l2: 0,
    onProgress: () => {},
  }) as unknown as fgn.FitOptions<fgn.Network, never>;

/** A table with what tables may have: numbers, one of which is missing, and texts. */
export const people = (): fgn.Table =>
  right(fgn.table({ age: [30, null, 54, 12, 7, 61], town: ["Ulm", "Graz", "Ulm", "Graz", "Ulm", "Ulm"] }));

/** Rows with a known and a new label. */
export const labelled = (): fgn.LabelledRows => ({ features: features(), labels: ["a", "b", "c", "a", "b", "c"] });

/** A classifier that can learn. */
export const classifier = (): fgn.Classifier => right(fgn.classifierOf(net(), ["a", "b", "c"], { known: features() }));

/** The ONNX file of an encoder whose vectors are its inputs. */
export const encoder = (): Uint8Array => {
  const of = (name: string) => valueInfo(name, "float", ["batch", 3]);
  const nodes = [node("Identity", ["x"], "vector")];
  return encodeModel({ nodes, tensors: [], inputs: [of("x")], outputs: [of("vector")] }, 13, []);
};

/** Functions that throw no longer than the reading of the tensors takes. */
export const checkpointBytes = (): Uint8Array => saved.slice();

const store = fgn.memoryStore();
right(
  await fgn.fit(net(), data(), { epochs: 1, batchSize: 3, checkpoint: { store } })(),
);
const saved = right(await store.load()) as Uint8Array;
