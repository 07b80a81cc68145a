// Seeded data and training runs, as in test/support/reference.ts, by the installed package alone.

import {
  type Batch,
  batch,
  fromRows,
  getOrThrow,
  linearHead,
  matrix,
  type Network,
  parameters,
  type Progress,
  seedRandom,
  shuffle,
  train,
  type TrainOptions,
} from "fgn";
import { check } from "./check.ts";

/** Numbers in [−1, 1): the words of xoshiro128**, read off its state, which a shuffle of two moves on by one. */
export function uniform(count: number, seed: number): Float32Array<ArrayBuffer> {
  let random = seedRandom(seed);
  return Float32Array.from({ length: count }, () => {
    const five = Math.imul(random[1], 5);
    const word = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    ({ random } = getOrThrow(shuffle(2, random)));
    return word / 2 ** 31 - 1;
  });
}

/** A random problem: a head, features in [−1, 1), labels. */
export function problem(B: number, D: number, C: number, weights?: number[]): { head: Network; data: Batch } {
  const labels = Uint32Array.from(uniform(B, 3), (v) => Math.floor(((v + 1) / 2) * C));
  const features = getOrThrow(matrix(B, D, uniform(B * D, 4)));
  return {
    head: getOrThrow(linearHead({ features: D, classes: C }, uniform(C * D, 1), uniform(C, 2))),
    data: getOrThrow(batch(weights === undefined ? { features, labels } : { features, labels, weights })),
  };
}

/** 120 examples over 500 sparse features, in 6 classes. */
export function sparseProblem(): Batch {
  const rows = Array.from(
    { length: 120 },
    (_, i): [number, number][] =>
      Array.from({ length: 5 }, (_, j) => [(i * 37 + j * j * 11) % 500, ((i + j) % 7 - 3) / 4]),
  );
  const labels = Array.from({ length: 120 }, (_, i) => i % 6);
  return getOrThrow(batch({ features: getOrThrow(fromRows(500, rows)), labels }));
}

/** All parameters in one array. */
export const flat = (model: Network): Float32Array<ArrayBuffer> => Float32Array.from(parameters(model));

/** The end of a run that goes well. */
export async function trained<S>(
  model: Network,
  data: Batch,
  options: TrainOptions<Network, S>,
): Promise<Extract<Progress, { readonly _tag: "done" }>> {
  let last: Progress | undefined;
  for await (const record of train<Network, S>(model, data, options)) last = getOrThrow(record);
  check(last?._tag === "done", "the last record is not of the end");
  return last;
}
