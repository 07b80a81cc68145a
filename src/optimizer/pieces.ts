/**
 * Updates in pieces: of an update function, the same update as a computation that may rest (`src/kernel/pieces.ts`).
 *
 * It belongs to the function, not to the optimizer: one that is made of another's parts has pieces where its update is that
 * of the other.
 *
 * @module
 */

import type { Either } from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { type Pieces, runAtOnce } from "../kernel/pieces.ts";
import type { Model } from "../network/model.ts";
import type { Optimizer, Update } from "./optimizer.ts";

/** An update as an optimizer has it. */
export type UpdateOf<M extends Model, S> = Optimizer<M, S>["update"];

/** An update in pieces. */
export type UpdatePieces<M extends Model, S> = (
  ...given: Parameters<UpdateOf<M, S>>
) => Pieces<Either<FgnError, Update<M, S>>>;

const known = new WeakMap<object, unknown>();

/**
 * An update with its pieces: all of them at once, unless it is said how else.
 * @internal
 */
export function updateInPieces<M extends Model, S>(
  pieces: UpdatePieces<M, S>,
  update: UpdateOf<M, S> = (...given) => runAtOnce(pieces(...given)),
): UpdateOf<M, S> {
  known.set(update, pieces);
  return update;
}

/**
 * The pieces of an update; undefined: it has none.
 * @internal
 */
export const piecesOf = <M extends Model, S>(update: UpdateOf<M, S>): UpdatePieces<M, S> | undefined =>
  known.get(update) as UpdatePieces<M, S> | undefined;
