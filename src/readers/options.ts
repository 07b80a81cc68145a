/**
 * Options of reading.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkOptions, COUNT, oneOf, POSITIVE, type Rule, type Rules } from "../check/rule.ts";
import { guard } from "../check/total.ts";

/** A kind of file. */
export type Format = "csv" | "tsv" | "jsonl" | "json" | "npy" | "npz" | "parquet" | "safetensors";

/** The kinds of files that are read. */
export const FORMATS: readonly Format[] = ["csv", "tsv", "jsonl", "json", "npy", "npz", "parquet", "safetensors"];

/** Options of {@link readTable} and {@link readTables}. */
export interface ReadOptions {
  /** The kind of file (default: by the name's extension, else by the first bytes). */
  readonly format?: Format;
  /** The file's name in messages (default: that of the path or File, else "data"). */
  readonly name?: string;
  /** The columns that count, in this order; others are not looked at (default: all). */
  readonly columns?: readonly string[];
  /** Columns that are texts whatever they look like, such as postal codes (default none). */
  readonly texts?: readonly string[];
  /** Texts that stand for a missing value, beside the empty one (default NA, N/A, #N/A, NaN, nan, null, NULL, <NA>). */
  readonly missing?: readonly string[];
  /**
   * Whether the first line of a CSV has the names of the columns (default: it has, and a line of numbers alone is
   * refused); without, they are called "column 1", "column 2" …
   */
  readonly header?: boolean;
  /** What stands between the cells of a CSV: one character (default: one of `,` `;` tab `|`, found by the first lines). */
  readonly delimiter?: string;
  /** What numbers of a CSV have before their decimals: "." or "," (default "."). */
  readonly decimal?: "." | ",";
  /** How text is encoded, such as "windows-1252" (default: UTF-8, or UTF-16 with a byte order mark). */
  readonly encoding?: string;
  /** The most rows of a table of {@link readTables} (default 4096). */
  readonly rows?: number;
  /** The most bytes that are in memory at once: of a file that is read whole, else of what is read of it (default 2³⁰). */
  readonly maxBytes?: number;
  /** The most characters of a row of text (default 2²⁴). */
  readonly maxRowLength?: number;
  /** The most columns (default 100,000). */
  readonly maxColumns?: number;
  /** The most seconds that the decoder of Parquet may go without a word (default 30). */
  readonly deadline?: number;
}

/** Options with their defaults. */
export interface Reading {
  readonly format: Format | null;
  readonly name: string | null;
  readonly columns: readonly string[] | null;
  readonly texts: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
  readonly header: boolean | null;
  readonly delimiter: string | null;
  readonly decimal: "." | ",";
  readonly encoding: string | null;
  readonly rows: number;
  readonly maxBytes: number;
  readonly maxRowLength: number;
  readonly maxColumns: number;
  readonly deadline: number;
}

const NAMES: Rule = [
  (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
  "a list of names",
];
const TEXT: Rule = [(value) => typeof value === "string" && value !== "", "a text"];

/** The rules of {@link ReadOptions}. */
export const READ: Rules<ReadOptions> = {
  format: /* @__PURE__ */ oneOf(...FORMATS),
  name: TEXT,
  columns: NAMES,
  texts: NAMES,
  missing: [NAMES[0], "a list of texts"],
  header: [(value) => typeof value === "boolean", "true or false"],
  delimiter: [
    (value) => typeof value === "string" && value.length === 1 && !/["\r\n\ufeff]/.test(value),
    'one character, such as ";"',
  ],
  decimal: /* @__PURE__ */ oneOf(".", ","),
  encoding: TEXT,
  rows: COUNT,
  maxBytes: COUNT,
  maxRowLength: COUNT,
  maxColumns: COUNT,
  deadline: POSITIVE,
};

/** The most bytes in memory where nothing is said. */
export const MAX_BYTES = 2 ** 30;

const MISSING = ["NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "<NA>"];

/** Options with their defaults, in lists of their own. */
function withDefaults(given: ReadOptions): Reading {
  return {
    format: given.format ?? null,
    name: given.name ?? null,
    columns: given.columns === undefined ? null : [...given.columns],
    texts: new Set(given.texts),
    missing: new Set(given.missing ?? MISSING),
    header: given.header ?? null,
    delimiter: given.delimiter ?? null,
    decimal: given.decimal ?? ".",
    encoding: given.encoding ?? null,
    rows: given.rows ?? 4096,
    maxBytes: given.maxBytes ?? MAX_BYTES,
    maxRowLength: given.maxRowLength ?? 2 ** 24,
    maxColumns: given.maxColumns ?? 100_000,
    deadline: given.deadline ?? 30,
  };
}

/** Options that fit, with their defaults. Errors: `WrongKind`, `InvalidOption`. */
export const checkReading = (options: ReadOptions): E.Either<FgnError, Reading> =>
  guard("reading", { options }, () => E.map(withDefaults)(checkOptions(options, READ)));
