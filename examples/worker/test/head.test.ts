import { beforeEach, describe, expect, test } from "vitest";
import {
  classify,
  encodeClassifier,
  getOrThrow,
  learn,
  readSafetensors,
  type Tensor,
  trainClassifier,
} from "../../../mod.ts";
import type { Client } from "./client.ts";
import { open } from "./open.ts";
import { Clusters, fileOf, memoryOf, metadataOf, raw, Reference } from "./reference.ts";

const C = 3, D = 4;
const floats = (count: number, value = 0.5): Float32Array => new Float32Array(count).fill(value);
const single = (value: number): Tensor => ({ shape: [], data: Float64Array.of(value) });

const MEMORY = {
  mean: { shape: [D], data: floats(D) },
  variance: { shape: [D], data: floats(D) },
  examples: single(5),
  steps: single(2),
};
const LAYER = { weight: { shape: [C, D], data: floats(C * D) }, bias: { shape: [C], data: floats(C) } };
const HEAD = { ...LAYER, ...MEMORY };
const LABELS = ["a", "b", "c"];

function learnt(): Reference {
  const reference = new Reference(), { embeddings, labels } = new Clusters(C, D).examples(20);
  reference.learn(embeddings, labels);
  return reference;
}

describe("what is put is what is got", () => {
  let client: Client;
  beforeEach(async () => client = await open());

  test("a head that has learnt, here or elsewhere, goes on as the one it is a copy of", async () => {
    const reference = learnt(), file = reference.file(), { embeddings, labels } = new Clusters(C, D, 2).examples(20);
    expect((await client.put(new Uint8Array(file))).body).toMatchObject({
      classes: C,
      features: D,
      examples: 20,
      updates: 2,
    });
    expect((await client.head()).equals(file)).toBe(true);
    await client.restart();
    expect((await client.head()).equals(file)).toBe(true);
    expect((await client.put(await client.head())).status).toBe(200);
    await client.learn(embeddings, labels);
    reference.learn(embeddings, labels);
    expect((await client.head()).equals(reference.file())).toBe(true);
  });

  test("a head trained elsewhere, its labels texts or numbers", async () => {
    const { status, body } = await client.put(fileOf({ ...HEAD, steps: single(0) }, LABELS));
    expect([status, body.examples, body.updates]).toEqual([200, 5, 0]);
    expect((await client.head()).equals(fileOf({ ...HEAD, steps: single(0) }, LABELS))).toBe(true);
    await client.put(fileOf(HEAD, LABELS));
    expect((await client.head()).equals(fileOf(HEAD, LABELS))).toBe(true);
    await client.put(fileOf(HEAD, [3, 1, -0.5]));
    expect((await client.head()).equals(fileOf(HEAD, [3, 1, -0.5]))).toBe(true);
  });

  test("1,000 classes of 768 features", async () => {
    const weight = floats(1000 * 768).map((_, i) => Math.sin(i));
    const file = fileOf({
      weight: { shape: [1000, 768], data: weight },
      bias: { shape: [1000], data: floats(1000) },
      ...memoryOf(768),
    }, Array.from({ length: 1000 }, (_, i) => `class ${i}`));
    expect((await client.put(file)).body).toMatchObject({ classes: 1000, features: 768, bytes: file.length });
    expect((await client.head()).equals(file)).toBe(true);
    await client.restart({ vars: {} });
    expect((await client.head()).equals(file)).toBe(true);
  });

  test("halves, of either kind, are read as what they are", async () => {
    for (const [dtype, half] of [["F16", 0x3800], ["BF16", 0x3f00]] as const) {
      const halves = C * D + C + 2 * D, data = new Uint8Array(new Uint16Array(halves).fill(half).buffer);
      const ends = [C * D, C, D, D].map((_, i, sizes) =>
        2 * sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0)
      );
      const [a, b, c, d] = ends as [number, number, number, number];
      const file = raw({
        __metadata__: {
          fgn: metadataOf(D, { steps: 2, examples: 5, layers: 1 }),
          labels: JSON.stringify(["0", "1", "2"]),
        },
        "layers.0.weight": { dtype, shape: [C, D], data_offsets: [0, a] },
        "layers.0.bias": { dtype, shape: [C], data_offsets: [a, b] },
        "moments.0.mean": { dtype, shape: [D], data_offsets: [b, c] },
        "moments.0.variance": { dtype, shape: [D], data_offsets: [c, d] },
      }, data);
      expect((await client.put(file)).status).toBe(200);
      expect((await client.head()).equals(fileOf(HEAD, ["0", "1", "2"]))).toBe(true);
    }
  });

  test("a smaller head leaves nothing of a larger one behind", async () => {
    const big = {
      weight: { shape: [700, 1000], data: floats(700_000) },
      bias: { shape: [700], data: floats(700) },
      ...memoryOf(1000),
    };
    await client.put(fileOf(big));
    await client.put(fileOf(HEAD, LABELS));
    await client.restart();
    expect((await client.head()).equals(fileOf(HEAD, LABELS))).toBe(true);
  });

  test("a classifier of rows and labels, trained in any runtime, answers and learns as it does there", async () => {
    const clusters = new Clusters(4, D), { embeddings: features, labels } = clusters.examples(200, 3);
    const options = { hidden: [8], epochs: 5, threshold: 0.4 };
    const { classifier } = await getOrThrow(trainClassifier({ features, labels }, options));
    const file = Buffer.from(getOrThrow(encodeClassifier(classifier)));
    expect((await client.put(file)).body).toMatchObject({ classes: 3, features: D, examples: 180, updates: 0 });
    expect((await client.head()).equals(file)).toBe(true);
    const asked = clusters.examples(20).embeddings, { predictions } = (await client.predict(asked, { top: 3 })).body;
    const expected = getOrThrow(classify(classifier, asked, { top: 3 }));
    expect(predictions).toEqual(expected.map(({ top, ...others }) => ({ ...others, classes: top })));
    const few = { features: [clusters.example(3), clusters.example(3)], labels: ["class 3", "class 3"] };
    expect((await client.learn(few.features, few.labels)).body).toMatchObject({
      classes: 4,
      examples: 182,
      updates: 1,
    });
    const learnt = getOrThrow(learn(classifier, few, { epochs: 1, batchSize: 16 }));
    expect((await client.head()).equals(Buffer.from(getOrThrow(encodeClassifier(learnt))))).toBe(true);
  });

  test("a classifier whose labels are numbers learns numbers", async () => {
    await client.put(fileOf(HEAD, [3, 1, -0.5]));
    expect((await client.learn([[1, 2, 3, 4], [4, 3, 2, 1]], [7, "-0.5"])).body).toMatchObject({ classes: 4 });
    expect((await client.predict([[1, 2, 3, 4]])).body.predictions?.[0]?.classes).toHaveLength(4);
    expect((await client.learn([[1, 2, 3, 4]], ["seven"])).body.error?.code).toBe("InvalidLabel");
  });

  test("a classifier of texts is none of embeddings", async () => {
    const data = { features: ["a", "b", "aa", "bb"], labels: ["a", "b", "a", "b"] };
    const { classifier } = await getOrThrow(trainClassifier(data, { epochs: 1, buckets: 8 }));
    const { status, body } = await client.put(Buffer.from(getOrThrow(encodeClassifier(classifier))));
    expect([status, body.error?.code]).toEqual([400, "InvalidHead"]);
  });

  test("there is none at first", async () => {
    await expect(client.head()).rejects.toThrow("409");
  });
});

