/**
 * What is wrong with a file, and where.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { causeOf } from "../check/show.ts";

/**
 * An `InvalidFile`: `where` is the file, perhaps with a line or an offset, of which `reason` is said.
 * @internal
 */
export const failFile = (what: string, where: string, reason: string, remedy: string): E.Either<FgnError, never> =>
  fail("InvalidFile", { what, reason: `${where} ${reason}` }, `${where} ${reason}`, remedy);

/**
 * A `TooLarge`.
 * @internal
 */
export const failSize = (
  what: string,
  option: "maxBytes" | "maxRowLength" | "maxColumns",
  limit: number,
  remedy = `Raise ${option} where that is as it should be`,
): E.Either<FgnError, never> => fail("TooLarge", { what, option, limit }, `${what}, beyond ${limit}`, remedy);

/**
 * A `StorageFailed` of a file that is read.
 * @internal
 */
export function failRead(name: string, error: unknown): E.Either<FgnError, never> {
  const cause = causeOf(error);
  return fail(
    "StorageFailed",
    { what: "load", cause },
    `${name} could not be read: ${cause}`,
    "Check that it is there, that it is a file, and that this program may read it",
  );
}
