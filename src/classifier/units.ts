/**
 * Units of columns: what is learnt from a few examples is to be the same in whatever units columns come.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import type { ColumnScales } from "../data/scales.ts";
import { standardise } from "../data/select.ts";
import { foldInto, scalableLayer, unfoldFrom } from "../network/fold.ts";
import type { Network } from "../network/layer.ts";
import type { OnlineState } from "../optimizer/online.ts";

/** A network and the moments of what it has learnt from. */
export interface Learnt {
  readonly network: Network;
  readonly moments: OnlineState;
}

/** Columns within this factor of the median deviation are of about one unit. */
const APART = 10;
/** Up to this share of its mean a column does not vary. */
const ROUNDING = 1e-6;
/** Expected square length of a standardised row, as in training. */
const SQUARE_LENGTH = 2;

/**
 * The scales of the columns of dense features by their moments, where these are of different units; null: the metric of
 * the moments evens them out by itself, or the first layer takes no scales in.
 */
function scalesOf({ network, moments }: Learnt): ColumnScales | null {
  const first = scalableLayer(network), seen = moments.layers[0];
  if (first === null || first.frozen || first.bias === null || seen?.mean.length !== network.inputs) return null;
  const deviation = Float64Array.from(seen.variance, Math.sqrt);
  const varies = (j: number): boolean => (deviation[j] as number) > ROUNDING * Math.abs(seen.mean[j] as number);
  const sorted = deviation.filter((_, j) => varies(j)).sort(), median = sorted[(sorted.length - 1) >> 1];
  if (median === undefined) return null;
  const areAlike = sorted.every((size) => size <= APART * median && APART * size >= median);
  if (areAlike) return null;
  const factor = Math.sqrt(sorted.length / SQUARE_LENGTH);
  return {
    mean: Float64Array.from(seen.mean),
    size: deviation.map((size, j) => varies(j) ? size * factor : 1),
    constant: Uint8Array.from(deviation, (_, j) => varies(j) ? 0 : 1),
  };
}

/** The moments with those of the first layer's inputs changed. */
const withFirst = (moments: OnlineState, mean: Float32Array, variance: Float32Array): OnlineState => ({
  ...moments,
  layers: [{ mean, variance }, ...moments.layers.slice(1)],
});

/**
 * What an update makes of a network whose columns are of one unit while it learns. Errors: those of the update.
 * @internal
 */
export function inOneUnit(
  learnt: Learnt,
  data: Batch,
  update: (learnt: Learnt, data: Batch) => E.Either<FgnError, Learnt>,
): E.Either<FgnError, Learnt> {
  const scales = scalesOf(learnt), [first] = learnt.moments.layers;
  if (scales === null || first === undefined) return update(learnt, data);
  const { size } = scales, mean = scales.mean as Float64Array, square = size.map((value) => value * value);
  const inputs = standardise(data, scales);
  if (inputs._tag === "Left") return inputs;
  const within = first.variance.map((v, j) => v / (square[j] as number));
  const start = {
    network: unfoldFrom(learnt.network, scales),
    moments: withFirst(learnt.moments, new Float32Array(mean.length), within),
  };
  return E.map(({ network, moments }: Learnt): Learnt => {
    const [after = first] = moments.layers;
    const means = after.mean.map((m, j) => (mean[j] as number) + m * (size[j] as number));
    const variances = after.variance.map((v, j) => v * (square[j] as number));
    return { network: foldInto(network, scales), moments: withFirst(moments, means, variances) };
  })(update(start, inputs.right));
}
