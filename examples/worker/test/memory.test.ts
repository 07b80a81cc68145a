import { expect, test } from "vitest";
import { processBytes, watchHeap } from "../local/memory.ts";
import { open } from "./open.ts";
import { Clusters, fileOf, memoryOf } from "./reference.ts";

const MB = 1e6;

test("the isolate stays below 128 MB with 1,000 classes of 768 features", async () => {
  const client = await open({ inspect: true, vars: { MAX_TOP: 1000 } }), clusters = new Clusters(1000, 768);
  const weight = new Float32Array(1000 * 768).map(() => clusters.draw() / 10);
  const labels = Array.from({ length: 1000 }, (_, i) => `class ${i}`);
  const stop = watchHeap(client.running);
  await client.put(
    fileOf(
      {
        weight: { shape: [1000, 768], data: weight },
        bias: { shape: [1000], data: new Float32Array(1000) },
        ...memoryOf(768),
      },
      labels,
    ),
  );
  const counts = { learnt: 0, predicted: 0, got: 0, put: 0 };
  const until = Date.now() + 15_000;
  const keep = async (request: () => Promise<void>): Promise<void> => {
    while (Date.now() < until) await request();
  };
  const learn = async () => {
    const { embeddings, labels } = clusters.examples(64);
    if ((await client.learn(embeddings, labels)).status === 200) counts.learnt++;
  };
  const predict = async () => {
    const { status, body } = await client.predict(clusters.examples(64).embeddings, {
      top: counts.predicted % 4 === 0 ? 1000 : 5,
    });
    if (status === 200 && body.predictions?.length === 64) counts.predicted++;
  };
  const exchange = async () => {
    const head = await client.head();
    counts.got++;
    if ((await client.put(head)).status === 200) counts.put++;
  };
  await Promise.all([learn, learn, learn, predict, predict, predict, exchange].map(keep));
  const peak = await stop(), resident = processBytes(client.running, "VmHWM");
  const sizes = Object.entries({ ...peak, process: resident }).map(([name, n]) =>
    `${name} ${name === "samples" ? n : (n / MB).toFixed(1)}`
  );
  console.log(`MB at most: ${sizes.join(", ")}`, counts);
  expect(peak.samples).toBeGreaterThan(50);
  expect(Math.min(peak.buffers, peak.wasm)).toBeGreaterThan(3 * MB);
  expect(peak.left).toBeLessThan(32 * MB);
  expect(peak.isolate).toBeLessThan(128 * MB);
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(2);
});
