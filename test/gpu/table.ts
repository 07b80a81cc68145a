// The results of all places in one table.

import { table as aligned } from "../../examples/text.ts";
import type { Word } from "./suite.ts";

/** What came of a place. */
export interface Column {
  readonly name: string;
  readonly words: readonly Word[];
  readonly seconds: number;
  /** Why not all cases ran, or null. */
  readonly problem: string | null;
  readonly skipped: boolean;
}

const PLAIN = 60;

/** A name, cut to a width. */
const short = (name: string): string => name.length > PLAIN ? `${name.slice(0, PLAIN - 1)}…` : name;

function cell({ words }: Column, name: string): string {
  const word = words.find((one) => one._tag === "case" && one.name === name);
  if (word?._tag !== "case") return "–";
  return word.failure === null ? `${word.ms} ms` : "FAILED";
}

function total({ words, problem, skipped }: Column): string {
  if (problem !== null) return skipped ? "skipped" : "FAILED";
  const cases = words.filter((word) => word._tag === "case");
  return `${cases.filter(({ failure }) => failure === null).length} of ${cases.length}`;
}

/** A column each: the time of every case, then how many passed, the time of all, and under it devices and problems. */
export function table(columns: readonly Column[]): string {
  const names = new Set(columns.flatMap(({ words }) => words.flatMap((word) => word._tag === "case" ? word.name : [])));
  const rows = [
    ["case", ...columns.map(({ name }) => name)],
    ...[...names].map((name) => [short(name), ...columns.map((column) => cell(column, name))]),
    ["passed", ...columns.map(total)],
    ["seconds", ...columns.map(({ seconds }) => seconds.toFixed(1))],
  ];
  const notes = columns.flatMap(({ name, words, problem, skipped }) => {
    const device = words.find((word) => word._tag === "device");
    return [
      ...device?._tag === "device" ? [`${name}: ${device.description}`] : [],
      ...problem === null ? [] : [`${name}: ${skipped ? "skipped: " : ""}${problem}`],
    ];
  });
  return [...aligned(rows), "", ...notes].join("\n");
}
