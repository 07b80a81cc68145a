/**
 * Models: a network, or a model of your own.
 *
 * @module
 */

import type { CustomModel } from "./custom.ts";
import { mapTrainable } from "./flat.ts";
import type { Network } from "./layer.ts";

/** A model that can be trained. */
export type Model = Network | CustomModel;

/**
 * A model like this one with copies of its trainable arrays; frozen ones are shared.
 * @internal
 */
export function copyModel<M extends Model>(model: M): M {
  const copy = (array: Float32Array): Float32Array => array.slice();
  const copied: Model = model._tag === "custom"
    ? { ...model, parameters: copy(model.parameters) }
    : mapTrainable(model, ({ data }) => copy(data));
  return copied as M;
}

/**
 * A model like this one with other trainable arrays, in order; they are not copied.
 * @internal
 */
export function withArrays<M extends Model>(model: M, arrays: readonly Float32Array[]): M {
  let index = 0;
  const take = (): Float32Array => arrays[index++] as Float32Array;
  const next: Model = model._tag === "custom" ? { ...model, parameters: take() } : mapTrainable(model, take);
  return next as M;
}
