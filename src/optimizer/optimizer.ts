/**
 * Optimizers: pairs of pure functions over a state that is plain data.
 *
 * @module
 */

import type { Either } from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import type { Model } from "../network/model.ts";
import type { ObjectiveOptions } from "../problem/objective.ts";
import type { StepOptions } from "../step/options.ts";
import type { StepReport } from "../step/step.ts";

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
 * An optimizer for models of a kind. No function writes to its arguments. With `donate` an update may take the memory of
 * the parameters and of the state: what it took is empty then, as after a step.
 */
export interface Optimizer<M extends Model, S> {
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
}
