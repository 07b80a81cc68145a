// One run of `npm run bench`: products, steps of heads and networks, and how they grow, against other libraries and methods,
// as ratios of best times. Prints progress and goals, and puts what it found into bench/speed/results.json and bench/speed/README.md.
//
//   --runtime NAME   in node (default), deno or bun; --all: in each of them
//   TABLE …          only these tables (products, linear, …), printed; nothing is written
//   FGN_BENCH_MS=…   milliseconds of one contender in one case (default 150)

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { bun, deno } from "../../tools/runtimes/processes.ts";
import { compileModule } from "../support/assembly.ts";
import { bundleGradients, startTfjs } from "../support/tfjs.ts";
import { goals } from "./goals.ts";
import { MILLISECONDS } from "./measure.ts";
import { runCommands } from "./processes.ts";
import { goalTable, page, type Run, type Table } from "./report.ts";
import { TABLES } from "./tables.ts";

const RESULTS = "bench/speed/results.json", PAGE = "bench/speed/README.md";
const RUNTIMES = ["node", "deno", "bun"] as const;
type Runtime = typeof RUNTIMES[number];

const LIBRARIES = ["@tensorflow/tfjs-backend-wasm", "onnxruntime-web", "@jax-js/jax"];

const versions: Readonly<Record<string, string | undefined>> = process.versions;
const here: Runtime = versions["deno"] !== undefined ? "deno" : versions["bun"] !== undefined ? "bun" : "node";
const ELSEWHERE = { deno, bun } as const;
const TITLES: Readonly<Record<Runtime, string>> = { node: "Node", deno: "Deno", bun: "Bun" };

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")) as { version: string }).version;

/** Fills the tables in this runtime. */
async function measureAll(names: readonly string[]): Promise<Run> {
  await startTfjs();
  const tables: Table[] = [];
  for (const { run, ...table } of TABLES.filter(({ id }) => names.length === 0 || names.includes(id))) {
    console.log(`\n${table.title}`);
    tables.push({ ...table, cases: await run(tables) });
  }
  const printed = names.length === 0 && here === "node" ? runCommands() : [];
  const cases = Object.fromEntries(tables.map((table) => [table.id, table.cases]));
  return {
    runtime: `${TITLES[here]} ${versions[here]}`,
    machine: cpus()[0]?.model ?? "an unknown machine",
    date: new Date().toISOString().slice(0, 10),
    command: `FGN_BENCH_MS=${MILLISECONDS} npm run bench${here === "node" ? "" : ` -- --runtime ${here}`}`,
    versions: Object.fromEntries(LIBRARIES.map((name) => [name, versionOf(name)])),
    tables,
    printed,
    goals: [...goals(cases, here === "deno"), ...printed.flatMap(({ goals = [] }) => goals)],
  };
}

/** Puts a run beside those of the other runtimes. */
function keep(run: Run): void {
  const before = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) as Partial<Record<Runtime, Run>> : {};
  const all: Partial<Record<Runtime, Run>> = { ...before, [here]: run };
  const ordered = RUNTIMES.flatMap((name) => all[name] === undefined ? [] : [[name, all[name]] as const]);
  writeFileSync(RESULTS, `${JSON.stringify(Object.fromEntries(ordered), null, 2)}\n`);
  writeFileSync(PAGE, page(ordered.map(([, run]) => run)));
}

async function runHere(names: readonly string[]): Promise<void> {
  const began = performance.now();
  const run = await measureAll(names);
  console.log(`\n${run.runtime}\n\n${goalTable(run.goals)}`);
  if (names.length === 0) keep(run);
  console.log(`\n${((performance.now() - began) / 1000).toFixed(0)} s`);
}

function runElsewhere(runtime: "deno" | "bun", names: readonly string[]): void {
  const { command, run } = ELSEWHERE[runtime];
  const { status } = spawnSync(command, [...run, "node_modules/.cache/fgn/bench.speed.main.mjs", ...names], {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`the run in ${TITLES[runtime]} failed: exit ${status}`);
}

const given = process.argv.slice(2), asked = given.indexOf("--runtime");
const chosen = given[asked + 1];
const wanted = given.includes("--all") ? RUNTIMES : asked < 0 ? [here] : RUNTIMES.filter((name) => name === chosen);
if (wanted.length === 0) throw new Error(`--runtime takes one of ${RUNTIMES.join(", ")}`);
const names = given.filter((value, i) => !value.startsWith("--") && (asked < 0 || i !== asked + 1));
if (here === "node") {
  await compileModule("peak");
  await bundleGradients();
}
for (const runtime of wanted) {
  if (runtime === here) await runHere(names);
  else if (runtime !== "node") runElsewhere(runtime, names);
}
// The libraries keep Deno alive.
process.exit();
