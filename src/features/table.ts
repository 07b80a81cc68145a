/**
 * Tables: what readers of files give, column by column, and where each cell came from.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, isFloats, isObject } from "../check/kind.ts";
import { show, typedName } from "../check/show.ts";
import { checkLength, checkSize } from "../check/size.ts";
import { guard } from "../check/total.ts";

/** A cell: a number, a text, a vector (such as an embedding), or null where the value is missing. */
export type Cell = number | string | null | Float32Array;

/** A column of a table: numbers, NaN where one is missing, where all cells are numbers; else cells. */
export interface Column {
  /** Its name, which no other column has. */
  readonly name: string;
  /** A cell for each row. */
  readonly cells: Float64Array | readonly Cell[];
}

/** Where the rows of a table came from, for messages. */
export interface TableSource {
  /** The name of the file. */
  readonly name: string;
  /** The line, or the number, of each row in the file, from 1; null: the rows are numbered as they lie. */
  readonly lines: Uint32Array | null;
  /** What the numbers count. */
  readonly unit: "line" | "row";
}

/** Rows of cells, column by column. Made by {@link table} or a reader; not to be written to afterwards. */
export interface Table {
  /** Number of rows. */
  readonly rows: number;
  /** The columns, in the order of the file. */
  readonly columns: readonly Column[];
  /** Where the rows came from, or null: from nowhere that has a name. */
  readonly source: TableSource | null;
}

/**
 * Whether a value is a table by its fields, whose columns are not looked at.
 * @internal
 */
export const isTable = (value: unknown): value is Table =>
  isObject(value) && typeof value.rows === "number" && Array.isArray(value.columns);

/**
 * An `InvalidTable`.
 * @internal
 */
export const failTable = (
  column: string | null,
  row: number | null,
  message: string,
  remedy: string,
): E.Either<FgnError, never> => fail("InvalidTable", { column, row }, message, remedy);

/**
 * A cell's place in words: "people.csv:17:3 (age)", its line and its column from 1, or "row 4 of age", from 0, where the
 * table has no source.
 * @internal
 */
export function placeOf({ columns, source }: Table, row: number, name: string): string {
  const shown = name.slice(0, 80);
  if (source === null) return `row ${row} of ${shown}`;
  const line = source.lines?.[row] ?? row + 1, column = columns.findIndex((one) => one.name === name) + 1;
  return source.unit === "line"
    ? `${source.name}:${line}:${column} (${shown})`
    : `${source.name}, row ${line}, column ${column} (${shown})`;
}

/** Whether cells are an array of float64 numbers. */
const isDoubles = (cells: unknown): cells is Float64Array => typedName(cells) === "Float64Array";

function checkColumn(column: Column, index: number, rows: number): E.Either<FgnError, Column> {
  const what = `column ${index} of the table`;
  const isRight = isObject(column) && typeof column.name === "string" &&
    (Array.isArray(column.cells) || isDoubles(column.cells));
  const kind = checkKind(what, column, isRight, "a column with a name and cells");
  if (kind._tag === "Left") return kind;
  const length = checkLength(what, column.cells.length, rows);
  return length._tag === "Left" ? length : kind;
}

/**
 * The shape of a table that was perhaps not made here; cells are looked at where they are read. Errors: `WrongKind`,
 * `InvalidSize`, `ShapeMismatch`, `InvalidTable` (two columns of one name).
 * @internal
 */
export function checkTable(value: Table): E.Either<FgnError, Table> {
  const kind = checkKind("the table", value, isTable(value), "a table, as table or a reader of files makes it");
  if (kind._tag === "Left") return kind;
  const size = checkSize("rows of the table", value.rows, 0);
  if (size._tag === "Left") return size;
  const names = new Set<string>();
  for (const [index, column] of value.columns.entries()) {
    const checked = checkColumn(column, index, value.rows);
    if (checked._tag === "Left") return checked;
    if (names.has(column.name)) {
      return failTable(column.name, null, `two columns are called ${show(column.name)}`, "Give each its own name");
    }
    names.add(column.name);
  }
  return kind;
}

/**
 * The column of a name. Errors: `InvalidTable`, which names those there are.
 * @internal
 */
export function columnOf({ columns, source }: Table, name: string): E.Either<FgnError, Column> {
  const column = columns.find((one) => one.name === name);
  if (column !== undefined) return E.right(column);
  const where = source === null ? "the table" : source.name, known = columns.map((one) => show(one.name)).slice(0, 20);
  const remedy = `Its columns are ${known.join(", ")}${columns.length > 20 ? " …" : ""}: name one of them`;
  return failTable(name, null, `${where} has no column ${show(name)}`, remedy);
}

/** A cell as it is given, or undefined where it is none. */
function cellOf(value: unknown): Cell | undefined {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "string" || isFloats(value)) return value;
  if (!Array.isArray(value) || !value.every((one) => typeof one === "number")) return undefined;
  return Float32Array.from(value as readonly number[]);
}

/** A column from what a caller has for its cells. */
function makeColumn(name: string, given: ArrayLike<unknown>): E.Either<FgnError, Column> {
  if (isDoubles(given)) return E.right({ name, cells: given });
  const isList = Array.isArray(given) || typedName(given) !== undefined;
  const kind = checkKind(`column ${show(name)}`, given, isList, "a list of cells");
  if (kind._tag === "Left") return kind;
  const cells: Cell[] = [];
  for (let row = 0; row < given.length; row++) {
    const cell = row in given ? cellOf(given[row]) : undefined;
    if (cell === undefined) {
      const message = `row ${row} of ${name.slice(0, 80)} is ${show(given[row])}`;
      return failTable(name, row, message, "Give a number, a text, an array of numbers, or null where it is missing");
    }
    cells.push(cell);
  }
  const areNumbers = cells.some((cell) => cell !== null) &&
    cells.every((cell) => cell === null || typeof cell === "number");
  return E.right({ name, cells: areNumbers ? Float64Array.from(cells, (cell) => cell as number ?? NaN) : cells });
}

/**
 * A table from columns by name, each with a cell a row: numbers, texts, vectors as arrays of numbers; null, undefined
 * and NaN stand for what is missing. A Float64Array is taken over, everything else copied.
 *
 * Errors: `WrongKind`, `ShapeMismatch` (columns of different lengths), `InvalidTable` (a cell of another kind, with its
 * place).
 *
 * @example
 * ```ts
 * import { getOrThrow, table } from "fgn";
 *
 * const people = getOrThrow(table({ age: [31, null, 54], town: ["Ulm", "Graz", "Ulm"] }));
 * console.log(people.rows, people.columns[0]?.cells); // 3 [31, NaN, 54]
 * ```
 */
export function table(columns: Readonly<Record<string, ArrayLike<unknown>>>): E.Either<FgnError, Table> {
  return guard("table", { columns }, () => {
    const kind = checkKind("columns", columns, isObject(columns) && !Array.isArray(columns), "an object of columns");
    if (kind._tag === "Left") return kind;
    const all: Column[] = [];
    for (const [name, cells] of Object.entries(columns)) {
      const column = makeColumn(name, cells);
      if (column._tag === "Left") return column;
      all.push(column.right);
    }
    return checkTable({ rows: all[0]?.cells.length ?? 0, columns: all, source: null });
  });
}
