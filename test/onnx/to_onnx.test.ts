// What ONNX files of classifiers compute is what classifiers do. Tolerance: both sides are float32, with sums in another
// order; probabilities are at most 1, so that 1e-5 is a hundred units in the last place.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  type Classifier,
  classifierOf,
  classify,
  type Features,
  getOrThrow,
  isSparse,
  type Label,
  linearHead,
  logits,
  makeFeatures,
  type Matrix,
  matrix,
  type Network,
  network,
  probabilities,
  table,
} from "../../mod.ts";
import { makeFile } from "../../src/onnx/head.ts";
import { toOnnx } from "../../src/onnx/onnx.ts";
import { changed, corners, train } from "../classifier/given.ts";
import { kindCases } from "../support/layer_kinds.ts";
import { left, uniform } from "../support/reference.ts";
import { openModel, runOnnx } from "./run.ts";

const TOLERANCE = 1e-5;

/** Features with their zeros. */
function withZeros(features: Features): Matrix {
  if (!isSparse(features)) return features;
  const { rows, cols, offsets, indices, data } = features, all = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++) {
      all[row * cols + (indices[i] as number)] = data[i] as number;
    }
  }
  return { rows, cols, data: all };
}

/** The largest difference of an output from a matrix, whose shape it has to have. */
function away(
  output: { readonly dims: readonly number[]; readonly data: ArrayLike<unknown> } | undefined,
  expected: Matrix,
) {
  expect(output?.dims).toEqual([expected.rows, expected.cols]);
  return expected.data.reduce((most, v, i) => Math.max(most, Math.abs(v - Number(output?.data[i]))), 0);
}

const names = (classes: number): string[] => ["cat", "ä", "日本", "🦊 fox", "e"].slice(0, classes);

const head = (classes: number): Network =>
  getOrThrow(linearHead({ features: 3, classes }, uniform(3 * classes, 1), uniform(classes, 2)));

const rowsOf = (count: number): Matrix => getOrThrow(matrix(count, 3, uniform(3 * count, 3)));

describe("the file of a classifier", () => {
  it.each(kindCases.map((one) => [one.name, one] as const))(
    "computes a network with %s",
    async (_, { model, data }) => {
      const classifier = getOrThrow(classifierOf(model, names(3))), { features } = data, rows = withZeros(features);
      const { probabilities: p, label, logits: f } = await runOnnx(
        getOrThrow(toOnnx(classifier, { logits: true })),
        rows,
      );
      expect(away(p, getOrThrow(probabilities(model, features)))).toBeLessThan(TOLERANCE);
      expect(away(f, getOrThrow(logits(model, features)))).toBeLessThan(TOLERANCE);
      expect(Array.from(label?.data ?? [])).toEqual(getOrThrow(classify(classifier, features)).map((one) => one.label));
    },
  );

  it.each([[2, 1], [2, 7], [3, 1], [5, 300]])("gives labels of %i classes to %i rows", async (classes, count) => {
    const classifier = getOrThrow(classifierOf(head(classes), names(classes))), rows = rowsOf(count);
    const { probabilities: p, label } = await runOnnx(getOrThrow(toOnnx(classifier)), rows);
    expect(label).toMatchObject({ type: "string", dims: [count] });
    expect(Array.from(label?.data ?? [])).toEqual(getOrThrow(classify(classifier, rows)).map((one) => one.label));
    expect(away(p, getOrThrow(probabilities(classifier.network, rows)))).toBeLessThan(TOLERANCE);
  });

  it.each<[string, readonly Label[], string]>([
    ["whole numbers as int64", [-3, 0, 2 ** 53 - 1], "int64"],
    ["other numbers as double", [0.1, 1, 2.5], "float64"],
    ["texts of digits as texts", ["1", "2", "3"], "string"],
  ])("has %s", async (_, labels, type) => {
    const classifier = getOrThrow(classifierOf(head(3), labels)), rows = rowsOf(20);
    const { label } = await runOnnx(getOrThrow(toOnnx(classifier)), rows);
    const expected = getOrThrow(classify(classifier, rows)).map((one) => one.label);
    expect(label?.type).toBe(type);
    expect(Array.from(label?.data ?? [], (v) => typeof v === "bigint" ? Number(v) : v)).toEqual(expected);
  });

  it.each([0.25, 3])("has the temperature %f within, whatever layer is the last", async (temperature) => {
    const tanh = { _tag: "activation", kind: "tanh", slope: 0 } as const;
    for (const model of [head(3), getOrThrow(network(3, [...head(3).layers, tanh]))]) {
      const known = getOrThrow(classifierOf(model, names(3))), rows = rowsOf(9);
      const classifier = changed(known, { temperature });
      const outputs = await runOnnx(getOrThrow(toOnnx(classifier, { logits: true })), rows);
      const likely = getOrThrow(classify(classifier, rows)), raw = getOrThrow(logits(model, rows));
      const cooled = { ...raw, data: raw.data.map((f) => f / temperature) };
      expect(away(outputs.logits, cooled)).toBeLessThan(TOLERANCE);
      likely.forEach(({ probability }, row) => {
        const own = Array.from(outputs.probabilities?.data ?? [], Number).slice(3 * row, 3 * row + 3);
        expect(Math.abs(Math.max(...own) - probability)).toBeLessThan(TOLERANCE);
      });
    }
  });

  it("takes the first of classes that are alike, as classify does", async () => {
    const even = getOrThrow(linearHead({ features: 3, classes: 3 }, new Float32Array(9), [0, 1, 1]));
    const classifier = getOrThrow(classifierOf(even, names(3)));
    const { label } = await runOnnx(getOrThrow(toOnnx(classifier)), rowsOf(2));
    expect(label?.data).toEqual(["ä", "ä"]);
  });

  it("has logits as an output only where they are asked for", async () => {
    const classifier = getOrThrow(classifierOf(head(2), names(2)));
    const outputs = async (options: object) => (await openModel(getOrThrow(toOnnx(classifier, options)))).outputs;
    expect(await outputs({})).toEqual(["label", "probabilities"]);
    expect(await outputs({ logits: true })).toEqual(["label", "probabilities", "logits"]);
  });

  it("is the same bytes each time, and leaves the classifier as it is", async () => {
    const { classifier } = await train(corners(names(4), 80), { hidden: [5] });
    const before = structuredClone(classifier), file = getOrThrow(toOnnx(classifier));
    expect(getOrThrow(toOnnx(classifier))).toEqual(file);
    expect(classifier).toEqual(before);
  });
});

