import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client, TOKEN } from "./client.ts";
import { open } from "./open.ts";

const GUARDED = [["POST", "/learn"], ["GET", "/head"], ["PUT", "/head"]] as const;
const OTHERS: Readonly<Record<string, string | undefined>> = {
  "no header": undefined,
  "an empty header": "",
  "no token": "Bearer",
  "an empty token": "Bearer ",
  "another token of the same length": `Bearer ${TOKEN.slice(0, -1)}!`,
  "another first character": `Bearer !${TOKEN.slice(1)}`,
  "the beginning of the token": `Bearer ${TOKEN.slice(0, -1)}`,
  "its first character": `Bearer ${TOKEN[0]}`,
  "more than the token": `Bearer ${TOKEN}x`,
  "the token twice": `Bearer ${TOKEN}${TOKEN}`,
  "a much longer one": `Bearer ${TOKEN.repeat(100)}`,
  "the token in capitals": `Bearer ${TOKEN.toUpperCase()}`,
  "another scheme": `Basic ${TOKEN}`,
  "the token alone": TOKEN,
};

const ask = (client: Client, method: string, path: string, authorization?: string) =>
  client.ask(path, {
    method,
    ...(method === "GET" ? {} : { body: JSON.stringify({ embeddings: [[1], [2]], labels: ["a", "b"] }) }),
    headers: authorization === undefined ? {} : { authorization },
  });

describe("a worker with a token", () => {
  let client: Client;
  beforeAll(async () => client = await Client.open());
  afterAll(() => client.close());

  for (const [method, path] of GUARDED) {
    for (const [name, authorization] of Object.entries(OTHERS)) {
      test(`${method} ${path} is refused with ${name}`, async () => {
        const { status, headers, body } = await ask(client, method, path, authorization);
        expect([status, body.error?.code]).toEqual([401, "Unauthorised"]);
        expect(headers.get("www-authenticate")).toBe("Bearer");
        expect(body.error?.remedy).not.toBe("");
      });
    }
  }

  test("a large body without the token is answered, too", async () => {
    for (let i = 0; i < 5; i++) {
      const { status } = await client.ask("/learn", { method: "POST", body: "1".repeat(5_000_000) });
      expect(status).toBe(401);
    }
  });

  test("nothing was learnt by any of them", async () => {
    expect((await client.stats()).body).toMatchObject({ classes: 0, examples: 0, bytes: 0 });
  });

  test("the token itself is taken, the scheme in any case", async () => {
    expect((await ask(client, "POST", "/learn", `Bearer ${TOKEN}`)).status).toBe(200);
    expect((await ask(client, "POST", "/learn", `bearer   ${TOKEN}`)).status).toBe(200);
  });
});

for (const [name, secrets] of [["no token", {}], ["an empty token", { TOKEN: "" }]] as const) {
  test(`a worker with ${name} refuses all that asks for one, and answers the rest`, async () => {
    const client = await open({ secrets });
    for (const [method, path] of GUARDED) {
      for (const authorization of [undefined, "Bearer ", "Bearer undefined", `Bearer ${TOKEN}`]) {
        const { status, body } = await ask(client, method, path, authorization);
        expect([status, body.error?.code]).toEqual([503, "NoToken"]);
      }
    }
    expect((await client.stats()).status).toBe(200);
    expect((await client.predict([[1]])).body.error?.code).toBe("NoHead");
  });
}
