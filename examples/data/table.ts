/**
 * Tables: rows of cells as the columns of a data set, in the units they were measured in.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { seedRandom } from "../../src/math/random.ts";
import { byCount, draw, type NamedDataset, packageFolder, type Split } from "./dataset.ts";

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, string | number | null | undefined>>;
/** A column of features: a number for each row. */
export type Column = readonly number[];

/** A comma and a field of CSV: in quotes, which are doubled within, or without a comma. */
const FIELD = /,(?:"((?:[^"]|"")*)"|([^,]*))/g;

const fieldsOf = (line: string): string[] =>
  Array.from(`,${line}`.matchAll(FIELD), ([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain);

/** The rows of a CSV text without line breaks within fields, by the names in its first line. */
export function parseCsv(text: string): Row[] {
  const [names = [], ...rows] = text.split(/\r?\n/).filter((line) => line !== "").map(fieldsOf);
  return rows.map((fields) => Object.fromEntries(names.map((name, i) => [name, fields[i]])));
}

/** The rows of a table of the npm package vega-datasets, CSV or JSON. Throws when the package is not installed. */
export function readVega(file: string): Row[] {
  const text = readFileSync(join(packageFolder("vega-datasets"), "..", "data", file), "utf8");
  return file.endsWith(".csv") ? parseCsv(text) : JSON.parse(text) as Row[];
}

/** Whether a row has no number in a column. */
export const lacks = (row: Row, name: string): boolean => {
  const cell = row[name];
  return cell === null || cell === undefined || cell === "" || Number.isNaN(Number(cell));
};

/** Columns of numbers as they are; a missing number is 0. */
export const numbers = (rows: readonly Row[], ...names: readonly string[]): Column[] =>
  names.map((name) => rows.map((row) => lacks(row, name) ? 0 : Number(row[name])));

/** For each name a column of 1 where its number is missing, else 0. */
export const missing = (rows: readonly Row[], ...names: readonly string[]): Column[] =>
  names.map((name) => rows.map((row) => lacks(row, name) ? 1 : 0));

/** A column for each value of a column of words, the commonest first: 1 in the rows that have it. */
export function oneHot(rows: readonly Row[], name: string): Column[] {
  const words = rows.map((row) => String(row[name] ?? ""));
  return byCount(words).map(([value]) => words.map((word) => word === value ? 1 : 0));
}

/** Columns and the class of each row as a data set of so many training rows, drawn at random; the others are for tests. */
export function toDataset(
  columns: readonly Column[],
  classes: readonly string[],
  trainRows: number,
  seed: number,
): NamedDataset {
  const names = byCount(classes).map(([name]) => name), labelOf = new Map(names.map((name, label) => [name, label]));
  const { drawn } = draw(classes.length, classes.length, seedRandom(seed));
  const split = (chosen: Uint32Array): Split => ({
    features: Float32Array.from(
      { length: chosen.length * columns.length },
      (_, k) => columns[k % columns.length]?.[chosen[Math.floor(k / columns.length)] ?? 0] ?? 0,
    ),
    labels: Uint32Array.from(chosen, (row) => labelOf.get(classes[row] ?? "") ?? 0),
    rows: chosen.length,
  });
  return {
    train: split(drawn.subarray(0, trainRows)),
    test: split(drawn.subarray(trainRows)),
    columns: columns.length,
    names,
  };
}

/** The rows whose class, a word in a column, occurs often enough. */
export function ofCommonClasses(rows: readonly Row[], name: string, fewest: number): Row[] {
  const known = rows.filter((row) => typeof row[name] === "string" && row[name] !== "");
  const common = new Set(byCount(known.map((row) => String(row[name]))).filter(([, n]) => n >= fewest).map(([v]) => v));
  return known.filter((row) => common.has(String(row[name])));
}
