/**
 * Optimizers: pairs of pure functions over a state that is plain data.
 *
 * @module
 */

import { type Either, left } from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { COUNT, type Faulty, only, type Rules, union } from "../check/rule.ts";
import type { Batch } from "../data/batch.ts";
import type { Model } from "../network/model.ts";
import { OBJECTIVE, type ObjectiveOptions } from "../problem/objective.ts";
import { STEP, type StepOptions } from "../step/options.ts";
import type { StepReport } from "../step/step.ts";
import type { Shrinkage } from "./shrink.ts";

/** The result of an update. */
export interface Update<M extends Model, S> {
  /** The new parameters. */
  readonly params: M;
  /** The new state. */
  readonly state: S;
  /** Report of the step. */
  readonly report: StepReport;
}

/** Options of an update: the objective, and what an optimizer leaves open. */
export interface UpdateOptions
  extends ObjectiveOptions, Pick<StepOptions, "donate" | "kernel" | "lossAfter" | "momentum" | "trustRegion"> {
  /**
   * Examples a pass within the step (default: the whole batch): the same step in less memory. For `fgn`.
   */
  readonly microBatch?: number;
}

/**
 * Rules of the options of an update.
 * @internal
 */
export const UPDATE: Rules<UpdateOptions> = /* @__PURE__ */ union(
  OBJECTIVE,
  /* @__PURE__ */ only(STEP, "donate", "kernel", "lossAfter", "momentum", "trustRegion"),
  { microBatch: COUNT },
);

/** Options of a shrinking. */
export type ShrinkOptions = Pick<UpdateOptions, "donate" | "kernel">;

/**
 * Rules of the options of a shrinking.
 * @internal
 */
export const SHRINK: Rules<ShrinkOptions> = /* @__PURE__ */ only(STEP, "donate", "kernel");

/**
 * An optimizer for models of a kind. No function writes to its arguments. With `donate` an update may take the memory of
 * the parameters and of the state: what it took is empty then, as after a step.
 *
 * An optimizer made of options or arguments that do not fit is one with a `fault`: that error is what its `update` returns,
 * and `train` and `fit` before they do anything; `explain` tells it. A transform hands on the fault of the optimizer inside.
 */
export interface Optimizer<M extends Model, S> extends Faulty {
  /** Name of the optimizer. */
  readonly name: string;
  /** Its parts, a line each on what one does and why, inner parts first: see `explain`. */
  readonly notes: readonly string[];
  /** The state before the first update. */
  readonly init: (params: M) => S;
  /** One update on a batch. */
  readonly update: (params: M, state: S, batch: Batch, options?: UpdateOptions) => Either<FgnError, Update<M, S>>;
  /** The parameters to evaluate and to keep, such as a running average, which may be arrays of the state. */
  readonly result: (params: M, state: S) => M;
  /**
   * Parameters whose logits are smaller by a share about their mean, to be updated next; where there is none, `train` does
   * not shrink them. With `donate` it may take the memory of the parameters.
   */
  readonly shrink?: (params: M, state: S, shrinkage: Shrinkage, options?: ShrinkOptions) => Either<FgnError, M>;
  /**
   * The state whose updates are more careful: their damping is multiplied by `caution` > 0, until it is said anew. `train`
   * says it to optimizers that can `shrink`, too; where there is none, it does not.
   */
  readonly steer?: (state: S, caution: number) => Either<FgnError, S>;
}

/**
 * The optimizer itself; one with a fault returns that whatever it is asked.
 * @internal
 */
export function refuseFaulty<M extends Model, S>(optimizer: Optimizer<M, S>): Optimizer<M, S> {
  const { fault, shrink, steer } = optimizer, refuse = () => left(fault as FgnError);
  if (!fault) return optimizer;
  return { ...optimizer, update: refuse, ...(shrink && { shrink: refuse }), ...(steer && { steer: refuse }) };
}

/**
 * The fault of a transform around an optimizer, to be spread into it: that of the optimizer inside comes first.
 * @internal
 */
export function faultAround(inner: Faulty, own: FgnError | null | undefined): Faulty {
  const fault = inner.fault ?? own;
  return fault ? { fault } : {};
}
