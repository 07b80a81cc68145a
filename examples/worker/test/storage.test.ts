import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { Client } from "./client.ts";
import { open } from "./open.ts";
import { Clusters, Reference } from "./reference.ts";

/** The most bytes that a file of the worker's process may have. */
function limitFiles({ running }: Client, bytes: number | "unlimited"): void {
  execFileSync("prlimit", [`--pid=${running.process.pid}`, `--fsize=${bytes}:unlimited`]);
}

test.each([[6, 16], [400, 768]])("a head that cannot be stored is not learnt, %i × %i", async (classes, features) => {
  const client = await open(), clusters = new Clusters(classes, features), reference = new Reference();
  for (let first = 0; first < classes; first += 50) {
    const numbers = Array.from({ length: Math.min(50, classes - first) }, (_, i) => first + i);
    const embeddings = numbers.map((n) => clusters.example(n)), labels = numbers.map((n) => `class ${n}`);
    await client.learn(embeddings, labels);
    reference.learn(embeddings, labels);
  }
  const at = clusters.example(0), before = await client.predict([at]);
  let refused = 0;
  for (const bytes of [0, 4096, 20_000, 200_000, 1_100_000, 1_150_000, 1_200_000]) {
    // The file that changes are written to begins anew, so that the limit cuts off within the first or the second row.
    await client.restart();
    limitFiles(client, bytes);
    const { embeddings, labels } = clusters.examples(20);
    const { status, body } = await client.learn(embeddings, labels);
    limitFiles(client, "unlimited");
    if (status === 200) reference.learn(embeddings, labels);
    else {
      expect([status, body.error?.code]).toEqual([503, "Unavailable"]);
      refused++;
      expect(await client.predict([at])).toMatchObject({ body: before.body });
    }
    expect((await client.head()).equals(reference.file())).toBe(true);
  }
  expect(refused).toBeGreaterThanOrEqual(classes === 6 ? 2 : 7);
  const { embeddings, labels } = clusters.examples(20);
  expect((await client.learn(embeddings, labels)).status).toBe(200);
  reference.learn(embeddings, labels);
  await client.restart();
  expect((await client.head()).equals(reference.file())).toBe(true);
});
