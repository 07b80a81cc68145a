// What the tests share: unwrapping, seeded inputs, errors, and a float64 reference of the step.

import type * as E from "fp-ts/lib/Either.js";
import {
  type Batch,
  batch,
  type Dense,
  type FgnError,
  getOrThrow,
  linearHead,
  matrix,
  type Model,
  type Network,
  parameters,
} from "../../mod.ts";
import { drawFrom, seedRandom } from "../../src/math/random.ts";

/** The error of a `Left`. */
export function left(either: E.Either<FgnError, unknown>): FgnError {
  if (either._tag === "Right") throw new Error("expected an error");
  return either.left;
}

/** Numbers in [−1, 1), the same for the same seed. */
export function uniform(count: number, seed: number): Float32Array {
  const source = drawFrom(seedRandom(seed));
  return Float32Array.from({ length: count }, () => source.next() / 2 ** 31 - 1);
}

/** A random problem: head of the given spread, features in [−1, 1), labels round-robin. */
export function problem(
  B: number,
  D: number,
  C: number,
  { seed = 1, spread = 1, bias = true, weights }: {
    seed?: number;
    spread?: number;
    bias?: boolean;
    weights?: number[];
  } = {},
): { head: Network; data: Batch } {
  const w = uniform(C * D, seed).map((v) => v * spread);
  const b = uniform(C, seed + 1).map((v) => v * spread);
  const labels = Uint32Array.from(uniform(B, seed + 2), (v) => Math.floor(((v + 1) / 2) * C));
  return {
    head: getOrThrow(linearHead({ features: D, classes: C }, w, bias ? b : null)),
    data: getOrThrow(batch({
      features: getOrThrow(matrix(B, D, uniform(B * D, seed + 3))),
      labels,
      ...(weights === undefined ? {} : { weights }),
    })),
  };
}

/** ‖a − b‖/‖b‖, or ‖a‖ where b is zero. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  let error = 0, size = 0;
  for (let i = 0; i < b.length; i++) {
    error += ((a[i] as number) - (b[i] as number)) ** 2;
    size += (b[i] as number) ** 2;
  }
  return Math.sqrt(error) / (size === 0 ? 1 : Math.sqrt(size));
}

/** The layer of a linear head. */
export function layerOf(head: Network): Dense {
  const [layer] = head.layers;
  if (layer?._tag !== "dense" || head.layers.length !== 1) throw new Error("not a linear head");
  return layer;
}

/** All parameters in one array: weights, then biases. */
export function flat(model: Model): number[] {
  return [...(model._tag === "custom" ? model.parameters : parameters(model))];
}

/** after − before, in float64. */
export function difference(after: Model, before: Model): number[] {
  const b = flat(before);
  return flat(after).map((value, i) => value - (b[i] as number));
}

/** Margin Jacobian (B × P), softmax probabilities (B × C) and normalised weights, in float64. */
export function jacobian(
  head: Pick<Dense, "weight" | "bias">,
  data: Batch,
): { J: number[][]; P: number[][]; alpha: number[] } {
  const { rows: C, cols: D, data: W } = head.weight;
  const B = data.labels.length;
  const omega = Array.from({ length: B }, (_, i) => data.weights?.[i] ?? 1);
  const total = omega.reduce((s, w) => s + w, 0);
  const J: number[][] = [], P: number[][] = [];
  for (let i = 0; i < B; i++) {
    const x = Array.from(data.features.data.subarray(i * D, (i + 1) * D));
    const y = data.labels[i] as number;
    const f = Array.from(
      { length: C },
      (_, c) => x.reduce((s, v, d) => s + v * (W[c * D + d] as number), head.bias?.[c] ?? 0),
    );
    const softmax = (skip: number): number[] => {
      const top = Math.max(...f.filter((_, c) => c !== skip));
      const e = f.map((v, c) => (c === skip ? 0 : Math.exp(v - top)));
      const sum = e.reduce((s, v) => s + v, 0);
      return e.map((v) => v / sum);
    };
    const signal = softmax(y).map((q, c) => (c === y ? 1 : 0) - q);
    J.push([...signal.flatMap((g) => x.map((v) => g * v)), ...(head.bias === null ? [] : signal)]);
    P.push(softmax(-1));
  }
  return { J, P, alpha: omega.map((w) => w / total) };
}

/** Solves a dense symmetric positive definite system by elimination, in float64. */
export function solveDense(matrix: number[][], rhs: number[]): number[] {
  const n = rhs.length;
  const a = matrix.map((row, i) => [...row, rhs[i] as number]);
  const at = (i: number, j: number): number => (a[i] as number[])[j] as number;
  for (let k = 0; k < n; k++) {
    for (let i = k + 1; i < n; i++) {
      const factor = at(i, k) / at(k, k);
      for (let j = k; j <= n; j++) (a[i] as number[])[j] = at(i, j) - factor * at(k, j);
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let value = at(i, n);
    for (let j = i + 1; j < n; j++) value -= at(i, j) * (x[j] as number);
    x[i] = value / at(i, i);
  }
  return x;
}
