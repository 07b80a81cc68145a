// What the tests of training share: runs of every kind, their records, and digests of parameters.

import { createHash } from "node:crypto";
import { pipe } from "fp-ts/lib/function.js";
import type { Either } from "fp-ts/lib/Either.js";
import {
  averaged,
  type Batch,
  batch,
  type Checkpointing,
  cosineDecay,
  dense,
  embedding,
  fgn,
  type FgnError,
  fromRows,
  getOrThrow,
  initialise,
  layerNorm,
  levenbergMarquardt,
  matrix,
  mlp,
  type Model,
  momentum,
  type Network,
  type Progress,
  relu,
  scaled,
  train,
  weightDecay,
} from "../../mod.ts";
import { PAIRS } from "./custom_models.ts";
import { flat, problem, uniform } from "./reference.ts";

/** What a test may ask a run for beside what the run is. */
export interface Extra {
  readonly checkpoint?: Checkpointing;
  readonly reportEvery?: number;
  readonly lossAfter?: boolean;
  readonly maxSeconds?: number;
  readonly signal?: AbortSignal;
  readonly epochs?: number;
}

export type Records = AsyncIterable<Either<FgnError, Progress<Model>>>;

/** A run that can be started again and again. */
export interface Scenario {
  readonly name: string;
  readonly start: (extra: Extra) => Records;
}

export type Done = Extract<Progress<Model>, { readonly _tag: "done" }>;

/** Sixteen digits of the bytes of a model's parameters. */
export const digest = (model: Model): string =>
  createHash("sha256").update(Float32Array.from(flat(model))).digest("hex").slice(0, 16);

/** All records of a run that goes well. */
export async function collect(records: Records): Promise<Progress<Model>[]> {
  const seen: Progress<Model>[] = [];
  for await (const record of records) seen.push(getOrThrow(record));
  return seen;
}

/** The last record, and nothing is behind it. */
export function doneOf(seen: readonly Progress<Model>[]): Done {
  const last = seen.at(-1);
  if (last?._tag !== "done" || seen.filter(({ _tag }) => _tag === "done").length !== 1) throw new Error("no end");
  return last;
}

/** What a run comes to: its last record, with the digest of its parameters. */
export function outcome(seen: readonly Progress<Model>[]): unknown {
  const { params, ...rest } = doneOf(seen);
  return { ...rest, params: digest(params) };
}

/** The errors of a run: none, or one at the end. */
export async function errorOf(records: Records): Promise<FgnError | undefined> {
  let error: FgnError | undefined;
  for await (const record of records) {
    if (error !== undefined) throw new Error("a record follows an error");
    if (record._tag === "Left") error = record.left;
  }
  return error;
}

/** Goes on until the record of the given step, or a later one, and drops the run there. Gives the steps seen. */
export async function dropAt(records: Records, step: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const record of records) {
    const told = getOrThrow(record);
    if (told._tag !== "step") continue;
    seen.push(told.steps);
    if (told.steps >= step) break;
  }
  return seen;
}

/** An uncertain task: a fifth of the labels follows the features, the others nothing. */
export function noisy(rows: number, seed = 1): Batch {
  const { data } = problem(rows, 12, 5, { seed });
  const draw = uniform(rows, seed + 9), { features } = data;
  const follows = (i: number): number => Math.abs(Math.round(4 * (features.data[i * 12] as number)));
  return { ...data, labels: data.labels.map((label, i) => (draw[i] as number) < -0.6 ? follows(i) : label) };
}

export const network = (hidden: number[] = [8]): Network =>
  getOrThrow(mlp({ inputs: 12, hidden, classes: 5, seed: 1 }));

const BASE = { epochs: 3, batchSize: 16, seed: 4 };

function sparseTask(): { readonly model: Network; readonly data: Batch } {
  const rows = Array.from(
    { length: 60 },
    (_, i): [number, number][] =>
      Array.from({ length: 4 }, (_, j) => [(i * 37 + j * j * 11 + j) % 90, ((i + j) % 7 - 3) / 4]),
  );
  const data = getOrThrow(
    batch({ features: getOrThrow(fromRows(90, rows)), labels: Array.from({ length: 60 }, (_, i) => i % 5) }),
  );
  const layers = [embedding(8), layerNorm(), relu(), dense(5)];
  return { model: getOrThrow(initialise({ inputs: 90, layers, seed: 2 })), data };
}

/** 60 examples with soft targets and weights; the weights of a few are zero. */
function softTask(): Batch {
  const { data } = problem(60, 12, 5);
  const raw = uniform(300, 8).map((v) => (v + 1.001) ** 4);
  const targets = raw.map((v, i) => {
    const row = Math.floor(i / 5) * 5;
    return v / raw.subarray(row, row + 5).reduce((a, b) => a + b, 0);
  });
  const weights = Array.from({ length: 60 }, (_, i) => i % 4 / 2);
  return getOrThrow(batch({ features: data.features, targets: getOrThrow(matrix(60, 5, targets)), weights }));
}

/** A chain with a state of every kind. */
const chain = () => pipe(fgn(), momentum(0.5), weightDecay(1e-3), scaled(cosineDecay(20, 0.1)), averaged(0.9));

/** Runs of 12 steps, and one that would take 40 and stops early. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "robust, network", start: (extra) => train(network(), problem(60, 12, 5).data, { ...BASE, ...extra }) },
  {
    name: "Levenberg-Marquardt",
    start: (extra) =>
      train(network(), problem(60, 12, 5).data, {
        ...BASE,
        optimizer: fgn({ damping: levenbergMarquardt({ lambda: 1e-6 }) }),
        ...extra,
      }),
  },
  {
    name: "chain of transforms",
    start: (extra) => train(network(), problem(60, 12, 5).data, { ...BASE, optimizer: chain(), ...extra }),
  },
  {
    name: "sparse embedding",
    start: (extra) => {
      const { model, data } = sparseTask();
      return train(model, data, { ...BASE, ...extra });
    },
  },
  {
    name: "model of one's own",
    start: (extra) => {
      const [, , model] = PAIRS[1] as (typeof PAIRS)[number];
      return train(model, problem(60, 5, 3).data, { ...BASE, ...extra });
    },
  },
  {
    name: "soft targets, weights, class weights, label smoothing",
    start: (extra) =>
      train(network(), softTask(), { ...BASE, classWeights: [1, 2, 0.5, 1, 1], labelSmoothing: 0.1, ...extra }),
  },
  {
    name: "early stopping on a share",
    start: (extra) =>
      train(network(), noisy(80), {
        ...BASE,
        epochs: 10,
        validation: 0.2,
        earlyStopping: { patience: 2 },
        optimizer: fgn({ damping: levenbergMarquardt({ lambda: 1e-5 }) }),
        ...extra,
      }),
  },
];
