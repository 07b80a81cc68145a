/**
 * The header of a safetensors file: which tensors it has, and where.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";

/** The most bytes that the format allows a header. */
export const MAX_HEADER = 100_000_000;

/** The header's field that holds the metadata; no tensor has this name. */
export const METADATA = "__metadata__";

/** A tensor as the header names it: its data are the bytes from `start` up to `end` behind the header. */
export interface Entry {
  /** The tensor's name. */
  readonly name: string;
  /** The type of its values, such as "F32". */
  readonly dtype: string;
  /** The dimensions, outermost first. */
  readonly shape: readonly number[];
  /** Number of values. */
  readonly count: number;
  /** The first byte. */
  readonly start: number;
  /** The byte behind the last one. */
  readonly end: number;
}

/** The content of a header. */
export interface Header {
  /** The tensors, in the order of their data. */
  readonly entries: readonly Entry[];
  /** Texts by name. */
  readonly metadata: ReadonlyMap<string, string>;
}

const SPACE = 0x20, QUOTE = 0x22, COLON = 0x3a, BACKSLASH = 0x5c;

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * An `InvalidFile`.
 * @internal
 */
export function malformed(reason: string): E.Either<FgnError, never> {
  return fail(
    "InvalidFile",
    { what: "safetensors", reason },
    `the bytes are no safetensors file: ${reason}`,
    "Give the whole file, as a writer of the format made it",
  );
}

/**
 * A name in a message, however long it is.
 * @internal
 */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}

/**
 * Whether a text has a UTF-8 form: no half of a surrogate pair alone.
 * @internal
 */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/**
 * How many values a tensor of this shape has, NaN where the count of its first dimensions is beyond 2^53.
 * @internal
 */
export function valueCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return NaN;
  }
  return count;
}

/** How many fields the objects of a valid JSON text have, repeated ones included. */
function countFields(json: string): number {
  let count = 0;
  for (let at = json.indexOf('"'); at >= 0; at = json.indexOf('"', at)) {
    for (at++; json.charCodeAt(at) !== QUOTE; at++) if (json.charCodeAt(at) === BACKSLASH) at++;
    for (at++; json.charCodeAt(at) <= SPACE; at++);
    if (json.charCodeAt(at) === COLON) count++;
  }
  return count;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

function readEntry(name: string, value: unknown): E.Either<FgnError, Entry> {
  const refuse = (reason: string) => malformed(`tensor ${quote(name)} ${reason}`);
  if (!isWellFormed(name)) return refuse("has a name that is no Unicode text");
  if (!isFields(value) || Object.keys(value).length !== 3) return refuse("is not dtype, shape and data_offsets");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") return refuse("has a dtype that is no text");
  if (!Array.isArray(shape) || !shape.every(isSize)) return refuse("has a shape that is no list of sizes");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return refuse("has data_offsets that are not two positions");
  }
  const count = valueCount(shape), [start, end] = offsets as [number, number];
  return Number.isNaN(count) ? refuse("has more values than can be counted") : E.right({
    name,
    dtype,
    shape,
    count,
    start,
    end,
  });
}

function readMetadata(value: unknown): E.Either<FgnError, ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  if (!isFields(value)) return malformed(`${METADATA} is no object`);
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string" || !isWellFormed(name + text)) return malformed(`${METADATA} has other than texts`);
    texts.set(name, text);
  }
  return E.right(texts);
}

/**
 * The value of a JSON text; undefined where it is none.
 * @internal
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON, or nested beyond the stack.
    return undefined;
  }
}

/**
 * Reads the JSON text of a header. The offsets are not checked against each other. Errors: `InvalidFile`.
 * @internal
 */
export function readHeader(text: string): E.Either<FgnError, Header> {
  const value = parseJson(text);
  if (!isFields(value)) return malformed("the header is not a JSON object");
  const entries: Entry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map(), fields = 0;
  for (const [name, inner] of Object.entries(value)) {
    if (name === METADATA) {
      const texts = readMetadata(inner);
      if (texts._tag === "Left") return texts;
      metadata = texts.right;
      fields += 1 + metadata.size;
    } else {
      const entry = readEntry(name, inner);
      if (entry._tag === "Left") return entry;
      entries.push(entry.right);
      fields += 4;
    }
  }
  // JSON.parse keeps the last of repeated fields and says nothing.
  if (countFields(text) !== fields) return malformed("the header has a field twice");
  entries.sort((a, b) => a.start - b.start || a.end - b.end);
  return E.right({ entries, metadata });
}
