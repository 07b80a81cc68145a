/**
 * Optimizers within others, and in the hands of callers: whoever wrote one, its update gives an Either.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { callbackFailure, callEither, callValue } from "../check/callback.ts";
import { fail, type FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { faultIn } from "../check/rule.ts";
import { guard, orElse, thrownBy } from "../check/total.ts";
import { checkModel, type Model } from "../network/model.ts";
import { type Optimizer, refuseFaulty, type Update } from "./optimizer.ts";
import { piecesOf, updateInPieces, type UpdateOf, type UpdatePieces } from "./pieces.ts";

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

/** A model that an optimizer gave. Errors: `CallbackFailure`. */
function checkGiven<M extends Model>(what: string, params: M): E.Either<FgnError, M> {
  const checked = checkModel(params);
  return checked._tag === "Right" ? E.right(params) : callbackFailure(what, `gave no params: ${checked.left.message}`);
}

/**
 * The parameters that an optimizer says to keep: its `result`, whoever wrote it. Errors: `CallbackFailure`.
 * @internal
 */
export function keptBy<M extends Model, S>(
  { name, result }: Optimizer<M, S>,
  params: M,
  state: S,
): E.Either<FgnError, M> {
  const what = `${name}.result`;
  return E.chain((kept: M) => checkGiven(what, kept))(callValue(what, () => result(params, state)));
}

/** Updates of the library's own optimizers: they give an Either, and models that are whole. */
const OWN = /* @__PURE__ */ new WeakSet<object>();

/** An update that somebody gave, whatever it does. Errors: `CallbackFailure`, and its own. */
function innerUpdate<M extends Model, S>(given: Optimizer<M, S>, what: string): UpdateOf<M, S> {
  const check = E.chain((result: Update<M, S>) => E.map(() => result)(checkGiven(what, result?.params))),
    pieces = piecesOf(given.update);
  const update: UpdateOf<M, S> = (...values) => check(callEither(what, () => given.update(...values)));
  if (pieces === undefined) return update;
  return updateInPieces(function* (...values) {
    return check(yield* pieces(...values));
  }, update);
}

/**
 * An optimizer as the library calls it: one that somebody else wrote may throw, or be none. Its update's errors: its own,
 * `CallbackFailure`, `WrongKind`.
 * @internal
 */
export function asInner<M extends Model, S>(given: Optimizer<M, S>): Optimizer<M, S> {
  return orElse<Optimizer<M, S>>(() => {
    const { name, notes, init, update, result, shrink, steer } = given, fault = faultIn(given);
    if (![init, update, result].every((part) => typeof part === "function")) return standIn();
    return {
      name: textOf(name),
      notes: Array.isArray(notes) ? notes.map(textOf) : [],
      init: (params) => given.init(params),
      update: OWN.has(update) ? update : innerUpdate(given, `${textOf(name)}.update`),
      result: (params, state) => given.result(params, state),
      ...(typeof shrink === "function" && {
        shrink: (...args: Parameters<typeof shrink>) => {
          const what = `${textOf(name)}.shrink`;
          return E.chain((params: M) => checkGiven(what, params))(callEither(what, () => shrink.apply(given, args)));
        },
      }),
      ...(typeof steer === "function" && {
        steer: (...args: Parameters<typeof steer>) =>
          callEither(`${textOf(name)}.steer`, () => steer.apply(given, args)),
      }),
      ...(fault && { fault }),
    };
  }, standIn());
}

/**
 * An optimizer of the library, with an update that gives an Either whatever it is given.
 * @internal
 */
export function guarded<M extends Model, S>(optimizer: Optimizer<M, S>): Optimizer<M, S> {
  const { name, update, shrink, steer } = refuseFaulty(optimizer), what = `${name}.update`, pieces = piecesOf(update);
  const safe: UpdateOf<M, S> = (params, state, batch, options) =>
    guard(
      what,
      { params, state, batch, options },
      () => isObject(state) ? update(params, state, batch, options) : noState,
    );
  const guardedPieces: UpdatePieces<M, S> | undefined = pieces && function* (params, state, batch, options) {
    try {
      return isObject(state) ? yield* pieces(params, state, batch, options) : noState;
    } catch (cause) {
      return thrownBy(what, { params, state, batch, options }, cause);
    }
  };
  const guardedUpdate = guardedPieces ? updateInPieces(guardedPieces, safe) : safe;
  OWN.add(guardedUpdate);
  return {
    ...optimizer,
    update: guardedUpdate,
    ...(shrink && {
      shrink: (params, state, shrinkage, options) =>
        guard(
          `${name}.shrink`,
          { params, state, shrinkage, options },
          () => isObject(state) ? shrink(params, state, shrinkage, options) : noState,
        ),
    }),
    ...(steer && {
      steer: (state, caution) =>
        guard(`${name}.steer`, { state, caution }, () => isObject(state) ? steer(state, caution) : noState),
    }),
  };
}

const noState: E.Either<FgnError, never> = /* @__PURE__ */ fail(
  "WrongKind",
  { what: "the state" },
  "the state: this is not what init gives",
  "Give the state of the update before, or what init gives",
);

/**
 * The shrinking and steering of an optimizer inside, where it has them, for the state around its own: to be spread into a
 * transform. `mayTake` says whether the memory of parameters may be given up.
 * @internal
 */
export function steerInner<M extends Model, S, T extends { readonly inner: S }>(
  { shrink, steer }: Optimizer<M, S>,
  mayTake: (params: M, state: T) => boolean = () => true,
): Pick<Optimizer<M, T>, "shrink" | "steer"> {
  return {
    ...(shrink && {
      shrink: (params, state, shrinkage, options) =>
        shrink(params, state.inner, shrinkage, mayTake(params, state) ? options : {}),
    }),
    ...(steer && {
      steer: (state, caution) => E.map((inner: S): T => ({ ...state, inner }))(steer(state.inner, caution)),
    }),
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
