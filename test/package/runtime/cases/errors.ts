// Bad input of every class: the error that is due, nothing thrown, nothing written to.

import {
  adapt,
  batch,
  customModel,
  dense,
  type Either,
  evaluate,
  type FgnError,
  type FgnErrorTag,
  fgnStep,
  fromRows,
  getOrThrow,
  initialise,
  linearHead,
  matrix,
  memoryStore,
  randomHead,
  relative,
  residual,
  sparse,
  train,
  zeroHead,
} from "fgn";
import { type Cases, equal, refused, show } from "../check.ts";
import { problem } from "../data.ts";

const { head, data } = problem(4, 3, 5);
const features = getOrThrow(matrix(2, 2, [1, 0, 0, 1]));
const narrow = getOrThrow(batch({ features, labels: [0, 1] }));
const size = { features: 2, classes: 2 };
const twice = getOrThrow(zeroHead(size));

/** Numbers and things that no constructor would let through. */
const labelled = (label: number) => ({ ...data, labels: Float64Array.of(label, 0, 0, 0) as unknown as Uint32Array });
const big = getOrThrow(batch({ features: getOrThrow(matrix(2, 2, [1e30, 0, 0, 1e30])), labels: [0, 1] }));
const alike = getOrThrow(batch({ features: getOrThrow(matrix(3, 1, [1, 2, 3])), labels: [0, 1, 0] }));
const rows = { features: getOrThrow(fromRows(4, [[[0, 1]], [[2, 1]]])), labels: Uint32Array.of(0, 1) };
const broken = { ...rows.features, indices: Uint32Array.of(0, 77) };

/** Logits (θx, 0) of two examples with one feature, and derivatives that are scaled. */
const model = (forward: () => number[], scale: number) => {
  const xs = [1, 2],
    jvp = (_: Float32Array, __: unknown, [v = 0]: Float32Array) => xs.flatMap((x) => [scale * v * x, 0]);
  const vjp = (
    _: Float32Array,
    __: unknown,
    c: Float32Array,
  ) => [xs.reduce((sum, x, i) => sum + x * (c[2 * i] ?? 0), 0)];
  return getOrThrow(customModel({ parameters: [0.5], classes: 2, forward, jvp, vjp }));
};
const lying = model(() => [0.5, 0, 1, 0], 2);
const throwing = model(() => {
  throw new Error("boom");
}, 1);

type Call<A extends readonly unknown[]> = (...args: A) => Either<FgnError, unknown>;

/** A bad call: what is bad about it, the error that is due, the function and its arguments. */
const bad = <A extends readonly unknown[]>(what: string, tag: FgnErrorTag, call: Call<A>, ...args: A) => {
  return [`${what}: ${tag}`, (): void => {
    const before = show(args);
    refused(call(...args), tag, what);
    equal(show(args), before, "arguments");
  }] as const;
};

