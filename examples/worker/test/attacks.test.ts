// Attacks over HTTP: after each one the head is the same to the byte, and learns as before.

import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Tensor } from "../../../mod.ts";
import { Client, TOKEN } from "./client.ts";
import { Clusters, fileOf, memoryOf, raw, Reference } from "./reference.ts";

const D = 4, LIMITS = { MAX_BODY_BYTES: 40_000, MAX_OPEN_BYTES: 80_000, MAX_CLASSES: 8, MAX_TOP: 6 };
const AUTHORISED = `authorization: Bearer ${TOKEN}\r\n`;
const clusters = new Clusters(3, D), reference = new Reference();

let client: Client;
beforeAll(async () => {
  client = await Client.open({ vars: LIMITS });
  const { embeddings } = clusters.examples(3), labels = ["a", "b", "c"];
  await client.learn(embeddings, labels);
  reference.learn(embeddings, labels);
});
afterAll(() => client.close());

/** What an attack is answered with; null: the connection is closed. */
interface Told {
  readonly status: number | null;
  readonly code?: string | undefined;
}

/** Fails where the head is another than before, or does not learn as the library does. */
async function expectUnharmed(): Promise<void> {
  expect((await client.head()).equals(reference.file())).toBe(true);
  const { embeddings } = clusters.examples(2), labels = ["a", "c"];
  expect((await client.learn(embeddings, labels)).status).toBe(200);
  reference.learn(embeddings, labels);
  expect((await client.head()).equals(reference.file())).toBe(true);
}

/** Declares the test of an attack: a status and a code, with a message and a remedy. */
function attack(name: string, status: number, code: string | undefined, send: () => Promise<Told>): void {
  test(name, async () => {
    const told = await send();
    expect([told.status, told.code]).toEqual([status, code]);
    await expectUnharmed();
  }, 30_000);
}

async function ask(path: string, init: RequestInit): Promise<Told> {
  const { status, body } = await client.ask(path, init);
  if (status !== 200) expect([body.error?.message, body.error?.remedy].every((text) => text)).toBe(true);
  return { status, code: body.error?.code };
}

const post = (path: string, body: BodyInit, more: Record<string, string> = {}): Promise<Told> =>
  ask(path, { method: "POST", body, headers: { authorization: `Bearer ${TOKEN}`, ...more } });

const put = (body: BodyInit): Promise<Told> =>
  ask("/head", { method: "PUT", body, headers: { authorization: `Bearer ${TOKEN}` } });

/**
 * Sends bytes as they are, and reads until the connection is closed; with `half` the client closes its half first, with
 * `drip` it goes on a byte at a time.
 */
async function sendRaw(text: string | Uint8Array, { half = false, drip = false } = {}): Promise<Told> {
  const socket = connect(client.running.port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (part: string) => answer += part).on("error", () => socket.destroy());
  socket.write(text);
  if (half) socket.end();
  socket.setTimeout(15_000, () => socket.destroy());
  const dripping = setInterval(() => drip && socket.write(" "), 100);
  await once(socket, "close");
  clearInterval(dripping);
  const status = /^HTTP\/1.1 (\d+)/.exec(answer)?.[1];
  return { status: status === undefined ? null : Number(status), code: /"code":"(\w+)"/.exec(answer)?.[1] };
}

const request = (path: string, headers: string, body: string, method = "POST"): string =>
  `${method} ${path} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n${headers}\r\n${body}`;

const EXAMPLE = '{"embeddings": [[1, 2, 3, 4]], "labels": ["a"]}';

