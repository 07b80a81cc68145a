// What tests of readers share.

import { fileURLToPath } from "node:url";
import { parquetWriteBuffer } from "hyparquet-writer";
import { type Cell, type Either, type FgnError, getOrThrow, type Table } from "../../mod.ts";
import { type DataSource, type ReadOptions, readTable, readTables } from "../../src/readers/readers.ts";

/** A text as the bytes of a file. */
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The path of a file of this folder's fixtures. */
export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** The path of a data set of vega-datasets. */
export const vega = (name: string): string => `node_modules/vega-datasets/data/${name}`;

/** A table that is read, by columns. */
export async function read(
  source: DataSource | Uint8Array,
  options: ReadOptions = {},
): Promise<Table & { readonly by: Readonly<Record<string, readonly (Cell | readonly number[])[]>> }> {
  const table = getOrThrow(await readTable(source, options)());
  const plain = (cell: Cell): Cell | readonly number[] => cell instanceof Float32Array ? [...cell] : cell;
  const by = Object.fromEntries(table.columns.map(({ name, cells }) => [name, Array.from(cells as Cell[], plain)]));
  return { ...table, by };
}

/** The error of a source that is refused: all of it read, or in parts, it is the same. */
export async function refusal(source: DataSource, options: ReadOptions = {}): Promise<FgnError> {
  const whole = await readTable(source, options)();
  if (whole._tag === "Right") throw new Error(`a table of ${whole.right.rows} rows is read`);
  return whole.left;
}

/** All that an iterator of tables gives. */
export async function parts(source: DataSource, options: ReadOptions = {}): Promise<Either<FgnError, Table>[]> {
  const all: Either<FgnError, Table>[] = [];
  for await (const one of readTables(source, options)) all.push(one);
  return all;
}

/** A Parquet file in two groups of rows. */
export function smallParquet(): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "town", data: ["Ulm", "Graz", "Ulm", "Wien", "Ulm"], type: "STRING" },
      { name: "age", data: [31, 54, 12, 8, 77], type: "INT32" },
      { name: "id", data: [1n, 2n, 2n ** 60n, 4n, 5n], type: "INT64" },
      { name: "share", data: [0.5, null, 1.5, -2, 1e300], type: "DOUBLE", nullable: true },
      { name: "member", data: [true, false, true, true, false], type: "BOOLEAN" },
      { name: "since", data: [0, 1, 2, 3, 4].map((day) => new Date(86_400_000 * day)), type: "TIMESTAMP" },
    ],
    rowGroupSize: 3,
  }));
}
