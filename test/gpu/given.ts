// What the cases are given that they cannot read: golden vectors and data, where there is a file system.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Split } from "../../examples/data/dataset.ts";
import { loadMnist } from "../../examples/data/mnist.ts";
import type { Digits, Given } from "./check.ts";

const FOLDER = "test/golden";

/** Digits to train on and to test with. */
const TRAIN = 1600, TEST = 800;

/** The files of test/golden whose names match. */
function files<A>(pattern: RegExp): A[] {
  return readdirSync(FOLDER).filter((name) => pattern.test(name)).sort()
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as A);
}

/** The first digits of a split. */
function digits({ features, labels, rows }: Split, count: number): Digits {
  const pixels = Array.from(features.subarray(0, count * (features.length / rows)), (v) => Math.round(255 * v));
  return { pixels, labels: Array.from(labels.subarray(0, count)) };
}

/** All of it. */
export function given(): Given {
  const { train, test } = loadMnist(TRAIN);
  return {
    golden: files(/^(linear|mlp)_.*\.json$/),
    variants: files(/^ext_.*\.json$/),
    train: digits(train, TRAIN),
    test: digits(test, TEST),
  };
}
