// The loaders of real data: sizes, labels, features, and the same draws for the same seed.
//
// Tolerances: the squares of n-gram features are counts over their total, so each row's add up to 1 but for the float32
// rounding of up to 600 of them: 1e-6.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { loadCmudict } from "../../examples/data/cmudict.ts";
import type { Dataset, Split } from "../../examples/data/dataset.ts";
import { loadMnist } from "../../examples/data/mnist.ts";
import { toSparseSplit, toSplit } from "../../examples/data/ngrams.ts";
import { featurize, featurizeSparse, loadUdhr } from "../../examples/data/udhr.ts";

const hash = ({ features, labels }: Split): string =>
  createHash("sha256").update(features).update(labels).digest("hex");

/** Examples of each class. */
function counts({ labels }: Split, classes: number): number[] {
  const found = new Array<number>(classes).fill(0);
  for (const label of labels) found[label] = (found[label] as number) + 1;
  return found;
}

/** The largest |‖row‖² − 1|. */
function offNorm({ train, test, columns }: Dataset): number {
  let most = 0;
  for (const { features, rows } of [train, test]) {
    for (let i = 0; i < rows; i++) {
      let square = 0;
      for (let k = 0; k < columns; k++) square += (features[i * columns + k] as number) ** 2;
      most = Math.max(most, Math.abs(square - 1));
    }
  }
  return most;
}

function checkShapes({ train, test, columns }: Dataset, sizes: readonly [number, number, number]): void {
  expect([train.rows, test.rows, columns]).toEqual(sizes);
  for (const { features, labels, rows } of [train, test]) {
    expect(features.length).toBe(rows * columns);
    expect(labels.length).toBe(rows);
  }
}

describe("loadMnist()", () => {
  const data = loadMnist(500, 3);

  it("draws as many training images as asked for, beside all test images; pixels lie in [0, 1]", () => {
    checkShapes(data, [500, 10_000, 784]);
    const pixels = data.train.features;
    expect(pixels.every((v) => v >= 0 && v <= 1)).toBe(true);
    expect(pixels.includes(1)).toBe(true);
    for (const count of counts(data.train, 10)) expect(count).toBeGreaterThan(25);
  });

  it("draws the same for the same seed, and others for another", () => {
    expect(hash(loadMnist(500, 3).train)).toBe(hash(data.train));
    expect(hash(loadMnist(500, 4).train)).not.toBe(hash(data.train));
  });
});

describe("loadUdhr()", () => {
  const data = loadUdhr();

  it("has 24 training and 8 test texts of each of 522 languages, in rows of length 1", () => {
    checkShapes(data, [24 * 522, 8 * 522, 1024]);
    expect(data.names.length).toBe(522);
    expect(new Set(counts(data.train, 522))).toEqual(new Set([24]));
    expect(new Set(counts(data.test, 522))).toEqual(new Set([8]));
    expect(offNorm(data)).toBeLessThan(1e-6);
  });
});

describe("loadCmudict()", () => {
  const data = loadCmudict(1);

  it("has 20,000 training and 5,000 test words of 200 rimes, in rows of length 1", () => {
    checkShapes(data, [20_000, 5_000, 1024]);
    expect(data.names.length).toBe(200);
    expect(data.names.slice(0, 3)).toEqual(["AH N", "IH NG", "AH L"]);
    expect(offNorm(data)).toBeLessThan(1e-6);
  });

  it("has the classes as common as the dictionary has them: from 8 % to some in a thousand", () => {
    const found = counts(data.train, 200);
    expect(found[0]).toBeGreaterThan(1500);
    expect(Math.min(...found)).toBeGreaterThan(0);
    // Classes are numbered by how common they are: the draw keeps that but for chance.
    const half = (from: number): number => found.slice(from, from + 100).reduce((sum, v) => sum + v, 0);
    expect(half(0)).toBeGreaterThan(4 * half(100));
  });

  it("draws the same for the same seed", () => {
    const { train, test } = loadCmudict(1);
    expect([hash(train), hash(test)]).toEqual([hash(data.train), hash(data.test)]);
  });
});

describe("features of n-grams", () => {
  it("are the square roots of the shares of the 1-, 2- and 3-grams", () => {
    // a, a, aa: two buckets, with 2 and 1 of 3.
    const { features } = toSplit([{ letters: ["a", "a"], label: 0 }], 2 ** 16);
    expect([...features].filter((v) => v > 0).sort()).toEqual([
      Math.fround(Math.sqrt(1 / 3)),
      Math.fround(Math.sqrt(2 / 3)),
    ]);
  });

  it("are the same dense and sparse", () => {
    const text = "Everyone has the right to life, liberty and security of person.", columns = 1024;
    const dense = featurize(text, columns), sparse = featurizeSparse(text, columns), spread = new Float32Array(columns);
    sparse.indices.forEach((column, k) => spread[column] = sparse.data[k] as number);
    expect(spread).toEqual(dense);
    const examples = [{ letters: [..."one"], label: 3 }, { letters: [..."three"], label: 1 }];
    expect(toSparseSplit(examples, columns).labels).toEqual(toSplit(examples, columns).labels);
    expect(toSparseSplit(examples, columns).features).toMatchObject({ rows: 2, cols: columns });
  });

  it("of a known text stay what they are", () => {
    const seen = createHash("sha256").update(featurize("All human beings are born free and equal.")).digest("hex");
    expect(seen.slice(0, 16)).toBe("d288bfded8a72036");
  });
});
