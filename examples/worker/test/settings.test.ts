// What is set from outside is checked as a whole, and a mistake is the answer to every request.

import { expect, test } from "vitest";
import type { Vars } from "../local/config.ts";
import { TOKEN } from "./client.ts";
import { open } from "./open.ts";

const headers = { authorization: `Bearer ${TOKEN}` };
const ROUTES: readonly (readonly [string, RequestInit])[] = [
  ["/stats", {}],
  ["/predict", { method: "POST", body: '{"embeddings": [[1]]}' }],
  ["/learn", { method: "POST", body: '{"embeddings": [[1], [2]], "labels": ["a", "b"]}', headers }],
  ["/head", { headers }],
  ["/head", { method: "PUT", body: "x", headers }],
];

/** Vars that are none, each with what the answer names. */
const WRONG: readonly (readonly [Vars, readonly string[]])[] = [
  [{ MAX_EXAMPLES: 0 }, ["MAX_EXAMPLES"]],
  [{ MAX_EXAMPLES: "many" }, ["MAX_EXAMPLES", "many"]],
  [{ MAX_WAITING: true }, ["MAX_WAITING", "true"]],
  [{ MAX_WAITING: null }, ["MAX_WAITING", "null"]],
  [{ MAX_WAITING: [5] }, ["MAX_WAITING"]],
  [{ MAX_WAITING: "0x10" }, ["MAX_WAITING"]],
  [{ MAX_TOP: 1.5 }, ["MAX_TOP"]],
  [{ MAX_TOP: " " }, ["MAX_TOP"]],
  [{ MAX_BODY_BYTES: 2 ** 53 }, ["MAX_BODY_BYTES"]],
  [{ RATIO: -1 }, ["RATIO"]],
  [{ RATIO: "x" }, ["RATIO"]],
  [{ RATIO: "1e999" }, ["RATIO"]],
  [{ MAX_CLASSES: 1 }, ["MAX_CLASSES", "2 or more"]],
  [{ MAX_HEAD_BYTES: 64 * 2 ** 20 }, ["MAX_HEAD_BYTES", "MAX_HELD_BYTES"]],
  [{ MAX_HELD_BYTES: 2 ** 20, MAX_HEAD_BYTES: 2 ** 20 }, ["MAX_BODY_BYTES", "MAX_HELD_BYTES"]],
  [{ MAX_OPEN_BYTES: 2 ** 20 }, ["MAX_BODY_BYTES", "MAX_OPEN_BYTES"]],
  [{ MAX_BODY_BYTE: 5 }, ["MAX_BODY_BYTE", "MAX_BODY_BYTES"]],
];

test.each(WRONG)("%o is a misconfiguration, whatever is asked", async (vars, names) => {
  const client = await open({ vars });
  for (const [path, init] of ROUTES) {
    const { status, body } = await client.ask(path, init), text = `${body.error?.message}. ${body.error?.remedy}`;
    expect([path, status, body.error?.code]).toEqual([path, 500, "Misconfigured"]);
    for (const name of names) expect(text).toContain(name);
  }
  expect((await client.ask("/nowhere")).status).toBe(404);
});

test("limits that just agree with each other, as numbers or texts, are taken", async () => {
  const vars = {
    MAX_BODY_BYTES: 1000,
    MAX_HEAD_BYTES: "2e3",
    MAX_HELD_BYTES: 2000,
    MAX_OPEN_BYTES: "1000",
    MAX_CLASSES: 2,
  };
  const client = await open({ vars: { ...vars, MAX_WAITING: "" } });
  const { limits } = (await client.stats()).body;
  expect(limits).toMatchObject({ MAX_HEAD_BYTES: 2000, MAX_OPEN_BYTES: 1000, MAX_CLASSES: 2, MAX_WAITING: 16 });
  expect((await client.learn([[1, 0], [0, 1]], ["a", "b"])).status).toBe(200);
  expect((await client.predict([[1, 0]])).body.predictions?.[0]?.label).toBe("a");
});

test.each([" token", "token ", "tok\nen", "tok\ten", "tökén", "токен", "🔑", " ", "\u00a0", "\x7f", "t".repeat(4097)])(
  "no header can carry the token %j, which is not told",
  async (token) => {
    const client = await open({ secrets: { TOKEN: token } });
    for (const [path, init] of ROUTES) {
      const { status, body } = await client.ask(path, init);
      expect([path, status, body.error?.code]).toEqual([path, 500, "Misconfigured"]);
      expect(body.error?.message).toContain("TOKEN");
      if (token.trim() !== "" && token.length > 2) {
        expect(JSON.stringify(body)).not.toContain(token.trim().slice(0, 100));
      }
    }
  },
);

test("a token that is no text is a misconfiguration", async () => {
  const client = await open({ secrets: {}, vars: { TOKEN: 5 } });
  expect((await client.stats()).body.error?.code).toBe("Misconfigured");
});

test.each(["!", "a b", "~".repeat(4096)])("the token %j is carried by a header", async (token) => {
  const client = await open({ secrets: { TOKEN: token } });
  const ask = (sent: string) =>
    client.ask("/learn", { ...ROUTES[2]?.[1], headers: { authorization: `Bearer ${sent}` } });
  expect((await ask(`${token}.`)).status).toBe(401);
  expect((await ask(token)).status).toBe(200);
});
