/**
 * Tables of texts with delimiters between them: CSV and TSV (RFC 4180).
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import Papa from "papaparse";
import type { FgnError } from "../check/error.ts";
import { show } from "../check/show.ts";
import { failTable, type Table } from "../features/table.ts";
import { failFile, failSize } from "./fault.ts";
import type { Opened } from "./opened.ts";
import type { Reading } from "./options.ts";
import { missingColumn, tableBuilder } from "./table_builder.ts";
import { countLines, textsOf } from "./texts.ts";

/** Rows of cells, and the line that each begins in. */
interface Lines {
  readonly cells: readonly (readonly string[])[];
  readonly lines: readonly number[];
}

/** What Papa Parse does to a text, of which the last row may go on: its rows, faults, and where it stopped. */
function parse(text: string, delimiter: string, isEnd: boolean): Papa.ParseResult<string[]> {
  const parser = new Papa.Parser({ delimiter, newline: "\n" } as never);
  return (parser as unknown as { parse(text: string, at: number, ignoreLast: boolean): Papa.ParseResult<string[]> })
    .parse(text, 0, !isEnd);
}

/** Characters and rows that the delimiter is found by. */
const SAMPLE = 2 ** 16, ROWS = 20;

/** The delimiter by which most rows have as many cells as the first one, two at least; of several the one of most cells. */
function delimiterOf(text: string): string {
  let best = ",", most = 0;
  for (const delimiter of [",", ";", "\t", "|"]) {
    const rows = parse(text.slice(0, SAMPLE), delimiter, true).data.slice(0, ROWS).filter((row) => row.join("") !== "");
    const cells = rows[0]?.length ?? 0, alike = rows.filter((row) => row.length === cells).length / rows.length;
    const score = cells < 2 ? 0 : alike + cells / 1e6;
    if (score > most) [best, most] = [delimiter, score];
  }
  return best;
}

/** What a fault of Papa Parse says of its row, and the remedy. */
const FAULTS: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  MissingQuotes: ["begins a cell with a quote that has no end", "Close the quote, or write a quote in a text twice"],
  InvalidQuotes: [
    "has text behind a closing quote",
    "Put the whole cell between quotes, and write those within it twice",
  ],
};

/** The line behind a row. */
function lineAfter(line: number, row: readonly string[]): number {
  let next = line + 1;
  for (const cell of row) if (cell.includes("\n")) next += countLines(cell);
  return next;
}

/** Rows of a text in pieces. A fault is the last item. Errors: `InvalidFile`, `TooLarge`, those of the text. */
async function* linesOf(opened: Opened, reading: Reading): AsyncGenerator<E.Either<FgnError, Lines>, void, undefined> {
  const { name } = opened, { maxRowLength, format } = reading;
  let rest = "", line = 1, delimiter = reading.delimiter ?? (format === "tsv" ? "\t" : "");
  const rowsOf = (text: string, isEnd: boolean): E.Either<FgnError, Lines> => {
    const { data, errors, meta } = parse(text, delimiter, isEnd), lines: number[] = [];
    // What is wrong with a row that goes on is known when its end is there.
    const wrong = errors.find(({ row = 0 }) => isEnd || row < data.length);
    for (const [index, row] of data.entries()) {
      if (wrong?.row === index) break;
      lines.push(line);
      line = lineAfter(line, row);
    }
    if (wrong !== undefined) {
      const [reason, remedy] = FAULTS[wrong.code] ?? [wrong.message, "Mend the line"];
      return failFile("CSV", `${name}:${line}`, reason, remedy);
    }
    rest = text.slice(meta.cursor);
    return E.right({ cells: data, lines });
  };
  for await (const piece of textsOf(opened, reading)) {
    if (piece._tag === "Left") return yield piece;
    const text = rest + piece.right;
    if (delimiter === "" && text.length < SAMPLE) {
      rest = text;
      continue;
    }
    if (delimiter === "") delimiter = delimiterOf(text);
    const rows = rowsOf(text, false);
    yield rows;
    if (rows._tag === "Left") return;
    if (rest.length > maxRowLength) {
      const what = `${name}:${line}: a row has more than ${maxRowLength} characters`;
      return yield failSize(
        what,
        "maxRowLength",
        maxRowLength,
        "Look for a quote without an end, or raise maxRowLength",
      );
    }
  }
  if (delimiter === "") delimiter = delimiterOf(rest);
  if (rest !== "") yield rowsOf(rest, true);
}

