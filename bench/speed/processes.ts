// Benches that are commands of their own, whose Markdown tables the page takes in: once, by the run in Node, since one of
// them starts every runtime and the other is the same in all.

import { spawnSync } from "node:child_process";
import process from "node:process";
import type { Printed } from "./report.ts";

const COMMANDS = [
  {
    title: "Cold start",
    note:
      "`npm run bench:cold -- 3`: best / median milliseconds in processes of their own; * of requests, from outside.",
    args: ["bench/cold/main.ts", "3"],
  },
  {
    title: "Memory",
    note: "`npm run bench:memory`: WebAssembly memory after a step, and the estimate 8BD + 4BC + 16B² + 4P bytes.",
    args: ["bench/memory/main.ts"],
  },
] as const;

/** Cells of the lines of a Markdown table. */
const cells = (output: string): string[][] =>
  output.split("\n").filter((line) => line.startsWith("|")).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );

/** Runs them and reads their tables. */
export function runCommands(): readonly Printed[] {
  return COMMANDS.flatMap(({ title, note, args }) => {
    console.log(`\n${title}`);
    const { stdout, status } = spawnSync(process.execPath, ["tools/run.mjs", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [columns, , ...rows] = cells(stdout);
    if (status === 0 && columns !== undefined) return [{ title, note, columns, rows }];
    console.log(`no table: ${args[0]} ended with ${status}`);
    return [];
  });
}
