/**
 * Features standardised while training, and models that go in and come out as they take raw features.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { changes, type ColumnScales, type CommonScales, scalesOf } from "../data/scales.ts";
import { type Features, isSparse } from "../data/sparse.ts";
import { adoptScales, foldInto, isNew, scalableLayer, unfoldFrom } from "../network/fold.ts";
import { copyModel, type Model } from "../network/model.ts";

/** Scales of a run. */
export interface TrainingScales extends ColumnScales {
  /** The largest magnitude of a standardised value that steps see, or null: there is none. */
  readonly limit: number | null;
}

/**
 * The scales that a model's features are standardised by while it trains on these, each row with how much it counts
 * or all the same, dense ones clipped at `clip` times a column's size where it is off its base value; null: they stay as they
 * are, for models of one's own, and where the first layer does not train or cannot take scales in. Errors: `NotFinite`.
 */
export function scalesFor(
  params: Model,
  features: Features,
  counts: ArrayLike<number> | null,
  clip: number,
): E.Either<FgnError, TrainingScales | null> {
  const first = params._tag === "custom" ? null : scalableLayer(params);
  if (first === null || first.frozen) return E.right(null);
  const centre = first.bias !== null && !isSparse(features);
  return E.map(({ scales, factor }: CommonScales): TrainingScales | null => {
    const limit = isSparse(features) ? Infinity : clip / factor;
    return changes(scales) ? { ...scales, limit: limit < Infinity ? limit : null } : null;
  })(scalesOf(features, counts, centre));
}

/** The model that training starts from, of arrays of its own: a new first layer was made for standardised features. */
export function startModel<M extends Model>(params: M, scales: ColumnScales | null): M {
  const model: Model = copyModel(params);
  if (scales === null || model._tag === "custom") return model as M;
  return (isNew(model) ? adoptScales(model, scales) : unfoldFrom(model, scales)) as Model as M;
}

/** A trained model for raw features, of arrays of its own. */
export function giveBack<M extends Model>(trained: M, scales: ColumnScales | null): M {
  const model: Model = copyModel(trained);
  return (scales === null || model._tag === "custom" ? model : foldInto(model, scales)) as Model as M;
}