describe("bodies that lie about their length", () => {
  const lie = (name: string, status: number, code: string | undefined, headers: string, body: string, half = false) => {
    for (const path of ["/predict", "/learn"]) {
      attack(`${name}, ${path}`, status, code, () => sendRaw(request(path, AUTHORISED + headers, body), { half }));
    }
  };
  lie("longer than they say", 400, "InvalidJson", "content-length: 20\r\n", EXAMPLE);
  lie("shorter than they say, and over", 400, "BodyBroken", "content-length: 1000\r\n", EXAMPLE, true);
  lie("said to be endless", 413, "BodyTooLarge", "content-length: 9007199254740991\r\n", EXAMPLE, true);
  lie("of no length", 400, "InvalidJson", "content-length: 0\r\n", EXAMPLE);
  lie("of a length below zero", 400, undefined, "content-length: -5\r\n", EXAMPLE);
  lie("of a length that is no number", 400, undefined, "content-length: many\r\n", EXAMPLE);
  lie("of a length beyond all numbers", 400, undefined, `content-length: 1${"0".repeat(30)}\r\n`, EXAMPLE);
  lie("in a chunk that is none", 400, "BodyBroken", "transfer-encoding: chunked\r\n", "zz\r\nxx\r\n");
  lie("in a chunk that is cut off", 400, "BodyBroken", "transfer-encoding: chunked\r\n", "ff\r\n{", true);
  lie("of an unknown encoding", 400, undefined, "transfer-encoding: gzip\r\ncontent-length: 5\r\n", EXAMPLE);
  for (const path of ["/predict", "/learn"]) {
    attack(
      `said to be compressed, ${path}`,
      415,
      "BodyEncoded",
      () => post(path, EXAMPLE, { "content-encoding": "gzip" }),
    );
  }
});

describe("what JSON may hold", () => {
  const nested = (depth: number, begin: string, end: string) => begin.repeat(depth) + "1" + end.repeat(depth);
  const TEXTS: readonly (readonly [string, number, string, string])[] = [
    ["a list within lists", 413, "TooManyExamples", nested(15_000, "[", "]")],
    ["an object within objects", 413, "TooManyExamples", nested(6_000, '{"a":', "}")],
    ["embeddings within lists", 400, "InvalidRequest", `{"embeddings": ${nested(60, "[", "]")}}`],
    ["no end", 400, "InvalidJson", EXAMPLE.slice(0, -1)],
    ["two values", 400, "InvalidJson", EXAMPLE + EXAMPLE],
    ["a comment", 400, "InvalidJson", `/* */${EXAMPLE}`],
    ["half a character", 400, "InvalidLabel", '{"embeddings": [[1, 2, 3, 4]], "labels": ["\\ud800"]}'],
    ["__proto__", 400, "InvalidRequest", `{"__proto__": ${EXAMPLE}}`],
    ["__proto__ beside", 400, "InvalidRequest", EXAMPLE.replace("{", '{"__proto__": {"top": 1, "rows": 9}, ')],
    [
      "constructor.prototype",
      400,
      "InvalidRequest",
      EXAMPLE.replace("{", '{"constructor": {"prototype": {"top": 1}}, '),
    ],
    ["a misspelt field", 400, "InvalidRequest", EXAMPLE.replace("{", '{"tpo": 3, ')],
    [
      "an embedding with __proto__",
      400,
      "InvalidRequest",
      '{"embeddings": [{"__proto__": [1, 2, 3, 4], "length": 4}]}',
    ],
    ["NaN", 400, "InvalidJson", EXAMPLE.replace("2", "NaN")],
    ["Infinity", 400, "InvalidJson", EXAMPLE.replace("2", "-Infinity")],
    ["1e999", 400, "NotFinite", EXAMPLE.replace("2", "1e999")],
    ["a number beyond float32", 400, "NotFinite", EXAMPLE.replace("2", "-1e39")],
    ["a text as a number", 400, "InvalidRequest", EXAMPLE.replace("2", '"2"')],
    ["null as a number", 400, "InvalidRequest", EXAMPLE.replace("2", "null")],
    ["a list as a number", 400, "InvalidRequest", EXAMPLE.replace("2", "[2]")],
    ["true as a number", 400, "InvalidRequest", EXAMPLE.replace("2", "true")],
    ["a number beyond the Gram matrix", 400, "Overflow", EXAMPLE.replace("2", "3e38")],
  ];
  for (const [name, status, code, text] of TEXTS) attack(name, status, code, () => post("/learn", text));
  for (
    const label of ['""', `"${"x".repeat(101)}"`, `"${"x".repeat(30_000)}"`, "null", "1.5", "{}", '["a"]', '"\\udc00"']
  ) {
    attack(`the label ${label.slice(0, 20)}`, 400, "InvalidLabel", () => post("/learn", EXAMPLE.replace('"a"', label)));
  }
});

