// Classifiers that are asked, measured, taught: labels, thresholds, new classes, and networks that were there already.

import { describe, expect, it } from "vitest";
import {
  type Classifier,
  classifierOf,
  classify,
  classReport,
  confusion,
  dense,
  encodeClassifier,
  fromRows,
  getOrThrow,
  initialise,
  learn,
  linearHead,
  matrix,
  mlp,
  network,
  observe,
  probabilities,
  reliability,
  relu,
  report,
  residual,
  table,
} from "../../mod.ts";
import { left } from "../support/reference.ts";
import { changed, corners, train } from "./given.ts";

const NAMES = ["bug", "billing", "praise"];
const head = getOrThrow(linearHead({ features: 2, classes: 3 }, [2, 0, 0, 2, -1, -1], [0, 0, 0.5]));
const compass = getOrThrow(classifierOf(head, ["east", "north", "elsewhere"], { known: [[1, 0], [0, 1], [-1, -1]] }));
const rows = [[3, 1], [0, 2], [-2, -2], [0.5, 0.5]];

describe("classify", () => {
  it("names the likeliest classes in order, the lower first of those alike", () => {
    const predictions = getOrThrow(classify(compass, rows, { top: 2 }));
    expect(predictions.map(({ label }) => label)).toEqual(["east", "north", "elsewhere", "east"]);
    expect(predictions.map(({ top }) => top.map(({ label }) => label))).toEqual([
      ["east", "north"],
      ["north", "east"],
      ["elsewhere", "east"],
      ["east", "north"],
    ]);
    const p = getOrThrow(probabilities(head, getOrThrow(matrix(rows)))).data;
    expect(predictions[0]?.probability).toBeCloseTo(p[0] as number, 6);
    expect(getOrThrow(classify(compass, rows, { top: 99 }))[0]?.top).toHaveLength(3);
    expect(getOrThrow(classify(compass, rows))[0]?.top).toHaveLength(1);
  });

  it("is unsure below its threshold, or the one given", () => {
    const strict = changed(compass, { threshold: 0.9 });
    const labels = (one: Classifier, options = {}) =>
      getOrThrow(classify(one, rows, options)).map(({ label }) => label);
    expect(labels(strict)).toEqual(["east", "north", "elsewhere", null]);
    expect(labels(strict, { threshold: 0 })).toEqual(["east", "north", "elsewhere", "east"]);
    expect(labels(compass, { threshold: 1 })).toEqual([null, null, null, null]);
    expect(getOrThrow(classify(strict, rows))[3]?.top[0]?.label).toBe("east");
  });

  it("passes over many rows in parts, and tells them apart", () => {
    const many = Array.from({ length: 9000 }, (_, i) => rows[i % 4] as number[]);
    const predictions = getOrThrow(classify(compass, many));
    expect(predictions).toHaveLength(9000);
    expect(predictions[8999]).toEqual(predictions[3]);
    expect(predictions[4097]).toEqual(predictions[1]);
  });

  it("divides logits by the temperature, however far", () => {
    const p = (T: number) =>
      getOrThrow(classify(changed(compass, { temperature: T }), [[1, 0]]))[0]?.probability as number;
    const exact = (T: number) => 1 / (1 + Math.exp(-2 / T) + Math.exp(-2.5 / T));
    for (const T of [0.01, 0.5, 1, 3, 100]) expect(Math.abs(p(T) - exact(T))).toBeLessThan(1e-6);
  });

  it("refuses rows of another kind or width, options that are none, and what is no classifier", () => {
    expect(left(classify(compass, [[1, 2, 3]]))).toMatchObject({ _tag: "FeatureMismatch", expected: 2, actual: 3 });
    expect(left(classify(compass, ["text"]))).toMatchObject({ _tag: "WrongKind" });
    expect(left(classify(compass, []))).toMatchObject({ _tag: "EmptyBatch" });
    expect(left(classify(compass, rows, { top: 0 }))).toMatchObject({ _tag: "InvalidOption", option: "top" });
    expect(left(classify(compass, rows, { threshold: 2 }))).toMatchObject({
      _tag: "InvalidOption",
      option: "threshold",
    });
    expect(left(classify(head as never, rows))).toMatchObject({ _tag: "WrongKind" });
    expect(left(classify(null as never, rows))).toMatchObject({ _tag: "WrongKind" });
  });
});

