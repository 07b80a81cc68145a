/**
 * Networks whose logits are smaller: every dense layer that trains shrinks about the mean of its outputs.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { BELOW_ONE, checkOptions, type Rules } from "../check/rule.ts";
import { f32, place } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import { ARRAY_FIELDS, type Leaf, leavesOf } from "../network/arrays.ts";
import { type Affine, isAffine, type Layer, LAYERS, type Network } from "../network/layer.ts";
import type { Model } from "../network/model.ts";
import { kernelOf, type KernelOption } from "../problem/session.ts";

/** The share of the logits to be taken off. */
export interface Shrinkage {
  /** ε in [0, 1): all layers together shrink by it. */
  readonly share: number;
  /**
   * Where the first layer reads sparse features: its share, that of the updates since it last shrank. Its weight is a table of
   * which a step touches a few rows, and shrinking touches them all: 0 leaves it alone.
   */
  readonly sparse?: number;
}

const SHRINKAGE: Rules<Shrinkage> = { share: BELOW_ONE, sparse: BELOW_ONE };

/**
 * A checked shrinkage. Errors: `WrongKind`, `InvalidOption`.
 * @internal
 */
export const checkShrinkage = (shrinkage: Shrinkage): E.Either<FgnError, Shrinkage> =>
  E.map(({ share = 0, ...rest }: Partial<Shrinkage>): Shrinkage => ({ share, ...rest }))(
    checkOptions(shrinkage, SHRINKAGE),
  );

const isShrunk = (layer: Layer): layer is Affine => isAffine(layer) && !layer.frozen;

/**
 * L, the number of layers that shrink: dense ones that train, embeddings among them. Adapters do not, for their frozen weights
 * stay; a model of your own has none.
 * @internal
 */
export const countShrunk = (model: Model): number =>
  model._tag === "custom" ? 0 : leavesOf(model.layers).filter(isShrunk).length;

/** x^(1/n) for x in (0, 1] by Newton's iteration from 1, which falls to it: engines differ in powers. */
export function rootOf(x: number, n: number): number {
  let root = 1;
  for (;;) {
    let power = 1;
    for (let i = 1; i < n; i++) power *= root;
    const next = root - (power * root - x) / (n * power);
    if (!(next < root)) return root;
    root = next;
  }
}

/** Floats of a block of weights: 16 KiB stay in the L1 cache. */
const BLOCK = 4096;

/**
 * A mean and a block of whole rows of a layer's weight in a kernel's memory.
 * @internal
 */
export interface ShrinkRoom {
  readonly kernel: LoadedKernel;
  readonly at: Readonly<Record<"mean" | "weight", number>>;
}

/**
 * Room for the layers of a model on the kernel of the options. Errors: `KernelBusy`, `OutOfMemory`, and those of the default
 * kernel.
 * @internal
 */
export function openShrink(model: Model, options: KernelOption): E.Either<FgnError, ShrinkRoom> {
  const kernel = kernelOf(options);
  if (kernel._tag === "Left") return kernel;
  const shrunk = model._tag === "custom" ? [] : leavesOf(model.layers).filter(isShrunk);
  const widest = Math.max(0, ...shrunk.map(({ weight }) => weight.cols));
  const at = place(kernel.right, { mean: 4 * widest, weight: 4 * Math.max(widest, BLOCK) });
  return at._tag === "Left" ? at : E.right({ kernel: kernel.right, at: at.right });
}

/** W ← keep W and, where there are a mean and a bias, b += (1 − keep) W m, in place. */
function shrinkLayer(
  { kernel, at }: ShrinkRoom,
  { weight: { cols, data }, bias }: Affine,
  mean: Float32Array | null,
  keep: number,
): void {
  const block = cols * Math.max(1, Math.floor(BLOCK / cols));
  if (mean !== null) f32(kernel, at.mean, cols).set(mean);
  for (let from = 0; from < data.length; from += block) {
    const part = data.subarray(from, from + block), weight = f32(kernel, at.weight, part.length);
    weight.set(part);
    for (let row = 0; mean !== null && bias !== null && row < part.length / cols; row++) {
      const moved = kernel.exports.dot(cols, at.weight + 4 * cols * row, at.mean), unit = from / cols + row;
      bias[unit] = (bias[unit] as number) + (1 - keep) * moved;
    }
    kernel.exports.scale(part.length, keep, at.weight);
    part.set(weight);
  }
}

/** Products of a layer that have running means, one a matrix that trains: an adapter has two. */
const productsOf = (layer: Leaf): number =>
  "frozen" in layer && layer.frozen
    ? 0
    : ARRAY_FIELDS[layer._tag].filter(({ shape, trains }) => shape === "matrix" && trains).length;

/**
 * Shrinks a network in place, whose arrays are the caller's own: with ε_l = 1 − (1 − ε)^(1/L) for each of L layers
 *
 *     b += ε_l W m,      W ← (1 − ε_l) W,
 *
 * so that the mean output stays. `means` are the running means m of the inputs of dense products that train, the last one of
 * the last product; a first layer over sparse features has none.
 * @internal
 */
export function shrinkInPlace(
  room: ShrinkRoom,
  network: Network,
  means: readonly Float32Array[],
  { share, sparse }: Shrinkage,
): void {
  const leaves = leavesOf(network.layers), count = leaves.filter(isShrunk).length;
  let at = means.length - leaves.reduce((sum, layer) => sum + productsOf(layer), 0);
  leaves.forEach((layer, index) => {
    const mean = means[at];
    at += productsOf(layer);
    if (!isShrunk(layer)) return;
    const isTable = index === 0 && (sparse !== undefined || LAYERS[layer._tag].features === "sparse");
    const own = isTable ? sparse ?? share : share;
    if (own === 0) return;
    const centre = !isTable && mean?.length === layer.weight.cols ? mean : null;
    shrinkLayer(room, layer, centre, Math.fround(rootOf(1 - own, count)));
  });
}
