// `npm run bench:caution`: what `robust({ caution })` does where data are clean, few or wrongly labelled, after how many
// epochs they are best, and what to expect of few rows. Accuracy / log loss / expected calibration error on the test set,
// `fit` with its defaults but for what a table says. Writes results.json and the tables in README.md.

import { readFileSync, writeFileSync } from "node:fs";
import { type Batch, getOrThrow, probabilities, reliability, robust, train, type TrainOptions } from "../../mod.ts";
import { picker } from "../../src/data/select.ts";
import { evaluate } from "../../src/passes/evaluate.ts";
import { initial, type Task, TASKS } from "../convergence/tasks.ts";
import { replacePart, table } from "../support/markdown.ts";

/** Accuracy, log loss and expected calibration error. */
type Scores = readonly [accuracy: number, loss: number, ece: number];

const SEEDS = [1, 2], CAUTIONS = [0.03, 0.1, 0.3, 1, 3, 10, 30];
const BY_CAUTION = [
  "zipcodes-network",
  "glosses-wrong",
  "weather-network",
  "foods-linear",
  "cars-network",
  "penguins-linear",
];
const BY_EPOCH = { task: "glosses-wrong", epochs: [1, 2, 3, 5, 10, 20] };
const BY_ROWS = { task: "glosses-linear", rows: [100, 300, 1000, 3000, 12_000] };

const taskOf = (id: string): Task => TASKS.find((task) => task.id === id) as Task;
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
const decimals = (value: number): string => value.toFixed(3).replace(/^0/, "");
const show = (scores: Scores): string => scores.map(decimals).join(" / ");

/** The scores after some epochs of a run over some rows, each the mean over the seeds. */
async function scoresOf(task: Task, rows: Batch, after: readonly number[], options: TrainOptions): Promise<Scores[]> {
  const { test } = task.load(), runs: Scores[][] = [];
  for (const seed of SEEDS) {
    const run: Scores[] = [];
    for await (const step of train(initial(task, seed), rows, { epochs: Math.max(...after), seed, ...options })) {
      const record = getOrThrow(step);
      if (record._tag !== "epoch" || !after.includes(record.epoch)) continue;
      const { accuracy, loss } = getOrThrow(evaluate(record.params, test));
      const { ece } = getOrThrow(reliability(getOrThrow(probabilities(record.params, test.features)), test.labels));
      run.push([accuracy, loss, ece]);
    }
    runs.push(run);
  }
  return after.map((_, i) => {
    const at = (part: 0 | 1 | 2): number => Number(mean(runs.map((run) => (run[i] as Scores)[part])).toFixed(4));
    return [at(0), at(1), at(2)];
  });
}

const byCaution: Record<string, Scores[]> = {};
for (const id of BY_CAUTION) {
  const task = taskOf(id), last = [task.epochs.at(-1) as number], scores: Scores[] = [];
  for (const caution of CAUTIONS) {
    scores.push(...await scoresOf(task, task.load().train, last, { optimizer: robust({ caution }) }));
  }
  byCaution[id] = scores;
  console.log(id, scores.map(show).join("   "));
}
const noisy = taskOf(BY_EPOCH.task);
const byEpoch = await scoresOf(noisy, noisy.load().train, BY_EPOCH.epochs, {});
console.log(noisy.id, byEpoch.map(show).join("   "));
const growing = taskOf(BY_ROWS.task), byRows: Scores[] = [];
for (const rows of BY_ROWS.rows) {
  const part = picker(growing.load().train, rows, false)(Uint32Array.from({ length: rows }, (_, i) => i));
  byRows.push(...await scoresOf(growing, part, [20], {}));
  console.log(growing.id, rows, show(byRows.at(-1) as Scores));
}

const README = "bench/caution/README.md";
writeFileSync("bench/caution/results.json", `${JSON.stringify({ byCaution, byEpoch, byRows }, null, 2)}\n`);
const tables = {
  caution: table(
    ["caution", ...CAUTIONS.map(String)],
    Object.entries(byCaution).map(([id, scores]) => [taskOf(id).title, ...scores.map(show)]),
  ),
  epochs: table(["epochs", ...BY_EPOCH.epochs.map(String)], [[noisy.title, ...byEpoch.map(show)]]),
  rows: table(["rows", ...BY_ROWS.rows.map(String)], [[`${growing.title}, 20 epochs`, ...byRows.map(show)]]),
};
const text = Object.entries(tables).reduce(
  (page, [name, part]) => replacePart(page, name, part),
  readFileSync(README, "utf8"),
);
writeFileSync(README, text);