test("names of control characters are names as any other", async () => {
  const labels = ["\0", "\u0007\u009f", "\u202e\ufeff"], embeddings = [[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0]];
  const named = await Client.open({ vars: LIMITS });
  try {
    expect((await named.learn(embeddings, labels)).status).toBe(200);
    await named.restart();
    expect((await named.predict(embeddings)).body.predictions?.map(({ label }) => label)).toEqual(labels);
  } finally {
    await named.close();
  }
});

describe("top", () => {
  for (const top of ["0", "-1", "7", "1e9", "9007199254740993", "1e999", "1.5", '"5"', "[3]", "{}", "true"]) {
    attack(top, 400, "InvalidRequest", () => post("/predict", `{"embeddings": [[1, 2, 3, 4]], "top": ${top}}`));
  }

  test("as many classes as there are, and no more than MAX_TOP", async () => {
    const named = async (top: number) => (await client.predict([[1, 2, 3, 4]], { top })).body.predictions?.[0]?.classes;
    expect([(await named(6))?.length, (await named(2))?.length]).toEqual([3, 2]);
  });
});

describe("routes, methods and tokens", () => {
  for (const path of ["/../head", "/head/", "//head", "/%68ead", "/learn?x=", "/toString", "/.git/config"]) {
    const found = path === "/learn?x=", root = path === "/../head";
    attack(
      `GET ${path}`,
      found ? 405 : root ? 401 : 404,
      found ? "UnknownMethod" : root ? "Unauthorised" : "UnknownRoute",
      () => sendRaw(request(path, "", "", "GET")),
    );
  }
  for (const method of ["DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"]) {
    attack(`${method} /head`, 405, "UnknownMethod", () => sendRaw(request("/head", AUTHORISED, "", method)));
  }
  attack(
    "headers of a megabyte",
    431,
    undefined,
    () => sendRaw(request("/head", `${AUTHORISED}x: ${"x".repeat(2 ** 20)}\r\n`, "", "GET")),
  );
  attack("a method that is none", 501, undefined, () => sendRaw(request("/head", AUTHORISED, "", "BREW")));
  /** Posts an example with headers as they are. */
  const sendExample = (path: string, headers: Buffer): Promise<Told> => {
    const begin = request(path, `content-length: ${EXAMPLE.length}\r\n`, "").slice(0, -2);
    return sendRaw(Buffer.concat([Buffer.from(begin), headers, Buffer.from(`\r\n${EXAMPLE}`)]));
  };
  const SENT: readonly (readonly [string, Buffer])[] = [
    ["no token", Buffer.alloc(0)],
    ["an empty token", Buffer.from("authorization: Bearer \r\n")],
    ["another token", Buffer.from(`authorization: Bearer ${TOKEN}x\r\n`)],
    ["a token in Latin-1", Buffer.from("authorization: Bearer t\xf6k\xe9n\r\n", "latin1")],
    ["a token in UTF-8", Buffer.from("authorization: Bearer 🔑 токен\r\n")],
    ["two tokens", Buffer.from(`authorization: Bearer x\r\n${AUTHORISED}`)],
  ];
  for (const [name, headers] of SENT) attack(name, 401, "Unauthorised", () => sendExample("/learn", headers));
  attack(
    "a zero byte behind the token",
    400,
    undefined,
    () => sendExample("/learn", Buffer.from(`authorization: Bearer ${TOKEN}\0\r\n`)),
  );
  attack(
    "the token in the URL",
    401,
    "Unauthorised",
    () => sendExample(`/learn?token=${encodeURIComponent(TOKEN)}`, Buffer.alloc(0)),
  );
});

