/**
 * The way out of Either, for programs that end on the first error.
 *
 * @module
 */

import type { Either } from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { fail, type FgnError, showError } from "./error.ts";
import { show } from "./show.ts";

/** The value of a Right; an Either is data, so that one made by any copy of fp-ts is one. */
function valueOf<A>(result: Either<FgnError, A>): A {
  const tag: unknown = (result as { readonly _tag?: unknown } | null | undefined)?._tag;
  if (tag === "Right") return (result as { readonly right: A }).right;
  const known = tag === "Left" ? result : fail(
    "WrongKind",
    { what: "result" },
    `result: ${show(result)} is given, which is neither an Either nor a task of one`,
    "Give what a function of this library returns: a task as it is, without calling it",
  );
  const error = (known as { readonly left: FgnError }).left;
  throw new Error(showError(error), { cause: error });
}

/**
 * The value of an Either, or of a Task of one; an error is thrown.
 *
 * Everything else here returns errors as values. A script, a test or a notebook that would stop at the first error
 * anyway stays flat with this: the thrown `Error` has {@link showError}'s line as its message and the `FgnError` as its
 * `cause`.
 *
 * @param result what a function of this library returns: an Either, or a Task of one (of `fit`, say), not yet called
 * @returns the value itself; for a task, a promise of it, which is rejected with the same `Error`
 *
 * @example
 * ```ts
 * import { getOrThrow, matrix } from "fgn";
 *
 * const features = getOrThrow(matrix(2, 2, [1, 0, 0, 1]));
 * console.log(features.rows); // 2
 * ```
 */
export function getOrThrow<A>(result: Either<FgnError, A>): A;
/** A promise of the value of a task of an Either. */
export function getOrThrow<A>(result: TaskEither<FgnError, A>): Promise<A>;
export function getOrThrow<A>(result: Either<FgnError, A> | TaskEither<FgnError, A>): A | Promise<A> {
  return typeof result === "function" ? Promise.resolve(result()).then(valueOf) : valueOf(result);
}
