/**
 * The common part of the loaders: the shape of a data set, random draws, and the folder of an npm package.
 *
 * @module
 */

import { createRequire } from "node:module";
import { dirname } from "node:path";
import { permute, type Random } from "../../src/math/random.ts";

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

/** Draws `count` of the indices 0 … length − 1 without replacement, in random order. */
export function draw(
  count: number,
  length: number,
  random: Random,
): { readonly drawn: Uint32Array; readonly random: Random } {
  const shuffled = permute(length, random);
  return { drawn: shuffled.order.subarray(0, count), random: shuffled.random };
}

/** The folder of an installed npm package. Throws when it is missing. */
export function packageFolder(name: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(name));
  } catch (cause) {
    throw new Error(`The npm package "${name}", which holds the data, is not installed. Run npm install.`, { cause });
  }
}
