/**
 * Training to the end, for those who do not want to iterate.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { callTask, callValue } from "../check/callback.ts";
import type { FgnError } from "../check/error.ts";
import { checkOptions } from "../check/rule.ts";
import { guardAsync } from "../check/total.ts";
import type { Batch } from "../data/batch.ts";
import type { Model } from "../network/model.ts";
import type { RobustState } from "../optimizer/robust.ts";
import type { Evaluation } from "../passes/evaluate.ts";
import type { Stopped } from "./course.ts";
import { ELSEWHERE, FIT, type TrainOptions } from "./options.ts";
import { type Progress, train } from "./train.ts";

/** Options of {@link fit}. */
export interface FitOptions<M extends Model, S> extends TrainOptions<M, S> {
  /** Called with every record of progress; a promise that it gives is waited for. */
  readonly onProgress?: (record: Progress<M>) => void;
}

/** The validation examples after an epoch. */
export interface EpochEvaluation {
  /** The epoch, from 1. */
  readonly epoch: number;
  /** Undefined without validation examples. */
  readonly evaluation: Evaluation | undefined;
}

/** A trained model. */
export interface Trained<M extends Model> {
  /** The parameters to keep. */
  readonly params: M;
  /** Evaluation of these parameters on the validation examples, when there are some. */
  readonly evaluation: Evaluation | undefined;
  /** Why training ended. */
  readonly stopped: Stopped;
  /** Steps taken. */
  readonly steps: number;
  /** Epoch by epoch, from where this call took the run up. */
  readonly history: readonly EpochEvaluation[];
}

/**
 * Trains as {@link train} does and gives the result: a task, to be started by calling it. Errors: those of `train`.
 *
 * @example
 * ```ts
 * import { batch, fit, matrix, zeroHead } from "fgn";
 *
 * const features = matrix(4, 2, [1, 0, 0, 1, 2, 0, 0, 2]);
 * const head = zeroHead({ features: 2, classes: 2 });
 * if (features._tag === "Right" && head._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1, 0, 1] });
 *   if (data._tag === "Right") {
 *     const trained = await fit(head.right, data.right, { epochs: 3 })();
 *     console.log(trained._tag === "Right" ? trained.right.params : trained.left.remedy);
 *   }
 * }
 * ```
 */
export function fit<M extends Model, S = RobustState>(
  params: M,
  data: Batch,
  options: FitOptions<NoInfer<M>, S> = {},
): TaskEither<FgnError, Trained<M>> {
  return () => guardAsync("fit", { params, data, options }, () => runToEnd<M, S>(params, data, options));
}

/** Tells the caller of a record, and waits where that takes time. Errors: `CallbackFailure`. */
async function tell<M extends Model>(
  onProgress: (record: Progress<M>) => unknown,
  record: Progress<M>,
): Promise<E.Either<FgnError, unknown>> {
  const told = callValue("onProgress", () => onProgress(record));
  return told._tag === "Right" && told.right instanceof Promise ? await callTask("onProgress", told.right) : told;
}

/** The result of a run to its end. */
async function runToEnd<M extends Model, S>(
  params: M,
  data: Batch,
  options: FitOptions<M, S>,
): Promise<E.Either<FgnError, Trained<M>>> {
  const checked = checkOptions(options, FIT, ELSEWHERE);
  if (checked._tag === "Left") return checked;
  const { onProgress, ...training } = checked.right;
  const history: EpochEvaluation[] = [];
  let last: E.Either<FgnError, Progress<M>> | undefined;
  for await (const record of train<M, S>(params, data, training)) {
    last = record;
    if (record._tag === "Left") return record;
    const told = onProgress === undefined ? record : await tell(onProgress, record.right);
    if (told._tag === "Left") return told;
    if (record.right._tag !== "epoch") continue;
    const { epoch, evaluation } = record.right;
    history.push({ epoch, evaluation });
  }
  // A run that gives no `Left` ends with a `done` record.
  const end = (last as E.Right<Extract<Progress<M>, { readonly _tag: "done" }>>).right;
  const { params: trained, evaluation, stopped, steps } = end;
  return E.right({ params: trained, evaluation, stopped, steps, history });
}
