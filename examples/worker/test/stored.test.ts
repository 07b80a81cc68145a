// Files that lie where the head is kept, whoever left them there.

import { expect, test } from "vitest";
import type { Client } from "./client.ts";
import { open } from "./open.ts";
import { fileOf, memoryOf, Reference } from "./reference.ts";

const D = 2, LABELS = ["east", "north"];
const LAYER = {
  weight: { shape: [2, D], data: Float32Array.of(1, 0, 0, 1) },
  bias: { shape: [2], data: new Float32Array(2) },
};
const HEAD = { ...LAYER, ...memoryOf(D) };

/** A worker that starts with a file where its head is kept. */
async function openOn(file: Buffer<ArrayBuffer>): Promise<Client> {
  const client = await open({ main: "test/raw_worker.js" });
  expect((await client.ask("/raw", { method: "PUT", body: file })).status).toBe(200);
  await client.restart();
  return client;
}

test("a head without moments answers, and is not taught before it is put with them", async () => {
  const file = fileOf(LAYER, LABELS), client = await openOn(file);
  expect((await client.predict([[1, 0]])).body.predictions?.[0]?.label).toBe("east");
  const { status, body } = await client.learn([[1, 0], [0, 1]], LABELS);
  expect([status, body.error?.code]).toEqual([409, "NoMoments"]);
  expect(body.error?.remedy).toContain("classifierOf");
  expect((await client.head()).equals(file)).toBe(true);
  expect((await client.put(fileOf(HEAD, LABELS))).status).toBe(200);
  expect((await client.learn([[1, 0], [0, 1]], LABELS)).body).toMatchObject({ examples: 1002, updates: 1 });
});

test("a learn whose head could not be read again is refused, and the head before stays, after a restart, too", async () => {
  const file = fileOf({ ...HEAD, steps: { shape: [], data: Float64Array.of(2 ** 53 - 1) } }, LABELS);
  const client = await openOn(file), before = await client.predict([[1, 0]]);
  expect(before.status).toBe(200);
  const { status, body } = await client.learn([[1, 0], [0, 1]], LABELS);
  expect([status, body.error?.code]).toEqual([400, "UnreadableHead"]);
  for (let start = 0; start < 2; start++) {
    expect((await client.head()).equals(file)).toBe(true);
    expect((await client.predict([[1, 0]])).body).toEqual(before.body);
    await client.restart();
  }
});

test("a file that is no head is said to be none, until another head is put", async () => {
  const client = await openOn(fileOf(HEAD, LABELS).subarray(0, 100)), reference = new Reference();
  for (const ask of [() => client.predict([[1, 0]]), () => client.learn([[1, 0]], ["east"]), () => client.stats()]) {
    const { status, body } = await ask();
    expect([status, body.error?.code]).toEqual([500, "UnreadableHead"]);
  }
  await expect(client.head()).rejects.toThrow("500");
  reference.learn([[1, 0], [0, 1]], LABELS);
  expect((await client.put(new Uint8Array(reference.file()))).status).toBe(200);
  expect((await client.head()).equals(reference.file())).toBe(true);
});
