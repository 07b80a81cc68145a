/**
 * What can be trained: a network, or a model of your own.
 *
 * @module
 */

import type { CustomModel } from "./custom.ts";
import { mapTrainable, trainableArrays } from "./flat.ts";
import type { Network } from "./layer.ts";

/** What can be trained. */
export type Model = Network | CustomModel;

/** The trainable arrays of a model, in flat order; internal. */
export function arraysOf(model: Model): Float32Array[] {
  return model._tag === "custom" ? [model.parameters] : trainableArrays(model);
}

/** P, the number of trainable parameters; internal. */
export function countOf(model: Model): number {
  return arraysOf(model).reduce((sum, { length }) => sum + length, 0);
}

/** A model like this one with copies of its trainable arrays; frozen ones are shared. Internal. */
export function copyModel<M extends Model>(model: M): M {
  const copy = (array: Float32Array): Float32Array => array.slice();
  const copied: Model = model._tag === "custom"
    ? { ...model, parameters: copy(model.parameters) }
    : mapTrainable(model, copy);
  return copied as M;
}
