/**
 * Scales of features taken into the first layer of a network, and out of it again.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { guard } from "../check/total.ts";
import { checkScales, type ColumnScales } from "../data/scales.ts";
import { type Affine, isAffine, LAYERS, type Network } from "./layer.ts";
import { drawnBounds } from "./layers.ts";
import { checkNetwork, layerError } from "./network.ts";

/**
 * The first layer, where its arrays can take in scales of the features; null: it is of another kind.
 * @internal
 */
export function scalableLayer({ layers: [first] }: Network): Affine | null {
  return first !== undefined && isAffine(first) ? first : null;
}

/** The weights of input j and output o lie at j · across + o · down. */
const stridesOf = ({ _tag, weight: { cols } }: Affine): { readonly across: number; readonly down: number } =>
  LAYERS[_tag].fields.weight.outputs === "rows" ? { across: 1, down: cols } : { across: cols, down: 1 };

/** Each weight times the factor of its input, rounded once. */
function scaleWeights(layer: Affine, factors: Float64Array): Float32Array {
  const { across, down } = stridesOf(layer), data = new Float32Array(layer.weight.data.length);
  const outputs = data.length / factors.length;
  for (let o = 0; o < outputs; o++) {
    factors.forEach((factor, j) => {
      const at = j * across + o * down;
      // + 0: no −0 of a factor 0.
      data[at] = factor * (layer.weight.data[at] as number) + 0;
    });
  }
  return data;
}

/** The biases and sign · W μ, W for raw features. */
function moveBiases(layer: Affine, raw: Float32Array, mean: Float64Array | null, sign: 1 | -1): Float32Array | null {
  if (layer.bias === null || mean === null) return layer.bias && layer.bias.slice();
  const { across, down } = stridesOf(layer);
  return layer.bias.map((bias, o) => {
    let sum = bias;
    mean.forEach((value, j) => sum += sign * (raw[j * across + o * down] as number) * value);
    return sum;
  });
}

/** The network with another first layer. */
const withFirst = (network: Network, first: Affine): Network => ({
  ...network,
  layers: [first, ...network.layers.slice(1)],
});

/**
 * The network for raw features: W diag(1/size), b − W μ with that W, so that its rounding does not count μ times.
 * @internal
 */
export function foldInto(network: Network, { mean, size }: ColumnScales): Network {
  const first = scalableLayer(network);
  if (first === null) return network;
  const data = scaleWeights(first, size.map((value) => 1 / value));
  const bias = moveBiases(first, data, mean, -1);
  return withFirst(network, { ...first, weight: { ...first.weight, data }, bias });
}

/**
 * The network for standardised features: W diag(size), b + W μ with W as it was.
 * @internal
 */
export function unfoldFrom(network: Network, { mean, size }: ColumnScales): Network {
  const first = scalableLayer(network);
  if (first === null) return network;
  const bias = moveBiases(first, first.weight.data, mean, 1);
  return withFirst(network, { ...first, weight: { ...first.weight, data: scaleWeights(first, size) }, bias });
}

/**
 * The network for standardised features whose first layer was made for such: weights of constant columns are 0.
 * @internal
 */
export function adoptScales(network: Network, { constant }: ColumnScales): Network {
  const first = scalableLayer(network);
  if (first === null) return network;
  const data = scaleWeights(first, Float64Array.from(constant, (flag) => 1 - flag));
  return withFirst(network, { ...first, weight: { ...first.weight, data } });
}

/**
 * Whether the first layer is as constructors make it: biases 0 and weights within the bounds that these draw from. Without
 * biases, the largest weight also lies at one of the bounds, as that of so many draws does.
 * @internal
 */
export function isNew(network: Network): boolean {
  const first = scalableLayer(network);
  if (first === null || first.bias?.some((bias) => bias !== 0)) return false;
  const { bias, weight: { data } } = first;
  let most = 0;
  for (const weight of data) most = Math.max(most, Math.abs(weight));
  const least = bias === null ? 1 - DRAWS / data.length : 0;
  return most === 0 || drawnBounds(network).some((bound) => most <= ROUNDED * bound && most >= least * bound);
}

/** The largest of n draws is below 1 − DRAWS/n of its bound once in e^DRAWS; float32 may round it over the bound. */
const DRAWS = 16, ROUNDED = 1 + 1e-6;

/** The first layer of a network that takes these scales. Errors: `WrongKind`, `ShapeMismatch`, `InvalidLayer`. */
function checkFold(network: Network, scales: ColumnScales): E.Either<FgnError, Network> {
  const whole = checkNetwork(network);
  if (whole._tag === "Left") return whole;
  const fits = checkScales(scales, network.inputs);
  if (fits._tag === "Left") return fits;
  const first = scalableLayer(network);
  if (first === null) return layerError("layers[0]", "cannot take in scales, as a dense layer or an embedding can");
  return first.bias === null && scales.mean !== null
    ? layerError("layers[0]", "has no biases to take in the means of the scales")
    : whole;
}

/**
 * A network for raw features from one for standardised ones, with the same logits: W diag(1/size), b − W μ in its first
 * layer, computed in float64 and rounded once. Also what a network of one's own initial weights is to be given to `fit` as,
 * which would otherwise take these for trained ones: they are then where training starts from on standardised features.
 * Other layers are shared. Errors: `WrongKind`, `ShapeMismatch`, `InvalidLayer` (a first layer that is neither dense nor
 * an embedding, or has no biases where the scales centre), `DonatedParameters`.
 *
 * @example
 * ```ts
 * import { columnScales, batch, foldScales, getOrThrow, linearHead, matrix, parameters } from "fgn";
 *
 * const features = getOrThrow(matrix([[10], [30]]));
 * const scales = getOrThrow(columnScales(getOrThrow(batch({ features, labels: [0, 1] }))));
 * const head = getOrThrow(linearHead({ features: 1, classes: 2 }, [1, -1], [0, 0])); // for (x − 20)/10, say
 * console.log(parameters(getOrThrow(foldScales(head, scales))));
 * ```
 */
export function foldScales(network: Network, scales: ColumnScales): E.Either<FgnError, Network> {
  return guard(
    "foldScales",
    { network, scales },
    () => E.map((whole: Network) => foldInto(whole, scales))(checkFold(network, scales)),
  );
}

/**
 * A network for standardised features from one for raw features, with the same logits: W diag(size), b + W μ in its first
 * layer, computed in float64 and rounded once. Other layers are shared. Errors: as {@link foldScales}.
 *
 * @example
 * ```ts
 * import { batch, columnScales, getOrThrow, matrix, unfoldScales, zeroHead } from "fgn";
 *
 * const features = getOrThrow(matrix([[10], [30]]));
 * const scales = getOrThrow(columnScales(getOrThrow(batch({ features, labels: [0, 1] }))));
 * console.log(unfoldScales(getOrThrow(zeroHead({ features: 1, classes: 2 })), scales)._tag); // Right
 * ```
 */
export function unfoldScales(network: Network, scales: ColumnScales): E.Either<FgnError, Network> {
  return guard(
    "unfoldScales",
    { network, scales },
    () => E.map((whole: Network) => unfoldFrom(whole, scales))(checkFold(network, scales)),
  );
}
