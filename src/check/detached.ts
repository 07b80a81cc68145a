/**
 * Arrays whose memory was given away: what `donate` leaves behind of its arguments.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";

/** The part of a typed array that is looked at here. */
type Numbers = Pick<ArrayBufferView, "buffer">;

/**
 * Whether an array has lost its memory. Not every runtime has `detached`, but none slices such a buffer. The buffer is
 * asked and not the array: optimised code of Node 20 was seen to give an array its old length after that.
 * @internal
 */
export function isDetached({ buffer }: Numbers): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    buffer.slice(0, 0);
    return false;
  } catch {
    return true;
  }
}

/**
 * An array that still has its memory. Errors: `DonatedParameters`.
 * @internal
 */
export function checkAttached<A extends Numbers>(what: string, array: A): E.Either<FgnError, A> {
  return !isDetached(array) ? E.right(array) : fail(
    "DonatedParameters",
    { what },
    `${what} is empty: its memory was given up, by donate or a transfer`,
    "Go on from the result of that call, or leave out donate",
  );
}
