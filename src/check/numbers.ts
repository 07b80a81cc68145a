/**
 * The reader of numbers: everything public that takes numbers takes them through here. Arrays of numbers and typed
 * arrays of any kind and realm are numbers, bigints too where a double holds them exactly; everything else among them,
 * be it null, text, a date or a hole, is refused with its place, and never counts as 0 or 1.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";
import { checkNumbers, hasLength, isFloats } from "./kind.ts";
import { show, typedName } from "./show.ts";
import { allocateFloats, checkLength } from "./size.ts";

/** Numbers as they are given: a typed array of any kind, an array, or what is indexed like one; bigints within ±2⁵³. */
export type Numbers = ArrayLike<number | bigint>;

/** The number that a value is, or NaN. */
const numberOf = (value: unknown): number =>
  typeof value === "number"
    ? value
    : typeof value === "bigint" && BigInt.asIntN(54, value) === value
    ? Number(value)
    : NaN;

/**
 * The value at a place, or undefined where it cannot be read.
 * @internal
 */
export function valueAt<A>(values: ArrayLike<A>, index: number): A | undefined {
  try {
    return values[index];
  } catch {
    return undefined;
  }
}

/**
 * The first place in [from, to) of what is not finite, or −1.
 * @internal
 */
export function firstNotFinite(data: Float32Array | Float64Array, from: number, to: number): number {
  for (let index = from; index < to; index++) {
    const value = data[index] as number;
    if (value - value !== 0) return index;
  }
  return -1;
}

/** Whether values are a typed array of numbers, not of bigints. */
const isNumberArray = (values: Numbers): values is Float64Array => /^[^B]/.test(typedName(values) ?? "");

/**
 * Copies `count` numbers into an array from `at`, up to the first that is not finite there, which becomes NaN where it is
 * no number: the place of that in the array, or −1.
 * @internal
 */
export function copyNumbers(values: Numbers, count: number, into: Float32Array | Float64Array, at: number): number {
  if (isNumberArray(values)) {
    if ((values as unknown) !== into) into.set(values, at);
    return firstNotFinite(into, at, at + count);
  }
  let i = 0;
  try {
    for (; i < count; i++) {
      const value = values[i];
      into[at + i] = typeof value === "number" ? value : numberOf(value);
      const copied = into[at + i] as number;
      if (copied - copied !== 0) return at + i;
    }
  } catch {
    // A getter or a proxy threw.
    into[at + i] = NaN;
    return at + i;
  }
  return -1;
}

/**
 * Numbers for a check that goes through them in order and refuses NaN: a typed array of numbers as it is, of everything
 * else a copy, with NaN for the first that is no number and nothing behind it.
 * @internal
 */
export function numbersOf(values: Numbers, count: number): ArrayLike<number> {
  if (isNumberArray(values)) return values;
  const numbers = new Float64Array(count);
  copyNumbers(values, count, numbers, 0);
  return numbers;
}

/** What to do about a value that is no number. */
const cureOfValue = (value: unknown): string =>
  typeof value === "string"
    ? "Give numbers: Number(text) reads one"
    : typeof value === "bigint"
    ? "Give numbers, or bigints within ±2⁵³"
    : hasLength(value)
    ? "Give one flat array; matrix(rows) takes rows"
    : "Give numbers: impute what is missing (JSON writes NaN as null)";

/**
 * A value that is no finite number, with its place. Errors: `NotFinite` where it is a number, else `WrongKind`.
 * @internal
 */
export function failNumber(what: string, value: unknown, index: number, cols: number): E.Either<FgnError, never> {
  const place = cols > 0 ? `row ${Math.floor(index / cols)}, column ${index % cols}` : `index ${index}`;
  const message = `${what} holds ${show(value)} at ${place}`;
  return typeof value === "number"
    ? fail("NotFinite", { what, index, value }, message, "Remove or impute such values; float32 reaches ±3.4e38")
    : fail("WrongKind", { what }, message, cureOfValue(value));
}

/**
 * An array of `count` values, which are not looked at. Errors: `WrongKind`, `ShapeMismatch`.
 * @internal
 */
export function checkCount(what: string, values: Numbers, count: number): E.Either<FgnError, unknown> {
  const kind = checkNumbers(what, values);
  return kind._tag === "Left" ? kind : checkLength(what, values.length, count);
}

/**
 * `count` numbers, all finite: in `into` where it is given, else as float32, for which a Float32Array is kept as it is
 * and of everything else a copy is made. With `cols`, errors name row and column. Errors: `WrongKind`, `ShapeMismatch`,
 * `NotFinite`, `OutOfMemory`.
 * @internal
 */
export function readNumbers<A extends Float32Array | Float64Array = Float32Array>(
  what: string,
  values: Numbers,
  count: number,
  cols = 0,
  into?: A,
): E.Either<FgnError, A> {
  const fits = checkCount(what, values, count);
  if (fits._tag === "Left") return fits;
  const kept = into ?? (isFloats(values) ? values : undefined);
  const array = kept === undefined ? allocateFloats(what, count) : E.right(kept);
  if (array._tag === "Left") return array;
  const index = copyNumbers(values, count, array.right, 0);
  return index < 0 ? array as E.Right<A> : failNumber(what, valueAt(values, index), index, cols);
}