const single = (value: number): Tensor => ({ shape: [], data: Float64Array.of(value) });
const floats = (length: number, value = 0.5): Tensor => ({
  shape: [length],
  data: new Float32Array(length).fill(value),
});
const LAYER = { weight: { shape: [3, D], data: new Float32Array(3 * D) }, bias: floats(3) };
const HEAD = { ...LAYER, ...memoryOf(D) }, LABELS = ["a", "b", "c"], GOOD = fileOf(HEAD, LABELS);
/** Where the data of that file begin. */
const HEADER = 8 + GOOD.readUInt32LE(0);

/** That file with another header. */
const withHeader = (change: (header: string) => string): Buffer<ArrayBuffer> =>
  raw(change(GOOD.toString("latin1", 8, HEADER)), GOOD.subarray(HEADER));

/** That file with other metadata behind what says which format it is. */
const texts = (fields: string): Buffer<ArrayBuffer> =>
  withHeader((header) => header.replace(/"labels":"(?:[^"\\]|\\.)*"\}/, () => `${fields}}`));

describe("uploads", () => {
  const FILES: readonly (readonly [string, number, string, Buffer<ArrayBuffer>])[] = [
    ["nothing", 400, "InvalidFile", Buffer.alloc(0)],
    ["cut off in its length", 400, "InvalidFile", GOOD.subarray(0, 5)],
    ["cut off in its header", 400, "InvalidFile", GOOD.subarray(0, 60)],
    ["cut off in its data", 400, "InvalidFile", GOOD.subarray(0, -4)],
    ["with more behind it", 400, "InvalidFile", Buffer.concat([GOOD, Buffer.alloc(4)])],
    ["of another program", 400, "InvalidFile", fileOf({ "model.embed_tokens.weight": floats(8) })],
    ["with a tensor of no layer", 400, "InvalidFile", fileOf({ ...HEAD, "1.weight": floats(8) }, LABELS)],
    ["that is JSON", 400, "InvalidFile", Buffer.from(EXAMPLE)],
    ["with a header of 2^64 bytes", 400, "InvalidFile", Buffer.concat([Buffer.alloc(8, 0xff), GOOD])],
    ["with a header of megabytes of lists", 413, "HeadTooLarge", raw(`{"a":${"[".repeat(4e6)}`, Buffer.alloc(0))],
    ["with labels that are megabytes of lists", 413, "HeadTooLarge", texts(`"labels":"${"[".repeat(4e6)}"`)],
    ["with labels that are many lists", 400, "InvalidFile", texts(`"labels":"${"[".repeat(60_000)}"`)],
    ["with a header of spaces", 413, "HeadTooLarge", raw(`{}${" ".repeat(1e6)}`, Buffer.alloc(0))],
    ["with labels twice", 400, "InvalidFile", texts('"labels":"[\\"a\\",\\"b\\",\\"c\\"]","labels":"[]"')],
    ["with labels that are no text", 400, "InvalidFile", texts('"labels":["a","b","c"]')],
    [
      "with a tensor twice",
      400,
      "InvalidFile",
      withHeader((header) =>
        header.replace('"layers.0.bias":', '"layers.0.bias":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},$&')
      ),
    ],
    [
      "with __proto__",
      400,
      "InvalidFile",
      raw(
        '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        Buffer.alloc(4),
      ),
    ],
    ["without moments", 400, "NoMoments", fileOf(LAYER, LABELS)],
    ["with a mean alone", 400, "InvalidFile", fileOf({ ...LAYER, mean: floats(D) }, LABELS)],
    ["with moments of another width", 400, "InvalidFile", fileOf({ ...HEAD, variance: floats(D + 1) }, LABELS)],
    ["with NaN moments", 400, "InvalidFile", fileOf({ ...HEAD, mean: floats(D, NaN) }, LABELS)],
    ["with negative variances", 400, "InvalidFile", fileOf({ ...HEAD, variance: floats(D, -1e-9) }, LABELS)],
    ["with means beyond squares", 400, "InvalidHead", fileOf({ ...HEAD, mean: floats(D, 1e20) }, LABELS)],
    ["with 2^53 steps", 400, "InvalidFile", fileOf({ ...HEAD, steps: single(2 ** 53) }, LABELS)],
    ["with 2^52 steps", 400, "InvalidHead", fileOf({ ...HEAD, steps: single(2 ** 52) }, LABELS)],
    ["with 2^52 examples", 400, "InvalidHead", fileOf({ ...HEAD, examples: single(2 ** 52) }, LABELS)],
    ["with −1 steps", 400, "InvalidFile", fileOf({ ...HEAD, steps: single(-1) }, LABELS)],
    ["with NaN examples", 400, "InvalidFile", fileOf({ ...HEAD, examples: single(NaN) }, LABELS)],
    ["with NaN weights", 400, "InvalidFile", fileOf({ ...HEAD, bias: floats(3, NaN) }, LABELS)],
    [
      "with too many classes",
      413,
      "HeadTooLarge",
      fileOf({ ...HEAD, bias: floats(9), weight: { shape: [9, D], data: new Float32Array(9 * D) } }),
    ],
    ["too large", 413, "BodyTooLarge", Buffer.alloc(8 * 2 ** 20 + 1)],
  ];
  for (const [name, status, code, file] of FILES) attack(name, status, code, () => put(file));

  test("the file that the others are made of is a head", async () => {
    const other = await Client.open({ vars: LIMITS });
    try {
      for (const file of [GOOD, texts('"labels":"[\\"a\\", \\"b\\", \\"c\\"]"')]) {
        expect((await other.put(file)).status).toBe(200);
        expect((await other.head()).equals(GOOD)).toBe(true);
      }
    } finally {
      await other.close();
    }
  });
});

