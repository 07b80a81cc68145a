// Results as a Markdown table, laid out as deno fmt does, between the markers of a file.

import { readFileSync, writeFileSync } from "node:fs";

/** Rows of cells, the first one the heading, with columns of even width. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => [...(row[c] ?? "")].length), 3));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, c) => cell + " ".repeat((widths[c] ?? 0) - [...cell].length)).join(" | ")} |`;
  const [heading = [], ...body] = rows;
  return [line(heading), `| ${widths.map((w) => "-".repeat(w)).join(" | ")} |`, ...body.map(line)].join("\n");
}

const START = "<!-- results -->", END = "<!-- end of results -->";

/** Puts text between the markers of a file. */
export function putBetween(file: string, text: string): void {
  const before = readFileSync(file, "utf8");
  const from = before.indexOf(START), to = before.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${file} lacks the markers ${START} and ${END}`);
  writeFileSync(file, `${before.slice(0, from + START.length)}\n\n${text}\n\n${before.slice(to)}`);
}
