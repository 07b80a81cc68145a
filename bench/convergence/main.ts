// One run of `npm run bench:convergence`: how fast and how far the methods train, chosen and scored alike.
//
//   --fresh        starts again; without it what bench/convergence/results.json holds is not run again
//   --method NAME  runs this method again and no other; may be given several times
//   --short        a minute, on small parts of two tasks; written to node_modules/.cache/fgn/convergence
//   --time         measures the steps alone, on an otherwise idle machine, into times.json; trains nothing
//   --tables       writes the tables and plots of what is there, the README's picture among them; trains nothing
//   NAME …         only these tasks

import { readFileSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { compare, type Settings } from "./compare.ts";
import { writePlots } from "./curves.ts";
import { partsOf, replacePart } from "../support/markdown.ts";
import { METHODS, methodsOf } from "./methods.ts";
import { pictureOf } from "./picture.ts";
import { tables } from "./report.ts";
import { openStore, readJson, writeWhole } from "./results.ts";
import type { Report } from "./rows.ts";
import { part, type Task, TASKS } from "./tasks.ts";
import { type Times, timeSteps } from "./timing.ts";

/** Times of steps by task, and where they were taken. */
interface TimesFile {
  readonly machine: string;
  readonly steps: Readonly<Record<string, Times>>;
}

const HOME = "bench/convergence";
/** Tasks of the short run, of either kind. */
const SHORT = ["weather-network", "mnist-linear"];

const { values: { method: methods = [], short = false, ...options }, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    fresh: { type: "boolean" },
    method: { type: "string", multiple: true },
    short: { type: "boolean" },
    time: { type: "boolean" },
    tables: { type: "boolean" },
  },
});

/** Refuses names that nothing has. */
function checkNames(what: string, given: readonly string[], known: readonly string[]): void {
  const strange = given.find((name) => !known.includes(name));
  if (strange !== undefined) throw new Error(`no ${what} is named ${strange}; there are ${known.join(", ")}`);
}

checkNames("task", names, TASKS.map(({ id }) => id));
checkNames("method", methods, METHODS.map(({ id }) => id));

const folder = short ? "node_modules/.cache/fgn/convergence" : HOME;
const resultsFile = join(folder, "results.json"), timesFile = join(folder, "times.json");
const chosen = names.length > 0 ? names : short ? SHORT : TASKS.map(({ id }) => id);
const tasks = TASKS.filter(({ id }) => chosen.includes(id)).map((task): Task =>
  short ? { ...task, seeds: [1, 2] } : task
);
const note = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
const settings: Settings = { asked: ({ id }) => methods.length === 0 || methods.includes(id), note };

const readTimes = (): TimesFile => readJson<TimesFile>(timesFile, { machine: "", steps: {} });

/** Writes the tables into the pages that have a part of their name, and the plots. */
function writeReport(): void {
  const { machine, steps } = readTimes();
  const report: Report = {
    tasks: TASKS,
    methods: METHODS,
    results: openStore(resultsFile).all(),
    times: steps,
    machine,
  };
  const parts = tables(report);
  for (const [page, file] of [["README.md", join(HOME, "README.md")], ["speed.md", "docs/speed.md"]] as const) {
    const text = readFileSync(file, "utf8");
    const named = partsOf(text).filter((name) => parts[name] !== undefined);
    const written = named.reduce((text, name) => replacePart(text, name, parts[name] ?? ""), text);
    writeWhole(short ? join(folder, page) : file, written);
  }
  writePlots(report, join(folder, "plots"));
  writeWhole(join(folder, "plots/robust-adam.svg"), pictureOf(report));
}

/** Times the steps of the tasks of all methods, after one another. */
async function writeTimes(): Promise<void> {
  const machine = `${cpus()[0]?.model.trim() ?? "unknown"}, Node ${process.versions.node}`;
  const store = openStore(resultsFile);
  for (const task of tasks.filter(({ methods }) => methods === null)) {
    const times = await timeSteps(task, task.load(), METHODS, (method) => store.entry(task.id, method.id));
    const all: TimesFile = { machine, steps: { ...readTimes().steps, [task.id]: times } };
    writeWhole(timesFile, `${JSON.stringify(all, null, 2)}\n`);
    note(`${task.id} ${Object.entries(times).map(([id, ms]) => `${id} ${ms.toFixed(2)}`).join("  ")}`);
  }
}

/** Trains what is not trained yet or asked for again, and reports after every task. */
async function writeResults(): Promise<void> {
  if (options.fresh || short) rmSync(resultsFile, { force: true });
  const store = openStore(resultsFile);
  for (const task of tasks) {
    for (const { id } of methodsOf(task)) if (methods.includes(id)) store.drop(task.id, id);
    const data = task.load();
    await compare(task, short ? part(data, 3) : data, store, settings);
    writeReport();
  }
}

if (options.time) await writeTimes();
else if (!options.tables) await writeResults();
writeReport();