test("stalled and dripping bodies without the token leave room for those with it, and give theirs back", async () => {
  const stalled = Array.from(
    { length: 12 },
    (_, i) => sendRaw(request("/predict", "content-length: 1000\r\n", '{"embeddings": [[1, '), { drip: i % 2 === 0 }),
  );
  await new Promise((later) => setTimeout(later, 500));
  expect((await client.predict([[1, 2, 3, 4]])).body.error?.code).toBe("Busy");
  for (let i = 0; i < 3; i++) await expectUnharmed();
  expect(await put(fileOf(LAYER, LABELS))).toEqual({ status: 400, code: "NoMoments" });
  const codes = (await Promise.all(stalled)).map(({ code }) => code);
  expect([...new Set(codes)].sort()).toEqual(["BodyTooSlow", "Busy"]);
  expect(codes.filter((code) => code === "BodyTooSlow").length).toBe(4);
  expect((await client.predict([[1, 2, 3, 4]])).status).toBe(200);
}, 30_000);

test("stalled learns without the token hold no room at all", async () => {
  const stalled = Array.from({ length: 40 }, () => sendRaw(request("/learn", "content-length: 1000\r\n", "{")));
  await new Promise((later) => setTimeout(later, 500));
  await expectUnharmed();
  expect((await client.predict([[1, 2, 3, 4]])).status).toBe(200);
  expect(new Set((await Promise.all(stalled)).map(({ code }) => code))).toEqual(new Set(["Unauthorised"]));
}, 30_000);

test("at the end, after a restart, the head is that of the learns that were acknowledged", async () => {
  await client.restart();
  await expectUnharmed();
});
