/**
 * The contract between a damping and the search for a step.
 *
 * **What a damping promises.** A damping is plain data, a state: everything that it goes by lies in it. Its rule is one
 * value of pure functions of that state; none writes to it. A rule decides seven things, and inherits none:
 *
 * - `check` says whether the state is one, before anything is computed;
 * - `observe` gives the state that has seen the batch, once a step;
 * - `first` gives λ of the first attempt: positive, and finite where the observation is;
 * - `attempts` says whether steps are judged by their loss, and how often a call may try;
 * - `accepts` says whether an attempt is kept;
 * - `retry` gives the attempt after one that was not: at another λ, or, at the same λ, a share of the direction at hand;
 * - `next` gives the state for the next step.
 *
 * **How the search asks it** (`src/step/search.ts`). `check` when a step is planned, and `attempts`, since only steps that are
 * judged need room for a trial: whether it is null must not change with what is observed. Then, margins and row system being
 * there, `observe`, `attempts` and `first`, each once, with one observation. Every step that could be solved for is shown to
 * `accepts`, in order. After one that is not kept, or whose system was singular, `retry` is asked while attempts are left; a
 * singular system is given up where `retry` keeps to the same λ. `next` is asked once, at the end, with the λ of the last
 * attempt, unless that was an error. Where `attempts` is null there is one attempt: `accepts` must keep it, even where its
 * loss, which is then evaluated only if it is asked for, has risen.
 *
 * The two contracts are kept apart as in optimistix (`_search.py`): a rule knows nothing of directions and of how they are
 * found, the search nothing of how a rule comes to its λ.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { POSITIVE } from "../check/rule.ts";
import { show } from "../check/show.ts";

/** A batch as a damping sees it. */
export interface Observation {
  /** K̄/Σω: λ of relative damping 1. */
  readonly unit: number;
  /** Σ α_i s_i, s = 1 − p_y. */
  readonly slope: number;
  /** x^y, the same bytes in every runtime. */
  readonly power: (x: number, y: number) => number;
}

/** An attempt at a step: λ, and the share of the direction at hand where λ stays. */
export interface Trial {
  readonly lambda: number;
  readonly share: number;
}

/** The promise of an attempt and its result. */
export interface Outcome {
  readonly lossBefore: number;
  /** Loss before − loss after; 0 where the loss after is not known, NaN beyond float32. */
  readonly actual: number;
  /** −(gᵀd + ½ dᵀHd) of the step taken. */
  readonly predicted: number;
  /** −gᵀd of the step taken. */
  readonly linear: number;
}

/** The decisions of a damping with this state. */
export interface Rule<State> {
  /** The state, where it is one. Errors: `InvalidDamping`, `InvalidOption`. */
  readonly check: (state: State) => E.Either<FgnError, State>;
  /** The state that has seen a batch. */
  readonly observe: (state: State, batch: Observation) => State;
  /** λ of the first attempt, of the state that has seen the batch. */
  readonly first: (state: State, batch: Observation) => number;
  /** Attempts in a call, each judged by the loss after it; null: steps are not judged. */
  readonly attempts: (state: State) => number | null;
  /** Whether an attempt is kept. */
  readonly accepts: (state: State, outcome: Outcome) => boolean;
  /** The attempt after one at λ that was not kept. */
  readonly retry: (state: State, lambda: number) => Trial;
  /** The state for the next step, after one that ended at λ. */
  readonly next: (state: State, lambda: number, accepted: boolean) => State;
}

/** The part of a rule that judges no step: the first one that can be solved for is taken. */
export const UNJUDGED = {
  attempts: () => null,
  accepts: () => true,
  retry: (_: unknown, lambda: number) => ({ lambda, share: 1 }),
} as const satisfies Partial<Rule<never>>;

/** Whether the loss stands still where it cannot show what was predicted: the end of a descent, not a step that failed. */
export const standsStill = ({ actual, predicted, lossBefore }: Outcome): boolean =>
  actual === 0 && predicted <= 2 ** -52 * Math.abs(lossBefore);

/** Whether a number can be a λ, or a share of K̄. */
export const isPositive = (value: unknown): boolean => POSITIVE[0](value);

/** The error of a λ, or a share of K̄, that cannot. */
export const notPositive = (value: number): E.Either<FgnError, never> =>
  fail(
    "InvalidDamping",
    { value },
    `the damping is ${show(value)}`,
    "Give a positive finite number, or leave it to relative(1)",
  );
