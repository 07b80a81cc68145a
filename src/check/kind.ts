/**
 * Values of a wrong kind, which types rule out and plain JavaScript does not: above all an Either in the place of
 * what it holds.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";
import { cureOf, isObject, show, typedName } from "./show.ts";

export { isObject };

/**
 * Whether a value is an error of this library, as far as a look tells.
 * @internal
 */
export const isError = (value: unknown): value is FgnError =>
  isObject(value) && typeof value._tag === "string" && typeof value.message === "string";

/**
 * Whether a value is a Float32Array, also one of another realm.
 * @internal
 */
export const isFloats = (value: unknown): value is Float32Array =>
  value instanceof Float32Array || typedName(value) === "Float32Array";

/**
 * The value, if it is of the wanted kind. Errors: `WrongKind`.
 * @internal
 */
export function checkKind<A>(what: string, value: A, isRight: boolean, wanted: string): E.Either<FgnError, A> {
  if (isRight) return E.right(value);
  return fail(
    "WrongKind",
    { what },
    `${what}: ${show(value)} is given, in the place of ${wanted}`,
    cureOf(value) ?? `Give ${wanted}`,
  );
}

/**
 * Whether a value has a length, as arrays have.
 * @internal
 */
export function hasLength(value: unknown): value is ArrayLike<unknown> {
  try {
    return isObject(value) && typeof value.length === "number";
  } catch {
    return false;
  }
}

/**
 * An array of numbers, typed or not, whose values are not looked at. Errors: `WrongKind`.
 * @internal
 */
export function checkNumbers<A>(what: string, value: ArrayLike<A>): E.Either<FgnError, ArrayLike<A>> {
  return checkKind(what, value, hasLength(value), "an array of numbers");
}

/**
 * An object with options or fields, and no Either. Errors: `WrongKind`.
 * @internal
 */
export const checkObject = <A extends object>(what: string, value: A, wanted: string): E.Either<FgnError, A> =>
  checkKind(what, value, isObject(value) && !("_tag" in value), wanted);
