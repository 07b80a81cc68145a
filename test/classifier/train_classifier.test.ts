// From rows and labels to a classifier: what is trained, held out, measured and stored, and what is refused.

import { describe, expect, it } from "vitest";
import {
  applyTemperature,
  type ClassifierOptions,
  classify,
  encodeClassifier,
  fromRows,
  getOrThrow,
  type Label,
  type LabelledRows,
  matrix,
  memoryStore,
  probabilities,
  report,
  table,
  trainClassifier,
} from "../../mod.ts";
import { left } from "../support/reference.ts";
import { corners, train, weights } from "./given.ts";

const NAMES = ["bug", "billing", "praise"];
const refused = async (data: LabelledRows, options: ClassifierOptions = {}) =>
  left(await trainClassifier(data, options)());
const rows = [[1, 0], [0, 1], [2, 0], [0, 2]];

describe("trainClassifier", () => {
  it("orders the classes, holds out a tenth by class, measures on it, and knows its rows", async () => {
    const trained = await train(corners(NAMES, 300));
    const { classifier } = trained;
    expect(classifier.labels).toEqual(["billing", "bug", "praise"]);
    expect(trained.rows).toEqual({ train: 270, validation: 30 });
    expect(trained.report?.rows).toBe(30);
    expect(trained.report?.classes.map(({ label, support }) => [label, support])).toEqual([
      ["billing", 10],
      ["bug", 10],
      ["praise", 10],
    ]);
    expect(classifier.measured).toMatchObject({ split: "validation", rows: 30, accuracy: 1 });
    expect(classifier.moments?.examples).toBe(270);
    expect(classifier.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect([trained.stopped, trained.history.length, trained.notes]).toEqual(["finished", 10, []]);
    expect(getOrThrow(classify(classifier, [[1, -1, -1]]))[0]?.label).toBe("billing");
  });

  it("gives labels that are numbers back as numbers, by size", async () => {
    const { classifier } = await train(corners([10, 9, -1.5], 60));
    expect(classifier.labels).toEqual([-1.5, 9, 10]);
    expect(getOrThrow(classify(classifier, [[-1, -1, -1]]))[0]?.label).toBe(10);
    const typed = corners([2, 0], 20);
    expect((await train({ ...typed, labels: Uint8Array.from(typed.labels as number[]) })).classifier.labels).toEqual([
      0,
      2,
    ]);
  });

  it("takes rows, matrices, sparse matrices, texts and tables, with and without hidden layers", async () => {
    const { features, labels } = corners(NAMES, 60);
    const sparse = getOrThrow(fromRows(3, features.map((row) => row.map((v, i) => [i, v] as const))));
    const columns = Object.fromEntries([0, 1, 2].map((i) => [`x${i}`, features.map((row) => row[i])]));
    const texts = labels.map((label, i) => `${label} number ${i}`);
    const kinds: readonly LabelledRows[] = [
      { features, labels },
      { features: getOrThrow(matrix(features)), labels },
      { features: sparse, labels },
      { features: texts, labels },
      { table: getOrThrow(table({ ...columns, kind: labels })), label: "kind" },
    ];
    for (const data of kinds) {
      for (const hidden of [[], [8], [16, 8]]) {
        const { classifier } = await train(data, { hidden, epochs: 20, batchSize: 8, seed: 1, buckets: 256 });
        expect(classifier.labels).toEqual(["billing", "bug", "praise"]);
        const { accuracy } = getOrThrow(report(classifier, data));
        expect([classifier.recipe.kind, hidden, accuracy > 0.9]).toEqual([classifier.recipe.kind, hidden, true]);
      }
    }
  });

  it("is the same bytes for the same data and options", async () => {
    const data = corners(NAMES, 120), options = { hidden: [4], seed: 3 };
    const [a, b] = [await train(data, options), await train(data, options)];
    expect(getOrThrow(encodeClassifier(a.classifier))).toEqual(getOrThrow(encodeClassifier(b.classifier)));
    expect((await train(corners(NAMES, 120, 0.3, 2), options)).classifier.fingerprint).not.toBe(
      a.classifier.fingerprint,
    );
  });

  it("leaves the rows given as they are", async () => {
    const data = corners(NAMES, 120), before = JSON.stringify(data);
    await train(data);
    expect(JSON.stringify(data)).toBe(before);
  });
});

describe("rows to validate on", () => {
  it("are none below a hundred, or below ten a class, unless they are asked for", async () => {
    expect((await train(corners(NAMES, 99))).rows.validation).toBe(0);
    const many = Array.from({ length: 30 }, (_, i) => `class ${i}`);
    const few = await train(corners(many, 120), { epochs: 1 });
    expect([few.rows, few.report, few.classifier.measured]).toEqual([{ train: 120, validation: 0 }, null, null]);
    expect((await train(corners(NAMES, 30), { validation: 0.2 })).rows).toEqual({ train: 24, validation: 6 });
    expect((await train(corners(NAMES, 300), { validation: false })).rows.validation).toBe(0);
  });

  it("may be rows of their own, with labels that are known", async () => {
    const validation = corners(NAMES, 60, 0.3, 2);
    expect((await train(corners(NAMES, 60), { validation })).rows).toEqual({ train: 60, validation: 60 });
    const strange = { ...validation, labels: validation.labels.map((label, i) => i === 4 ? "Bug" : label) };
    expect(await refused(corners(NAMES, 60), { validation: strange })).toMatchObject({
      _tag: "InvalidLabels",
      index: 4,
      remedy: 'There is "bug": write labels alike',
    });
  });

  it("never take the only row of a class", async () => {
    const { features, labels } = corners(NAMES, 120);
    const rare = { features: [...features, [5, 5, 5], [6, 6, 6], [7, 7, 7]], labels: [...labels, "x", "y", "z"] };
    const { rows, report, notes } = await train(rare, { validation: 0.2 });
    expect(rows.train + rows.validation).toBe(123);
    expect(report?.classes.slice(3).map(({ label, support }) => [label, support])).toEqual([["x", 0], ["y", 0], [
      "z",
      0,
    ]]);
    expect(notes).toEqual(['classes with a single row, none of them held out: "x", "y", "z"']);
  });

  it("stop a run early", async () => {
    const { stopped, steps } = await train(corners(NAMES, 300, 1.5), { epochs: 100, earlyStopping: { patience: 2 } });
    expect(stopped).toBe("earlyStopping");
    expect(steps).toBeLessThan(300);
  });
});

describe("temperature and threshold", () => {
  const noisy = corners(NAMES, 600, 2.5);

  it("make held-out rows as confident as they are right", async () => {
    const [with_, without] = [await train(noisy), await train(noisy, { temperature: false })];
    expect(without.classifier.temperature).toBe(1);
    expect(with_.classifier.temperature).not.toBe(1);
    expect(with_.report?.logLoss).toBeLessThanOrEqual(without.report?.logLoss as number);
    expect(with_.report?.accuracy).toBe(without.report?.accuracy);
    const { network, temperature } = with_.classifier, one = getOrThrow(matrix([[0.1, 0.2, -0.3]]));
    const expected = getOrThrow(applyTemperature(getOrThrow(probabilities(network, one)), temperature)).data;
    const [prediction] = getOrThrow(classify(with_.classifier, [[0.1, 0.2, -0.3]], { top: 3 }));
    for (const { label, probability } of prediction?.top ?? []) {
      expect(Math.abs(probability - (expected[with_.classifier.labels.indexOf(label)] as number))).toBeLessThan(1e-6);
    }
  });

  it("is left at 1 where the rows know no best one, with a note, and where they are few", async () => {
    const { classifier, notes } = await train(corners(NAMES, 600, 0.1), { epochs: 30 });
    expect(classifier.temperature).toBe(1);
    expect(notes).toEqual(["the temperature is left at 1: the validation rows know no best one"]);
    expect((await train(corners(NAMES, 300, 2.5))).classifier.temperature).toBe(1);
  });

  it("finds the threshold of a precision, or says that there is none", async () => {
    const { classifier, report } = await train(noisy, { threshold: { precision: 0.9 } });
    expect(classifier.threshold).toBeGreaterThan(0.4);
    expect(report?.answered?.accuracy).toBeGreaterThanOrEqual(0.9);
    expect(report?.answered?.rows).toBeLessThan(60);
    const swapped = { features: noisy.features, labels: noisy.labels.map((_, i) => NAMES[(i * 7919) % 3] as Label) };
    const shuffled = { ...swapped, features: swapped.features.map((row) => row.map(() => 0)) };
    const none = await train(shuffled, { threshold: { precision: 1 } });
    expect(none.classifier.threshold).toBe(1);
    expect(none.notes.at(-1)).toContain("no threshold has precision 1");
    expect(getOrThrow(classify(none.classifier, shuffled.features)).every(({ label }) => label === null)).toBe(true);
  });

  it("needs validation rows for a precision", async () => {
    for (const options of [{ validation: false as const }, {}]) {
      const error = await refused(corners(NAMES, 60), { ...options, threshold: { precision: 0.9 }, epochs: 1 });
      expect(error).toMatchObject({ _tag: "InvalidOption", option: "threshold" });
    }
  });
});

describe("labels that name no classes", () => {
  const cases: readonly (readonly [string, readonly unknown[], number | null])[] = [
    ["one class", ["a", "a", "a", "a"], 0],
    ["null", ["a", null, "b", "b"], 1],
    ["undefined", ["a", "b", undefined, "b"], 2],
    ["an empty text", ["a", "b", "b", ""], 3],
    ["NaN", [1, 2, NaN, 2], 2],
    ["Infinity", [1, 2, Infinity, 2], 2],
    ["mixed kinds", ["1", "2", 3, "1"], 2],
    ["a truth", [true, false, true, false], 0],
    ["a list", [["a"], ["b"], ["a"], ["b"]], 0],
  ];
  for (const [name, labels, index] of cases) {
    it(`${name}`, async () => {
      const error = await refused({ features: rows, labels: labels as Label[] });
      expect(error).toMatchObject({ _tag: "InvalidLabels", index });
      expect(error.remedy).not.toBe("");
    });
  }

  it("too few, too many, none, of an option", async () => {
    expect(await refused({ features: rows, labels: ["a", "b", "a"] })).toMatchObject({ _tag: "ShapeMismatch" });
    expect(await refused({ features: rows, labels: null as never })).toMatchObject({ _tag: "WrongKind" });
    expect(await refused({ features: rows } as never)).toMatchObject({ _tag: "WrongKind" });
    expect(await refused(null as never)).toMatchObject({ _tag: "WrongKind" });
    const four = { features: rows, labels: ["a", "b", "c", "d"] };
    expect(await refused(four, { maxClasses: 3 })).toMatchObject({ _tag: "InvalidLabels", index: null });
  });

  it("in a table, with file, line and column", async () => {
    const given = getOrThrow(table({ x: [1, 2, 3], y: ["a", null, "b"] }));
    const named = { ...given, source: { name: "in.csv", lines: Uint32Array.of(2, 3, 5), unit: "line" as const } };
    expect((await refused({ table: named, label: "y" })).message).toBe("the label at in.csv:3:2 (y) is missing");
    expect(await refused({ table: named, label: "z" })).toMatchObject({ _tag: "InvalidTable", column: "z" });
    expect(await refused({ table: given, label: undefined as never })).toMatchObject({ _tag: "WrongKind" });
  });
});

describe("odd data", () => {
  it("two rows, duplicates, as many classes as rows", async () => {
    const two = { features: [[1, 0], [0, 1]], labels: ["a", "b"] };
    const { classifier, rows, notes } = await train(two, { epochs: 30 });
    expect([rows, notes.length]).toEqual([{ train: 2, validation: 0 }, 1]);
    expect(getOrThrow(classify(classifier, two.features)).map(({ label }) => label)).toEqual(["a", "b"]);
    expect((await train(two, { validation: 0.5, epochs: 1 })).rows).toEqual({ train: 2, validation: 0 });
    const same = {
      features: Array.from({ length: 8 }, () => [1, 2]),
      labels: ["a", "b", "a", "a", "a", "a", "a", "b"],
    };
    expect(getOrThrow(classify((await train(same, { epochs: 30 })).classifier, [[1, 2]]))[0]?.label).toBe("a");
    const identifiers = { features: rows4(), labels: ["a", "b", "c", "d"] };
    expect((await train(identifiers)).notes[0]).toContain("an identifier?");
  });

  it("labels that differ by case or space are classes apart, and noted", async () => {
    const { classifier, notes } = await train(corners(["bug", "Bug", " bug ", "praise"], 40), { validation: false });
    expect(classifier.labels).toEqual([" bug ", "Bug", "bug", "praise"]);
    expect(notes).toEqual(['labels that differ by case or space alone: " bug ", "Bug", "bug"']);
  });

  it("rows of different lengths, without rows, not finite", async () => {
    const labels = ["a", "b"];
    expect(await refused({ features: [[1, 2], [3]], labels })).toMatchObject({ _tag: "ShapeMismatch" });
    expect(await refused({ features: [], labels: [] })).toMatchObject({ _tag: "WrongKind" });
    expect(await refused({ features: [[1, NaN], [3, 4]], labels })).toMatchObject({ _tag: "NotFinite" });
    expect(await refused({ features: [[1, null as never], [3, 4]], labels })).toMatchObject({ _tag: "WrongKind" });
  });

  it("texts that are empty are a text", async () => {
    const data = { features: ["", "", "a long text", "another long text"], labels: ["no", "no", "yes", "yes"] };
    const { classifier } = await train(data, { epochs: 30 });
    expect(getOrThrow(classify(classifier, ["", "a long text"])).map(({ label }) => label)).toEqual(["no", "yes"]);
  });
});

const rows4 = () => [[1, 0], [0, 1], [2, 0], [0, 2]];

describe("options", () => {
  it("are those of fit, of recipes and its own: others, and values that do not fit, are refused", async () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ hiden: [4] }, "hiden"],
      [{ hidden: [0] }, "hidden"],
      [{ hidden: 4 }, "hidden"],
      [{ epochs: 0 }, "epochs"],
      [{ validation: 1 }, "validation"],
      [{ threshold: 2 }, "threshold"],
      [{ threshold: { precision: 0 } }, "threshold"],
      [{ temperature: 2 }, "temperature"],
      [{ classWeights: "balance" }, "classWeights"],
      [{ classWeights: { c: 2 } }, "classWeights"],
      [{ learningRate: 0.1 }, "learningRate"],
      [{ label: "x" }, "label"],
      [{ missing: "mean" }, "missing"],
      [{ maxClasses: 1 }, "maxClasses"],
    ];
    for (const [options, option] of wrong) {
      expect(await refused({ features: rows, labels: ["a", "b", "a", "b"] }, options)).toMatchObject({
        _tag: "InvalidOption",
        option,
      });
    }
    expect(await refused({ features: rows, labels: ["a", "b", "a", "b"] }, { earlyStopping: {} }))
      .toMatchObject({ _tag: "InvalidOption", option: "earlyStopping" });
  });

  it("weigh classes by their labels", async () => {
    const data = {
      features: Array.from({ length: 20 }, (_, i) => [i % 5 - 2]),
      labels: Array.from({ length: 20 }, (_, i) => i < 15 ? "many" : "few"),
    };
    const predict = async (classWeights: ClassifierOptions["classWeights"] & (string | object)) => {
      const { classifier } = await train(data, { classWeights, epochs: 50 });
      return getOrThrow(classify(classifier, [[0]]))[0]?.label;
    };
    expect(await predict({ few: 10 })).toBe("few");
    expect(await predict({})).toBe("many");
    expect(await predict({ few: 1, many: 10 })).toBe("many");
    const balanced = await train(corners(["a", "b"], 40), { classWeights: "balanced", validation: false });
    const none = await train(corners(["a", "b"], 40), { validation: false });
    expect(weights(balanced.classifier.network)).toEqual(weights(none.classifier.network));
  });

  it("report progress, stop by a signal, and go on from a checkpoint with the same bytes", async () => {
    const data = corners(NAMES, 200), kinds: string[] = [];
    await train(data, { epochs: 2, onProgress: ({ _tag }) => void kinds.push(_tag) });
    expect(kinds.filter((kind) => kind === "epoch")).toHaveLength(2);
    const controller = new AbortController(), store = memoryStore(), checkpoint = { store };
    const stopped = await train(data, {
      checkpoint,
      signal: controller.signal,
      onProgress: (record) => record._tag === "epoch" && record.epoch === 3 ? controller.abort() : undefined,
    });
    expect(stopped.stopped).toBe("aborted");
    const [resumed, whole] = [await train(data, { checkpoint }), await train(data)];
    expect(resumed.history.length).toBeLessThan(10);
    expect(getOrThrow(encodeClassifier(resumed.classifier))).toEqual(getOrThrow(encodeClassifier(whole.classifier)));
  });
});
