// The token that learning, and reading and writing the head, ask for.

import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";

const digest = (text: string): Promise<ArrayBuffer> => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));

/** Whether two texts are the same, in a time that does not tell where they differ: digests have one length. */
async function same(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([digest(a), digest(b)]);
  return crypto.subtle.timingSafeEqual(left, right);
}

/** Refuses a request without the token; everyone, where none is configured. */
export async function checkToken({ headers }: Request, token: string | undefined): Promise<Answered<void>> {
  if (token === undefined || token === "") {
    return refuse(
      503,
      "NoToken",
      "this worker has no token configured, so nobody may do this",
      "Set the secret TOKEN: wrangler secret put TOKEN, or .dev.vars locally",
    );
  }
  const sent = /^Bearer +(.*)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (sent !== undefined && await same(sent, token)) return E.right(undefined);
  return refuse(
    401,
    "Unauthorised",
    sent === undefined ? "the request has no token" : "the token is another one",
    "Send the header Authorization: Bearer TOKEN",
    { "www-authenticate": "Bearer" },
  );
}
