/**
 * Calls of functions that the caller gave.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";
import { isError, isObject } from "./kind.ts";
import { causeOf } from "./show.ts";

/**
 * A `CallbackFailure`.
 * @internal
 */
export const callbackFailure = (what: string, cause: string): E.Either<FgnError, never> =>
  fail("CallbackFailure", { what, cause }, `${what} ${cause}`, "Mend this function, which was given to the library");

/**
 * Whether a value is an Either that this library can hand on: a Right, or a Left with an error that says what and why.
 * @internal
 */
export const isResult = (value: unknown): value is E.Either<FgnError, unknown> =>
  isObject(value) && (value._tag === "Right" || (value._tag === "Left" && isError(value.left)));

/**
 * The value of a caller's function. Errors: `CallbackFailure`, where it throws.
 * @internal
 */
export function callValue<A>(what: string, call: () => A): E.Either<FgnError, A> {
  try {
    return E.right(call());
  } catch (cause) {
    return callbackFailure(what, `threw ${causeOf(cause, true)}`);
  }
}

/**
 * The Either of a caller's function. Errors: its own, `CallbackFailure` where it throws or gives something else.
 * @internal
 */
export function callEither<A>(what: string, call: () => E.Either<FgnError, A>): E.Either<FgnError, A> {
  try {
    const result = call();
    return isResult(result) ? result : callbackFailure(what, "gave no Either with a value or an error of this library");
  } catch (cause) {
    return callbackFailure(what, `threw ${causeOf(cause, true)}`);
  }
}

/**
 * The value of a promise that a caller's function gave. Errors: `CallbackFailure`, where it is rejected.
 * @internal
 */
export async function callTask<A>(what: string, promise: Promise<A>): Promise<E.Either<FgnError, A>> {
  try {
    return E.right(await promise);
  } catch (cause) {
    return callbackFailure(what, `threw ${causeOf(cause, true)}`);
  }
}
