// What is set from outside: the limits and the token, read as one, so that a mistake is told before a request meets it.

import * as E from "fp-ts/Either";
import type { Answered } from "./answers.ts";
import type { Env } from "./env.ts";
import { type Limits, misconfigured, readLimits } from "./limits.ts";
import { readToken } from "./token.ts";

/** The limits, and the token where there is one. */
export interface Settings {
  readonly limits: Limits;
  readonly token: string | undefined;
}

/** The settings of an environment, or what is wrong with it. */
export function readSettings(env: Env): Answered<Settings> {
  if (typeof env.HEAD?.idFromName !== "function") {
    return misconfigured(
      "there is no binding HEAD",
      "Bind HEAD to the class HeadObject, as wrangler.jsonc does",
    );
  }
  const limits = readLimits(env);
  if (limits._tag === "Left") return limits;
  return E.map((token: string | undefined) => ({
    limits: limits.right,
    token,
  }))(readToken(env));
}