const steps = [
  bad("matrix() of another length", "ShapeMismatch", matrix, 2, 2, [1, 2, 3]),
  bad("matrix() of no columns", "InvalidSize", matrix, 1, 0, []),
  bad("matrix() of half a row", "InvalidSize", matrix, 1.5, 2, [1, 2, 3]),
  bad("matrix() with NaN", "NotFinite", matrix, 2, 2, [1, 2, 3, NaN]),
  bad("matrix() beyond float32", "NotFinite", matrix, 1, 2, [1, 1e300]),
  bad("sparse() with offsets that fall", "InvalidSparse", sparse, 2, 4, [0, 2, 1], [0, 1], [1, 2]),
  bad("sparse() with columns out of order", "InvalidSparse", sparse, 1, 4, [0, 2], [3, 1], [1, 2]),
  bad("batch() without examples", "EmptyBatch", batch, { features: getOrThrow(matrix(0, 2, [])), labels: [] }),
  bad("batch() with too few labels", "ShapeMismatch", batch, { features, labels: [0] }),
  bad("batch() with a label below zero", "LabelOutOfRange", batch, { features, labels: [0, -1] }),
  bad("batch() with a weight below zero", "NegativeWeight", batch, { features, labels: [0, 1], weights: [1, -2] }),
  bad("batch() without weight", "ZeroWeights", batch, { features, labels: [0, 1], weights: [0, 0] }),
  bad("batch() with targets that sum to 2", "InvalidTargets", batch, {
    features,
    targets: getOrThrow(matrix(2, 2, [1, 1, 1, 1])),
  }),
  bad("a head of one class", "InvalidSize", zeroHead, { features: 3, classes: 1 }),
  bad("a head beyond memory", "OutOfMemory", randomHead, { features: 2 ** 30, classes: 2 ** 20 }, 1),
  bad("a head of NaN", "NotFinite", linearHead, size, [1, 2, NaN, 4], null),
  bad("a network whose layers do not fit", "InvalidLayer", initialise, { inputs: 4, layers: [residual([dense(3)])] }),
  bad("a step with features of another width", "FeatureMismatch", fgnStep, head, narrow),
  bad("a step with a label beyond the classes", "LabelOutOfRange", fgnStep, head, labelled(5)),
  bad("a step with a label of NaN", "LabelOutOfRange", fgnStep, head, labelled(NaN)),
  bad("a step with damping zero", "InvalidDamping", fgnStep, head, data, 0),
  bad("a step with damping NaN", "InvalidDamping", fgnStep, head, data, relative(NaN)),
  bad("a step with an unknown solver", "InvalidOption", fgnStep, head, data, 1, { solver: "lu" as "cg" }),
  bad("a step by a kernel made by hand", "InvalidOption", fgnStep, head, data, 1, { kernel: { name: "simd128" } }),
  bad("a step beyond float32", "Overflow", fgnStep, twice, big),
  bad(
    "a step of a singular system",
    "NotPositiveDefinite",
    fgnStep,
    getOrThrow(zeroHead({ features: 1, classes: 2 })),
    alike,
    1e-300,
  ),
  bad(
    "a step over sparse rows made by hand",
    "InvalidSparse",
    fgnStep,
    getOrThrow(zeroHead({ features: 4, classes: 2 })),
    {
      ...rows,
      features: broken,
      targets: null,
      weights: null,
    },
  ),
  bad("a model whose jvp and vjp disagree", "ModelMismatch", fgnStep, lying, narrow),
  bad("a model that throws", "ModelFailure", fgnStep, throwing, narrow),
  bad("evaluate() without weight", "ZeroWeights", evaluate, head, { ...data, weights: new Float32Array(4) }),
  bad("adapt() with a label beyond the most", "LabelOutOfRange", adapt, head, null, labelled(2 ** 31)),
];

/** The errors of a run. */
async function errorsOf(records: AsyncIterable<Either<FgnError, unknown>>): Promise<Either<FgnError, unknown>[]> {
  const seen: Either<FgnError, unknown>[] = [];
  for await (const record of records) seen.push(record);
  return seen;
}

/** The step before anything went wrong. */
const before = getOrThrow(fgnStep(head, data)).params;

export const errors: Cases = {
  ...Object.fromEntries(steps),

  "train() yields its error and ends": async () => {
    const [error, ...rest] = await errorsOf(train(head, data, { epochs: 0 }));
    equal(rest, [], "records");
    refused(error ?? getOrThrow(matrix(1, 1, [1])) as never, "InvalidOption", "no epochs");
  },

  "a store that fails ends a run with StorageFailed": async () => {
    const save = (): never => {
      throw new Error("boom");
    };
    const records = await errorsOf(train(head, data, { checkpoint: { store: { load: memoryStore().load, save } } }));
    const last = records.at(-1);
    refused(last ?? getOrThrow(matrix(1, 1, [1])) as never, "StorageFailed", "a failing store");
  },

  "after all that, a step is as it was": () => {
    equal(getOrThrow(fgnStep(head, data)).params, before, "parameters");
  },
};
