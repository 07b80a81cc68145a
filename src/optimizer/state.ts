/**
 * Checks of the states that an update is given: they may come out of a file, or be of another update.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, checkObject, isFloats, isObject } from "../check/kind.ts";
import { show } from "../check/show.ts";

/**
 * An `InvalidState`: what stands at a place of the state is none of the values that may.
 * @internal
 */
export function invalidState(path: string, value: unknown): E.Either<FgnError, never> {
  return fail(
    "InvalidState",
    { path, value },
    `the state's ${path} is ${show(value)}`,
    "Go on from the state that init, observe or the update before gave, as it was",
  );
}

/**
 * A state, as far as a look tells. Errors: `WrongKind`.
 * @internal
 */
export const checkState = <S>(state: S): E.Either<FgnError, S> =>
  checkObject("the state", state as S & object, "what init gives");

/**
 * A count of a state. Errors: `InvalidState`.
 * @internal
 */
export const checkCount = (path: string, value: number): E.Either<FgnError, number> =>
  Number.isSafeInteger(value) && value >= 0 ? E.right(value) : invalidState(path, value);

/**
 * A finite number of at least 0 of a state. Errors: `InvalidState`.
 * @internal
 */
export const checkAmount = (path: string, value: number): E.Either<FgnError, number> =>
  typeof value === "number" && value >= 0 && value < Infinity ? E.right(value) : invalidState(path, value);

/**
 * A state that counts its updates. Errors: `WrongKind`, `InvalidState`.
 * @internal
 */
export function checkCounted<S extends { readonly steps: number }>(state: S): E.Either<FgnError, S> {
  const kind = checkState(state);
  if (kind._tag === "Left") return kind;
  const steps = checkCount("steps", state.steps);
  return steps._tag === "Left" ? steps : kind;
}

/** Any finite value is as much or more. */
const ANY = -Number.MAX_VALUE;

/** Whether all entries are finite and no less than the least value: four at a time, whose sum float64 holds. */
function areWithin(values: Float32Array, least: number): boolean {
  const whole = values.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const a = values[i] as number, b = values[i + 1] as number;
    const c = values[i + 2] as number, d = values[i + 3] as number;
    if (!(a >= least && b >= least && c >= least && d >= least && a + b + c + d < Infinity)) return false;
  }
  for (let i = whole; i < values.length; i++) {
    const value = values[i] as number;
    if (!(value >= least && value < Infinity)) return false;
  }
  return true;
}

/**
 * Whether all entries are finite.
 * @internal
 */
export const areFinite = (values: Float32Array): boolean => areWithin(values, ANY);

/**
 * Checks that the entries of an array are finite and no less than the least value. Errors: `InvalidState`.
 * @internal
 */
export function checkEntries(path: string, values: Float32Array, least = ANY): E.Either<FgnError, void> {
  if (areWithin(values, least)) return E.right(undefined);
  const index = values.findIndex((value) => !(value >= least && value < Infinity));
  return invalidState(`${path}[${index}]`, values[index]);
}

/** The least value of the arrays of moments, by name: means of squares are no less than 0. */
const LEAST = { mean: ANY, variance: 0, signal: 0 } as const;

/**
 * The moments of layers, as far as their kinds and values go. Errors: `WrongKind`, `InvalidState`.
 * @internal
 */
export function checkLayers<L>(
  layers: readonly L[],
  names: readonly (keyof L & keyof typeof LEAST)[],
): E.Either<FgnError, readonly L[]> {
  const isRight = Array.isArray(layers) && layers.every(isObject);
  const kind = checkKind("the state's layers", layers, isRight, "a list of moments");
  if (kind._tag === "Left") return kind;
  for (let index = 0; index < layers.length; index++) {
    for (const name of names) {
      const values = (layers[index] as L)[name] as unknown as Float32Array;
      const isArray = values instanceof Float32Array || isFloats(values);
      if (isArray && areWithin(values, LEAST[name])) continue;
      const path = `layers[${index}].${name}`;
      const floats = checkKind(`the state's ${path}`, values, isArray, "a Float32Array");
      const entries = floats._tag === "Left" ? floats : checkEntries(path, values, LEAST[name]);
      if (entries._tag === "Left") return entries;
    }
  }
  return E.right(layers);
}
