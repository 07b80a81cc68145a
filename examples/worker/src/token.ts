// The token that learning, and reading and writing the head, ask for.

import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";
import type { Env } from "./env.ts";
import { misconfigured } from "./limits.ts";

/** Visible ASCII, with spaces inside: what every client can put into a header, and no proxy changes. */
const SENDABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, LONGEST = 4096;

/** The token that is configured: undefined where there is none. The refusal does not tell what it is. */
export function readToken({ TOKEN }: Env): Answered<string | undefined> {
  if (TOKEN === undefined || TOKEN === "") return E.right(undefined);
  if (typeof TOKEN === "string" && SENDABLE.test(TOKEN) && TOKEN.length <= LONGEST) return E.right(TOKEN);
  return misconfigured(
    "the secret TOKEN is none that a header can carry",
    `Set it to visible ASCII characters, ${LONGEST} at most, without a space at its ends: openssl rand -hex 32`,
  );
}

const digest = (text: string): Promise<ArrayBuffer> => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));

/** Whether two texts are the same, in a time that does not tell where they differ: digests have one length. */
async function same(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([digest(a), digest(b)]);
  return crypto.subtle.timingSafeEqual(left, right);
}

/** Refuses a request without the token; everyone, where none is configured. */
export async function checkToken({ headers }: Request, token: string | undefined): Promise<Answered<void>> {
  if (token === undefined) {
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
