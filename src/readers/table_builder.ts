/**
 * A table in the making, row by row.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { show } from "../check/show.ts";
import { failTable, type Table, type TableSource } from "../features/table.ts";
import { type CellFault, type ColumnBuilder, columnBuilder } from "./column_builder.ts";
import { failSize } from "./fault.ts";
import type { Reading } from "./options.ts";

/** A table in the making. */
export interface TableBuilder {
  /** Number of rows so far. */
  readonly rows: () => number;
  /** Whether as many rows are there as a table may have. */
  readonly isFull: () => boolean;
  /** Begins a row, which has a number in its file. */
  readonly begin: (line: number) => void;
  /** The index of a column, which is added where it is new; −1: it does not count. Errors: `TooLarge`. */
  readonly column: (name: string) => E.Either<FgnError, number>;
  /** Puts a value into the last row. Errors: `InvalidTable`. */
  readonly put: (column: number, value: Parameters<ColumnBuilder["put"]>[1]) => E.Either<FgnError, never> | undefined;
  /** Puts a text that may stand for a number, a vector or nothing into the last row. Errors: `InvalidTable`. */
  readonly putText: (column: number, text: string) => E.Either<FgnError, never> | undefined;
  /** An `InvalidTable` of a cell of the last row. */
  readonly refuse: (column: string, fault: CellFault) => E.Either<FgnError, never>;
  /** The table of the rows so far; from then on there are none. */
  readonly take: () => Table;
}

/**
 * A refusal of columns that were asked for and are not there; undefined: all are. Errors: `InvalidTable`.
 */
export function missingColumn(
  file: string,
  wanted: readonly string[] | null,
  known: readonly string[],
): E.Either<FgnError, never> | undefined {
  const names = new Set(known), missing = wanted?.find((name) => !names.has(name));
  if (missing === undefined) return undefined;
  const shown = known.slice(0, 20).map(show).join(", ");
  const remedy = `Its columns are ${shown}${known.length > 20 ? " …" : ""}: name one of them`;
  return failTable(missing, null, `${file} has no column ${show(missing)}`, remedy);
}

/** A table in the making. */
export function tableBuilder(file: string, unit: TableSource["unit"], reading: Reading): TableBuilder {
  const indices = new Map<string, number>(), names: string[] = [], builders: ColumnBuilder[] = [];
  const wanted = reading.columns === null ? null : new Set(reading.columns);
  let lines: number[] = [];
  const placeOf = (column: string): string => {
    const line = lines[lines.length - 1] as number, index = names.indexOf(column) + 1, shown = column.slice(0, 80);
    return unit === "line" ? `${file}:${line}:${index} (${shown})` : `${file}, row ${line}, column ${index} (${shown})`;
  };
  const refuse = (column: string, [reason, remedy]: CellFault): E.Either<FgnError, never> =>
    failTable(column, lines.length - 1, `${placeOf(column)} ${reason}`, remedy);
  const add = (name: string): number => {
    indices.set(name, names.length);
    builders.push(columnBuilder(name, reading));
    return names.push(name) - 1;
  };
  // Columns that are asked for lie as they are.
  reading.columns?.forEach(add);
  return {
    rows: () => lines.length,
    isFull: () => lines.length >= reading.rows,
    begin: (line) => void lines.push(line),
    column: (name) => {
      const index = indices.get(name);
      if (index !== undefined) return E.right(index);
      if (wanted !== null) return E.right(-1);
      if (names.length >= reading.maxColumns) {
        return failSize(`${file} has more than ${reading.maxColumns} columns`, "maxColumns", reading.maxColumns);
      }
      return E.right(add(name));
    },
    put: (column, value) => {
      const fault = builders[column]?.put(lines.length - 1, value);
      return fault && refuse(names[column] as string, fault);
    },
    putText: (column, text) => {
      const fault = builders[column]?.putText(lines.length - 1, text);
      return fault && refuse(names[column] as string, fault);
    },
    refuse,
    take: () => {
      const rows = lines.length, columns = builders.map((builder) => builder.take(rows));
      const source: TableSource = { name: file, lines: Uint32Array.from(lines), unit };
      lines = [];
      return { rows, columns, source };
    },
  };
}
