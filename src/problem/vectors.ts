/**
 * Flat vectors of parameters in and out of the kernel's memory.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { type Numbers, readNumbers } from "../check/numbers.ts";
import { arraysOf, parameterCount } from "../network/flat.ts";
import type { Model } from "../network/model.ts";
import { loadVector, storeVector } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";

const split = (model: Model, flat: Float32Array): Float32Array[] => {
  let at = 0;
  return arraysOf(model).map(({ length }) => flat.subarray(at, at += length));
};

/**
 * Copies a flat array in the model's order into a parameter vector of the workspace.
 * @internal
 */
export function writeVector({ tape }: Workspace, model: Model, flat: Float32Array, vector: number): void {
  loadVector(tape, split(model, flat), vector);
}

/**
 * A parameter vector of the workspace as one flat array in the model's order.
 * @internal
 */
export function readVector({ tape }: Workspace, model: Model, vector: number): Float32Array {
  const flat = new Float32Array(parameterCount(model));
  storeVector(tape, vector, split(model, flat));
  return flat;
}

/**
 * P finite numbers, for a model that was checked. Errors: `WrongKind`, `ShapeMismatch`, `NotFinite`.
 * @internal
 */
export const checkVector = (model: Model, what: string, flat: Numbers): E.Either<FgnError, Float32Array> =>
  readNumbers(what, flat, parameterCount(model));
