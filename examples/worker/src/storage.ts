// Where the head's file lies: in rows of a table, since a value has 2 MB at most.

import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";

const PART = 2 ** 20;

/** Keeps one file, written whole or not at all. */
export class FileStorage {
  readonly #part = new Uint8Array(PART);

  readonly #ctx: DurableObjectState;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS head (part INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  }

  /** The file, or null: there is none. */
  load(): Uint8Array | null {
    const rows = this.#ctx.storage.sql.exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM head ORDER BY part");
    const parts = rows.toArray().map(({ bytes }) => new Uint8Array(bytes));
    if (parts.length === 0) return null;
    const file = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
    parts.reduce((at, part) => (file.set(part, at), at + part.length), 0);
    return file;
  }

  /** Puts a file in the place of the one before; done when it is on disk. Where it fails, the one before is there. */
  async save(file: Uint8Array): Promise<Answered<void>> {
    try {
      this.#ctx.storage.transactionSync(() => this.#write(file));
    } catch (cause) {
      console.error(cause);
      return refuse(500, "StorageFailed", "the head could not be stored", "Try again; the head is as it was before");
    }
    try {
      await this.#ctx.storage.sync();
    } catch (cause) {
      // Nobody knows what the disk holds: the object starts anew from it.
      this.#ctx.abort(`the disk did not take the head: ${cause}`);
    }
    return E.right(undefined);
  }

  #write(file: Uint8Array): void {
    const { sql } = this.#ctx.storage, parts = Math.ceil(file.length / PART);
    for (let part = 0; part < parts; part++) {
      const bytes = file.subarray(part * PART, (part + 1) * PART);
      sql.exec("INSERT OR REPLACE INTO head (part, bytes) VALUES (?, ?)", part, this.#buffer(bytes));
    }
    sql.exec("DELETE FROM head WHERE part >= ?", parts);
  }

  /** The bytes as a buffer of their own: for a whole part one that is kept, since garbage of megabytes collects late. */
  #buffer(bytes: Uint8Array): ArrayBuffer {
    const own = bytes.length === PART ? this.#part : new Uint8Array(bytes.length);
    own.set(bytes);
    return own.buffer;
  }
}
