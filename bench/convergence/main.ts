// One run of `npm run bench:convergence`: how fast and how far the methods train, chosen and scored alike.
//
//   --fresh   starts again; without it what bench/convergence/results.json holds is not run again
//   --short   seconds, on small parts of two tasks; written to node_modules/.cache/fgn/convergence
//   --time    measures the steps alone, on an otherwise idle machine, into times.json; trains nothing
//   --tables  writes the tables and plots of what is there, the README's picture among them; trains nothing
//   NAME …    only these tasks

import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { compare, type Settings } from "./compare.ts";
import { writePlots } from "./curves.ts";
import { replacePart } from "../support/markdown.ts";
import { METHODS } from "./methods.ts";
import { pictureOf } from "./picture.ts";
import { type Report, tables } from "./report.ts";
import { openStore, readJson, writeWhole } from "./results.ts";
import { part, TASKS } from "./tasks.ts";
import { type Times, timeSteps } from "./timing.ts";

/** Times of steps by task, and where they were taken. */
interface TimesFile {
  readonly machine: string;
  readonly steps: Readonly<Record<string, Times>>;
}

const HOME = "bench/convergence";
const given = process.argv.slice(2);
const options = new Set(given.filter((argument) => argument.startsWith("--")));
const names = given.filter((argument) => !argument.startsWith("--"));
const short = options.has("--short");
const folder = short ? "node_modules/.cache/fgn/convergence" : HOME;
const [resultsFile, timesFile, readme] = ["results.json", "times.json", "README.md"].map((name) =>
  join(folder, name)
) as [string, string, string];
const tasks = TASKS.filter(({ id }, i) => names.length > 0 ? names.includes(id) : !short || i === 0 || i === 2);
const note = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
const settings: Settings = {
  methods: METHODS,
  seeds: short ? [1, 2] : [1, 2, 3],
  schedule: { epochs: 5, averaged: [0.25, 0.5, 1, 2, 3, 4, 5], last: [1, 2, 5] },
  note,
};

const readTimes = (): TimesFile => readJson<TimesFile>(timesFile, { machine: "", steps: {} });

/** Writes the tables into the README, and the plots. */
function writeReport(): void {
  const { machine, steps } = readTimes();
  const report: Report = {
    tasks: TASKS,
    methods: METHODS,
    results: openStore(resultsFile).all(),
    times: steps,
    machine,
  };
  if (short) copyFileSync(join(HOME, "README.md"), readme);
  const parts = Object.entries(tables(report));
  const text = parts.reduce((text, [name, content]) => replacePart(text, name, content), readFileSync(readme, "utf8"));
  writeFileSync(readme, text);
  writePlots(report, join(folder, "plots"));
  writeWhole(join(folder, "plots/robust-adam.svg"), pictureOf(report));
}

/** Times the steps of the tasks, after one another. */
async function writeTimes(): Promise<void> {
  const machine = `${cpus()[0]?.model.trim() ?? "unknown"}, Node ${process.versions.node}`;
  const store = openStore(resultsFile);
  for (const task of tasks) {
    const times = await timeSteps(task, task.load(), METHODS, (method) => store.entry(task.id, method.id));
    const all: TimesFile = { machine, steps: { ...readTimes().steps, [task.id]: times } };
    writeWhole(timesFile, `${JSON.stringify(all, null, 2)}\n`);
    note(`${task.id} ${Object.entries(times).map(([id, ms]) => `${id} ${ms.toFixed(2)}`).join("  ")}`);
  }
}

/** Trains what is not trained yet, and reports after every task. */
function writeResults(): void {
  if (options.has("--fresh") || short) rmSync(resultsFile, { force: true });
  const store = openStore(resultsFile);
  for (const task of tasks) {
    const data = task.load();
    compare(task, short ? part(data, 3) : data, store, settings);
    writeReport();
  }
}

if (options.has("--time")) await writeTimes();
else if (!options.has("--tables")) writeResults();
writeReport();