it("the file of given weights has one hash in every runtime", () => {
  const classifier = changed(getOrThrow(classifierOf(head(3), names(3))), { temperature: 1.5, threshold: 0.25 });
  expect(createHash("sha256").update(getOrThrow(toOnnx(classifier))).digest("hex").slice(0, 16)).toBe(
    "9a799bd701fcf1d1",
  );
});

describe("of a classifier that was trained", () => {
  it("on rows of any scale, what it says is what classify says", async () => {
    const { features, labels } = corners(names(4), 120), rows = features.map(([a, b, c]) => [a! * 1e4, b!, c! + 100]);
    const { classifier } = await train({ features: rows, labels }, { hidden: [6] });
    const outputs = await runOnnx(getOrThrow(toOnnx(classifier)), getOrThrow(matrix(rows)));
    const expected = getOrThrow(classify(classifier, rows, { threshold: 0 }));
    expect(outputs.label?.data).toEqual(expected.map((one) => one.label));
  });

  it("on a table, X is what makeFeatures makes of it", async () => {
    const size = [9, 8, 9.5, NaN, 1.5, 2.2], coat = ["grey", "grey", "brown", "grey", "brown", "brown"];
    const given = getOrThrow(table({ size, coat, kind: ["wolf", "wolf", "wolf", "cat", "cat", "cat"] }));
    const { classifier } = await train({ table: given, label: "kind" }, { missing: "impute" });
    const X = getOrThrow(makeFeatures(classifier.recipe, given)) as Matrix;
    const { label } = await runOnnx(getOrThrow(toOnnx(classifier)), X);
    expect(label?.data).toEqual(getOrThrow(classify(classifier, given)).map((one) => one.label));
  });
});

describe("toOnnx() refuses", () => {
  const classifier = getOrThrow(classifierOf(head(2), ["a", "b"]));

  it("features that are hashed from texts", async () => {
    const { classifier } = await train({ features: ["good", "bad", "well", "ill"], labels: ["+", "-", "+", "-"] });
    expect(left(toOnnx(classifier))).toMatchObject({ _tag: "Unsupported", what: "recipe" });
    const given = getOrThrow(table({ say: ["good", "bad", "well", "ill"], n: [1, 2, 3, 4] }));
    const column = { kind: "text", name: "say", buckets: 2, longest: 3, lowerCase: true } as const;
    const recipe = { kind: "columns", columns: [{ kind: "number", name: "n", missing: null }, column] } as const;
    expect(getOrThrow(makeFeatures(recipe, given)).cols).toBe(3);
    expect(left(toOnnx(changed(getOrThrow(classifierOf(head(2), ["a", "b"])), { recipe })))._tag).toBe("Unsupported");
  });

  it("a label that is half of a surrogate pair", () => {
    expect(left(toOnnx(changed(classifier, { labels: ["a", "\ud800"] })))).toMatchObject({
      _tag: "InvalidLabels",
      index: 1,
    });
  });

  it("a model of the user's own, parameters that are not finite, and what is no classifier", () => {
    const custom = { _tag: "custom", parameters: new Float32Array(3), outputs: 2 };
    expect(left(toOnnx(changed(classifier, { network: custom })))._tag).toBe("InvalidSize");
    const broken = getOrThrow(linearHead({ features: 3, classes: 2 }, uniform(6, 1), null));
    (broken.layers[0] as { weight: Matrix }).weight.data[3] = NaN;
    expect(left(toOnnx(changed(classifier, { network: broken })))._tag).toBe("NotFinite");
    for (const value of [null, undefined, {}, head(2), 3]) {
      expect(left(toOnnx(value as unknown as Classifier))._tag).toBe("WrongKind");
    }
  });

  it("an option that there is not", () => {
    expect(left(toOnnx(classifier, { logit: true } as object))).toMatchObject({
      _tag: "InvalidOption",
      option: "logit",
    });
  });

  it("more than a file can hold, before it is written", () => {
    const written = makeFile(head(2), 2 ** 31, () => expect.unreachable());
    expect(left(written)).toMatchObject({ _tag: "Unsupported", what: "size" });
  });
});
