/**
 * Texts as hashed counts of character n-grams.
 *
 * @module
 */

import { crc32 } from "./crc32.ts";
import type { TextRule } from "./recipe.ts";

/**
 * Letters whose small ones every engine knows alike: alphabets that were complete in Unicode 7, one character at a time
 * (a whole text has rules of context, such as that of the final sigma, whose characters differ by version).
 */
const LETTERS = /[A-Z\u00c0-\u00de\u0100-\u024f\u0370-\u03ff\u0400-\u052f\u0531-\u0556\u1e00-\u1fff\uff21-\uff3a]/g;

/** The text in small letters. */
const lower = (text: string): string => text.replace(LETTERS, (letter) => letter.toLowerCase());

/** The marks of both ends: control characters that texts have not. */
const START = "\u0002", END = "\u0003";

const ENCODER = /* @__PURE__ */ new TextEncoder();

/** Whether a byte of UTF-8 begins a character. */
const begins = (byte: number): boolean => (byte & 0xc0) !== 0x80;

/**
 * Columns of a text's features, ascending, and their values.
 * @internal
 */
export interface SparseRow {
  readonly indices: Uint32Array;
  readonly values: Float32Array;
}

/** The bucket of every n-gram of a text, in no order. */
function bucketsOf(text: string, { buckets, longest, lowerCase }: TextRule): Uint32Array {
  const bytes = ENCODER.encode(START + (lowerCase ? lower(text) : text) + END);
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at++) if (begins(bytes[at] as number)) starts.push(at);
  const count = starts.length, hashed = new Uint32Array(count * longest);
  starts.push(bytes.length);
  let total = 0;
  for (let first = 0; first < count; first++) {
    let hash = 0;
    for (let i = first; i < Math.min(first + longest, count); i++) {
      hash = crc32(bytes, starts[i] as number, starts[i + 1] as number, hash);
      hashed[total++] = hash % buckets;
    }
  }
  return hashed.subarray(0, total);
}

/**
 * The features of a text: for each bucket √(count/total) of its n-grams, so that their squares add up to 1.
 * @internal
 */
export function textRow(text: string, rule: TextRule): SparseRow {
  const sorted = bucketsOf(text, rule).sort(), total = sorted.length;
  const indices = new Uint32Array(total), values = new Float32Array(total);
  let entries = 0;
  for (let start = 0, end = 0; start < total; start = end) {
    while (end < total && sorted[end] === sorted[start]) end++;
    indices[entries] = sorted[start] as number;
    values[entries++] = Math.sqrt((end - start) / total);
  }
  return { indices: indices.subarray(0, entries), values: values.subarray(0, entries) };
}
