/**
 * Random orders of examples.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkKind } from "../check/kind.ts";
import { checkSize, outOfMemory, withinMemory } from "../check/size.ts";
import { guard } from "../check/total.ts";
import { type Permutation, permute, type Random } from "../math/random.ts";

/** Most indices of an order: as many as one array of 32-bit words holds in every runtime. */
const MOST = 2 ** 31 - 1;

const isRandom = (random: unknown): boolean =>
  Array.isArray(random) && random.length === 4 &&
  random.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32) && random.some((word) => word > 0);

/**
 * A random permutation of 0 … length − 1 (Fisher–Yates) and the next state of the generator: the same in every runtime.
 * Errors: `InvalidSize` for a length that is no whole number from 0, `WrongKind` for a state that `seedRandom` or an
 * earlier call did not give, `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { getOrThrow, seedRandom, shuffle } from "fgn";
 *
 * const { order, random } = getOrThrow(shuffle(4, seedRandom(1)));
 * console.log(order.length, getOrThrow(shuffle(4, random)).order.length); // 4 4
 * ```
 */
export function shuffle(length: number, random: Random): E.Either<FgnError, Permutation> {
  return guard("shuffle", { length, random }, () => drawOrder(length, random));
}

/** A random order. */
function drawOrder(length: number, random: Random): E.Either<FgnError, Permutation> {
  const size = checkSize("the length", length, 0);
  if (size._tag === "Left") return size;
  const state = checkKind(
    "the generator",
    random,
    isRandom(random),
    "what seedRandom gives: four words, not all zero",
  );
  if (state._tag === "Left") return state;
  const tooMany = outOfMemory("the order", 4 * length, "Shuffle fewer examples at a time");
  if (length > MOST) return tooMany;
  return withinMemory(() => E.right(permute(length, random)), () => tooMany);
}
