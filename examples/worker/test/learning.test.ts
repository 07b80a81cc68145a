import { expect, test } from "vitest";
import { getOrThrow, matrix, type Network, observe } from "../../../mod.ts";
import type { Prediction } from "./client.ts";
import { open } from "./open.ts";
import { Clusters, fileOf, memoryOf, Reference } from "./reference.ts";

/** The probabilities of a prediction that names all classes, in the order of the labels. */
const inOrder = ({ classes }: Prediction, labels: readonly (string | number)[]): number[] =>
  labels.map((label) => classes.find((c) => c.label === label)?.probability ?? NaN);

const same = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
  a.length === b.length && Array.from(a).every((value, i) => value === b[i]);

test("the same learns make the same head as the library does, to the byte, whatever their sizes", async () => {
  const client = await open(), reference = new Reference(), clusters = new Clusters(9, 24);
  for (const [count, known] of [[2, 2], [16, 3], [17, 5], [1, 5], [64, 7], [33, 9]] as const) {
    const { embeddings, labels } = clusters.examples(count, known);
    const all = count === 2 ? ["class 0", "class 1"] : labels;
    expect((await client.learn(embeddings, all)).status).toBe(200);
    reference.learn(embeddings, all);
    expect((await client.head()).equals(reference.file())).toBe(true);
  }
  await client.restart();
  expect((await client.head()).equals(reference.file())).toBe(true);
  const { embeddings } = clusters.examples(40);
  const { body } = await client.predict(embeddings, { top: 100 }), wanted = reference.probabilities(embeddings);
  for (const [i, prediction] of (body.predictions ?? []).entries()) {
    expect(same(inOrder(prediction, reference.labels), wanted[i] ?? [])).toBe(true);
    expect(prediction.label).toBe(prediction.classes[0]?.label);
  }
});

test("names grow the head, whole numbers as their text, names of properties as any other", async () => {
  const client = await open();
  expect((await client.learn([[1, 0], [0, 1]], [7, -1])).body).toMatchObject({ classes: 2, examples: 2, updates: 1 });
  expect((await client.learn([[1, 1]], ["7"])).body).toMatchObject({ classes: 2, examples: 3, updates: 2 });
  const names = ["__proto__", "constructor", "ελ ☀️ 𝔘", '"\\\n'];
  const learnt = await client.learn([[5, 5], [-5, 5], [5, -5], [-5, -5]], names);
  expect(learnt.body).toMatchObject({ classes: 6, examples: 7, updates: 3 });
  const { predictions } = (await client.predict([[5, 5], [-5, 5], [5, -5], [-5, -5]])).body;
  expect(predictions?.map(({ label }) => label)).toEqual(names);
  expect(predictions?.[0]?.classes.length).toBe(5);
  expect((await client.predict([[5, 5]], { top: 2 })).body.predictions?.[0]?.classes.length).toBe(2);
});

test("RATIO is the ratio of the optimizer", async () => {
  const heads = [];
  for (const vars of [{}, { RATIO: 0.003 }, { RATIO: "0.3" }]) {
    const client = await open({ vars });
    await client.learn([[1, 0], [0, 1], [1, 0.5]], ["a", "b", "a"]);
    heads.push(await client.head());
  }
  const [usual, written, other] = heads as [Buffer, Buffer, Buffer];
  expect([usual.equals(written), usual.equals(other)]).toEqual([true, false]);
});

