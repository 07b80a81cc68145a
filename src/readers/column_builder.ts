/**
 * A column in the making: what its cells are is known cell by cell.
 *
 * @module
 */

import { show } from "../check/show.ts";
import type { Cell, Column } from "../features/table.ts";
import type { Reading } from "./options.ts";

/** What is wrong with a cell, to be said of its place, and what to do. */
export type CellFault = readonly [reason: string, remedy: string];

/** What is said of a value that is no cell. */
export const NESTED: CellFault = [
  "holds no number, text or list of numbers",
  "Name the columns that count in columns, or make columns of what it holds",
];

/** A column in the making. Rows ascend; those without a cell have none that is missing. */
export interface ColumnBuilder {
  /** A value of a row, of a file that knows kinds of values. */
  readonly put: (row: number, cell: Cell) => CellFault | undefined;
  /** A text that may stand for a number, a vector or nothing. */
  readonly putText: (row: number, text: string) => CellFault | undefined;
  /** The column of so many rows; from then on it is empty. */
  readonly take: (rows: number) => Column;
}

/** What Number reads and no table means: nothing but spaces, other bases, and identifiers with leading zeros. */
const ODD = /^\s*(?:[+-]?0[\dxob]|$)/i;

const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** The number that a text is; undefined: none. */
function numberOf(text: string, decimal: "." | ","): number | undefined {
  if (decimal === ",") {
    if (text.includes(".")) return undefined;
    text = text.replace(",", ".");
  }
  const value = Number(text);
  if (!Number.isNaN(value)) return ODD.test(text) ? undefined : value;
  const infinite = INFINITE.exec(text);
  return infinite === null ? undefined : infinite[1] === "-" ? -Infinity : Infinity;
}

/** A number with decimals, or thousands, behind a comma. */
const COMMAS = /^\s*[+-]?\d+(?:[.,]\d+)*,\d+(?:\.\d+)?\s*$/;

/** Numbers in brackets, as JSON, pgvector and NumPy write them; the text where one is none. */
function vectorOf(text: string): Float32Array | string {
  const inner = text.trim();
  if (!inner.endsWith("]")) return "it does not end with ]";
  const parts = inner.slice(1, -1).trim(), numbers = parts === "" ? [] : parts.split(/\s*,\s*|\s+/);
  const vector = new Float32Array(numbers.length);
  for (const [index, part] of numbers.entries()) {
    const value = part === "" ? undefined : numberOf(part, ".");
    if (value === undefined && !/^nan$/i.test(part)) return `its value ${index} is ${show(part)}`;
    vector[index] = value ?? NaN;
  }
  return vector;
}

const KEEP = (name: string) => `Make its cells alike, or name ${show(name)} in texts to take them as they are`;

/** A column in the making, by its name. */
export function columnBuilder(name: string, { texts, missing, decimal }: Reading): ColumnBuilder {
  const isText = texts.has(name);
  // Missing values that look like numbers, such as -999, are looked for before these.
  const areNumbersMissing = [...missing].some((text) => numberOf(text, decimal) !== undefined);
  /** Whether cells are vectors, as the first one of the file says; null: there was none. */
  let areVectors: boolean | null = isText ? false : null;
  /** Whether any cell so far, of the whole file, was a text. */
  let hadText = isText;
  let numbers = new Float64Array(0), any = false, cells: Cell[] | null = isText ? [] : null;

  const putCell = (row: number, cell: Cell): void => {
    if (cells === null) {
      cells = [];
      for (let i = 0; any && i < row; i++) {
        const value = numbers[i] ?? NaN;
        cells.push(Number.isNaN(value) ? null : String(value));
      }
    }
    while (cells.length < row) cells.push(null);
    cells[row] = cell;
  };
  const putNumber = (row: number, value: number): CellFault | undefined => {
    if (Number.isNaN(value)) return undefined;
    if (areVectors) return [`is ${value}, in a column of vectors`, KEEP(name)];
    areVectors = false;
    if (cells !== null) putCell(row, String(value));
    else {
      if (row >= numbers.length) {
        const longer = new Float64Array(Math.max(64, 2 * row)).fill(NaN);
        longer.set(numbers);
        numbers = longer;
      }
      numbers[row] = value;
      any = true;
    }
    return undefined;
  };
  const putWords = (row: number, text: string): CellFault | undefined => {
    if (areVectors) return [`is ${show(text)}, in a column of vectors`, KEEP(name)];
    areVectors = false;
    hadText = true;
    putCell(row, text);
    return undefined;
  };
  const putVector = (row: number, vector: Float32Array): CellFault | undefined => {
    if (areVectors === false) return ["is a vector, where cells before it are none", KEEP(name)];
    areVectors = true;
    putCell(row, vector);
    return undefined;
  };
  /** A text in brackets: a vector, or words where the column has such. */
  const putBrackets = (row: number, text: string): CellFault | undefined => {
    const vector = vectorOf(text);
    if (typeof vector !== "string") return putVector(row, vector);
    if (areVectors === null) return putWords(row, text);
    const remedy = vector.includes("...")
      ? "NumPy leaves out numbers of what it prints: write the vectors by tolist()"
      : "Mend the vector, or leave out the row";
    return [`is no vector: ${vector}`, remedy];
  };
  return {
    put: (row, cell) => {
      if (cell === null) return undefined;
      if (typeof cell === "number") return putNumber(row, cell);
      if (typeof cell !== "string") return putVector(row, cell);
      return areVectors !== false && cell.startsWith("[") ? putBrackets(row, cell) : putWords(row, cell);
    },
    putText: (row, text) => {
      if (text === "") return undefined;
      if (isText) return putWords(row, text);
      if (areNumbersMissing && missing.has(text)) return undefined;
      if (areVectors !== false && text.startsWith("[")) return putBrackets(row, text);
      const value = numberOf(text, decimal);
      if (value !== undefined) return putNumber(row, value);
      if (missing.has(text) || text.trim() === "") return undefined;
      if (!hadText && decimal === "." && COMMAS.test(text)) {
        const remedy = `Write numbers with a point and no other signs, give decimal: ",", or name ${
          show(name)
        } in texts`;
        return [`is ${show(text)}: what its comma means is not guessed`, remedy];
      }
      return putWords(row, text);
    },
    take: (rows) => {
      let column: Column;
      if (cells !== null || !any) {
        const all: Cell[] = cells ?? [];
        while (all.length < rows) all.push(null);
        column = { name, cells: all };
      } else {
        const all = new Float64Array(rows).fill(NaN);
        all.set(numbers.subarray(0, Math.min(rows, numbers.length)));
        column = { name, cells: all };
      }
      numbers = new Float64Array(0);
      any = false;
      cells = isText ? [] : null;
      return column;
    },
  };
}
