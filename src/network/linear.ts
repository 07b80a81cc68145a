/**
 * The linear head: logits f = W x + b.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../error.ts";
import { checkLength, checkSize, finiteFloats, type Matrix, named } from "../matrix.ts";
import { drawFrom, seedRandom } from "../random.ts";

/** A linear softmax head as plain data. Made by the constructors here; not to be written to. */
export interface LinearHead {
  /** Which kind of parameters this is. */
  readonly _tag: "linear";
  /** C × D weight, one class a row (as in PyTorch and safetensors files). */
  readonly weight: Matrix;
  /** C biases, or null: none. */
  readonly bias: Float32Array | null;
}

/** Sizes of a new head. */
export interface HeadSize {
  /** D, the number of features, at least 1. */
  readonly features: number;
  /** C, the number of classes, at least 2. */
  readonly classes: number;
  /** Whether there is a bias (default true). */
  readonly bias?: boolean;
}

/**
 * A head from given parameters: C × D row-major weights and C biases or none. Typed arrays are taken over.
 * Errors: `InvalidSize`, `ShapeMismatch`, `NotFinite`.
 */
export function linearHead(
  size: HeadSize,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
): E.Either<FgnError, LinearHead> {
  const classes = checkSize("classes", size.classes, 2);
  if (classes._tag === "Left") return classes;
  const w = named("weight parameters", size.classes, size.features, weight);
  if (w._tag === "Left") return w;
  if (bias === null) return E.right({ _tag: "linear", weight: w.right, bias: null });
  const length = checkLength("bias parameters", bias.length, size.classes);
  if (length._tag === "Left") return length;
  const b = finiteFloats("bias parameters", bias);
  return b._tag === "Left" ? b : E.right({ _tag: "linear", weight: w.right, bias: b.right });
}

function sized(size: HeadSize, fill: (count: number) => Float32Array): E.Either<FgnError, LinearHead> {
  const classes = checkSize("classes", size.classes, 2);
  if (classes._tag === "Left") return classes;
  const features = checkSize("features", size.features, 1);
  if (features._tag === "Left") return features;
  const count = checkSize("parameters", size.classes * size.features, 2);
  if (count._tag === "Left") return count;
  return allocate(count.right, fill, (weight) => ({
    _tag: "linear",
    weight: { rows: size.classes, cols: size.features, data: weight },
    bias: size.bias === false ? null : new Float32Array(size.classes),
  }));
}

function allocate(
  count: number,
  fill: (count: number) => Float32Array,
  build: (weight: Float32Array) => LinearHead,
): E.Either<FgnError, LinearHead> {
  try {
    return E.right(build(fill(count)));
  } catch {
    return E.left({
      _tag: "OutOfMemory",
      bytes: count * 4,
      message: `${count} parameters take ${(count / 2 ** 18).toFixed(0)} MiB, more than this runtime gives one array`,
      remedy: "Use fewer classes or fewer features",
    });
  }
}

/**
 * A head of zeros: the usual start of a linear classifier, whose loss is convex. Errors: `InvalidSize`,
 * `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { zeroHead } from "@fgn/fgn";
 *
 * console.log(zeroHead({ features: 384, classes: 10 })._tag); // Right
 * ```
 */
export function zeroHead(size: HeadSize): E.Either<FgnError, LinearHead> {
  return sized(size, (count) => new Float32Array(count));
}

/**
 * A head with weights uniform in ±√(6/(D + C)) (Glorot and Bengio 2010, equation 16) and zero biases, the
 * same for the same seed in every runtime. Errors: `InvalidSize`, `OutOfMemory`.
 */
export function randomHead(size: HeadSize, seed: number): E.Either<FgnError, LinearHead> {
  const bound = Math.sqrt(6 / (size.features + size.classes));
  return sized(size, (count) => {
    const weight = new Float32Array(count);
    const source = drawFrom(seedRandom(seed));
    for (let i = 0; i < count; i++) weight[i] = (source.next() / 2 ** 31 - 1) * bound;
    return weight;
  });
}
