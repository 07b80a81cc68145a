/**
 * Networks whose logits are smaller: every dense layer that trains shrinks about the mean of its outputs.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { BELOW_ONE, checkOptions, type Rules } from "../check/rule.ts";
import type { Leaf } from "../network/arrays.ts";
import type { Dense, Embedding, Layer, Network } from "../network/layer.ts";
import type { Model } from "../network/model.ts";

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

const isShrunk = (layer: Layer): layer is Dense | Embedding =>
  (layer._tag === "dense" || layer._tag === "embedding") && !layer.frozen;

/** The layers without others inside, in order. */
function leavesOf(layers: readonly Layer[]): Leaf[] {
  return layers.flatMap((layer) => "layers" in layer ? leavesOf(layer.layers) : [layer]);
}

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

/** b += ε W m, in place. */
function moveBias(bias: Float32Array, weight: Float32Array, mean: Float32Array, share: number): void {
  const cols = mean.length, whole = cols & ~3;
  for (let row = 0; row < bias.length; row++) {
    const from = row * cols;
    // Four sums: one alone would wait for itself.
    let a = 0, b = 0, c = 0, d = 0;
    for (let j = 0; j < whole; j += 4) {
      a += (weight[from + j] as number) * (mean[j] as number);
      b += (weight[from + j + 1] as number) * (mean[j + 1] as number);
      c += (weight[from + j + 2] as number) * (mean[j + 2] as number);
      d += (weight[from + j + 3] as number) * (mean[j + 3] as number);
    }
    for (let j = whole; j < cols; j++) a += (weight[from + j] as number) * (mean[j] as number);
    bias[row] = (bias[row] as number) + share * (a + b + (c + d));
  }
}

/** W ← factor · W, in place. */
function multiply(weight: Float32Array, factor: number): void {
  for (let i = 0; i < weight.length; i++) weight[i] = factor * (weight[i] as number);
}

/** Products of a layer that have running means: an adapter has two. */
const productsOf = (layer: Leaf): number => isShrunk(layer) ? 1 : layer._tag === "adapter" && !layer.frozen ? 2 : 0;

/**
 * Shrinks a network in place, whose arrays are the caller's own: with ε_l = 1 − (1 − ε)^(1/L) for each of L layers
 *
 *     b += ε_l W m,      W ← (1 − ε_l) W,
 *
 * so that the mean output stays. `means` are the running means m of the inputs of dense products that train, the last one of
 * the last product; a first layer over sparse features has none.
 * @internal
 */
export function shrinkInPlace(network: Network, means: readonly Float32Array[], { share, sparse }: Shrinkage): void {
  const leaves = leavesOf(network.layers), count = leaves.filter(isShrunk).length;
  let at = means.length - leaves.reduce((sum, layer) => sum + productsOf(layer), 0);
  leaves.forEach((layer, index) => {
    const mean = means[at];
    at += productsOf(layer);
    if (!isShrunk(layer)) return;
    const { weight, bias } = layer, isTable = index === 0 && (sparse !== undefined || layer._tag === "embedding");
    const own = isTable ? sparse ?? share : share;
    if (own === 0) return;
    const keep = rootOf(1 - own, count);
    if (!isTable && bias !== null && mean?.length === weight.cols) moveBias(bias, weight.data, mean, 1 - keep);
    multiply(weight.data, keep);
  });
}
