/**
 * Files as tables: whole, or in parts.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { FgnError } from "../check/error.ts";
import { thrownBy } from "../check/total.ts";
import type { Table } from "../features/table.ts";
import { readCsv } from "./csv.ts";
import { failFile } from "./fault.ts";
import { formatOf, SNIFFED } from "./format.ts";
import { readJson } from "./json.ts";
import { readNpz, readTensors } from "./named_arrays.ts";
import { readNpy } from "./npy.ts";
import { type DataSource, type Opened, openSource, peek } from "./opened.ts";
import { checkReading, type Format, type Reading, type ReadOptions } from "./options.ts";
import { readParquet } from "./parquet.ts";

/** Tables, one after the other; a fault is the last item. */
type Tables = AsyncGenerator<E.Either<FgnError, Table>, void, undefined>;

/** How the tables of each format are read. */
const READERS: Readonly<Record<Format, (opened: Opened, reading: Reading) => Tables>> = {
  csv: readCsv,
  tsv: readCsv,
  jsonl: (opened, reading) => readJson(opened, reading, false),
  json: (opened, reading) => readJson(opened, reading, true),
  npy: readNpy,
  npz: readNpz,
  parquet: readParquet,
  safetensors: readTensors,
};

/** Tables of a source with checked options; what is thrown within is a fault, too. */
async function* read(source: DataSource, reading: Reading): Tables {
  let opened: Opened | null = null;
  try {
    const first = await openSource(source, reading.name);
    if (first._tag === "Left") return yield first;
    opened = first.right;
    const peeked = await peek(opened, SNIFFED);
    if (peeked._tag === "Left") return yield peeked;
    const [bytes, whole] = peeked.right;
    if (bytes.length === 0) return yield failFile("data", whole.name, "is empty", "Give a file with rows");
    const format = reading.format === null ? formatOf(whole.name, bytes) : E.right(reading.format);
    if (format._tag === "Left") return yield format;
    yield* READERS[format.right](whole, { ...reading, format: format.right });
  } catch (cause) {
    yield thrownBy("readTable", { source }, cause);
  } finally {
    await opened?.close();
  }
}

/**
 * A file as tables of some thousand rows each, so that it may be larger than memory: an async iterator of Eithers. The
 * first fault is the last item; the rows before it in the same table are not given. A `break` closes the file.
 *
 * Formats, by the name's extension, else by the first bytes, or by `format`: CSV and TSV, JSON Lines, a JSON list of
 * objects, .npy, .npz, Parquet, safetensors. Of a path, a File, or bytes, .npy and Parquet are read in parts, too;
 * streams of these, .npz and safetensors are read whole.
 *
 * What a text cell is: nothing or one of `missing`, a missing value; a number, a number; in brackets, where the first
 * cell of the column is, a vector; else a text. Numbers among texts are texts, as numbers print, and `texts` names
 * columns of texts that look like numbers. Every table goes by its own rows. Numbers with leading zeros are texts, and
 * decimal commas are refused until `decimal` says what they mean. True and false are the texts "true" and "false".
 * Arrays of one dimension are columns, of more a vector a row.
 *
 * Errors: `WrongKind`, `InvalidOption` (options), `UnsupportedRuntime` (a path where there are no files),
 * `StorageFailed`, `InvalidFile` (what is malformed, with its line or byte), `InvalidTable` (a cell, as
 * file:line:column), `TooLarge`, `TimedOut` (Parquet), `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { readTables } from "fgn/data";
 *
 * const bytes = new TextEncoder().encode("age,town\n31,Ulm\n54,Graz\n12,Ulm\n");
 * for await (const table of readTables(bytes, { rows: 2 })) {
 *   if (table._tag === "Right") console.log(table.right.rows, table.right.source?.lines); // …
 * }
 * ```
 */
export async function* readTables(
  source: DataSource,
  options: ReadOptions = {},
): AsyncGenerator<E.Either<FgnError, Table>, void, undefined> {
  const reading = checkReading(options);
  if (reading._tag === "Left") return yield reading;
  yield* read(source, reading.right);
}

/**
 * A file as one table, as {@link readTables} reads it: a task, which reads when it is called.
 *
 * @example
 * ```ts
 * import { getOrThrow } from "fgn";
 * import { readTable } from "fgn/data";
 *
 * const bytes = new TextEncoder().encode("age;town\n31;Ulm\n;Graz\n");
 * const { rows, columns } = await getOrThrow(readTable(bytes));
 * console.log(rows, columns[0]?.cells, columns[1]?.cells); // 2 [31, NaN] ["Ulm", "Graz"]
 * ```
 */
export function readTable(source: DataSource, options: ReadOptions = {}): TaskEither<FgnError, Table> {
  return async () => {
    const reading = checkReading(options);
    if (reading._tag === "Left") return reading;
    for await (const table of read(source, { ...reading.right, rows: Infinity })) return table;
    return failFile("data", "data", "has no table", "Give a file with rows");
  };
}
