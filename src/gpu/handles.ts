/**
 * Handles: values that stand for parameters and batches that lie elsewhere.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { cureOf, show } from "../check/show.ts";

/** Handles of one kind, each with a state that its backend alone sees. */
export interface Handles<Handle extends object, State extends object> {
  readonly make: (handle: Handle, state: State) => Handle;
  /** The state of a handle. Errors: `WrongKind`, `Released`. */
  readonly get: (handle: Handle) => E.Either<FgnError, State>;
  /** Disposes of the state, once. */
  readonly release: (handle: Handle) => void;
}

/** The words of a kind of handle, and the end of its states. */
export interface HandleKind<State> {
  /** The words of errors for them, such as "the parameters". */
  readonly what: string;
  /** The name, in errors, of the function that makes them. */
  readonly maker: string;
  readonly dispose: (state: State) => void;
}

/**
 * Makes handles. One that is forgotten is released when the collector finds it, which may be late or never: releasing
 * is the rule.
 */
export function handles<Handle extends object, State extends object>(
  { what, maker, dispose }: HandleKind<State>,
): Handles<Handle, State> {
  const states = new WeakMap<object, State | null>();
  const forgotten = typeof FinalizationRegistry === "undefined" ? null : new FinalizationRegistry<State>(dispose);
  return {
    make: (handle, state) => {
      states.set(handle, state);
      forgotten?.register(handle, state, state);
      return handle;
    },
    get: (handle) => {
      const state = isObject(handle) ? states.get(handle) : undefined;
      if (state) return E.right(state);
      if (state === null) {
        return fail(
          "Released",
          { what },
          `${what}: released before, or donated to a step`,
          `Use them before, or put them there again with ${maker}`,
        );
      }
      return fail(
        "WrongKind",
        { what },
        `${what}: ${show(handle)} is given, not made by this backend`,
        cureOf(handle) ?? `Give what ${maker} of the same backend made`,
      );
    },
    release: (handle) => {
      const state = isObject(handle) ? states.get(handle) : undefined;
      if (!state) return;
      states.set(handle, null);
      forgotten?.unregister(state);
      dispose(state);
    },
  };
}
