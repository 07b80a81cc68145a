/**
 * Optimizers within others, and in the hands of callers: whoever wrote one, its update gives an Either.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { callbackFailure, callEither } from "../check/callback.ts";
import { fail, type FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { faultIn } from "../check/rule.ts";
import { guard, orElse } from "../check/total.ts";
import { checkModel, type Model } from "../network/model.ts";
import { type Optimizer, refuseFaulty, type Update } from "./optimizer.ts";

/** A name, or what stands for one that is missing. */
const textOf = (value: unknown): string => typeof value === "string" ? value : "unnamed";

/** What stands for a value that is no optimizer: its update says so. */
function standIn<M extends Model, S>(): Optimizer<M, S> {
  const what = "the optimizer";
  const update = (): E.Either<FgnError, never> =>
    fail("WrongKind", { what }, `${what}: this is not an optimizer`, "Give one, such as robust() or fgn()");
  const error = update(), fault = error._tag === "Left" ? error.left : null;
  return { name: "none", notes: [], init: () => ({}) as S, update, result: (params) => params, fault };
}

/** An update with a model. Errors: `CallbackFailure`. */
function checkUpdate<M extends Model, S>(what: string, result: Update<M, S>): E.Either<FgnError, Update<M, S>> {
  const checked = checkModel(result?.params);
  return checked._tag === "Right" ? E.right(result) : callbackFailure(what, `gave no params: ${checked.left.message}`);
}

/**
 * An optimizer as the library calls it: one that somebody else wrote may throw, or be none. Its update's errors: its own,
 * `CallbackFailure`, `WrongKind`.
 * @internal
 */
export function asInner<M extends Model, S>(given: Optimizer<M, S>): Optimizer<M, S> {
  return orElse<Optimizer<M, S>>(() => {
    const { name, notes, init, update, result } = given, fault = faultIn(given);
    if (![init, update, result].every((part) => typeof part === "function")) return standIn();
    return {
      name: textOf(name),
      notes: Array.isArray(notes) ? notes.map(textOf) : [],
      init: (params) => given.init(params),
      update: (params, state, batch, options) => {
        const what = `${textOf(name)}.update`;
        return E.chain((result: Update<M, S>) => checkUpdate(what, result))(
          callEither(what, () => given.update(params, state, batch, options)),
        );
      },
      result: (params, state) => given.result(params, state),
      ...(fault && { fault }),
    };
  }, standIn());
}

/**
 * An optimizer of the library, with an update that gives an Either whatever it is given.
 * @internal
 */
export function guarded<M extends Model, S>(optimizer: Optimizer<M, S>): Optimizer<M, S> {
  const { name, update } = refuseFaulty(optimizer);
  return {
    ...optimizer,
    update: (params, state, batch, options) =>
      guard(
        `${name}.update`,
        { params, state, batch, options },
        () =>
          isObject(state) ? update(params, state, batch, options) : fail(
            "WrongKind",
            { what: "the state" },
            "the state: this is not what init gives",
            "Give the state of the update before, or what init gives",
          ),
      ),
  };
}

/**
 * An optimizer around another, made by `make` of one whose update gives an Either.
 * @internal
 */
export const wrap = <M extends Model, S, T>(
  given: Optimizer<M, S>,
  make: (inner: Optimizer<M, S>) => Optimizer<M, T>,
): Optimizer<M, T> => guarded(make(asInner(given)));
