/**
 * Which optimizers leave the rows of a table alone that a batch does not read: averages of them are kept row by row.
 *
 * @module
 */

import { isObject } from "../check/kind.ts";

/** Optimizers that were made here; a copy with another update is none of them. */
const byRow = new WeakSet<object>();

/**
 * The optimizer, known as one whose updates change no rows of an embedding but those that the batch reads, unless an update
 * is asked for ℓ2 or momentum.
 * @internal
 */
export function changesByRow<O extends object>(optimizer: O): O {
  byRow.add(optimizer);
  return optimizer;
}

/**
 * Whether an optimizer is known as one that changes by row.
 * @internal
 */
export const isByRow = (optimizer: unknown): boolean => isObject(optimizer) && byRow.has(optimizer);

/**
 * The optimizer, known as one that changes by row if another is.
 * @internal
 */
export const changesLike = <O extends object>(other: unknown, optimizer: O): O =>
  isByRow(other) ? changesByRow(optimizer) : optimizer;

/**
 * A first state whose averages, and those of the optimizers inside, are to be kept as a whole: for whoever changes all rows
 * after a step.
 * @internal
 */
export function averagedWhole<S>(state: S): S {
  if (!isObject(state)) return state;
  const { average, averagedAt, ...rest } = state, inner = averagedWhole(rest.inner);
  const isAverage = Array.isArray(average) && averagedAt instanceof Uint32Array;
  if (!isAverage && inner === rest.inner) return state;
  return { ...(isAverage ? { ...rest, average } : state), ...("inner" in rest && { inner }) } as S;
}
