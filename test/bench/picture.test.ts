// The pages and the README's picture are those of the committed results.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { METHODS } from "../../bench/convergence/methods.ts";
import { pictureOf } from "../../bench/convergence/picture.ts";
import { tables } from "../../bench/convergence/report.ts";
import { readJson, type Results } from "../../bench/convergence/results.ts";
import type { Report } from "../../bench/convergence/rows.ts";
import { TASKS } from "../../bench/convergence/tasks.ts";

const results = readJson<Results>("bench/convergence/results.json", {});
const { machine, steps } = readJson<{ machine: string; steps: Report["times"] }>("bench/convergence/times.json", {
  machine: "",
  steps: {},
});
const report: Report = { tasks: TASKS, methods: METHODS, results, times: steps, machine };

it("pictureOf() draws what lies in bench/convergence/plots, every task of both with four accuracies", () => {
  const svg = pictureOf(report), both = TASKS.filter(({ id }) => results[id]?.robust && results[id].adam);
  expect(readFileSync("bench/convergence/plots/robust-adam.svg", "utf8")).toBe(svg);
  for (const { title } of both) expect(svg).toContain(title);
  expect(svg.match(/>(\.\d{3}|1\.000)</g)).toHaveLength(4 * both.length);
});

it("tables() gives what stands in bench/convergence/README.md and docs/speed.md", () => {
  const { standing = "", ...parts } = tables(report), page = readFileSync("bench/convergence/README.md", "utf8");
  for (const part of Object.values(parts)) expect(page).toContain(part);
  expect(readFileSync("docs/speed.md", "utf8")).toContain(standing);
});