test("a thousand predictions and learns, several in flight, are as if one came after the other", async () => {
  const client = await open(), clusters = new Clusters(8, 16);
  const first = { embeddings: [clusters.example(0), clusters.example(1)], labels: ["class 0", "class 1"] };
  await client.learn(first.embeddings, first.labels);
  const learnt = new Map([[1, first]]),
    answers: { from: number; to: number; at: number[]; prediction: Prediction }[] = [];
  let sent = 1, latest = 1;
  const send = async (index: number): Promise<void> => {
    if (index % 2 === 0) {
      const examples = clusters.examples(1 + clusters.below(8), 2 + Math.floor(index / 160));
      sent++;
      const { status, body } = await client.learn(examples.embeddings, examples.labels);
      expect(status).toBe(200);
      latest = Math.max(latest, body.updates as number);
      expect(learnt.has(body.updates as number)).toBe(false);
      learnt.set(body.updates as number, examples);
    } else {
      const from = latest, at = clusters.example(clusters.below(8));
      const { status, body } = await client.predict([at], { top: 100 });
      expect(status).toBe(200);
      answers.push({ from, to: sent, at, prediction: body.predictions?.[0] as Prediction });
    }
  };
  let next = 0;
  await Promise.all(Array.from({ length: 6 }, async () => {
    while (next < 1000) await send(next++);
  }));
  expect([learnt.size, answers.length]).toEqual([501, 500]);

  const versions = [new Reference()];
  for (let update = 1; update <= learnt.size; update++) {
    const { embeddings, labels } = learnt.get(update) as typeof first, version = versions.at(-1)?.copy() as Reference;
    version.learn(embeddings, labels);
    versions.push(version);
  }
  expect((await client.head()).equals((versions.at(-1) as Reference).file())).toBe(true);
  const examples = [...learnt.values()].reduce((sum, { labels }) => sum + labels.length, 0);
  expect((await client.stats()).body).toMatchObject({ examples, updates: 501, classes: 8, waiting: 0 });
  for (const { from, to, at, prediction } of answers) {
    expect(prediction.classes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
    const fits = versions.slice(from, to + 1).some((version) =>
      same(inOrder(prediction, version.labels), version.probabilities([at])[0] ?? [])
    );
    expect(fits).toBe(true);
  }
  const { embeddings, labels } = clusters.examples(64);
  const { predictions } = (await client.predict(embeddings)).body;
  const correct = predictions?.filter(({ label }, i) => label === labels[i]).length ?? 0;
  expect(correct / 64).toBeGreaterThan(0.95);
});

test("predictions go on with the head last acknowledged while a learn is under way", async () => {
  const client = await open({ vars: { MAX_TOP: 1000 } }), clusters = new Clusters(1000, 768);
  const reference = new Reference();
  for (let from = 0; from < 1000; from += 50) {
    const classes = Array.from({ length: 50 }, (_, i) => from + i);
    const embeddings = classes.map((c) => clusters.example(c));
    await client.learn(embeddings, classes);
    if (from === 0) reference.learn(embeddings, classes);
  }
  const at = clusters.example(3), ask = async () => (await client.predict([at], { top: 1000 })).body.predictions?.[0];
  const before = await ask(), { embeddings, labels } = clusters.examples(64, 1000);
  let learnt = false;
  const learning = client.learn(embeddings, labels.map((label) => label.slice(6))).then(({ status }) => {
    learnt = true;
    return status;
  });
  const meanwhile = [];
  while (!learnt) meanwhile.push(JSON.stringify(await ask()));
  expect(await learning).toBe(200);
  const old = JSON.stringify(before), now = JSON.stringify(await ask());
  expect(now).not.toBe(old);
  // The new head may answer before the word of its learn arrives, the old one not after that.
  const changed = meanwhile.indexOf(now), still = changed < 0 ? meanwhile.length : changed;
  expect(still).toBeGreaterThan(0);
  meanwhile.forEach((prediction, i) => expect(prediction).toBe(i < still ? old : now));
});

test("a learn beyond its time changes nothing", async () => {
  const client = await open({ vars: { MAX_MILLISECONDS: 1 } }), clusters = new Clusters(1000, 768);
  const weight = new Float32Array(1000 * 768).map(() => clusters.draw() - 0.5);
  await client.put(
    fileOf({
      weight: { shape: [1000, 768], data: weight },
      bias: { shape: [1000], data: new Float32Array(1000) },
      ...memoryOf(768),
    }),
  );
  const before = await client.head(), { embeddings, labels } = clusters.examples(64);
  const { status, body } = await client.learn(embeddings, labels.map((label) => label.slice(6)));
  expect([status, body.error?.code]).toEqual([503, "OutOfTime"]);
  expect((await client.head()).equals(before)).toBe(true);
  const few = await client.learn(embeddings.slice(0, 16), labels.slice(0, 16));
  expect([few.status, few.body.examples]).toEqual([200, 1016]);
});

test("learns beyond those that may wait are refused, and the others all learnt", async () => {
  const client = await open({ vars: { MAX_WAITING: 3 } }), clusters = new Clusters(4, 512);
  await client.learn([clusters.example(0), clusters.example(1)], ["class 0", "class 1"]);
  const answers = await Promise.all(Array.from({ length: 24 }, () => {
    const { embeddings, labels } = clusters.examples(64);
    return client.learn(embeddings, labels);
  }));
  const refused = answers.filter(({ status }) => status === 429),
    learnt = answers.filter(({ status }) => status === 200);
  expect(refused.length).toBeGreaterThan(0);
  expect(learnt.length + refused.length).toBe(24);
  for (const { headers, body } of refused) {
    expect([body.error?.code, Number(headers.get("retry-after")) > 0]).toEqual(["Busy", true]);
  }
  const { body } = await client.stats();
  expect(body).toMatchObject({ examples: 2 + 64 * learnt.length, updates: 1 + 4 * learnt.length, waiting: 0 });
});

/** Examples of clusters about a point far from zero, as embeddings lie. */
function offCentre(clusters: Clusters, count: number, known?: number): { embeddings: number[][]; labels: string[] } {
  const { embeddings, labels } = clusters.examples(count, known);
  return { embeddings: embeddings.map((row) => row.map((value) => Math.fround(value + 2))), labels };
}

test("a head trained elsewhere learns a new class by its moments, and keeps the old ones", async () => {
  const client = await open(), clusters = new Clusters(9, 16), elsewhere = new Reference();
  elsewhere.learn(
    [0, 1, 2, 3, 4, 5, 6, 7].map((c) => clusters.example(c).map((v) => v + 2)),
    [0, 1, 2, 3, 4, 5, 6, 7].map((c) => `class ${c}`),
  );
  for (let i = 0; i < 30; i++) {
    const { embeddings, labels } = offCentre(clusters, 16, 8);
    elsewhere.learn(embeddings, labels);
  }
  // Its moments by the definition, as docs/deploy.md has them made by NumPy or PyTorch.
  const { embeddings: seen } = offCentre(clusters, 300, 8),
    columns = Array.from({ length: 16 }, (_, i) => seen.map((row) => row[i] as number));
  const means = columns.map((column) => column.reduce((sum, value) => sum + value, 0) / 300);
  const variances = columns.map((column, i) =>
    column.reduce((sum, v) => sum + (v - (means[i] as number)) ** 2, 0) / 300
  );
  const state = getOrThrow(observe(elsewhere.network as Network, null, getOrThrow(matrix(300, 16, seen.flat())))),
    [moments] = state.layers;
  expect(state.examples).toBe(300);
  means.forEach((mean, i) => expect(moments?.mean[i]).toBeCloseTo(mean, 5));
  variances.forEach((variance, i) => expect(moments?.variance[i]).toBeCloseTo(variance, 5));

  const put = Object.assign(elsewhere.copy(), { state });
  expect((await client.put(new Uint8Array(put.file()))).body).toMatchObject({ classes: 8, examples: 300, updates: 0 });
  const few = Array.from({ length: 5 }, () => clusters.example(8).map((value) => Math.fround(value + 2)));
  const added = { embeddings: few, labels: few.map(() => "class 8") };
  expect((await client.learn(added.embeddings, added.labels)).status).toBe(200);
  put.learn(added.embeddings, added.labels);
  expect((await client.head()).equals(put.file())).toBe(true);
  const { embeddings, labels } = offCentre(clusters, 64, 8), { predictions } = (await client.predict(embeddings)).body;
  const kept = predictions?.filter(({ label }, i) => label === labels[i]).length ?? 0;
  expect(kept / 64).toBeGreaterThan(0.9);
});

test("predictions of all classes give the head away, as docs/deploy.md says", async () => {
  const client = await open(), clusters = new Clusters(5, 6), reference = new Reference();
  const { embeddings, labels } = clusters.examples(64);
  await client.learn(embeddings, labels);
  reference.learn(embeddings, labels);
  // Zero gives the differences of biases, a unit vector those of the weights of its feature.
  const asked = [
    Array(6).fill(0),
    ...Array.from({ length: 6 }, (_, i) => Array.from({ length: 6 }, (_, j) => Number(i === j))),
  ];
  const { predictions } = (await client.predict(asked)).body;
  const logs = (predictions ?? []).map((p) => inOrder(p, reference.labels).map(Math.log));
  const differences = logs.map((row) => row.map((value) => value - (row[0] as number)));
  const [layer] = (reference.network as Network).layers;
  if (layer?._tag !== "dense") throw new Error("no head");
  const { cols, data } = layer.weight, at = (c: number, i: number) => data[c * cols + i] as number;
  for (let c = 1; c < 5; c++) {
    for (let i = 0; i < 6; i++) {
      const stolen = (differences[i + 1]?.[c] ?? NaN) - (differences[0]?.[c] ?? NaN);
      expect(stolen).toBeCloseTo(at(c, i) - at(0, i), 4);
    }
  }
});
