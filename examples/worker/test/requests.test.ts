import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Body, Client, TOKEN } from "./client.ts";
import { open } from "./open.ts";

const LIMITS = { MAX_BODY_BYTES: 20_000, MAX_EXAMPLES: 20, MAX_CLASSES: 4, MAX_FEATURES: 8, MAX_LABEL_LENGTH: 10 };

let client: Client, before: Buffer;
beforeAll(async () => {
  client = await Client.open({ vars: LIMITS });
  await client.learn([[1, 0], [0, 1]], ["east", "north"]);
  before = await client.head();
});
afterAll(() => client.close());

const post = (path: string, body?: BodyInit, more: object = {}): Promise<Answer> =>
  client.ask(path, { method: "POST", headers: { authorization: `Bearer ${TOKEN}` }, ...body && { body }, ...more });

async function refused(answer: Promise<Answer>, status: number, code: string): Promise<void> {
  const { status: actual, body } = await answer;
  expect([actual, body.error?.code]).toEqual([status, code]);
  expect(body.error?.message).not.toBe("");
  expect(body.error?.remedy).not.toBe("");
  expect((await client.head()).equals(before)).toBe(true);
}

describe("routes", () => {
  for (const path of ["/", "/predict/", "/Head", "/heads", "/__proto__", "/constructor", "/learn%00"]) {
    test(`${path} is unknown`, () => refused(client.ask(path), 404, "UnknownRoute"));
  }
  for (
    const [method, path, allow] of [
      ["GET", "/predict", "POST"],
      ["PUT", "/learn", "POST"],
      ["POST", "/head", "GET, PUT"],
      ["DELETE", "/head", "GET, PUT"],
      ["POST", "/stats", "GET"],
      ["OPTIONS", "/learn", "POST"],
    ] as const
  ) {
    test(`${path} does not take ${method}`, async () => {
      await refused(client.ask(path, { method }), 405, "UnknownMethod");
      expect((await client.ask(path, { method })).headers.get("allow")).toBe(allow);
    });
  }
});

/** Sends a body in chunks without its length, and reads the answer, whether or not all was taken. */
function sendChunks(path: string, chunks: number, size: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers: { authorization: `Bearer ${TOKEN}` } };
    const sent = request(client.running.url + path, options, async (response) => {
      let text = "";
      for await (const part of response.setEncoding("utf8")) text += part;
      sent.destroy();
      resolve({ status: response.statusCode ?? 0, headers: new Headers(), body: JSON.parse(text) as Body });
    });
    sent.on("error", reject);
    const chunk = " ".repeat(size);
    const send = (left: number): void => {
      if (left === 0 || sent.destroyed) sent.end();
      else sent.write(chunk, () => setTimeout(send, 1, left - 1));
    };
    sent.setTimeout(10_000, () => reject(new Error("no answer")));
    send(chunks);
  });
}

