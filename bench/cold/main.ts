// How long a first step takes in each runtime, without and with `prepareKernel`: the built package, installed in fresh
// projects, 128 examples, 384 features, 100 classes, a new process every time. Prints a table in Markdown, best and
// median of the runs, and writes bench/cold/results.json.
//
//   npm run bench:cold [-- RUNS]

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Missing } from "../../tools/runtimes/missing.ts";
import { pack } from "../../tools/pack.ts";
import { table } from "../support/markdown.ts";
import type { Phase } from "./phases.ts";
import { type ColdRuntime, runtimes, type Timing } from "./runtimes.ts";

/** Steps after which a runtime is as warm as it gets here. */
const STEPS = 60;
const steps = Array<Phase>(STEPS).fill("step");

/** Milliseconds of a run. */
interface Times {
  readonly import: number;
  /** The first call of the kernel, on one number. */
  readonly compile: number;
  readonly first: number;
  readonly tenth: number;
  /** The best of all steps. */
  readonly warm: number;
  /** All of `prepareKernel`. */
  readonly prepare: number;
  /** The first and the tenth step after it. */
  readonly warmFirst: number;
  readonly warmTenth: number;
}

const COLUMNS: Readonly<Record<keyof Times, string>> = {
  import: "import",
  compile: "first call",
  first: "first step",
  tenth: "tenth",
  warm: "best",
  prepare: "preparation",
  warmFirst: "first step after it",
  warmTenth: "tenth after it",
};

/** Three processes: one for the first call, one for steps, one for steps after `prepareKernel`. */
async function once(timing: Timing): Promise<Times> {
  const [, compile = NaN] = await timing(["import", "compile"]);
  const [load = NaN, , ...cold] = await timing(["import", "data", ...steps]);
  const [, , prepare = NaN, ...warm] = await timing(["import", "data", "prepare", ...steps]);
  return {
    import: load,
    compile,
    first: cold[0] ?? NaN,
    tenth: cold[9] ?? NaN,
    warm: Math.min(...cold, ...warm),
    prepare,
    warmFirst: warm[0] ?? NaN,
    warmTenth: warm[9] ?? NaN,
  };
}

/** The best and the median of some numbers. */
function bestAndMedian(values: readonly number[]): readonly [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[0] ?? NaN, sorted[Math.floor(sorted.length / 2)] ?? NaN];
}

type Row = Readonly<Record<keyof Times, readonly [best: number, median: number]>>;

function summary(runs: readonly Times[]): Row {
  const names = Object.keys(COLUMNS) as (keyof Times)[];
  return Object.fromEntries(names.map((name) => [name, bestAndMedian(runs.map((run) => run[name]))])) as Row;
}

const show = ([best, median]: readonly [number, number]): string => `${best.toFixed(1)} / ${median.toFixed(1)}`;

const runs = Number(process.argv[2] ?? 7), folder = mkdtempSync(join(tmpdir(), "fgn-cold-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

const tarball = pack(folder), ready: (ColdRuntime & { readonly timing: Timing; readonly taken: Times[] })[] = [];
for (const [index, runtime] of runtimes.entries()) {
  try {
    ready.push({ ...runtime, timing: await runtime.prepare(join(folder, String(index)), tarball), taken: [] });
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    console.error(`${runtime.name} is left out: ${error.message}`);
  }
}
// Round by round, so that what else the machine does is shared out.
for (let round = 0; round < runs; round++) {
  console.error(`round ${round + 1} of ${runs} …`);
  for (const { timing, taken } of ready) taken.push(await once(timing));
}
const rows = ready.map(({ name, outside, taken }) => ({ name, outside, times: summary(taken) }));
const lines = rows.map(({ name, outside, times }) => [outside ? `${name} *` : name, ...Object.values(times).map(show)]);
console.log(table(["runtime", ...Object.values(COLUMNS)], lines));
console.log("\n* times of requests, from outside");
writeFileSync("bench/cold/results.json", `${JSON.stringify({ runs, rows }, null, 2)}\n`);
