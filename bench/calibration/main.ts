// `npm run bench:calibration`: how sure models are of themselves, with shrinkage and without. Accuracy, log loss and
// expected calibration error on the test set after 1, 5 and 10 epochs of `fit` with its defaults. Writes results.json and
// the table in README.md. FGN_BENCH_TASKS names some of the tasks.

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { batch, getOrThrow, matrix, type Network, probabilities, reliability, train, zeroHead } from "../../mod.ts";
import { drawFrom, seedRandom } from "../../src/math/random.ts";
import { evaluate } from "../../src/passes/evaluate.ts";
import { type Data, initial, TASKS } from "../convergence/tasks.ts";
import { replacePart, table } from "../support/markdown.ts";

const AFTER = [1, 5, 10];

/** Directions about 12 centres, of unit length: 3,000 to train on, of which 5 % have a wrong label, and 3,000 to test. */
function clusters(): Data {
  const source = drawFrom(seedRandom(1)), rows = 3000, columns = 384, classes = 12;
  const uniform = (): number => source.next() / 2 ** 32;
  // Twelve uniform numbers sum to nearly a normal one.
  const normal = (): number => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b) - 6;
  const centres = Array.from({ length: classes }, () => Array.from({ length: columns }, () => 0.2 * normal()));
  const draw = (wrong: number) => {
    const features = new Float32Array(rows * columns), labels = new Uint32Array(rows);
    for (let i = 0; i < rows; i++) {
      const label = Math.floor(classes * uniform());
      const row = (centres[label] as number[]).map((v) => v + normal()), length = Math.hypot(...row);
      features.set(row.map((v) => v / length), i * columns);
      labels[i] = uniform() < wrong ? Math.floor(classes * uniform()) : label;
    }
    return getOrThrow(batch({ features: getOrThrow(matrix(rows, columns, features)), labels }));
  };
  return { train: draw(0.05), test: draw(0) };
}

/** The tasks: name, data, and the network to start from. */
const ALL: readonly { readonly name: string; readonly load: () => Data; readonly start: () => Network }[] = [
  {
    name: "clusters 384-12, 5 % wrong labels",
    load: clusters,
    start: () => getOrThrow(zeroHead({ features: 384, classes: 12 })),
  },
  ...TASKS.filter(({ id }) => id !== "cmudict-deep" && id !== "udhr-linear").map((task) => ({
    name: task.title,
    load: task.load,
    start: () => initial(task, 0),
  })),
];

interface Result {
  readonly task: string;
  readonly shrinkage: "off" | "auto";
  /** Accuracy, log loss and expected calibration error after each number of epochs. */
  readonly measured: readonly (readonly [accuracy: number, loss: number, error: number])[];
}

const rounded = (value: number): number => Number(value.toFixed(3));
const decimals = (value: number): string => value.toFixed(3).replace(/^0/, "");

const asked = process.env["FGN_BENCH_TASKS"]?.split(","), results: Result[] = [];
for (const { name, load, start } of ALL.filter((task) => asked?.some((part) => task.name.includes(part)) ?? true)) {
  const data = load();
  for (const shrinkage of ["off", "auto"] as const) {
    const measured: (readonly [number, number, number])[] = [];
    for await (const record of train(start(), data.train, { epochs: AFTER.at(-1) as number, shrinkage })) {
      const told = getOrThrow(record);
      if (told._tag !== "epoch" || !AFTER.includes(told.epoch)) continue;
      const { accuracy, loss } = getOrThrow(evaluate(told.params, data.test));
      const predicted = getOrThrow(probabilities(told.params, data.test.features));
      const { ece } = getOrThrow(reliability(predicted, data.test.labels));
      measured.push([rounded(accuracy), rounded(loss), rounded(ece)]);
    }
    console.log(name, shrinkage, measured.map((values) => values.map(decimals).join(" / ")).join("   "));
    results.push({ task: name, shrinkage, measured });
  }
}

const README = "bench/calibration/README.md";
writeFileSync("bench/calibration/results.json", `${JSON.stringify(results, null, 2)}\n`);
const rows = results.map(({ task, shrinkage, measured }) => [
  task,
  shrinkage,
  ...measured.map((values) => values.map(decimals).join(" / ")),
]);
const head = ["task", "shrinkage", ...AFTER.map((epochs) => `${epochs} epoch${epochs === 1 ? "" : "s"}`)];
writeFileSync(README, replacePart(readFileSync(README, "utf8"), "results", table(head, rows)));
