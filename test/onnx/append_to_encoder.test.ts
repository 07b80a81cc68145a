// An encoder with a classifier at its end gives what the classifier gives of the encoder's vectors. Tolerance: logits of
// order one in float32, with sums in another order.

import { describe, expect, it } from "vitest";
import {
  type Classifier,
  classifierOf,
  classify,
  dense,
  gelu,
  getOrThrow,
  initialise,
  layerNorm,
  linearHead,
  logits,
  matrix,
  residual,
  tanh,
  trainClassifier,
} from "../../mod.ts";
import { appendToEncoder, type EncoderOptions, pipelineConfig } from "../../src/onnx/onnx.ts";
import { changed } from "../classifier/given.ts";
import { dice, mutateBytes } from "../support/mutate.ts";
import { left, uniform } from "../support/reference.ts";
import { encoderFile, type EncoderForm, foreignFile, vectorOf, WIDTH } from "./encoder.ts";
import { integers, openModel } from "./run.ts";

const TOLERANCE = 1e-5;

const names = ["cat person", "ä", "日本"];
const head = getOrThrow(linearHead({ features: WIDTH, classes: 3 }, uniform(3 * WIDTH, 1), uniform(3, 2)));
const classifier = getOrThrow(classifierOf(head, names));

/** Three texts of different lengths, padded by 0. */
const TEXTS = [[2, 4, 5, 7, 3], [2, 6, 3], [2, 4, 6, 8, 3]], LONGEST = 5;
const padded = TEXTS.map((tokens) => [...tokens, ...Array(LONGEST - tokens.length).fill(0)]);
const feeds = {
  input_ids: integers(padded.flat(), [3, LONGEST]),
  attention_mask: integers(TEXTS.flatMap(({ length }) => Array.from({ length: LONGEST }, (_, i) => +(i < length))), [
    3,
    LONGEST,
  ]),
};

/** Three digits, as float16 has them. */
const HALF = 1e-3;

/** Runs an encoder with the classifier at its end, and compares its logits with those of the vectors. */
async function agrees(known: Classifier, form: EncoderForm, options: EncoderOptions): Promise<void> {
  const model = await openModel(getOrThrow(appendToEncoder(encoderFile(form), known, options)));
  const output = (await model.run(form.mask === false ? { input_ids: feeds.input_ids } : feeds)).logits;
  const pooling = options.pooling === "mean" ? "mean" : "cls";
  const vectors = getOrThrow(matrix(TEXTS.map((tokens) => vectorOf(tokens, pooling, options.normalize))));
  const expected = getOrThrow(logits(known.network, vectors));
  expect(output).toMatchObject({ type: "float32", dims: [3, 3] });
  expected.data.forEach((f, i) => {
    expect(Math.abs(f / known.temperature - (output?.data[i] as number))).toBeLessThan(form.half ? HALF : TOLERANCE);
  });
}

