// The loaders of real data: sizes, labels, features, and the same draws for the same seed.
//
// Tolerances: the squares of n-gram features are counts over their total, so each row's add up to 1 but for the float32
// rounding of up to 600 of them: 1e-6.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { loadBirdstrikes } from "../../examples/data/birdstrikes.ts";
import { loadCars } from "../../examples/data/cars.ts";
import { loadCmudict } from "../../examples/data/cmudict.ts";
import { type Dataset, type NamedDataset, type Split, withWrongLabels } from "../../examples/data/dataset.ts";
import { loadFoods } from "../../examples/data/foods.ts";
import { FIELDS, loadGlosses } from "../../examples/data/glosses.ts";
import { loadMnist } from "../../examples/data/mnist.ts";
import { loadMovies } from "../../examples/data/movies.ts";
import { toSparseSplit, toSplit } from "../../examples/data/ngrams.ts";
import { loadPenguins } from "../../examples/data/penguins.ts";
import { missing, numbers, oneHot, parseCsv, toDataset } from "../../examples/data/table.ts";
import { featurize, featurizeSparse, loadUdhr } from "../../examples/data/udhr.ts";
import { loadWeather } from "../../examples/data/weather.ts";
import { loadZipcodes } from "../../examples/data/zipcodes.ts";

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

describe("loadGlosses()", () => {
  const data = loadGlosses(2_000, 1);

  it("has as many training glosses as asked for and 4,000 for tests, of 45 fields, in rows of length 1", () => {
    checkShapes(data, [2_000, 4_000, 1024]);
    expect(Math.max(...data.test.labels)).toBeLessThan(FIELDS);
    // The largest are of adjectives, artifacts and persons.
    const found = counts(data.test, FIELDS),
      largest = found.map((n, label) => [n, label]).sort(([a = 0], [b = 0]) => b - a);
    expect(new Set(largest.slice(0, 3).map(([, label]) => label))).toEqual(new Set([0, 6, 18]));
    expect(offNorm(data)).toBeLessThan(1e-6);
  });
});

describe("tables as they were measured", () => {
  /** Training and test rows and columns, the commonest classes, and how many there are. */
  const TABLES: readonly (readonly [
    load: (seed?: number) => NamedDataset,
    sizes: readonly [number, number, number],
    names: readonly string[],
    classes: number,
  ])[] = [
    [loadBirdstrikes, [8_000, 2_000, 100], ["none", "damage"], 2],
    [loadMovies, [2_200, 721, 23], ["Drama", "Comedy", "Action"], 11],
    [loadZipcodes, [12_000, 4_000, 2], ["TX", "CA", "NY"], 52],
    [loadWeather, [1_100, 361, 6], ["rain", "sun", "fog", "drizzle", "snow"], 5],
    [loadPenguins, [250, 92, 4], ["Adelie", "Gentoo", "Chinstrap"], 3],
    [loadCars, [280, 112, 7], ["USA", "Japan", "Europe"], 3],
    [loadFoods, [400, 105, 207], ["Marine Fish", "Other Vegetables", "Fruits"], 13],
  ];

  /** A tenth of the bird strikes did damage, among both. */
  const checkPositives = ({ train, test }: Dataset): void => {
    for (const split of [train, test]) {
      expect(Math.abs((counts(split, 2)[1] as number) / split.rows - 0.106)).toBeLessThan(0.01);
    }
  };

  for (const [load, sizes, names, classes] of TABLES) {
    it(`${load.name}() has its rows, finite numbers and classes, the commonest first; the same for the same seed`, () => {
      const data = load();
      checkShapes(data, sizes);
      expect(data.names.length).toBe(classes);
      expect(data.names.slice(0, names.length)).toEqual(names);
      for (const { features } of [data.train, data.test]) expect(features.every(Number.isFinite)).toBe(true);
      expect(Math.min(...counts(data.train, classes))).toBeGreaterThan(0);
      if (load === loadBirdstrikes) checkPositives(data);
      expect(hash(load().train)).toBe(hash(data.train));
    });
  }

  it("keep their units: dollars beside ratings, kilojoules beside micrograms", () => {
    const size = ({ train, columns }: Dataset, j: number): number =>
      train.features.reduce((most, v, k) => k % columns === j ? Math.max(most, Math.abs(v)) : most, 0);
    const movies = loadMovies();
    expect(size(movies, 0)).toBeGreaterThan(1e8);
    expect(size(movies, 5)).toBeLessThan(10);
    const foods = loadFoods(), sizes = Array.from({ length: foods.columns }, (_, j) => size(foods, j));
    expect(Math.max(...sizes)).toBeGreaterThan(1e3);
    expect(Math.min(...sizes.filter((v) => v > 0))).toBeLessThan(1e-5);
  });
});

describe("tables", () => {
  it("are read from CSV with quotes, empty fields and quotes within quotes", () => {
    const text = 'a,b,c\n1,"x, ""y""",\n,z,3\n';
    expect(parseCsv(text)).toEqual([{ a: "1", b: 'x, "y"', c: "" }, { a: "", b: "z", c: "3" }]);
  });

  it("give columns of numbers, of what is missing, and of words", () => {
    const rows = [{ n: "5", w: "b" }, { n: "", w: "a" }, { n: null, w: "b" }, { n: 2, w: "c" }, { n: "NaN", w: "a" }];
    expect(numbers(rows, "n")).toEqual([[5, 0, 0, 2, 0]]);
    expect(missing(rows, "n")).toEqual([[0, 1, 1, 0, 1]]);
    expect(oneHot(rows, "w")).toEqual([[0, 1, 0, 0, 1], [1, 0, 1, 0, 0], [0, 0, 0, 1, 0]]);
  });

  it("keep a row and its class together", () => {
    const column = Array.from({ length: 50 }, (_, i) => i),
      classes = column.map((v) => v % 3 === 0 ? "third" : "other");
    const { train, test, names } = toDataset([column, column.map((v) => -v)], classes, 30, 1);
    expect(names).toEqual(["other", "third"]);
    const seen = [train, test].flatMap(({ features, labels, rows }) =>
      Array.from({ length: rows }, (_, i) => {
        const value = features[2 * i] as number;
        expect(features[2 * i + 1]).toBe(-value);
        expect(labels[i]).toBe(value % 3 === 0 ? 1 : 0);
        return value;
      })
    );
    expect(seen.sort((a, b) => a - b)).toEqual(column);
  });
});

describe("withWrongLabels()", () => {
  it("draws a share of the labels anew, over all classes, and leaves features and argument alone", () => {
    const rows = 9_000, classes = 9, labels = Uint32Array.from({ length: rows }, (_, i) => i % classes);
    const split: Split = { features: new Float32Array(rows), labels, rows };
    const wrong = withWrongLabels(split, 0.3, classes, 4);
    const changed = wrong.labels.reduce((n, label, i) => n + (label === labels[i] ? 0 : 1), 0);
    // 2,700 drawn anew, a ninth of them to what they were; four deviations of a binomial are 69.
    expect(Math.abs(changed - 2_400)).toBeLessThan(70);
    for (const count of counts(wrong, classes)) expect(Math.abs(count - 1_000)).toBeLessThan(80);
    expect([...labels]).toEqual([...labels].map((_, i) => i % classes));
    expect(hash(withWrongLabels(split, 0.3, classes, 4))).toBe(hash(wrong));
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
