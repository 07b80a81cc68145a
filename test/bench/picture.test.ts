// The README's picture is that of the committed results.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { METHODS } from "../../bench/convergence/methods.ts";
import { pictureOf } from "../../bench/convergence/picture.ts";
import { readJson, type Results } from "../../bench/convergence/results.ts";
import { TASKS } from "../../bench/convergence/tasks.ts";

it("pictureOf() draws what lies in bench/convergence/plots, every task with four accuracies", () => {
  const results = readJson<Results>("bench/convergence/results.json", {});
  const svg = pictureOf({ tasks: TASKS, methods: METHODS, results, times: {}, machine: "" });
  expect(readFileSync("bench/convergence/plots/robust-adam.svg", "utf8")).toBe(svg);
  for (const { title } of TASKS) expect(svg).toContain(title);
  expect(svg.match(/>\.\d{3}</g)).toHaveLength(4 * TASKS.length);
});
