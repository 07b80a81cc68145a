/**
 * Training a part of a network: frozen layers and adapters of low rank.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, checkObject } from "../check/kind.ts";
import { ANY, checkOptions, NUMBER, type Rules } from "../check/rule.ts";
import { show } from "../check/show.ts";
import { guard } from "../check/total.ts";
import { checkSize } from "../check/size.ts";
import type { Matrix } from "../data/matrix.ts";
import { drawFrom, seedRandom, type Source } from "../math/random.ts";
import { type Leaf, mapLayers } from "./arrays.ts";
import type { Adapter, Dense, Layer, Network } from "./layer.ts";
import { uniformMatrix } from "./layers.ts";
import { checkNetwork, layerError } from "./network.ts";

/** Options of {@link withAdapters}. */
export interface AdapterOptions {
  /** Rank of the factors, at least 1; 4 to 16 is usual. */
  readonly rank: number;
  /** The change of a weight is alpha/rank · U V (default: the rank). */
  readonly alpha?: number;
  /** Seed of the initial factors (default 0). */
  readonly seed?: number;
  /** Places of the layers to adapt in `network.layers`; residual blocks with all inside. Default: all. */
  readonly layers?: readonly number[];
}

const ADAPTER: Rules<AdapterOptions> = {
  rank: ANY, // A size, which has an error of its own.
  alpha: [(value) => Number.isFinite(value), "a finite number, such as the rank"],
  seed: NUMBER,
  layers: [(value) => Array.isArray(value), "a list of places in network.layers"],
};

/** The place in `network.layers` of the layer at a path, or of the residual block around it. */
const placeOf = (path: string): number => Number.parseInt(path.slice("layers[".length));

/** Changes one layer that is not a residual block. */
type Change = (leaf: Leaf, path: string) => E.Either<FgnError, Layer>;

/**
 * The network with layers changed: all, or those at the given places, residual blocks with all inside. Errors: the first
 * of `change`, `InvalidLayer` (no such place) and those of `checkNetwork`.
 */
function changeNetwork(network: Network, change: Change, chosen?: readonly number[]): E.Either<FgnError, Network> {
  const fits = checkNetwork(network);
  if (fits._tag === "Left") return fits;
  const count = network.layers.length;
  const kind = checkKind("layers", chosen, chosen === undefined || Array.isArray(chosen), "an array of numbers");
  if (kind._tag === "Left") return kind;
  const wrong = chosen?.findIndex((index) => !(Number.isInteger(index) && index >= 0 && index < count)) ?? -1;
  if (wrong >= 0) {
    return layerError(`layers[${show(chosen?.[wrong])}]`, `is not one of the ${count} layers, 0 to ${count - 1}`);
  }
  const wanted = chosen && new Set(chosen);
  let failure: E.Either<FgnError, never> | undefined;
  const layers = mapLayers(network.layers, "layers", (leaf, path) => {
    if (failure !== undefined || (wanted !== undefined && !wanted.has(placeOf(path)))) return leaf;
    const changed = change(leaf, path);
    if (changed._tag === "Right") return changed.right;
    failure = changed;
    return leaf;
  });
  return failure ?? E.right({ ...network, layers });
}

function setFrozen(network: Network, frozen: boolean, layers?: readonly number[]): E.Either<FgnError, Network> {
  return changeNetwork(network, (layer) => E.right("frozen" in layer ? { ...layer, frozen } : layer), layers);
}

/**
 * The network with layers that training leaves as they are: those at the given places of `network.layers`, residual
 * blocks with all inside (default: all). Its arrays are those of the network given. Errors: `InvalidLayer` (no such
 * place), and those of the function `network` but for `NotFinite`; `DonatedParameters`.
 *
 * @example
 * ```ts
 * import { freeze, mlp, parameterCount } from "fgn";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * const last = E.chain((network: import("fgn").Network) => freeze(network, [0, 2]))(
 *   mlp({ inputs: 4, hidden: [8, 8], classes: 3 }),
 * );
 * if (last._tag === "Right") console.log(parameterCount(last.right)); // 27: the last layer alone
 * ```
 */
export function freeze(network: Network, layers?: readonly number[]): E.Either<FgnError, Network> {
  return guard("freeze", { network, layers }, () => setFrozen(network, true, layers));
}

/**
 * The opposite of {@link freeze}; the base weight of an adapter stays frozen. Errors: as there.
 *
 * @example
 * ```ts
 * import { freeze, unfreeze, zeroHead } from "fgn";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * const head = E.chain(freeze)(zeroHead({ features: 4, classes: 3 }));
 * if (head._tag === "Right") console.log(unfreeze(head.right)._tag); // Right
 * ```
 */
export function unfreeze(network: Network, layers?: readonly number[]): E.Either<FgnError, Network> {
  return guard("unfreeze", { network, layers }, () => setFrozen(network, false, layers));
}

