// Answers, and refusals as values: each says what was wrong and what to do about it.

import type { FgnError } from "fgn";
import * as E from "fp-ts/Either";

/** Why a request is not answered. */
export interface Refusal {
  readonly status: number;
  /** A word for programs. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** More headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to a request, or its refusal. */
export type Answered<A> = E.Either<Refusal, A>;

/** A refusal. */
export function refuse(
  status: number,
  code: string,
  message: string,
  remedy: string,
  headers: Readonly<Record<string, string>> = {},
): Answered<never> {
  return E.left({ status, code, message, remedy, headers });
}

/** Errors of the library that no request is to blame for. */
const OURS: ReadonlySet<string> = new Set(["OutOfMemory", "UnsupportedRuntime", "CompilationForbidden", "KernelBusy"]);

/** An error of the library as a refusal. */
export function refusalOf({ _tag: code, message, remedy }: FgnError): Refusal {
  return { status: OURS.has(code) ? 500 : 400, code, message, remedy };
}

/** A result of the library as an answer. */
export const answered: <A>(result: E.Either<FgnError, A>) => Answered<A> = E.mapLeft(refusalOf);

/** A JSON answer. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(value, { status, headers: { "cache-control": "no-store", ...headers } });
}

/** The response to a request. */
export function respond(result: Answered<Response>): Response {
  if (result._tag === "Right") return result.right;
  const { status, code, message, remedy, headers } = result.left;
  return json({ error: { code, message, remedy } }, status, headers);
}