describe("report", () => {
  const data = { features: rows, labels: ["east", "north", "elsewhere", "north"] };

  it("is what the measures say, under the labels", () => {
    const p = getOrThrow(probabilities(head, getOrThrow(matrix(rows)))), classes = [0, 1, 2, 1];
    const measured = getOrThrow(report(compass, data, { k: 2 })),
      scores = getOrThrow(classReport(p, classes, { k: 2 }));
    expect(measured.classes).toEqual(scores.classes.map((one, i) => ({ label: compass.labels[i], ...one })));
    expect([measured.accuracy, measured.topK, measured.rows]).toEqual([0.75, 1, 4]);
    expect(measured.logLoss).toBeCloseTo(scores.logLoss, 6);
    expect(measured.macro).toEqual(scores.macro);
    expect(measured.confused).toEqual([{ label: "north", predicted: "east", count: 1, share: 0.5, errorShare: 1 }]);
    expect(measured.matrix).toEqual(getOrThrow(confusion(p, classes)).matrix);
    expect(measured.reliability.ece).toBeCloseTo(getOrThrow(reliability(p, classes)).ece, 6);
    expect([measured.answered, measured.similar]).toEqual([null, []]);
  });

  it("tells what a threshold lets through, and which labels are alike", () => {
    const strict = changed(compass, { threshold: 0.9 });
    expect(getOrThrow(report(strict, data)).answered).toEqual({ threshold: 0.9, rows: 3, accuracy: 1 });
    const nothing = changed(compass, { threshold: 1 });
    expect(getOrThrow(report(nothing, data)).answered).toEqual({ threshold: 1, rows: 0, accuracy: null });
    const alike = getOrThrow(classifierOf(head, ["east", "East ", "x"]));
    expect(getOrThrow(report(alike, { features: rows, labels: ["x", "x", "x", "x"] })).similar).toEqual([[
      "east",
      "East ",
    ]]);
  });

  it("refuses labels that are none of the classifier's", () => {
    const wrong = { features: rows, labels: ["east", "north", "East", "north"] };
    expect(left(report(compass, wrong))).toMatchObject({ _tag: "InvalidLabels", index: 2 });
    expect(left(report(compass, wrong)).remedy).toContain('"east"');
    expect(left(report(compass, { features: rows, labels: [1, 2, 3, 4] }))).toMatchObject({
      _tag: "InvalidLabels",
      index: 0,
    });
    expect(left(report(compass, { features: rows, labels: ["east"] }))).toMatchObject({ _tag: "ShapeMismatch" });
  });
});

