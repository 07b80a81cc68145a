/**
 * Hashed counts of character n-grams: dense in a few columns, or sparse in many.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import type { SparseMatrix } from "../../src/data/sparse.ts";
import type { Split } from "./dataset.ts";

/** Longest n-gram. */
const LONGEST = 3;

/** Characters of a text, marks of its ends included, and its class. */
export interface Spelled {
  readonly letters: readonly string[];
  readonly label: number;
}

/** Labelled examples with sparse features. */
export interface SparseSplit {
  readonly features: SparseMatrix;
  readonly labels: Uint32Array;
  readonly rows: number;
}

/** An n-gram seen before: the CRC-32 of its UTF-8 bytes, and the n-grams that continue it. */
interface Gram {
  readonly hash: number;
  readonly next: Map<string, Gram>;
}

const emptyGram: Gram = { hash: 0, next: new Map() };

/** An n-gram with one more letter: remembered, since few of them are new. */
function extend(gram: Gram, letter: string): Gram {
  const known = gram.next.get(letter);
  if (known !== undefined) return known;
  const fresh: Gram = { hash: crc32(letter, gram.hash), next: new Map() };
  gram.next.set(letter, fresh);
  return fresh;
}

/** The bucket of every 1-, 2- and 3-gram of characters. */
function buckets(letters: readonly string[], columns: number): Uint32Array {
  const hashed = new Uint32Array(LONGEST * letters.length);
  let total = 0;
  for (let first = 0; first < letters.length; first++) {
    let gram = emptyGram;
    for (let i = first; i < Math.min(first + LONGEST, letters.length); i++) {
      gram = extend(gram, letters[i] ?? "");
      hashed[total++] = gram.hash % columns;
    }
  }
  return hashed.subarray(0, total);
}

/** The feature of a bucket that `count` of `total` n-grams fall into. The squares of a text's features add up to 1. */
const feature = (count: number, total: number): number => Math.sqrt(count / total);

/**
 * Writes the features of characters into a row of zeros: counts of their 1-, 2- and 3-grams, hashed into as many buckets
 * as the row has columns; then the square root of each, scaled to length 1.
 */
export function fillFeatures(letters: readonly string[], row: Float32Array): void {
  const hashed = buckets(letters, row.length);
  for (const bucket of hashed) row[bucket] = (row[bucket] ?? 0) + 1;
  for (let i = 0; i < row.length; i++) row[i] = feature(row[i] ?? 0, hashed.length);
}

/** The columns of the features of characters, ascending, and their values. */
function sparseRow(
  letters: readonly string[],
  columns: number,
): { readonly indices: Uint32Array; readonly data: Float32Array } {
  const sorted = buckets(letters, columns).sort();
  const indices = new Uint32Array(sorted.length), data = new Float32Array(sorted.length);
  let entries = 0;
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    while (end < sorted.length && sorted[end] === sorted[start]) end++;
    indices[entries] = sorted[start] ?? 0;
    data[entries++] = feature(end - start, sorted.length);
  }
  return { indices: indices.slice(0, entries), data: data.slice(0, entries) };
}

/** The features of texts, one a row. */
export function sparseRows(texts: readonly (readonly string[])[], columns: number): SparseMatrix {
  const rows = texts.map((letters) => sparseRow(letters, columns));
  const offsets = new Uint32Array(rows.length + 1);
  rows.forEach(({ data }, i) => offsets[i + 1] = (offsets[i] ?? 0) + data.length);
  const entries = offsets[rows.length] ?? 0;
  const indices = new Uint32Array(entries), data = new Float32Array(entries);
  rows.forEach((row, i) => {
    indices.set(row.indices, offsets[i]);
    data.set(row.data, offsets[i]);
  });
  return { rows: rows.length, cols: columns, offsets, indices, data };
}

const labelsOf = (examples: readonly Spelled[]): Uint32Array => Uint32Array.from(examples, ({ label }) => label);

/** Examples with dense features. */
export function toSplit(examples: readonly Spelled[], columns: number): Split {
  const features = new Float32Array(examples.length * columns);
  examples.forEach(({ letters }, i) => fillFeatures(letters, features.subarray(i * columns, (i + 1) * columns)));
  return { features, labels: labelsOf(examples), rows: examples.length };
}

/** Examples with sparse features. */
export function toSparseSplit(examples: readonly Spelled[], columns: number): SparseSplit {
  const features = sparseRows(examples.map(({ letters }) => letters), columns);
  return { features, labels: labelsOf(examples), rows: examples.length };
}
