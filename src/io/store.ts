/**
 * Where checkpoints are kept.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, invalid } from "../check/error.ts";
import { causeOf } from "../check/show.ts";
import { orElse } from "../check/total.ts";

/** A place for one checkpoint. Neither function throws or rejects. */
export interface CheckpointStore {
  /** The bytes saved last; null where nothing was saved yet. Errors: `StorageFailed`. */
  readonly load: () => Promise<E.Either<FgnError, Uint8Array | null>>;
  /**
   * Puts the bytes in the place of those saved before: afterwards `load` gives the one or the other, complete. They are
   * not to be changed before it ends. Errors: `StorageFailed`, `InvalidOption` (not bytes).
   */
  readonly save: (bytes: Uint8Array) => Promise<E.Either<FgnError, void>>;
}

/**
 * A `StorageFailed`.
 * @internal
 */
export function storageFailed(what: "load" | "save", error: unknown): E.Either<FgnError, never> {
  const cause = causeOf(error);
  return fail(
    "StorageFailed",
    { what, cause },
    `the checkpoint could not be ${what === "load" ? "loaded" : "saved"}: ${cause}`,
    "Check that the place exists, that this program may use it, and that there is room",
  );
}

/**
 * The bytes to be saved, if they are bytes. Errors: `InvalidOption`.
 * @internal
 */
export function checkBytes(bytes: Uint8Array): E.Either<FgnError, Uint8Array> {
  return orElse(() => bytes instanceof Uint8Array, false) ? E.right(bytes) : invalid("bytes", bytes, "a Uint8Array");
}

/**
 * A store in memory, for tests and for runtimes without files. It keeps a copy and gives copies.
 *
 * @example
 * ```ts
 * import { memoryStore } from "fgn";
 *
 * const store = memoryStore();
 * await store.save(Uint8Array.of(1, 2, 3));
 * const loaded = await store.load();
 * if (loaded._tag === "Right") console.log(loaded.right?.length); // 3
 * ```
 */
export function memoryStore(): CheckpointStore {
  let saved: Uint8Array | null = null;
  const copy = (what: "load" | "save", bytes: Uint8Array): E.Either<FgnError, Uint8Array> => {
    try {
      return E.right(new Uint8Array(bytes));
    } catch (error) {
      return storageFailed(what, error);
    }
  };
  return {
    load: () => Promise.resolve(saved === null ? E.right(null) : copy("load", saved)),
    save: (bytes) => {
      const checked = checkBytes(bytes), copied = checked._tag === "Left" ? checked : copy("save", checked.right);
      return Promise.resolve(
        E.map((own: Uint8Array) => {
          saved = own;
        })(copied),
      );
    },
  };
}
