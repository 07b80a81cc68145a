// Bodies of requests: read as they arrive and cut off, whatever their headers say.

import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";
import type { Limits } from "./limits.ts";

/** Room for the bodies that are read at once. */
export class Room {
  #held = 0;

  /** @param most bytes */
  constructor(readonly most: number) {}

  /** Takes room for more bytes, if there is. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.most) return false;
    this.#held += bytes;
    return true;
  }

  /** Gives room back. */
  give(bytes: number): void {
    this.#held -= bytes;
  }
}

function tooLarge(most: number): Answered<never> {
  return refuse(
    413,
    "BodyTooLarge",
    `the body has more than ${most} bytes`,
    "Send fewer or smaller examples at a time",
  );
}

/** Bytes of a refused body that are read and dropped, before it is cut off. */
const DROPPED = 16 * 2 ** 20;

/** Drops what is left of a refused body: most clients read no answer before they have sent it all. */
export async function drop({ body }: Request): Promise<void> {
  let left = DROPPED;
  try {
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      left -= chunk.length;
      if (left < 0) return;
    }
  } catch {
    // The client has gone.
  }
}

/** The chunks of a body that have arrived. */
interface Arrived {
  chunks: Uint8Array[];
  length: number;
}

async function collect(request: Request, most: number, room: Room, arrived: Arrived): Promise<Answered<void>> {
  if (Number(request.headers.get("content-length")) > most) return tooLarge(most);
  const chunks = request.body?.values({ preventCancel: true }) ?? [];
  for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
    if (arrived.length + chunk.length > most) return tooLarge(most);
    if (!room.take(chunk.length)) {
      return refuse(429, "Busy", "too many bodies are being read", "Try again later", { "retry-after": "1" });
    }
    arrived.length += chunk.length;
    arrived.chunks.push(chunk);
  }
  return E.right(undefined);
}

function joined({ chunks, length }: Arrived): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Reads a body, and hands it to `use` for as long as its room is held. */
export async function withBody<A>(
  request: Request,
  most: number,
  room: Room,
  use: (bytes: Uint8Array<ArrayBuffer>) => Answered<A> | Promise<Answered<A>>,
): Promise<Answered<A>> {
  const arrived: Arrived = { chunks: [], length: 0 };
  try {
    const whole = await collect(request, most, room, arrived);
    if (whole._tag === "Right") {
      const bytes = joined(arrived);
      arrived.chunks = [];
      return await use(bytes);
    }
    arrived.chunks = [];
    await drop(request);
    return whole;
  } finally {
    room.give(arrived.length);
  }
}

const QUOTE = 0x22, BACKSLASH = 0x5c, LIST = 0x5b, OBJECT = 0x7b;

/** How many lists and objects begin in a JSON text. */
function beginnings(bytes: Uint8Array): number {
  let count = 0, quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) quoted = !quoted;
    else if (quoted) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === LIST || byte === OBJECT) count++;
  }
  return count;
}

/** Lists and objects of a body beside those of its embeddings. */
const SPARE = 16;

/**
 * The JSON value of a body. Lists and objects are counted before: two megabytes of empty or nested ones take a hundred
 * when they are parsed.
 */
export function parseJson(bytes: Uint8Array, { MAX_EXAMPLES }: Limits): Answered<unknown> {
  const count = beginnings(bytes);
  if (count > MAX_EXAMPLES + SPARE) {
    return refuse(413, "TooManyExamples", `the body has ${count} lists`, `Send ${MAX_EXAMPLES} examples at most`);
  }
  try {
    return E.right(JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes)));
  } catch {
    return refuse(400, "InvalidJson", "the body is not JSON in UTF-8", 'Send {"embeddings": [[...]], ...}');
  }
}
