/**
 * Sizes, lengths, and memory of a size.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";
import { cureOf, show } from "./show.ts";

/**
 * A whole number from `minimum` up. Errors: `InvalidSize`.
 * @internal
 */
export function checkSize(what: string, value: number, minimum: number): E.Either<FgnError, number> {
  return Number.isSafeInteger(value) && value >= minimum ? E.right(value) : fail(
    "InvalidSize",
    { what, value },
    `${what} is ${show(value)}`,
    typeof value === "number" && value > Number.MAX_SAFE_INTEGER
      ? "Give a smaller number"
      : cureOf(value) ?? `Give a whole number of at least ${minimum}`,
  );
}

/**
 * An array of the expected length. Errors: `ShapeMismatch`.
 * @internal
 */
export function checkLength(what: string, actual: number, expected: number): E.Either<FgnError, number> {
  return actual === expected ? E.right(actual) : fail(
    "ShapeMismatch",
    { what, expected, actual },
    `${what} has ${show(actual)} values where ${show(expected)} are needed`,
    "Check the sizes against the array",
  );
}

/**
 * An `OutOfMemory`.
 * @internal
 */
export const outOfMemory = (
  what: string,
  bytes: number,
  remedy = "Use fewer examples at a time, or a smaller model",
): E.Either<FgnError, never> =>
  fail(
    "OutOfMemory",
    { bytes },
    `${what}: ${(bytes / 2 ** 20).toFixed(0)} MiB, more than this runtime gives`,
    remedy,
  );

/**
 * What `make` gives, or `otherwise` where the runtime has no memory for it; every other exception goes on.
 * @internal
 */
export function withinMemory<A>(make: () => A, otherwise: () => A): A {
  try {
    return make();
  } catch (cause) {
    if (cause instanceof RangeError) return otherwise();
    throw cause;
  }
}

/**
 * A fresh array of zeros. Errors: `OutOfMemory`.
 * @internal
 */
export const allocateFloats = (what: string, count: number): E.Either<FgnError, Float32Array> =>
  withinMemory(() => E.right(new Float32Array(count)), () => outOfMemory(what, count * 4));