for (const path of ["/predict", "/learn"]) {
  describe(`${path}: bodies`, () => {
    test("empty", () => refused(post(path), 400, "InvalidJson"));
    for (const text of ["{", '{"embeddings": [[1, NaN]]}', "\0", "[1", '{"embeddings": [[1,]]}', "{'embeddings': 1}"]) {
      test(`malformed: ${JSON.stringify(text)}`, () => refused(post(path, text), 400, "InvalidJson"));
    }
    test("bytes that are no UTF-8", () =>
      refused(post(path, new Uint8Array([0x22, 0xff, 0xfe, 0x22])), 400, "InvalidJson"));
    for (const text of ["null", "1", '"text"', "[]", "{}", '{"embeddings": {}}', '{"embeddings": []}']) {
      test(`without embeddings: ${text}`, () => refused(post(path, text), 400, "InvalidRequest"));
    }
    test("with its length, too large", () => refused(post(path, " ".repeat(20_001)), 413, "BodyTooLarge"));
    test("in chunks without a length, too large", () => refused(sendChunks(path, 30, 1000), 413, "BodyTooLarge"));
    test("in chunks that go on and on", () => refused(sendChunks(path, 10_000, 20_000), 413, "BodyTooLarge"));
    test("of many megabytes, and the connection goes on", async () => {
      await refused(post(path, "1".repeat(10_000_000)), 413, "BodyTooLarge");
      expect((await client.predict([[1, 2]])).status).toBe(200);
    });
    test("of the largest size", () => refused(post(path, " ".repeat(20_000)), 400, "InvalidJson"));
    test("lists within lists", () => refused(post(path, "[".repeat(10_000)), 413, "TooManyExamples"));
    test("very many empty lists", () =>
      refused(post(path, `{"embeddings": [${"[],".repeat(5000)}[]]}`), 413, "TooManyExamples"));
  });

  describe(`${path}: embeddings`, () => {
    const ask = (embeddings: string, count = 1) =>
      post(path, `{"embeddings": ${embeddings}, "labels": ${JSON.stringify(Array(count).fill("east"))}}`);
    for (const number of ["1e999", "-1e999", "1e39"]) {
      test(`with ${number}`, () => refused(ask(`[[1, ${number}]]`), 400, "NotFinite"));
    }
    for (const value of ["null", '"1"', "true", "[1]", "{}", '"NaN"', '"Infinity"']) {
      test(`with ${value}`, () => refused(ask(`[[1, ${value}]]`), 400, "InvalidRequest"));
    }
    for (
      const rows of ["[1, 2]", "[null]", '["ab"]', "[[]]", "[{}]", "[[1, 2], [1]]", "[[1], [1, 2]]", "[[1, 2], 3]"]
    ) {
      test(`as ${rows}`, () => refused(ask(rows, 2), 400, "InvalidRequest"));
    }
    test("of another width", () => refused(ask("[[1, 2, 3]]"), 400, "FeatureMismatch"));
    test("too wide", () => refused(ask(`[${JSON.stringify(Array(9).fill(1))}]`), 413, "TooManyFeatures"));
    test("too many", () => refused(ask(JSON.stringify(Array(21).fill([1, 2])), 21), 413, "TooManyExamples"));
  });
}

describe("/learn: labels", () => {
  const learn = (labels: unknown, embeddings: unknown = [[1, 2]]) => client.learn(embeddings, labels);
  for (const labels of [undefined, null, "east", {}, [], ["east", "north"]]) {
    test(`as ${JSON.stringify(labels)}`, () => refused(learn(labels), 400, "InvalidRequest"));
  }
  for (const label of [null, true, 1.5, 2 ** 53, [], {}, "", "a much too long one", "\ud800"]) {
    test(`with ${JSON.stringify(label)}`, () => refused(learn([label]), 400, "InvalidLabel"));
  }
  test("more than the most classes", () =>
    refused(learn(["a", "b", "c"], [[1, 2], [3, 4], [5, 6]]), 413, "TooManyClasses"));
  test("of one class alone, first of all", async () => {
    const empty = await open();
    const { status, body } = await empty.learn([[1, 2], [3, 4]], ["a", "a"]);
    expect([status, body.error?.code]).toEqual([400, "TooFewClasses"]);
    expect((await empty.stats()).body).toMatchObject({ classes: 0, bytes: 0 });
  });
});

describe("/predict: top", () => {
  for (const top of [0, -1, 1.5, "2", null, []]) {
    test(`as ${JSON.stringify(top)}`, async () => {
      if (top === null) expect((await client.predict([[1, 2]], { top })).status).toBe(200);
      else await refused(client.predict([[1, 2]], { top }), 400, "InvalidRequest");
    });
  }
});

/** Sends a part of a body, and no more; gives the status of the answer. */
const stalled = (path: string, headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((answered, failed) => {
    const sent = request(client.running.url + path, { method: "POST", headers }, (response) => {
      answered(response.statusCode);
      sent.destroy();
    });
    sent.on("error", failed);
    sent.write('{"embeddings": [[1, ');
  });

test("bodies that stop coming are answered, and leave their room", async () => {
  const statuses = [stalled("/predict", {}), stalled("/learn", { authorization: "Bearer none" })];
  expect(await Promise.all(statuses)).toEqual([408, 401]);
  expect((await client.predict([[1, 2]])).status).toBe(200);
}, 30_000);