describe("an encoder with a classifier at its end", () => {
  // Axes become inputs with 13 (sums) and 18 (means, lengths); a layer norm is an operator from 17 on.
  it.each([11, 12, 13, 14, 17, 18, 20])("gives logits with operators of version %i", async (opset) => {
    await agrees(classifier, { opset }, { pooling: "mean", normalize: true });
  });

  it.each<[string, EncoderForm, EncoderOptions]>([
    ["the mean", {}, { pooling: "mean", normalize: false }],
    ["the first vector", {}, { pooling: "cls", normalize: true }],
    ["a vector a text", { pooled: true }, { pooling: "none", normalize: true }],
    ["the first vector, without a mask", { mask: false }, { pooling: "cls", normalize: false }],
    ["an output by its name", { output: "token_embeddings" }, {
      pooling: "mean",
      normalize: true,
      output: "token_embeddings",
    }],
    ["vectors in float16", { half: true }, { pooling: "mean", normalize: true }],
    ["an output of unknown width", { shape: ["b", "t", "d"] }, { pooling: "mean", normalize: true }],
  ])("takes %s", async (_, form, options) => {
    await agrees(classifier, form, options);
  });

  it.each([11, 17, 18])("may have hidden layers of every kind and a temperature, by version %i", async (opset) => {
    const layers = [dense(6), layerNorm(), gelu(), residual([dense(6), tanh()]), dense(3)];
    const network = getOrThrow(initialise({ inputs: WIDTH, layers }));
    const deep = changed(getOrThrow(classifierOf(network, names)), { temperature: 1.7 });
    await agrees(deep, { opset }, { pooling: "mean", normalize: true });
  });

  it("keeps the encoder's bytes and outputs, and leaves them as they are", async () => {
    const encoder = encoderFile(), before = encoder.slice();
    const file = getOrThrow(appendToEncoder(encoder, classifier, { pooling: "mean", normalize: true }));
    expect(encoder).toEqual(before);
    expect(file.subarray(0, encoder.length)).toEqual(encoder);
    const model = await openModel(file);
    expect(model.inputs).toEqual(["input_ids", "attention_mask"]);
    expect(model.outputs).toEqual(["last_hidden_state", "logits"]);
  });

  it("takes other names where the encoder has them", async () => {
    const others = ["fgn/pooled", "fgn2/layers.0.weight"];
    await agrees(classifier, { others }, { pooling: "mean", normalize: true });
  });

  it("gives a text without tokens that count no NaN", async () => {
    const file = getOrThrow(appendToEncoder(encoderFile(), classifier, { pooling: "mean", normalize: true }));
    const empty = { input_ids: integers([0, 0], [1, 2]), attention_mask: integers([0, 0], [1, 2]) };
    const output = (await (await openModel(file)).run(empty)).logits, bias = head.layers[0] as { bias: Float32Array };
    expect(Array.from(output?.data ?? [])).toEqual(Array.from(bias.bias));
  });
});

describe("a classifier that was trained on vectors", () => {
  const LABELS = TEXTS.map((_, i) => names[i] as string);
  const trained = async (normalize: boolean) => {
    const vectors = TEXTS.map((tokens) => vectorOf(tokens, "mean", normalize));
    const data = { features: [...vectors, ...vectors], labels: [...LABELS, ...LABELS] };
    return { vectors, known: (await getOrThrow(trainClassifier(data, { epochs: 30 }))).classifier };
  };

  it("says of texts what classify says of their vectors", async () => {
    const { vectors, known } = await trained(true);
    const file = getOrThrow(appendToEncoder(encoderFile(), known, { pooling: "mean", normalize: true }));
    const output = (await (await openModel(file)).run(feeds)).logits, rows = Array.from(output?.data ?? [], Number);
    const said = TEXTS.map((_, row) => {
      const own = rows.slice(3 * row, 3 * row + 3);
      return known.labels[own.indexOf(Math.max(...own))];
    });
    expect(said).toEqual(getOrThrow(classify(known, vectors)).map(({ label }) => label));
    expect(said).toEqual(LABELS);
  });

  it("of other lengths than 1 is not appended as one of length 1", async () => {
    const { known } = await trained(false), options = { pooling: "mean", normalize: true } as const;
    expect(left(appendToEncoder(encoderFile(), known, options))).toMatchObject({
      _tag: "InvalidOption",
      option: "normalize",
    });
    getOrThrow(appendToEncoder(encoderFile(), known, { ...options, normalize: false }));
    getOrThrow(appendToEncoder(encoderFile(), (await trained(true)).known, options));
  });
});

