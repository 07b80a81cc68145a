// What the same machine does natively: an SGD step in NumPy and in PyTorch, where they are installed.

import { spawnSync } from "node:child_process";
import { SHAPES } from "./linear.ts";
import { type Case, MILLISECONDS } from "./measure.ts";

const NAMES = ["NumPy SGD", "PyTorch SGD"];

/** Times of one library, by shape, or why there are none. */
type Columns = Readonly<Record<string, readonly number[] | string>>;

function runPython(): Columns {
  const { status, stdout, error } = spawnSync(
    "python3",
    ["bench/speed/native/step.py", JSON.stringify(SHAPES), String(MILLISECONDS)],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  );
  if (error === undefined && status === 0) return JSON.parse(stdout) as Columns;
  const reason = error === undefined ? "skipped: it failed" : "skipped: python3 not found";
  return Object.fromEntries(NAMES.map((name) => [name, reason]));
}

/** Native steps beside ours of the same shapes, which were timed before. */
export function native(steps: readonly Case[]): Case[] {
  const columns = runPython();
  console.log(JSON.stringify(columns));
  return SHAPES.map(([B, D, C], i) => {
    const what = `${B}×${D}×${C}`, ours = steps.find((step) => step.what === what);
    const times: Record<string, number> = { FGN: ours?.times["FGN"] ?? NaN };
    const missing: Record<string, string> = {};
    for (const name of NAMES) {
      const column = columns[name] ?? "skipped";
      if (typeof column === "string") missing[name] = column;
      else times[name] = column[i] as number;
    }
    return { what, flops: 0, peak: ours?.peak ?? NaN, times, missing };
  });
}
