/**
 * Held-out examples.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "../batch.ts";
import { type FgnError, invalid } from "../error.ts";
import { picker } from "../gather.ts";
import { seedRandom, shuffle } from "../random.ts";

/** Examples to train on, and others. */
export interface Split {
  /** Those to train on, in their order. */
  readonly train: Batch;
  /** Those held out, in their order. */
  readonly validation: Batch;
}

/** Seeds the split apart from the shuffling. */
const SALT = 0x5eed;

/**
 * Holds out a share of the examples, drawn at random: at least one, and never all. The same for the same seed in every
 * runtime. Errors: `InvalidOption`.
 *
 * @example
 * ```ts
 * import { batch, holdOut, matrix } from "@fgn/fgn";
 *
 * const features = matrix(4, 1, [1, 2, 3, 4]);
 * if (features._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1, 0, 1] });
 *   if (data._tag === "Right") console.log(holdOut(data.right, 0.25)); // three and one
 * }
 * ```
 */
export function holdOut(data: Batch, share: number, seed = 0): E.Either<FgnError, Split> {
  const { rows } = data.features;
  if (!(share > 0 && share < 1)) return invalid("share", share, "a share in (0, 1)");
  if (rows < 2) return invalid("share", share, "a share of at least two examples: there is one");
  const count = Math.min(rows - 1, Math.max(1, Math.round(share * rows)));
  const { order } = shuffle(rows, seedRandom((seed ^ SALT) >>> 0));
  const pick = picker(data, rows, false);
  return E.right({ train: pick(order.slice(count).sort()), validation: pick(order.slice(0, count).sort()) });
}
