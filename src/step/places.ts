/**
 * Whether a metric and a two-stage system go with a model, a batch and an objective: for a step, which refuses them, and for
 * optimizers, which step without them.
 *
 * @module
 */

import type { Batch } from "../data/batch.ts";
import { hasDenseHead } from "../network/lower.ts";
import type { Model } from "../network/model.ts";
import { leavesRowSpace, type ObjectiveOptions } from "../problem/objective.ts";
import { type Place, worksAt } from "./options.ts";

/**
 * The places of a step that a model and what is minimised make.
 * @internal
 */
export function placesOf(model: Model, remainder: boolean): Place[] {
  const places: Place[] = model._tag === "custom" ? ["ownModel"] : [];
  if (remainder) places.push("remainder");
  return places;
}

/**
 * Whether there is a last layer that is dense, trains and does not read sparse features.
 * @internal
 */
export function hasTwoStageLayer(model: Model, { features }: Batch): boolean {
  return model._tag === "network" && hasDenseHead(model, features);
}

const goes = (name: "metric" | "twoStage", model: Model, batch: Batch, objective: ObjectiveOptions): boolean =>
  placesOf(model, leavesRowSpace(batch, objective)).every((place) => worksAt(name, place));

/**
 * Whether a metric other than the Euclidean one goes with a model, a batch and an objective.
 * @internal
 */
export const metricGoes = (model: Model, batch: Batch, objective: ObjectiveOptions): boolean =>
  goes("metric", model, batch, objective);

/**
 * Whether a two-stage system goes with a model, a batch and an objective.
 * @internal
 */
export const twoStageGoes = (model: Model, batch: Batch, objective: ObjectiveOptions): boolean =>
  goes("twoStage", model, batch, objective) && hasTwoStageLayer(model, batch);
