/**
 * The common part of the loaders: the shape of a data set, random draws, and the folder of an npm package.
 *
 * @module
 */

import { createRequire } from "node:module";
import { dirname } from "node:path";
import { drawFrom, permute, type Random, seedRandom } from "../../src/math/random.ts";

/** Labelled examples: `rows` rows of features, one after another, and a class index for each. */
export interface Split {
  readonly features: Float32Array;
  readonly labels: Uint32Array;
  readonly rows: number;
}

/** A data set for training and testing. */
export interface Dataset {
  readonly train: Split;
  readonly test: Split;
  /** Features of an example. */
  readonly columns: number;
}

/** A data set with the name of each class. */
export interface NamedDataset extends Dataset {
  readonly names: readonly string[];
}

/** The different values, the commonest first, those that are as common by the alphabet, with how often each occurs. */
export function byCount(values: readonly string[]): [value: string, count: number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** Draws `count` of the indices 0 … length − 1 without replacement, in random order. */
export function draw(
  count: number,
  length: number,
  random: Random,
): { readonly drawn: Uint32Array; readonly random: Random } {
  const shuffled = permute(length, random);
  return { drawn: shuffled.order.subarray(0, count), random: shuffled.random };
}

/** Examples with a share of their labels replaced by classes drawn uniformly, which may be the right ones by chance. */
export function withWrongLabels(split: Split, share: number, classes: number, seed = 1): Split {
  const { drawn, random } = draw(Math.round(share * split.rows), split.rows, seedRandom(seed));
  const labels = split.labels.slice(), source = drawFrom(random);
  for (const row of drawn) labels[row] = Math.floor((source.next() / 2 ** 32) * classes);
  return { ...split, labels };
}

/** The folder of an installed npm package. Throws when it is missing. */
export function packageFolder(name: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(name));
  } catch (cause) {
    throw new Error(`The npm package "${name}", which holds the data, is not installed. Run npm install.`, { cause });
  }
}
