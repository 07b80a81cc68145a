// Units of columns move nothing: real digits in any scale and offset train to the same accuracy and loss.
//
// 7 × 7 sums of pixels of MNIST, 1,500 to train on and 1,500 others. Accuracy within .005 and loss within 3 %: float32 columns
// that were shifted by 1,000 deviations keep four digits of a deviation, and runs differ by what that takes away.

import { describe, expect, it } from "vitest";
import { loadMnist } from "../../examples/data/mnist.ts";
import type { Split } from "../../examples/data/dataset.ts";
import { type Batch, batch, columnScales, type Evaluation, fit, getOrThrow, matrix, mlp, zeroHead } from "../../mod.ts";

const SIDE = 7, STEP = 28 / SIDE, COLUMNS = SIDE * SIDE, ROWS = 1500;

/** Digits of a smaller size: each value the mean of 16 pixels. */
function small({ features, labels }: Split): Batch {
  const values = new Float32Array(ROWS * COLUMNS);
  for (let i = 0; i < ROWS; i++) {
    for (let p = 0; p < 784; p++) {
      const at = i * COLUMNS + Math.floor(Math.floor(p / 28) / STEP) * SIDE + Math.floor(p % 28 / STEP);
      values[at] = (values[at] as number) + (features[i * 784 + p] as number) / STEP ** 2;
    }
  }
  return getOrThrow(batch({ features: getOrThrow(matrix(ROWS, COLUMNS, values)), labels: labels.slice(0, ROWS) }));
}

const { train, test } = loadMnist(), examples = small(train), others = small(test);
const { size, constant } = getOrThrow(columnScales(examples));
/** The deviation of a column, about. */
const deviation = (j: number): number => constant[j] === 1 ? 1 : (size[j] as number) / Math.sqrt(COLUMNS / 2);

const inUnits = (data: Batch, change: (x: number, j: number) => number): Batch => {
  const { rows, cols, data: values } = data.features;
  return { ...data, features: { rows, cols, data: values.map((x, i) => change(x, i % cols)) } };
};

/** Columns that hold something: 0 is the corner, which is empty. */
const INK = 24, OTHER = 31;

const UNITS: Readonly<Record<string, (x: number, j: number) => number>> = {
  "a column times 1e6": (x, j) => j === INK ? 1e6 * x : x,
  "a column times 1e-6": (x, j) => j === INK ? 1e-6 * x : x,
  "columns times 10^-3 to 10^3": (x, j) => x * 10 ** (j * 5 % 7 - 3),
  "a column shifted by 1,000 deviations": (x, j) => j === INK ? x + 1000 * deviation(j) : x,
  "all columns shifted by 1,000 deviations": (x, j) => x - 1000 * deviation(j),
  "one times 1e6, another times 1e-6, shifted": (x, j) => j === INK ? 1e6 * x + 3e6 : j === OTHER ? 1e-6 * x - 1e-6 : x,
  "all times 1e3": (x) => 1e3 * x,
  "all times 1e-3": (x) => 1e-3 * x,
  "all times 1e6": (x) => 1e6 * x,
  "all times 1e-6": (x) => 1e-6 * x,
};

const MODELS = {
  head: zeroHead({ features: COLUMNS, classes: 10 }),
  network: mlp({ inputs: COLUMNS, hidden: [24], classes: 10, seed: 1 }),
};

for (const [name, model] of Object.entries(MODELS)) {
  describe(`a ${name} in other units`, async () => {
    const run = async (change: (x: number, j: number) => number, standardise = true): Promise<Evaluation> => {
      const options = { epochs: 4, batchSize: 64, validation: inUnits(others, change), standardise };
      return getOrThrow(await fit(getOrThrow(model), inUnits(examples, change), options)()).evaluation as Evaluation;
    };
    const plain = await run((x) => x);

    for (const [what, change] of Object.entries(UNITS)) {
      it(`is as good: ${what}`, async () => {
        const { accuracy, loss } = await run(change);
        expect(Math.abs(accuracy - plain.accuracy)).toBeLessThan(0.005);
        expect(Math.abs(loss / plain.loss - 1)).toBeLessThan(0.03);
      });
    }

    // The optimizer starts anew, whose first steps bounce as much without standardising.
    it("goes on from where it was", async () => {
      const data = inUnits(examples, UNITS["one times 1e6, another times 1e-6, shifted"] as (x: number) => number);
      const tests = inUnits(others, UNITS["one times 1e6, another times 1e-6, shifted"] as (x: number) => number);
      const options = { epochs: 4, batchSize: 64, validation: tests };
      const first = getOrThrow(await fit(getOrThrow(model), data, options)());
      const before = first.evaluation as Evaluation;
      for (const { evaluation } of getOrThrow(await fit(first.params, data, options)()).history) {
        expect(evaluation?.accuracy).toBeGreaterThan(before.accuracy - 0.025);
      }
    });

    it("is not without standardising", async () => {
      expect((await run((x, j) => j === INK ? 1e6 * x : x, false)).accuracy).toBeLessThan(plain.accuracy - 0.05);
    });
  });
}
