// The results file: written after every run, so that an interrupted comparison goes on where it was.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Run, Score } from "./training.ts";

/** What a value of the grid is chosen by. */
export type Validated = Pick<Score, "accuracy" | "loss">;

/** One value of the grid, tried on the validation examples. */
export interface Trial {
  /** Its place in the grid, 0 in the middle. */
  readonly place: number;
  readonly value: number;
  /** At the end of the run; null where it failed. */
  readonly last: Validated | null;
  readonly averaged: Validated | null;
}

/** A run on the whole training set, scored on the test set. */
export interface FinalRun extends Run {
  readonly value: number | null;
  readonly seed: number;
}

/** What is known of a method on a task. */
export interface Entry {
  readonly trials: readonly Trial[];
  /** The values chosen for the parameters and for their average; null where nothing is chosen. */
  readonly chosen: { readonly last: number; readonly averaged: number } | null;
  readonly runs: readonly FinalRun[];
}

/** Entries by task and method. */
export type Results = Readonly<Record<string, Readonly<Record<string, Entry>>>>;

const NONE: Entry = { trials: [], chosen: null, runs: [] };

/** Reads a JSON file, where there is one. */
export const readJson = <A>(path: string, otherwise: A): A =>
  existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) as A : otherwise;

/** Writes a file, all of it or none. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}

/** To six digits. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === "number" ? Number(value.toPrecision(6)) : value;

/** An object as JSON with a line an entry, `inner` making the entries. */
const inLines = <A>(object: Readonly<Record<string, A>>, inner: (value: A) => string): string =>
  `{\n${Object.entries(object).map(([name, value]) => `${JSON.stringify(name)}: ${inner(value)}`).join(",\n")}\n}`;

/** Results as JSON with a line for each task and method. */
const toJson = (results: Results): string =>
  `${inLines(results, (methods) => inLines(methods, (entry) => JSON.stringify(entry, rounded)))}\n`;

/** Results that remember themselves in a file. */
export interface Store {
  readonly entry: (task: string, method: string) => Entry;
  readonly put: (task: string, method: string, entry: Entry) => void;
  /** Takes an entry out, so that it is made again. */
  readonly drop: (task: string, method: string) => void;
  readonly all: () => Results;
}

export function openStore(path: string): Store {
  let results = readJson<Results>(path, {});
  const entry = (task: string, method: string): Entry => results[task]?.[method] ?? NONE;
  const put = (task: string, method: string, changed: Entry): void => {
    results = { ...results, [task]: { ...results[task], [method]: changed } };
    writeWhole(path, toJson(results));
  };
  return {
    entry,
    put,
    drop: (task, method) => put(task, method, NONE),
    all: () => results,
  };
}
