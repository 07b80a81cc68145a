/**
 * Calls of a checkpoint store, whoever wrote it.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { isResult } from "../check/callback.ts";
import type { FgnError } from "../check/error.ts";
import { storageFailed } from "./store.ts";

/** The result of a store; also what it throws, rejects with or gives in place of an `Either` is a `StorageFailed`. */
export async function callStore<A>(
  what: "load" | "save",
  call: () => Promise<E.Either<FgnError, A>>,
): Promise<E.Either<FgnError, A>> {
  try {
    const result = await call();
    return isResult(result) ? result : storageFailed(what, "the store gave no Either of this library");
  } catch (error) {
    return storageFailed(what, error);
  }
}