/** Uploads that are no head. */
const WRONG: Readonly<Record<string, Buffer<ArrayBuffer>>> = {
  "nothing": Buffer.alloc(0),
  "a text": Buffer.from("no head at all"),
  "no bias": fileOf({ weight: HEAD.weight, ...MEMORY }, LABELS),
  "labels of two kinds": fileOf(HEAD, ["a", "b", 3]),
  "no weight": fileOf({ bias: HEAD.bias, ...MEMORY }, LABELS),
  "another tensor": fileOf({ ...HEAD, more: HEAD.bias }, LABELS),
  "a NaN among the weights": fileOf(
    { ...HEAD, weight: { shape: [C, D], data: floats(C * D).fill(NaN, 7, 8) } },
    LABELS,
  ),
  "an infinite bias": fileOf({ ...HEAD, bias: { shape: [C], data: floats(C, Infinity) } }, LABELS),
  "whole weights": fileOf({ ...HEAD, weight: { shape: [C, D], data: new Int32Array(C * D) } }, LABELS),
  "wide biases": fileOf({ ...HEAD, bias: { shape: [C], data: new Float64Array(C) } }, LABELS),
  "flat weights": fileOf({ ...HEAD, weight: { shape: [C * D], data: floats(C * D) } }, LABELS),
  "weights of three dimensions": fileOf({ ...HEAD, weight: { shape: [C, D, 1], data: floats(C * D) } }, LABELS),
  "too few biases": fileOf({ ...HEAD, bias: { shape: [2], data: floats(2) } }, LABELS),
  "biases in two dimensions": fileOf({ ...HEAD, bias: { shape: [C, 1], data: floats(C) } }, LABELS),
  "one class": fileOf({ ...HEAD, weight: { shape: [1, D], data: floats(D) }, bias: { shape: [1], data: floats(1) } }),
  "no class": fileOf({ ...HEAD, weight: { shape: [0, D], data: floats(0) }, bias: { shape: [0], data: floats(0) } }),
  "no feature": fileOf({ ...HEAD, weight: { shape: [C, 0], data: floats(0) } }),
  "a label twice": fileOf(HEAD, ["a", "b", "a"]),
  "too few labels": fileOf(HEAD, ["a", "b"]),
  "too many labels": fileOf(HEAD, ["a", "b", "c", "d"]),
  "labels that are no labels": fileOf(HEAD, ["a", "b", null]),
  "an empty label": fileOf(HEAD, ["a", "b", ""]),
  "a too long label": fileOf(HEAD, ["a", "b", "c".repeat(101)]),
  "half a character as a label": fileOf(HEAD, ["a", "b", "\udc00"]),
  "labels that are no list": fileOf(HEAD, { length: 3 }),
  "no moments": fileOf(LAYER, LABELS),
  "a mean alone": fileOf({ ...LAYER, mean: MEMORY.mean }, LABELS),
  "no count of examples": fileOf({ ...LAYER, mean: MEMORY.mean, variance: MEMORY.variance, steps: single(2) }, LABELS),
  "a NaN mean": fileOf({ ...HEAD, mean: { shape: [D], data: floats(D, NaN) } }, LABELS),
  "an infinite variance": fileOf({ ...HEAD, variance: { shape: [D], data: floats(D, Infinity) } }, LABELS),
  "a variance below zero": fileOf({ ...HEAD, variance: { shape: [D], data: floats(D, -1) } }, LABELS),
  "a mean of another width": fileOf({ ...HEAD, mean: { shape: [5], data: floats(5) } }, LABELS),
  "zero examples": fileOf({ ...HEAD, examples: single(0) }, LABELS),
  "endless examples": fileOf({ ...HEAD, examples: single(Infinity) }, LABELS),
  "half a step": fileOf({ ...HEAD, steps: single(0.5) }, LABELS),
  "steps that leave no room for more": fileOf({ ...HEAD, steps: single(2 ** 53 - 1) }, LABELS),
  "a step below zero": fileOf({ ...HEAD, steps: single(-1) }, LABELS),
};

