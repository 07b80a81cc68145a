/**
 * Arrays by name, as NumPy's files and safetensors have them, as columns of tables.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { show } from "../check/show.ts";
import { outOfMemory, withinMemory } from "../check/size.ts";
import { type Cell, type Column, failTable, type Table } from "../features/table.ts";
import type { TensorData } from "../io/safetensors.ts";
import { failFile } from "./fault.ts";
import type { Reading } from "./options.ts";
import { missingColumn } from "./table_builder.ts";

/** An array of numbers or texts, row-major. */
export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: TensorData | readonly string[];
}

const isWords = (data: NamedArray["data"]): data is readonly string[] => Array.isArray(data);

/** The cells of one dimension. Errors: `InvalidTable` (an integer that float64 does not hold). */
function scalars(file: string, { name, data }: NamedArray, texts: boolean): E.Either<FgnError, Column> {
  if (isWords(data)) return E.right({ name, cells: data.map((text): Cell => text === "" ? null : text) });
  if (texts) return E.right({ name, cells: Array.from(data as ArrayLike<number | bigint>, String) });
  const cells = new Float64Array(data.length);
  for (let row = 0; row < cells.length; row++) {
    const value = data[row] as number | bigint;
    cells[row] = Number(value);
    if (typeof value === "bigint" && BigInt(cells[row] as number) !== value) {
      const message = `${file}, row ${row + 1} of ${show(name)} is ${value}, which a number does not hold exactly`;
      return failTable(name, row, message, `Name ${show(name)} in texts, or leave it out by columns`);
    }
  }
  return E.right({ name, cells });
}

/** The cells of more dimensions: a vector a row. Errors: `InvalidTable`, `OutOfMemory`. */
function vectors(file: string, { name, shape, data }: NamedArray): E.Either<FgnError, Column> {
  const rows = shape[0] as number, width = rows === 0 ? 0 : data.length / rows;
  if (isWords(data)) {
    return failTable(name, null, `${file}: ${show(name)} has texts in ${shape.length} dimensions`, "Give one a row");
  }
  const values = data instanceof Float32Array ? data : withinMemory(() => {
    const all = new Float32Array(data.length);
    for (let i = 0; i < all.length; i++) all[i] = Number(data[i]);
    return all;
  }, () => null);
  if (values === null) return outOfMemory(file, 4 * data.length, "Give fewer rows at a time");
  return E.right({
    name,
    cells: Array.from({ length: rows }, (_, row) => values.subarray(row * width, (row + 1) * width)),
  });
}

/** A table of arrays that have as many rows as each other. Errors: `InvalidTable`, `OutOfMemory`. */
export function tableOfArrays(
  file: string,
  arrays: readonly NamedArray[],
  { columns: wanted, texts }: Reading,
  first: number,
): E.Either<FgnError, Table> {
  const missing = missingColumn(file, wanted, arrays.map(({ name }) => name));
  if (missing !== undefined) return missing;
  const chosen = wanted?.map((name) => arrays.find((one) => one.name === name) as NamedArray) ?? arrays;
  const columns: Column[] = [], rows = chosen[0]?.shape[0] ?? 0;
  for (const array of chosen) {
    const { name, shape } = array, shown = `${show(name)} of shape (${shape.join(", ")})`;
    if (shape[0] !== rows) {
      const reason = shape.length === 0
        ? `holds ${show(name)}, a single value`
        : `holds ${shown}, and ${show(chosen[0]?.name)} of ${rows} rows`;
      return failFile("arrays", file, reason, "Name those that belong together in columns");
    }
    const column = shape.length === 1 ? scalars(file, array, texts.has(name)) : vectors(file, array);
    if (column._tag === "Left") return column;
    columns.push(column.right);
  }
  const lines = first === 0 ? null : Uint32Array.from({ length: rows }, (_, row) => first + row + 1);
  return E.right({ rows, columns, source: { name: file, lines, unit: "row" } });
}

/** A table in tables of so many rows. */
export function* slicesOf(table: Table, rows: number): Generator<Table> {
  if (table.rows <= rows) return yield table;
  for (let start = 0; start < table.rows; start += rows) {
    const end = Math.min(start + rows, table.rows);
    const columns = table.columns.map(({ name, cells }) => ({ name, cells: cells.slice(start, end) }));
    const lines = Uint32Array.from({ length: end - start }, (_, row) => start + row + 1);
    yield { rows: end - start, columns, source: table.source && { ...table.source, lines } };
  }
}
