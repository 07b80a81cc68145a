/**
 * Tables of JSON objects: one a line, or all in one list.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { show } from "../check/show.ts";
import type { Cell, Table } from "../features/table.ts";
import { parseJson } from "../io/header.ts";
import { NESTED } from "./column_builder.ts";
import { failFile, failSize } from "./fault.ts";
import type { Opened } from "./opened.ts";
import type { Reading } from "./options.ts";
import { type TableBuilder, tableBuilder } from "./table_builder.ts";
import { countLines, textsOf } from "./texts.ts";

/** The text of a value, and the line that it begins in. */
type Element = readonly [text: string, line: number];

/** Texts of values in a text that comes in pieces. */
interface Splitter {
  /** The values that end within the next piece, or what is wrong. */
  readonly next: (piece: string) => E.Either<FgnError, readonly Element[]>;
  /** The last values, or what is wrong with the end. */
  readonly end: () => E.Either<FgnError, readonly Element[]>;
  /** How long the value is that has no end yet, and where it begins. */
  readonly open: () => readonly [length: number, line: number];
}

/** A value a line; empty lines are none. */
function lineSplitter(): Splitter {
  let rest = "", line = 1;
  const split = (text: string): Element[] => text.split("\n").map((one) => [one, line++] as const);
  const values = (elements: readonly Element[]) => E.right(elements.filter(([text]) => text.trim() !== ""));
  return {
    next: (piece) => {
      const text = rest + piece, last = text.lastIndexOf("\n");
      rest = text.slice(last + 1);
      return values(last < 0 ? [] : split(text.slice(0, last)));
    },
    end: () => values(split(rest)),
    open: () => [rest.length, line],
  };
}

const REMEDY = 'Give a list of objects, [{…}, {…}], or one object a line with format: "jsonl"';

/** The values of one list, found by brackets and quotes alone. */
function listSplitter(name: string): Splitter {
  const structure = /["[\]{},]/g, quoted = /["\\]/g;
  let text = "", at = 0, start = 0, line = 1, depth = 0, commas = 0, inQuotes = false, hasEnded = false;
  const refuse = (where: number, reason: string) =>
    failFile("JSON", `${name}:${line + countLines(text.slice(0, where))}`, reason, REMEDY);
  /** Forgets the text up to a place. */
  const forget = (until: number): void => {
    line += countLines(text.slice(0, until));
    text = text.slice(until);
    at -= until;
    start -= until;
  };
  const next: Splitter["next"] = (piece) => {
    const values: Element[] = [];
    let counted = 0, row = line;
    text += piece;
    while (at < text.length) {
      const pattern = inQuotes ? quoted : structure;
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (depth === 0) {
        const other = text.slice(at).search(/\S/);
        if (other < 0) break;
        if (hasEnded) return refuse(at + other, "has more behind the list");
        if (text[at + other] !== "[") return refuse(at + other, "does not begin with a list");
      }
      if (found === null) {
        at = text.length;
        break;
      }
      const { index, 0: sign } = found;
      if (sign === "\\" && index + 1 >= text.length) {
        // What is escaped comes with the next piece.
        at = index;
        break;
      }
      at = index + (sign === "\\" ? 2 : 1);
      if (sign === '"') inQuotes = !inQuotes;
      else if (sign === "[" || sign === "{") {
        if (++depth === 1) start = at;
      } else if (sign !== "\\" && (depth === 1 || sign !== ",")) {
        const isLast = sign !== ",";
        if (depth === 1) {
          if (sign === "}") return refuse(index, "closes the list with }");
          const value = text.slice(start, index), blank = value.search(/\S/);
          hasEnded = isLast;
          // An empty list has no value; elsewhere nothing is one, which is no JSON.
          if (blank >= 0 || !isLast || commas > 0) {
            const from = start + Math.max(blank, 0);
            row += countLines(text.slice(counted, from));
            counted = from;
            values.push([value.trim(), row]);
          }
          if (!isLast) commas++;
          start = at;
        }
        if (isLast) depth--;
      }
    }
    forget(depth === 0 ? at : start);
    return E.right(values);
  };
  return {
    next,
    end: () => hasEnded ? E.right([]) : refuse(text.length, "ends within the list"),
    open: () => [text.length, line],
  };
}

/** A value of an object as a cell; undefined: none. */
function cellOf(value: unknown): Cell | undefined {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  if (typeof value === "boolean") return String(value);
  return Array.isArray(value) && value.every((one) => typeof one === "number") ? Float32Array.from(value) : undefined;
}

/** Puts the values of an object into a row of its own. Errors: `InvalidFile`, `InvalidTable`, `TooLarge`. */
function putObject(
  builder: TableBuilder,
  name: string,
  [text, line]: Element,
): E.Either<FgnError, never> | undefined {
  const value = parseJson(text), place = `${name}:${line}`;
  if (value === undefined) return failFile("JSON", place, `is no JSON: ${show(text)}`, "Mend it, or leave it out");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return failFile(
      "JSON",
      place,
      `is ${show(value)}, no object`,
      "Give objects, whose names are those of the columns",
    );
  }
  builder.begin(line);
  for (const [key, held] of Object.entries(value)) {
    const column = builder.column(key);
    if (column._tag === "Left") return column;
    if (column.right < 0) continue;
    const cell = cellOf(held);
    const fault = cell === undefined ? builder.refuse(key, NESTED) : builder.put(column.right, cell);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Tables of JSON Lines or of a list. A fault is the last item. Errors: as `readCsv`. */
export async function* readJson(
  opened: Opened,
  reading: Reading,
  isList: boolean,
): AsyncGenerator<E.Either<FgnError, Table>, void, undefined> {
  const { name } = opened, { maxRowLength } = reading, builder = tableBuilder(name, "line", reading);
  const splitter = isList ? listSplitter(name) : lineSplitter(), texts = textsOf(opened, reading);
  let taken = 0;
  for (let isEnd = false; !isEnd;) {
    const { value: piece, done } = await texts.next();
    if (!done && piece._tag === "Left") return yield piece;
    isEnd = done === true;
    const elements = piece === undefined ? splitter.end() : splitter.next((piece as E.Right<string>).right);
    if (elements._tag === "Left") return yield elements;
    for (const element of elements.right) {
      const fault = putObject(builder, name, element);
      if (fault !== undefined) return yield fault;
      if (!builder.isFull()) continue;
      taken++;
      yield E.right(builder.take());
    }
    const [length, line] = splitter.open();
    if (length > maxRowLength) {
      return yield failSize(
        `${name}:${line}: a row has more than ${maxRowLength} characters`,
        "maxRowLength",
        maxRowLength,
      );
    }
  }
  if (builder.rows() > 0 || taken === 0) yield E.right(builder.take());
}
