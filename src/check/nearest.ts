/**
 * Options that there are not, and the ones that were probably meant.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";

/** What stands here for options of other libraries, by their names without case and underscores. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  learningrate: "the damping sets the length of steps",
  lr: "the damping sets the length of steps",
  verbose: "fit has onProgress, and train gives records",
  weightdecay: "it is l2, or the transform weightDecay",
  randomstate: "it is seed",
};

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** Letters to insert, delete or replace between two words (Levenshtein 1966). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const kept = (row[j] as number) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(kept, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** From 0, the same word, to 1; half of that where one is part of the other. */
function unlikeness(a: string, b: string): number {
  const share = distance(a, b) / Math.max(a.length, b.length);
  return a.includes(b) || b.includes(a) ? share / 2 : share;
}

/** The most that a word may be unlike the one that is meant. */
const MOST = 0.35;

/**
 * An `InvalidOption` for a name that is none, which names the nearest known one.
 * @internal
 */
export function unknownOption(path: string, value: unknown, known: readonly string[]): E.Either<FgnError, never> {
  const name = plain(path.slice(path.lastIndexOf(".") + 1).slice(0, 40));
  let nearest = "", least = MOST;
  for (const other of known) {
    const unlike = unlikeness(name, plain(other));
    if (unlike < least) [nearest, least] = [other, unlike];
  }
  const elsewhere = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
  const hint = elsewhere ?? (nearest && `did you mean ${nearest}?`), shown = path.slice(0, 80);
  return fail(
    "InvalidOption",
    { option: path, value },
    `there is no option ${shown}${hint && `: ${hint}`}`,
    `Give ${known.length > 0 ? `one of ${known.join(", ")}, or nothing` : "nothing"}`,
  );
}
