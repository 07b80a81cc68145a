/**
 * What a training run keeps between its steps: parameters and damping, or an optimizer with its state.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "./batch.ts";
import { constant, type Damping, relative } from "./damping/damping.ts";
import { type FgnError, invalid } from "./error.ts";
import { copyModel, type Model } from "./network/model.ts";
import type { Optimizer } from "./optimizer/optimizer.ts";
import { methodOf, type StepOptions } from "./plan.ts";
import { stepInto, type StepReport } from "./step.ts";

/** A run under way. */
export interface Runner<M extends Model> {
  /** Takes a step on a batch, which is not kept. */
  readonly step: (part: Batch) => E.Either<FgnError, StepReport>;
  /** The parameters to evaluate; not to be handed out. */
  readonly params: () => M;
  /** The damping for the next step. */
  readonly damping: () => Damping;
}

/** Options that say how to step. */
export interface RunnerOptions<M extends Model, S> extends Omit<StepOptions, "warmStart" | "momentum"> {
  /** Default `relative(1)`. */
  readonly damping?: Damping;
  /** Takes the place of plain steps and of their options: `robust()` needs no tuning. */
  readonly optimizer?: Optimizer<M, S>;
}

/** Plain steps on a copy, updated in place: a step writes at its end, when all is well, and only what it changed. */
function plainRunner<M extends Model>(params: M, options: RunnerOptions<M, never>): E.Either<FgnError, Runner<M>> {
  const method = methodOf(options);
  if (method._tag === "Left") return method;
  const model = copyModel(params);
  let damping = options.damping ?? relative(1);
  return E.right({
    step: (part) => {
      const done = stepInto(model, part, damping, { lossAfter: false, ...options }, method.right, () => model);
      if (done._tag === "Left") return done;
      damping = done.right.damping;
      return E.right(done.right.report);
    },
    params: () => model,
    damping: () => damping,
  });
}

function optimizerRunner<M extends Model, S>(
  params: M,
  optimizer: Optimizer<M, S>,
  { kernel, lossAfter = false, solver, tolerance, maxIterations }: RunnerOptions<M, S>,
): Runner<M> {
  let model = copyModel(params), state = optimizer.init(model), damping: Damping = relative(1);
  const options = {
    lossAfter,
    donate: true,
    ...(kernel && { kernel }),
    ...(solver && { solver }),
    ...(tolerance !== undefined && { tolerance }),
    ...(maxIterations !== undefined && { maxIterations }),
  };
  return {
    step: (part) => {
      const done = optimizer.update(model, state, part, options);
      if (done._tag === "Left") return done;
      ({ params: model, state } = done.right);
      damping = constant(done.right.report.lambda);
      return E.right(done.right.report);
    },
    params: () => optimizer.result(model, state),
    damping: () => damping,
  };
}

/** Options that an optimizer decides for itself. */
const DECIDED = [
  "damping",
  "curvature",
  "metric",
  "twoStage",
  "refine",
  "system",
  "trustRegion",
  "l2",
  "labelSmoothing",
  "classWeights",
] as const;

/** Starts a run; internal. Errors: `InvalidOption`. */
export function startRun<M extends Model, S>(params: M, options: RunnerOptions<M, S>): E.Either<FgnError, Runner<M>> {
  const { optimizer, ...rest } = options;
  if (optimizer === undefined) return plainRunner(params, rest);
  const both = DECIDED.find((name) => options[name] !== undefined);
  if (both !== undefined) return invalid(both, options[both], "it to plain steps only: the optimizer decides it");
  return E.right(optimizerRunner(params, optimizer, options));
}
