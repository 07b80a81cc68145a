/**
 * Values of a wrong kind, which types rule out and plain JavaScript does not: above all an Either in the place of
 * what it holds.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";
import { cureOf, show } from "./show.ts";

/**
 * Whether a value is an object, an array included.
 * @internal
 */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/**
 * Whether a value is a Float32Array, also one of another realm.
 * @internal
 */
export const isFloats = (value: unknown): value is Float32Array =>
  Object.prototype.toString.call(value) === "[object Float32Array]";

/**
 * The value, if it is of the wanted kind. Errors: `WrongKind`.
 * @internal
 */
export function checkKind<A>(what: string, value: A, isRight: boolean, wanted: string): E.Either<FgnError, A> {
  if (isRight) return E.right(value);
  const cure = cureOf(value);
  return fail(
    "WrongKind",
    { what },
    `${what}: ${show(value)} is given, in the place of ${wanted}`,
    cure ?? `Give ${wanted}`,
  );
}

/**
 * An array of numbers, typed or not. Errors: `WrongKind`.
 * @internal
 */
export function checkNumbers(what: string, value: ArrayLike<number>): E.Either<FgnError, ArrayLike<number>> {
  const array: unknown = value;
  return checkKind(what, value, isObject(array) && typeof array.length === "number", "an array of numbers");
}

/**
 * An object with options or fields, and no Either. Errors: `WrongKind`.
 * @internal
 */
export const checkObject = <A extends object>(what: string, value: A, wanted: string): E.Either<FgnError, A> =>
  checkKind(what, value, isObject(value) && !("_tag" in value), wanted);
