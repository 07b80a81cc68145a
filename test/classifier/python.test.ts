// The file of a classifier is read and predicted by in Python, by numpy alone and by safetensors where that is there.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { classify, encodeClassifier, getOrThrow } from "../../mod.ts";
import { corners, train } from "./given.ts";

/** What read_classifier.py prints. */
interface Read {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly labels: readonly string[];
  readonly recipe: unknown;
  readonly probabilities: readonly (readonly number[])[];
}

const python = (...args: readonly string[]): string => {
  const { stdout, stderr, status } = spawnSync("python3", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout;
};

const hasNumpy = spawnSync("python3", ["-c", "import numpy"]).status === 0;

it.skipIf(!hasNumpy)("Python reads the file of a classifier, and predicts what classify does", async () => {
  const labels = ["cat", "ä", "日本"], data = corners(labels, 120);
  const { classifier } = await train(data, { hidden: [4] });
  const rows = data.features.slice(0, 10), folder = mkdtempSync(join(tmpdir(), "fgn-python-"));
  try {
    const path = join(folder, "classifier.safetensors");
    writeFileSync(path, getOrThrow(encodeClassifier(classifier)));
    const read = JSON.parse(python("test/classifier/read_classifier.py", path, JSON.stringify(rows))) as Read;
    expect(read.shapes).toEqual({
      "layers.0.bias": [4],
      "layers.0.weight": [4, 3],
      "layers.2.bias": [3],
      "layers.2.weight": [3, 4],
      "moments.0.mean": [3],
      "moments.0.variance": [3],
      "moments.1.mean": [4],
      "moments.1.variance": [4],
    });
    expect(read.labels).toEqual(labels);
    expect(read.recipe).toEqual(classifier.recipe);
    getOrThrow(classify(classifier, rows, { top: 3 })).forEach(({ top }, row) => {
      // Logits in float32 there, in float64 here.
      for (const { label, probability } of top) {
        expect(read.probabilities[row]?.[labels.indexOf(label as string)]).toBeCloseTo(probability, 5);
      }
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
