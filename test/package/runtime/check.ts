// What the cases share: they throw where something is wrong, and may give numbers to compare between runtimes.

import type { Either, FgnError, FgnErrorTag } from "fgn";
import type { Numbers } from "./sha256.ts";

/** Arrays that must be the same bytes in every runtime, or none. */
export type Outcome = readonly Numbers[] | void;

/** Cases by what they say. */
export type Cases = Readonly<Record<string, () => Outcome | Promise<Outcome>>>;

/** Throws unless it is so. */
export function check(so: boolean, what: string): asserts so {
  if (!so) throw new Error(what);
}

/** Throws unless a number is below its limit; NaN is not. */
export function below(value: number, limit: number, what: string): void {
  check(value < limit, `${what}: ${value}, not below ${limit}`);
}

/** Throws unless two plain values are equal, typed arrays by their elements. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [show(actual), show(expected)];
  check(a === b, `${what}: ${a.slice(0, 200)}, not ${b.slice(0, 200)}`);
}

/** A plain value as text; numbers keep all their digits, NaN, ±∞ and −0 included. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (ArrayBuffer.isView(inner) && "length" in inner) return [inner.constructor.name, ...inner as Float32Array];
    const special = typeof inner === "number" && (!Number.isFinite(inner) || Object.is(inner, -0));
    return special ? { number: Object.is(inner, -0) ? "-0" : String(inner) } : inner;
  }) ?? String(value);
}

/** Throws unless it is a `Left` with a tag, a message and a remedy; gives the error. */
export function refused(either: Either<FgnError, unknown>, tag: FgnErrorTag, what: string): FgnError {
  check(either._tag === "Left", `${what}: no error where ${tag} is due`);
  const { _tag, message, remedy } = either.left;
  equal(_tag, tag, what);
  check(message.length > 10 && remedy.length > 10, `${what}: an error without words`);
  return either.left;
}

/** ‖a − b‖/‖b‖, or ‖a‖ where b is zero. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  equal(a.length, b.length, "length");
  let error = 0, size = 0;
  for (let i = 0; i < b.length; i++) {
    error += ((a[i] as number) - (b[i] as number)) ** 2;
    size += (b[i] as number) ** 2;
  }
  return Math.sqrt(error) / (size === 0 ? 1 : Math.sqrt(size));
}
