/**
 * Options that there are not, and the ones that were probably meant.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "./error.ts";

/** What stands here for options of other libraries, by their names in small letters and digits. */
export type Elsewhere = Readonly<Record<string, string>>;

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** The share of letters in their place from the beginning or the end: a slip of the finger leaves most of them. */
const likeness = (name: string, known: string): number =>
  [...known].filter((letter, i) => letter === name[i] || letter === name[name.length - known.length + i]).length /
  Math.max(name.length, known.length);

/** The least likeness of a word that is meant. */
const LEAST = 0.55;

/**
 * An `InvalidOption` for a name that is none, which names the nearest known one.
 * @internal
 */
export function unknownOption(
  path: string,
  value: unknown,
  known: readonly string[],
  elsewhere: Elsewhere,
): E.Either<FgnError, never> {
  const name = plain(path.slice(path.lastIndexOf(".") + 1)), shown = path.slice(0, 80);
  let nearest = "", most = LEAST;
  for (const other of known) {
    const like = likeness(name, plain(other));
    if (like > most) [nearest, most] = [other, like];
  }
  const hint = Object.hasOwn(elsewhere, name) ? elsewhere[name] : nearest && `did you mean ${nearest}?`;
  return fail(
    "InvalidOption",
    { option: path, value },
    `there is no option ${shown}${hint && `: ${hint}`}`,
    `Give one of ${known.join(", ")}`,
  );
}
