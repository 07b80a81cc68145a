/**
 * Tables of Parquet files, a group of rows at a time.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FileMetaData } from "hyparquet";
import type { FgnError } from "../check/error.ts";
import type { Cell, Table } from "../features/table.ts";
import { NESTED } from "./column_builder.ts";
import { failFile, failSize } from "./fault.ts";
import { gatherStream, type Opened } from "./opened.ts";
import type { Reading } from "./options.ts";
import { type Decoder, openDecoder, type Values } from "./parquet_decoder.ts";
import { missingColumn, type TableBuilder, tableBuilder } from "./table_builder.ts";

type Tables = AsyncGenerator<E.Either<FgnError, Table>, void, undefined>;

/** A number, or the digits of an integer that float64 does not hold. */
function ofInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** A value as a cell; undefined: none. */
function cellOf(value: unknown): Cell | undefined {
  switch (typeof value) {
    case "number":
    case "string":
      return value;
    case "bigint":
      return ofInteger(value);
    case "boolean":
      return String(value);
    case "undefined":
      return null;
  }
  if (value === null) return null;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  const isList = Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof Uint8Array));
  if (!isList || !Array.from(value as ArrayLike<unknown>).every((one) => /number|bigint/.test(typeof one))) {
    return undefined;
  }
  return Float32Array.from(value as ArrayLike<number | bigint>, Number);
}

/** Names of the columns: the children of the schema's root. */
function namesOf({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  for (let index = 1; index < schema.length;) {
    names.push(schema[index]?.name ?? "");
    for (let open = 1; open > 0 && index < schema.length; index++) open += (schema[index]?.num_children ?? 0) - 1;
  }
  return names;
}

/** Bytes of columns of groups as they are in memory. */
function bytesOf(groups: FileMetaData["row_groups"], names: readonly string[]): number {
  let bytes = 0;
  for (const { columns } of groups) {
    for (const { meta_data: data } of columns) {
      if (data !== undefined && names.includes(data.path_in_schema[0] ?? "")) {
        bytes += Number(data.total_uncompressed_size);
      }
    }
  }
  return bytes;
}

/** The columns of a group of rows. Errors: `InvalidFile`, `TimedOut`, those of the source. */
async function readGroup(
  { name }: Opened,
  decoder: Decoder,
  names: readonly string[],
  start: number,
  end: number,
): Promise<E.Either<FgnError, readonly Values[]>> {
  const columns: Values[] = [];
  for (const column of names) {
    const values = await decoder.column(column, start, end);
    if (values._tag === "Left") return values;
    if (values.right.length !== end - start) {
      const reason = `has ${values.right.length} values of ${column.slice(0, 80)} in rows ${start + 1} to ${end}`;
      return failFile("parquet", name, reason, "Write it anew");
    }
    columns.push(values.right);
  }
  return E.right(columns);
}

/** Puts the next row. Errors: `InvalidTable`. */
function putRow(
  builder: TableBuilder,
  names: readonly string[],
  columns: readonly Values[],
  index: number,
  number: number,
): E.Either<FgnError, never> | undefined {
  builder.begin(number);
  for (const [place, values] of columns.entries()) {
    const cell = cellOf(values[index]);
    const fault = cell === undefined ? builder.refuse(names[place] as string, NESTED) : builder.put(place, cell);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

async function* readGroups(opened: Opened, decoder: Decoder, reading: Reading): Tables {
  const { name } = opened, metadata = await decoder.metadata();
  if (metadata._tag === "Left") return yield metadata;
  const { row_groups: groups, num_rows: count } = metadata.right, known = namesOf(metadata.right);
  const missing = missingColumn(name, reading.columns, known);
  if (missing !== undefined) return yield missing;
  const names = reading.columns ?? known, builder = tableBuilder(name, "row", reading);
  const sizes = groups.map((group) => Number(group.num_rows));
  if (!sizes.every((size) => size >= 0) || sizes.reduce((a, b) => a + b, 0) !== Number(count)) {
    return yield failFile(
      "parquet",
      name,
      `says that it has ${count} rows, and its groups have others`,
      "Write it anew",
    );
  }
  for (const column of names) {
    const added = builder.column(column);
    if (added._tag === "Left") return yield added;
  }
  let row = 0, taken = 0;
  for (const [index, size] of sizes.entries()) {
    const bytes = bytesOf(reading.rows === Infinity ? groups : groups.slice(index, index + 1), names);
    if (bytes > reading.maxBytes) {
      const remedy = "Name the columns that count in columns, or raise maxBytes";
      return yield failSize(`${name}: ${bytes} bytes at once`, "maxBytes", reading.maxBytes, remedy);
    }
    if (size === 0) continue;
    const columns = await readGroup(opened, decoder, names, row, row + size);
    if (columns._tag === "Left") return yield columns;
    for (let i = 0; i < size; i++) {
      const fault = putRow(builder, names, columns.right, i, ++row);
      if (fault !== undefined) return yield fault;
      if (!builder.isFull()) continue;
      taken++;
      yield E.right(builder.take());
    }
  }
  if (builder.rows() > 0 || taken === 0) yield E.right(builder.take());
}

/** Tables of a Parquet file. A fault is the last item. Errors: as `readCsv`, and `TimedOut`. */
export async function* readParquet(opened: Opened, reading: Reading): Tables {
  const gathered = await gatherStream(opened, reading.maxBytes);
  if (gathered._tag === "Left") return yield gathered;
  if ((gathered.right.size as number) < 12) {
    return yield failFile("parquet", opened.name, "ends within its first 12 bytes", "Give the whole file");
  }
  const decoder = await openDecoder(gathered.right, reading.deadline);
  try {
    yield* readGroups(gathered.right, decoder, reading);
  } finally {
    decoder.close();
  }
}