describe("learn", () => {
  it("takes in new classes from five examples and keeps the old ones", async () => {
    const all = corners(["a", "b", "c", "d", "e", "f", "g", "h"], 800, 0.7);
    const pick = (labels: readonly string[], count = Infinity) => {
      const seen = new Map<unknown, number>();
      const kept = all.labels.map((label) => {
        seen.set(label, (seen.get(label) ?? 0) + 1);
        return labels.includes(label as string) && (seen.get(label) as number) <= count;
      });
      return { features: all.features.filter((_, i) => kept[i]), labels: all.labels.filter((_, i) => kept[i]) };
    };
    const old = ["a", "b", "c", "d", "e", "f"];
    const { classifier } = await train(pick(old), { hidden: [16], epochs: 20 });
    const before = getOrThrow(report(classifier, pick(old))).accuracy, bytes = getOrThrow(encodeClassifier(classifier));
    const more = getOrThrow(learn(classifier, pick(["h", "g"], 5)));
    expect(more.labels).toEqual([...old, "g", "h"]);
    expect(more.moments?.examples).toBe((classifier.moments?.examples as number) + 20);
    expect(more.measured).toBeNull();
    expect(more.fingerprint).not.toBe(classifier.fingerprint);
    expect(getOrThrow(report(more, pick(old))).accuracy).toBeGreaterThan(before - 0.1);
    expect(getOrThrow(report(more, pick(["g", "h"]))).accuracy).toBeGreaterThan(0.8);
    expect(getOrThrow(encodeClassifier(classifier))).toEqual(bytes);
    const again = getOrThrow(learn(more, pick(["a"], 3)));
    expect(again.labels).toEqual(more.labels);
  });

  it("learns in whatever units the columns come", async () => {
    const units = [1, 1e4, 1e-3], offsets = [0, 1e5, 7];
    const all = corners(["a", "b", "c", "d"], 400);
    const raw = all.features.map((row) => row.map((v, j) => v * (units[j] as number) + (offsets[j] as number)));
    const pick = (labels: readonly string[], count: number) => {
      const rows = all.labels.flatMap((label, i) => labels.includes(label as string) ? [i] : []).slice(0, count);
      return { features: rows.map((i) => raw[i] as number[]), labels: rows.map((i) => all.labels[i] as string) };
    };
    for (const hidden of [[], [16]]) {
      const { classifier } = await train(pick(["a", "b", "c"], 300), { hidden, epochs: 20 });
      const before = structuredClone(classifier);
      const more = getOrThrow(learn(classifier, pick(["d"], 5)));
      expect(classifier).toEqual(before);
      const { classes } = getOrThrow(report(more, { features: raw, labels: all.labels }));
      for (const { label, recall } of classes) expect([hidden, label, recall > 0.9]).toEqual([hidden, label, true]);
      const [first] = more.moments?.layers ?? [], [seen] = classifier.moments?.layers ?? [];
      const known = classifier.moments?.examples as number;
      const five = pick(["d"], 5).features.map((row) => row[1] as number).reduce((sum, v) => sum + v, 0) / 5;
      const pooled = (known * (seen?.mean[1] as number) + 10 * five) / (known + 10);
      expect(Math.abs((first?.mean[1] as number) / pooled - 1)).toBeLessThan(1e-4);
    }
  });

  it("gives back its memory where it is donated, with the same result", async () => {
    const { classifier } = await train(corners(NAMES, 60));
    const few = { features: [[2, 2, 2]], labels: ["new"] };
    const copy = structuredClone(classifier), kept = getOrThrow(learn(classifier, few));
    expect(getOrThrow(encodeClassifier(getOrThrow(learn(copy, few, { donate: true }))))).toEqual(
      getOrThrow(encodeClassifier(kept)),
    );
  });

  it("takes tables, texts and sparse rows by the recipe that there is", async () => {
    const animals = { size: [9, 8, 9.5, 2, 1.5, 2.2], coat: ["grey", "grey", "brown", "grey", "brown", "brown"] };
    const kind = ["wolf", "wolf", "wolf", "cat", "cat", "cat"];
    const { classifier } = await train({ table: getOrThrow(table({ ...animals, kind })), label: "kind" }, {
      epochs: 30,
    });
    const horses = getOrThrow(table({ size: [30, 31], coat: ["white", "white"], kind: ["horse", "horse"] }));
    const more = getOrThrow(learn(classifier, { table: horses, label: "kind" }));
    expect(more.recipe).toEqual(classifier.recipe);
    expect(getOrThrow(classify(more, getOrThrow(table({ size: [30.5], coat: ["grey"] }))))[0]?.label).toBe("horse");
    const sparse = getOrThrow(fromRows(9, [[[0, 1]], [[1, 1]], [[0, 2]], [[1, 2]]]));
    const other = await train({ features: sparse, labels: ["a", "b", "a", "b"] }, { hidden: [4], epochs: 20 });
    const taught = getOrThrow(
      learn(other.classifier, { features: getOrThrow(fromRows(9, [[[7, 1]]])), labels: ["c"] }),
    );
    expect(taught.labels).toEqual(["a", "b", "c"]);
  });

  it("refuses labels of another kind, too many classes, and a classifier without moments", () => {
    const one = { features: [[1, 1]], labels: ["new"] };
    expect(left(learn(compass, { features: [[1, 1]], labels: [7] }))).toMatchObject({
      _tag: "InvalidLabels",
      index: 0,
    });
    expect(left(learn(compass, one, { maxClasses: 3 }))).toMatchObject({ _tag: "InvalidLabels", index: 0 });
    expect(left(learn(compass, { features: [[1, 1, 1]], labels: ["new"] }))).toMatchObject({ _tag: "FeatureMismatch" });
    const bare = getOrThrow(classifierOf(head, ["a", "b", "c"]));
    expect(left(learn(bare, one))).toMatchObject({ _tag: "InvalidState", path: "moments" });
    expect(left(learn(compass, one, { ratios: 1 } as never))).toMatchObject({ _tag: "InvalidOption" });
  });

  it("of a new class needs a last layer that can grow; of known ones it does not", () => {
    const layers = [dense(3), residual([dense(3), relu()])];
    const blocks = getOrThrow(initialise({ inputs: 2, layers, seed: 1 }));
    const classifier = getOrThrow(classifierOf(blocks, ["a", "b", "c"], { known: rows }));
    expect(left(learn(classifier, { features: [[1, 1]], labels: ["d"] }))).toMatchObject({ _tag: "InvalidLayer" });
    expect(getOrThrow(learn(classifier, { features: [[1, 1]], labels: ["b"] })).labels).toEqual(["a", "b", "c"]);
  });
});

describe("classifierOf", () => {
  it("observes the known rows, by the recipe", () => {
    const known = getOrThrow(matrix([[1, 0], [0, 1], [-1, -1]]));
    expect(compass.moments).toEqual(getOrThrow(observe(head, null, known)));
    expect(compass.recipe).toEqual({ kind: "vector", length: 2 });
  });

  it("refuses labels and recipes that do not fit", () => {
    const of = (labels: unknown, options = {}) => left(classifierOf(head, labels as string[], options))._tag;
    expect(of(["a", "b"])).toBe("InvalidLabels");
    expect(of(["a", "b", "a"])).toBe("InvalidLabels");
    expect(of(["a", "b", ""])).toBe("InvalidLabels");
    expect(of(["a", "b", 3])).toBe("InvalidLabels");
    expect(of([0, -0, 1])).toBe("InvalidLabels");
    expect(of(null)).toBe("WrongKind");
    expect(of(NAMES, { recipe: { kind: "vector", length: 3 } })).toBe("FeatureMismatch");
    expect(of(NAMES, { recipe: {} })).toBe("InvalidOption");
    expect(of(NAMES, { known: [[1, 2, 3]] })).toBe("FeatureMismatch");
    const sparse = { kind: "sparse", length: 2 } as const;
    expect(getOrThrow(classifierOf(head, NAMES, { recipe: sparse })).recipe).toEqual(sparse);
    const hidden = getOrThrow(mlp({ inputs: 2, hidden: [4], classes: 3 }));
    expect(left(classifierOf(network(2, hidden.layers) as never, NAMES))).toMatchObject({ _tag: "WrongKind" });
  });
});
