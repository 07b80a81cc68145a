/**
 * The boundary of the library: a public function gives an Either whatever happens within it.
 *
 * Exceptions come from three sides, and each is an error of its own. An argument that throws while it is read (a getter, a
 * proxy), that may be another value at every reading (a getter) or that no computation takes (a symbol, a bigint) is named
 * by its place. A function of the caller's fails under its own name. The rest is a fault of the library, and says so.
 *
 * @module
 */

import type { Either } from "fp-ts/lib/Either.js";
import { isDetached } from "./detached.ts";
import { fail, type FgnError } from "./error.ts";
import { isObject } from "./kind.ts";
import { causeOf } from "./show.ts";

/** Objects that are looked at: what holds the global object would be all there is. */
const MOST = 10_000;

/** The first place in a value that cannot be read or computed with, and why; undefined where there is none. */
function findFault(value: unknown, path: string, seen: Set<unknown>): readonly [path: string, why: string] | undefined {
  if (typeof value === "symbol" || typeof value === "bigint") return [path, `this is a ${typeof value}`];
  if (!isObject(value) || seen.has(value) || seen.size > MOST) return undefined;
  seen.add(value);
  let at = path;
  try {
    if (ArrayBuffer.isView(value)) return isDetached(value) ? [path, "its memory was given up"] : undefined;
    const list = Array.isArray(value), kind = Object.getPrototypeOf(value);
    // Also what a proxy is asked first, and the getters of a class.
    const inherited = list || kind === Object.prototype ? [] : Object.getOwnPropertyNames(kind ?? {});
    for (const name of ["_tag", "length", ...inherited, ...Object.keys(value)]) {
      at = list ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`;
      const fault = findFault(value[name], at, seen);
      if (fault !== undefined) return fault;
      if (Object.getOwnPropertyDescriptor(value, name)?.get) {
        return [at, "this is a getter"];
      }
    }
  } catch (cause) {
    return [at, `reading it throws ${causeOf(cause, true)}`];
  }
  return undefined;
}

/**
 * The error of an exception in `name`, called with `given`. Errors: `WrongKind`, where an argument is its reason, else
 * `Unexpected`.
 * @internal
 */
export function thrownBy(name: string, given: object, cause: unknown): Either<FgnError, never> {
  const fault = findFault(given, "", new Set());
  if (fault !== undefined) {
    const [what, why] = fault;
    return fail(
      "WrongKind",
      { what },
      `${what}: ${why}`,
      "Give plain data",
    );
  }
  return fail(
    "Unexpected",
    { where: name, cause },
    `${name} failed: ${causeOf(cause, true)}`,
    "This is a fault of the library: please report it with the stack of its cause",
  );
}

/**
 * The result of a public function; an exception within it is an error. Errors: those of `run`, `WrongKind`, `Unexpected`.
 * @internal
 */
export function guard<A>(name: string, given: object, run: () => Either<FgnError, A>): Either<FgnError, A> {
  try {
    return run();
  } catch (cause) {
    return thrownBy(name, given, cause);
  }
}

/**
 * {@link guard} for a function that gives a promise.
 * @internal
 */
export async function guardAsync<A>(
  name: string,
  given: object,
  run: () => Either<FgnError, A> | Promise<Either<FgnError, A>>,
): Promise<Either<FgnError, A>> {
  try {
    return await run();
  } catch (cause) {
    return thrownBy(name, given, cause);
  }
}

/**
 * The result of a public function without an Either; where it throws, that of `otherwise`.
 * @internal
 */
export function orElse<A>(run: () => A, otherwise: A): A {
  try {
    return run();
  } catch {
    return otherwise;
  }
}
