// Bodies of requests: read as they arrive and cut off, whatever their headers say.

import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";
import type { Limits } from "./limits.ts";
import { release } from "./release.ts";

/** Room for the bodies of one kind that are read at once. */
export class Room {
  #taken = 0;

  /** @param most bytes */
  constructor(readonly most: number) {}

  /** Takes room for more bytes, if there is. */
  take(bytes: number): boolean {
    if (this.#taken + bytes > this.most) return false;
    this.#taken += bytes;
    return true;
  }

  /** Gives room back. */
  give(bytes: number): void {
    this.#taken -= bytes;
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

/** How the reading of a body ended: at its end, because it was enough, or with a client that is slow or gone. */
type Ended = "whole" | "enough" | "late" | "broken";

/** Reads a body until it ends, `take` refuses a chunk, or so many milliseconds are over. */
async function read(
  { body }: Request,
  milliseconds: number,
  take: (chunk: Uint8Array) => boolean,
): Promise<Ended> {
  if (body === null) return "whole";
  const finished = new AbortController(), expired = (): null => null;
  const late = scheduler.wait(milliseconds, { signal: finished.signal }).then(expired, expired);
  try {
    const reader = body.getReader();
    for (;;) {
      const next = await Promise.race([reader.read(), late]);
      if (next === null) {
        void reader.cancel().catch(expired);
        return "late";
      }
      if (next.done) return "whole";
      if (!take(next.value)) {
        reader.releaseLock();
        return "enough";
      }
    }
  } catch {
    return "broken";
  } finally {
    finished.abort();
  }
}

/** Bytes of a refused body that are read and dropped before it is cut off, and the milliseconds that this may take. */
const DROPPED = 16 * 2 ** 20, DROPPING = 5000;

/** Drops what is left of a refused body: most clients read no answer before they have sent it all. */
export async function drop(request: Request): Promise<void> {
  let left = DROPPED;
  await read(request, DROPPING, ({ length }) => (left -= length) >= 0);
}

/** The chunks of a body that have arrived, and the bytes of room that they take. */
interface Arrived {
  chunks: Uint8Array[];
  length: number;
  taken: number;
}

/** Bytes of room that a body takes at least: what a request costs while it is open, however little of it comes. */
const LEAST = 16 * 2 ** 10;

/** Takes room for so many bytes of a body in all, if there is. */
function reserve(arrived: Arrived, bytes: number, room: Room): boolean {
  const more = bytes - arrived.taken;
  if (more <= 0) return true;
  if (!room.take(more)) return false;
  arrived.taken = bytes;
  return true;
}

function busy(): Answered<never> {
  return refuse(429, "Busy", "too many bodies are being read", "Try again later", { "retry-after": "1" });
}

/** Milliseconds that a body may take to arrive: it holds room for as long. */
const PATIENCE = 10_000;

async function collect(request: Request, most: number, room: Room, arrived: Arrived): Promise<Answered<void>> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    return refuse(
      415,
      "BodyEncoded",
      `the body is encoded as ${encoding.slice(0, 80)}`,
      "Send it as it is, uncompressed",
    );
  }
  if (Number(request.headers.get("content-length")) > most) return tooLarge(most);
  if (!reserve(arrived, Math.min(LEAST, most), room)) return busy();
  let fits = true;
  const ended = await read(request, PATIENCE, (chunk) => {
    fits = arrived.length + chunk.length <= most;
    if (!fits || !reserve(arrived, arrived.length + chunk.length, room)) return false;
    arrived.length += chunk.length;
    arrived.chunks.push(chunk);
    return true;
  });
  if (ended === "whole") return E.right(undefined);
  if (ended === "late") {
    return refuse(408, "BodyTooSlow", `the body took more than ${PATIENCE} ms`, "Send it in one go");
  }
  if (ended === "broken") return refuse(400, "BodyBroken", "the body ended before its end", "Send all of it");
  return fits ? busy() : tooLarge(most);
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

/** Reads a body, and hands it to `use` for as long as its room is held; then it is empty. */
export async function withBody<A>(
  request: Request,
  most: number,
  room: Room,
  use: (bytes: Uint8Array<ArrayBuffer>) => Answered<A> | Promise<Answered<A>>,
): Promise<Answered<A>> {
  const arrived: Arrived = { chunks: [], length: 0, taken: 0 };
  try {
    const whole = await collect(request, most, room, arrived);
    if (whole._tag === "Right") {
      const bytes = joined(arrived);
      arrived.chunks = [];
      try {
        return await use(bytes);
      } finally {
        release(bytes);
      }
    }
    arrived.chunks = [];
    await drop(request);
    return whole;
  } finally {
    room.give(arrived.taken);
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
