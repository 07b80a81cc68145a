import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Client } from "./client.ts";
import { open } from "./open.ts";
import { Clusters, Reference } from "./reference.ts";

const RUNS = Number(process.env["FAULT_RUNS"] ?? 3);

/** Learns one after the other until the worker is killed; gives what was acknowledged, and that with the next one. */
async function learnUntilKilled(client: Client, clusters: Clusters, from: Reference): Promise<[Reference, Reference]> {
  let acknowledged = from;
  for (;;) {
    const { embeddings, labels } = clusters.examples(1 + clusters.below(24)), next = acknowledged.copy();
    next.learn(embeddings, labels);
    const answer = await client.learn(embeddings, labels).catch(() => null);
    if (answer === null) return [acknowledged, next];
    expect(answer.status).toBe(200);
    acknowledged = next;
  }
}

/** Learns one after the other, and kills the worker as soon as so many are acknowledged. */
async function learnAndKill(client: Client, clusters: Clusters, from: Reference, count: number): Promise<Reference> {
  const reference = from.copy();
  for (let learnt = 0; learnt < count; learnt++) {
    const { embeddings, labels } = clusters.examples(1 + clusters.below(24));
    expect((await client.learn(embeddings, labels)).status).toBe(200);
    if (learnt === count - 1) client.running.process.kill("SIGKILL");
    reference.learn(embeddings, labels);
  }
  return reference;
}

async function first(client: Client, clusters: Clusters): Promise<Reference> {
  const reference = new Reference();
  for (let from = 0; from < clusters.classes; from += 50) {
    const classes = Array.from({ length: Math.min(50, clusters.classes - from) }, (_, i) => from + i);
    const embeddings = classes.map((c) => clusters.example(c)), labels = classes.map((c) => `class ${c}`);
    expect((await client.learn(embeddings, labels)).status).toBe(200);
    reference.learn(embeddings, labels);
  }
  return reference;
}

const SIZES = { "a small head": [6, 16], "a head of several rows": [500, 768] } as const;

describe.each(Object.entries(SIZES))("killed in the middle, %s", (_, [classes, features]) => {
  for (let run = 1; run <= RUNS; run++) {
    test(`run ${run}: the head is that of the acknowledged learns, or has the one in flight as a whole`, async () => {
      const client = await open(), clusters = new Clusters(classes, features, run);
      let reference = await first(client, clusters);
      for (let kill = 0; kill < 3; kill++) {
        const learning = learnUntilKilled(client, clusters, reference);
        await wait(20 + clusters.below(400));
        client.running.process.kill("SIGKILL");
        const [acknowledged, next] = await learning;
        await client.restart();
        const head = await client.head(), arrived = head.equals(next.file());
        expect(arrived || head.equals(acknowledged.file())).toBe(true);
        reference = arrived ? next : acknowledged;
      }
      for (let kill = 0; kill < 3; kill++) {
        reference = await learnAndKill(client, clusters, reference, 1 + clusters.below(4));
        await client.restart();
        expect((await client.head()).equals(reference.file())).toBe(true);
      }
      const { updates, examples } = (await client.stats()).body;
      expect([updates, examples]).toEqual([reference.state.steps, reference.state.examples]);
    });
  }
});
