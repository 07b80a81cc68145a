/**
 * Optimizers: pairs of pure functions over a state that is plain data.
 *
 * @module
 */

import type { Either } from "fp-ts/lib/Either.js";
import type { Batch } from "../batch.ts";
import type { FgnError } from "../error.ts";
import type { Model } from "../network/model.ts";
import type { StepOptions } from "../plan.ts";
import type { StepReport } from "../step.ts";

/** What an update gives. */
export interface Update<M extends Model, S> {
  /** The new parameters. */
  readonly params: M;
  /** The new state. */
  readonly state: S;
  /** What the step saw and did. */
  readonly report: StepReport;
}

/** Options of an update: those of the step that an optimizer leaves open. */
export type UpdateOptions = Pick<StepOptions, "kernel" | "lossAfter" | "solver" | "tolerance" | "maxIterations">;

/** An optimizer for models of a kind. Neither function writes to its arguments. */
export interface Optimizer<M extends Model, S> {
  /** The state before the first update. */
  readonly init: (params: M) => S;
  /** One update on a batch. */
  readonly update: (params: M, state: S, batch: Batch, options?: UpdateOptions) => Either<FgnError, Update<M, S>>;
  /** The parameters to evaluate and to keep, such as a running average. */
  readonly result: (params: M, state: S) => M;
}