/** Whether a line of names is one of values: numbers alone, which do not count the columns from 0 or 1. */
const isValues = (row: readonly string[]): boolean =>
  row.every((cell) => cell.trim() !== "" && Number.isFinite(Number(cell))) &&
  !row.every((cell, index) => Number(cell) === index || Number(cell) === index + 1);

/** Names of the columns, by the first line. Errors: `InvalidFile`, `InvalidTable`, `TooLarge`. */
function namesOf(
  { name: file }: Opened,
  { header, maxColumns, columns }: Reading,
  row: readonly string[],
  line: number,
): E.Either<FgnError, readonly string[]> {
  if (row.length > maxColumns) {
    return failSize(`${file}:${line}: ${row.length} columns`, "maxColumns", maxColumns);
  }
  if (header === null && isValues(row)) {
    const remedy = "Give header: false where the first line has values, or header: true where it has names";
    return failFile("CSV", `${file}:${line}`, "has numbers where names of columns are looked for", remedy);
  }
  const names = row.map((cell, index) => (header ?? true) && cell.trim() !== "" ? cell.trim() : `column ${index + 1}`);
  const seen = new Set<string>(), twice = names.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) {
    const place = `${file}:${line}:${names.lastIndexOf(twice) + 1}`;
    return failTable(twice, null, `${place}: two columns are called ${show(twice)}`, "Give each its own name");
  }
  return missingColumn(file, columns, names) ?? E.right(names);
}

/** Tables of a CSV. A fault is the last item. Errors: `InvalidFile`, `InvalidTable`, `TooLarge`, those of the source. */
export async function* readCsv(
  opened: Opened,
  reading: Reading,
): AsyncGenerator<E.Either<FgnError, Table>, void, undefined> {
  const builder = tableBuilder(opened.name, "line", reading);
  let places: readonly number[] | null = null, taken = 0;
  for await (const some of linesOf(opened, reading)) {
    if (some._tag === "Left") return yield some;
    const { cells, lines } = some.right;
    for (const [index, row] of cells.entries()) {
      const line = lines[index] as number;
      if (row.length === 1 && (row[0] as string).trim() === "") continue;
      if (places === null) {
        const names = namesOf(opened, reading, row, line);
        if (names._tag === "Left") return yield names;
        const found: number[] = [];
        for (const name of names.right) {
          const column = builder.column(name);
          if (column._tag === "Left") return yield column;
          found.push(column.right);
        }
        places = found;
        if (reading.header !== false) continue;
      }
      if (row.length !== places.length) {
        const counts = `has ${row.length} cell${row.length === 1 ? "" : "s"} where the first line has ${places.length}`;
        const remedy = "Put cells with the delimiter in them between quotes, or give delimiter";
        return yield failFile("CSV", `${opened.name}:${line}`, counts, remedy);
      }
      builder.begin(line);
      for (let i = 0; i < row.length; i++) {
        const fault = builder.putText(places[i] as number, row[i] as string);
        if (fault !== undefined) return yield fault;
      }
      if (builder.isFull()) {
        taken++;
        yield E.right(builder.take());
      }
    }
  }
  if (places === null) return yield failFile("CSV", opened.name, "has no line", "Give a file with names and rows");
  if (builder.rows() > 0 || taken === 0) yield E.right(builder.take());
}
