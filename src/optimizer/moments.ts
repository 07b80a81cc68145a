/**
 * Running moments of the inputs of dense layers, and the metric that they make.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import { checkLength } from "../check/size.ts";
import { type Features, isSparse } from "../data/sparse.ts";
import { lower } from "../network/lower.ts";
import type { Model } from "../network/model.ts";
import { BETA, ROUNDING, spreadOf, squareOf } from "../row_system/metric.ts";
import type { MetricRule } from "../row_system/metric_rule.ts";
import type { LayerMetric } from "../tape/tape.ts";
import { areFinite } from "./state.ts";

/** Moments of the D inputs that a dense layer with a bias has seen. */
export interface InputMoments {
  /** Means of the D inputs. */
  readonly mean: Float32Array;
  /** Means of the squares of the D inputs about those means. */
  readonly variance: Float32Array;
}

/** A variance counts as this share of the layer's mean variance more: an input that never moved is not free to. */
const FLOOR = 0.01;

/**
 * The numbers of inputs of the layers with moments, in order: dense layers with a bias that train and do not read sparse
 * features, those of which {@link hasMoments} is true on the tape.
 * @internal
 */
export function centredWidths(model: Model, features: Features): number[] {
  if (model._tag === "custom") return [];
  const readsSparse = isSparse(features);
  return lower(model).flatMap(({ operation, from: [input] }) => {
    if (operation._tag !== "product" || (readsSparse && input === 0)) return [];
    const { weight, bias, trains, byRow } = operation;
    return trains && bias !== null && !byRow ? [weight.cols] : [];
  });
}

/**
 * Whether a layer has moments: only a bias can make up for centring.
 * @internal
 */
export const hasMoments = ({ hasBias }: LayerMetric): boolean => hasBias;

/**
 * Moments, where there are any, of the given numbers of inputs; their values are checked. Errors: `ShapeMismatch`.
 * @internal
 */
export function checkWidths(
  layers: readonly InputMoments[],
  widths: readonly number[],
): E.Either<FgnError, readonly InputMoments[]> {
  if (layers.length === 0) return E.right(layers);
  const count = checkLength("the state's layers", layers.length, widths.length);
  if (count._tag === "Left") return count;
  for (const [index, { mean, variance }] of layers.entries()) {
    for (const [name, array] of Object.entries({ mean, variance })) {
      const length = checkLength(`the state's layers[${index}].${name}`, array.length, widths[index] as number);
      if (length._tag === "Left") return length;
    }
  }
  return E.right(layers);
}

/**
 * The moments with those of a batch, whose weight in the whole is w: mean + w(m − mean), and for the variances
 * (1 − w)(v + w(m − mean)²) + w v_batch (Chan, Golub and LeVeque 1983). Leaves the layer centred at the batch's mean.
 * @internal
 */
export function poolMoments(
  layer: LayerMetric,
  before: InputMoments | undefined,
  shares: number,
  w: number,
): InputMoments {
  const mean = layer.mean(shares);
  layer.setInputs(mean, null);
  const variance = layer.inputSquares(shares);
  if (before === undefined) return { mean, variance };
  for (let i = 0; i < mean.length; i++) {
    const known = before.mean[i] as number, away = (mean[i] as number) - known;
    mean[i] = known + w * away;
    variance[i] = (1 - w) * ((before.variance[i] as number) + w * away * away) + w * (variance[i] as number);
  }
  return { mean, variance };
}

/**
 * Moments in the range of float32. Errors: `Overflow`.
 * @internal
 */
export const checkRange = (layers: readonly InputMoments[]): E.Either<FgnError, readonly InputMoments[]> =>
  layers.every(({ mean, variance }) => areFinite(mean) && areFinite(variance))
    ? E.right(layers)
    : overflow("a layer's inputs");

const sum = (values: Float32Array): number => values.reduce((total, v) => total + v, 0);

/**
 * Sets the metric of a layer by its moments: inputs (x − mean)·c with c = (v/v̄ + .01)^−½, β = 0.1 Σ v c². Inputs that
 * have not differed yet, as of a first example alone, keep the Euclidean metric.
 */
function setMetric(layer: LayerMetric, { mean, variance }: InputMoments): void {
  const total = sum(variance), unit = total / variance.length;
  if (!(total > ROUNDING * squareOf(mean))) return layer.setInputs(null, null);
  const scale = variance.map((v) => 1 / Math.sqrt(v / unit + FLOOR));
  layer.setInputs(mean, scale);
  layer.setConstant(BETA * spreadOf(variance, scale));
}

/**
 * The rule of the metric of `online`, for a batch whose weight in the whole is w. It takes the layers with a bias.
 * @internal
 */
export const pooledMoments = (w: number): MetricRule<readonly InputMoments[]> => ({
  name: "online",
  init: [],
  set: ({ layers, shares }, state) => {
    const withBias = layers.filter(hasMoments), rest = layers.filter((layer) => !hasMoments(layer));
    const fits = checkWidths(state, withBias.map(({ inputs }) => inputs));
    if (fits._tag === "Left") return fits;
    const pooled = withBias.map((layer, i) => poolMoments(layer, state[i], shares, w));
    const inRange = checkRange(pooled);
    if (inRange._tag === "Left") return inRange;
    withBias.forEach((layer, i) => setMetric(layer, pooled[i] as InputMoments));
    return E.right({ state: pooled, rest });
  },
});