describe("appendToEncoder() refuses", () => {
  const OPTIONS = { pooling: "mean", normalize: true } as const;

  it.each<[string, EncoderForm, Partial<EncoderOptions>, object]>([
    ["operators older than 11", { opset: 10 }, {}, { _tag: "Unsupported", what: "opset" }],
    ["a classifier in the place of an encoder", { others: ["logits"] }, {}, { _tag: "Unsupported", what: "logits" }],
    ["vectors of another length", { shape: ["b", "t", 9] }, {}, { _tag: "FeatureMismatch", expected: 8, actual: 9 }],
    ["a mean without a mask", { mask: false }, {}, { _tag: "InvalidOption", option: "mask" }],
    ["a mask that there is not", {}, { mask: "mask" }, { _tag: "InvalidOption", option: "mask" }],
    ["an output that there is not", {}, { output: "x" }, { _tag: "InvalidOption", option: "output" }],
    ["tokens that are not pooled", {}, { pooling: "none" }, { _tag: "InvalidOption", option: "output" }],
    ["a vector as tokens", { pooled: true }, {}, { _tag: "InvalidOption", option: "output" }],
    ["the wrong pooling of a named output", { pooled: true }, { output: "last_hidden_state" }, {
      _tag: "InvalidOption",
      option: "pooling",
    }],
    ["another pooling", {}, { pooling: "max" as "mean" }, { _tag: "InvalidOption", option: "pooling" }],
    ["no pooling", {}, { pooling: undefined as unknown as "mean" }, { _tag: "InvalidOption", option: "pooling" }],
    ["no word on length", {}, { normalize: undefined as unknown as boolean }, {
      _tag: "InvalidOption",
      option: "normalize",
    }],
  ])("%s", (_, form, options, error) => {
    expect(left(appendToEncoder(encoderFile(form), classifier, { ...OPTIONS, ...options }))).toMatchObject(error);
  });

  it("features that are more than a vector", () => {
    const columns = [{ kind: "vector", name: "a", length: WIDTH }] as const;
    const of = (recipe: unknown) => appendToEncoder(encoderFile(), changed(classifier, { recipe }), OPTIONS);
    getOrThrow(of({ kind: "columns", columns }));
    const two = [{ ...columns[0], length: WIDTH - 1 }, { kind: "number", name: "b", missing: null }];
    expect(left(of({ kind: "columns", columns: two }))).toMatchObject({ _tag: "Unsupported", what: "recipe" });
    expect(left(of({ kind: "sparse", length: WIDTH }))).toMatchObject({ _tag: "Unsupported", what: "recipe" });
  });

  it("a file with a classifier already, its own or another's", () => {
    const file = getOrThrow(appendToEncoder(encoderFile(), classifier, OPTIONS));
    expect(left(appendToEncoder(file, classifier, OPTIONS))).toMatchObject({ _tag: "Unsupported", what: "logits" });
  });

  it("bytes that are no encoder", () => {
    const files = [new Uint8Array(0), new Uint8Array(100).fill(255), new TextEncoder().encode("<!doctype html>")];
    for (const file of [...files, foreignFile(), null, "x", new ArrayBuffer(8)]) {
      const error = left(appendToEncoder(file as Uint8Array, classifier, OPTIONS));
      expect(error).toMatchObject({ _tag: "InvalidFile", what: "onnx" });
    }
  });

  it("nothing else than by an Either, whatever was changed in a file", () => {
    const encoder = encoderFile(), seen = new Set<string>();
    for (let index = 0; index < 2000; index++) {
      const result = appendToEncoder(mutateBytes(encoder, dice(1, index)), classifier, OPTIONS);
      seen.add(result._tag === "Left" ? result.left._tag : result._tag);
    }
    const known = ["FeatureMismatch", "InvalidFile", "InvalidOption", "Right", "Unsupported"];
    expect([...seen].filter((tag) => !known.includes(tag))).toEqual([]);
    expect([...seen]).toEqual(expect.arrayContaining(["InvalidFile", "Right"]));
  });
});

describe("pipelineConfig()", () => {
  it("is the encoder's config with the labels as texts", () => {
    const encoder = { model_type: "bert", id2label: { 0: "LABEL_0" }, problem_type: "regression" };
    expect(getOrThrow(pipelineConfig(classifier, encoder))).toEqual({
      model_type: "bert",
      id2label: { 0: "cat person", 1: "ä", 2: "日本" },
      label2id: { "cat person": 0, "ä": 1, "日本": 2 },
      problem_type: "single_label_classification",
    });
    expect(encoder.problem_type).toBe("regression");
    const numbers = getOrThrow(classifierOf(head, [1, 2.5, 10]));
    expect(getOrThrow(pipelineConfig(numbers, {})).id2label).toEqual({ 0: "1", 1: "2.5", 2: "10" });
  });

  it("refuses what is no config", () => {
    for (const value of [null, undefined, "{}", 3]) {
      expect(left(pipelineConfig(classifier, value as unknown as Record<string, unknown>))._tag)
        .toBe("WrongKind");
    }
  });
});