describe("what is no head changes nothing", () => {
  let client: Client, file: Buffer<ArrayBuffer>;
  beforeEach(async () => {
    client = await open();
    file = Buffer.from(learnt().file());
    await client.put(file);
  });

  test("a head with a memory is one (so each of the others has one thing wrong)", async () => {
    expect((await client.put(fileOf(HEAD, LABELS))).status).toBe(200);
    expect((await client.head()).equals(fileOf(HEAD, LABELS))).toBe(true);
  });

  test("files with one thing wrong", async () => {
    for (const [name, wrong] of Object.entries(WRONG)) {
      const { status, body } = await client.put(wrong);
      expect([name, status]).toEqual([name, 400]);
      expect(body.error?.message).not.toBe("");
      expect((await client.head()).equals(file)).toBe(true);
    }
    await client.restart();
    expect((await client.head()).equals(file)).toBe(true);
  });

  test("files cut off anywhere", async () => {
    for (let length = 0; length < file.length; length += 1 + (length % 5)) {
      expect((await client.put(file.subarray(0, length))).status).toBe(400);
    }
    expect((await client.put(Buffer.concat([file, Buffer.alloc(1)]))).status).toBe(400);
    expect((await client.head()).equals(file)).toBe(true);
  });

  test("files with a byte changed within the header are refused, or are other heads", async () => {
    const end = 8 + file.readUInt32LE(0);
    let refused = 0;
    for (let at = 0; at < end; at += 1 + (at % 2)) {
      for (const flip of [0x01, 0x80]) {
        const changed = Buffer.from(file);
        changed[at] = (changed[at] as number) ^ flip;
        const { status } = await client.put(changed);
        if (status === 200) {
          expect(readSafetensors(new Uint8Array(changed))._tag).toBe("Right");
          await client.put(file);
        } else {
          refused++;
          expect([400, 413]).toContain(status);
          expect((await client.head()).equals(file)).toBe(true);
        }
      }
    }
    expect(refused).toBeGreaterThan(end / 2);
  });

  test("heads beyond the limits", async () => {
    const sized = (classes: number, features: number) =>
      fileOf({
        weight: { shape: [classes, features], data: floats(classes * features) },
        bias: { shape: [classes], data: floats(classes) },
        ...memoryOf(features),
      });
    expect((await client.put(sized(1025, 2))).body.error?.code).toBe("HeadTooLarge");
    expect((await client.put(sized(2, 1537))).body.error?.code).toBe("HeadTooLarge");
    expect((await client.put(Buffer.alloc(8 * 2 ** 20 + 1))).body.error?.code).toBe("BodyTooLarge");
    expect((await client.head()).equals(file)).toBe(true);
  });

  test("a learn that would make the file too large", async () => {
    await client.restart({ vars: { MAX_HEAD_BYTES: file.length + 20 } });
    const example = [1, 2, 3, 4];
    expect((await client.learn([example], ["class 0"])).status).toBe(200);
    const before = await client.head();
    const { status, body } = await client.learn([example, example], ["new", "newer"]);
    expect([status, body.error?.code]).toEqual([413, "HeadTooLarge"]);
    expect((await client.head()).equals(before)).toBe(true);
  });
});