/** Places of the layers that are dense, or hold one that is. */
function densePlaces({ layers }: Network): ReadonlySet<number> {
  const places = new Set<number>();
  mapLayers(layers, "layers", (leaf, path) => {
    if (leaf._tag === "dense") places.add(placeOf(path));
    return leaf;
  });
  return places;
}

function adapt({ weight, bias }: Dense, rank: number, scale: number, source: Source): E.Either<FgnError, Layer> {
  const down = uniformMatrix(rank, weight.cols, 1 / Math.sqrt(weight.cols), source);
  if (down._tag === "Left") return down;
  const up = uniformMatrix(weight.rows, rank, 0, source);
  if (up._tag === "Left") return up;
  return E.right({ _tag: "adapter", weight, bias, down: down.right, up: up.right, scale, frozen: false });
}

/**
 * The network with dense layers turned into low-rank adapters z = W x + b + alpha/rank · U V x (Hu et al. 2021,
 * LoRA): W and b frozen, V (rank × in) uniform in ±1/√in, U (out × rank) zero, so that the network computes what it
 * did. W and b are the arrays of the network given. Layers of other kinds, and adapters, stay as they are: {@link freeze}
 * the network first to train the factors alone.
 *
 * Errors: `InvalidSize`, `InvalidOption`, `InvalidLayer` (no such place, or no dense layer there), `OutOfMemory`; those
 * of {@link freeze}.
 *
 * @example
 * ```ts
 * import { getOrThrow, mlp, parameterCount, withAdapters } from "fgn";
 *
 * const base = getOrThrow(mlp({ inputs: 256, hidden: [256], classes: 10 }));
 * const adapted = getOrThrow(withAdapters(base, { rank: 4 }));
 * console.log(parameterCount(base), parameterCount(adapted)); // 68362 3112
 * ```
 */
export function withAdapters(network: Network, options: AdapterOptions): E.Either<FgnError, Network> {
  return guard("withAdapters", { network, options }, () => {
    const given = checkObject("the options", options, "an object with the rank");
    return given._tag === "Left" ? given : addAdapters(network, options);
  });
}

/** The network with adapters. */
function addAdapters(
  network: Network,
  options: AdapterOptions,
): E.Either<FgnError, Network> {
  const checked = checkOptions(options, ADAPTER);
  if (checked._tag === "Left") return checked;
  const { rank, alpha = rank, seed = 0, layers } = checked.right;
  const size = checkSize("rank", rank, 1);
  if (size._tag === "Left") return size;
  const source = drawFrom(seedRandom(seed));
  const result = changeNetwork(
    network,
    (leaf) => leaf._tag === "dense" ? adapt(leaf, rank, alpha / rank, source) : E.right(leaf),
    layers,
  );
  if (result._tag === "Left") return result;
  const places = densePlaces(network), idle = layers?.find((index) => !places.has(index));
  if (idle !== undefined) return layerError(`layers[${show(idle)}]`, "has no dense layer to adapt");
  return places.size > 0 ? result : layerError("layers", "hold no dense layer to adapt");
}

/** W + scale · U V, summed in float64 and rounded once. */
function mergeFactors({ weight, down, up, scale }: Adapter): Matrix {
  const { rows, cols } = weight, rank = down.rows;
  const data = new Float32Array(rows * cols);
  const change = new Float64Array(cols);
  for (let r = 0; r < rows; r++) {
    change.fill(0);
    for (let k = 0; k < rank; k++) {
      const u = up.data[r * rank + k] as number;
      for (let c = 0; c < cols; c++) change[c] = (change[c] as number) + u * (down.data[k * cols + c] as number);
    }
    for (let c = 0; c < cols; c++) {
      data[r * cols + c] = (weight.data[r * cols + c] as number) + scale * (change[c] as number);
    }
  }
  return { rows, cols, data };
}

/**
 * The network with its adapters turned back into dense layers of weight W + scale · U V, which are not frozen.
 * Errors: `Overflow` (a weight beyond float32); those of {@link freeze}.
 *
 * @example
 * ```ts
 * import { mergeAdapters, withAdapters, zeroHead } from "fgn";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * const adapted = E.chain((head: import("fgn").Network) => withAdapters(head, { rank: 1 }))(
 *   zeroHead({ features: 4, classes: 3 }),
 * );
 * console.log(E.chain(mergeAdapters)(adapted)._tag); // Right
 * ```
 */
export function mergeAdapters(network: Network): E.Either<FgnError, Network> {
  return guard("mergeAdapters", { network }, () => removeAdapters(network));
}

/** The network without adapters. */
function removeAdapters(network: Network): E.Either<FgnError, Network> {
  return changeNetwork(network, (layer, path) => {
    if (layer._tag !== "adapter") return E.right(layer);
    const weight = mergeFactors(layer);
    if (weight.data.some((value) => !Number.isFinite(value))) {
      const what = `${path}.weight`;
      return fail("Overflow", { what }, `${what} leaves the range of float32 when merged`, "Use a smaller scale");
    }
    return E.right({ _tag: "dense", weight, bias: layer.bias, frozen: false });
  });
}
