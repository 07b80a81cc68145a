/**
 * Updates whose metric follows the batches: a step by a rule of metrics, and the rule's state.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkObject } from "../check/kind.ts";
import type { Damping } from "../damping/damping.ts";
import type { Batch } from "../data/batch.ts";
import { checkModelKind } from "../network/flat.ts";
import type { Model } from "../network/model.ts";
import { beginUpdate, type MetricRule } from "../row_system/metric_rule.ts";
import { checkWhole } from "../step/micro_step.ts";
import type { StepOptions } from "../step/plan.ts";
import { allocation, type Step, stepInto } from "../step/step.ts";
import type { Optimizer, UpdateOptions } from "./optimizer.ts";

/** What an optimizer asks of a step, and what it makes of it. `R` is the rule's state, a part of the optimizer's. */
export interface RulePlan<M extends Model, S, R> {
  readonly damping: Damping;
  readonly options: StepOptions;
  /** The rule, or null: the step has the Euclidean metric, and the rule's state stays as it is. */
  readonly rule: MetricRule<R> | null;
  readonly ruleState: R;
  /** The optimizer's state after the step, given the rule's. */
  readonly stateAfter: (step: Step<M>, ruleState: R) => S;
}

/**
 * The update of an optimizer over whole batches: what `planFor` asks for, checked and taken. Errors: `WrongKind`,
 * `InvalidOption`, `ShapeMismatch` (a state of another network); those of `planFor` and of `fgnStep`.
 *
 * @internal
 */
export const ruleUpdate = <M extends Model, S extends object, R>(
  name: string,
  planFor: (
    params: M,
    state: S,
    batch: Batch,
    options: Omit<UpdateOptions, "microBatch">,
  ) => E.Either<FgnError, RulePlan<M, S, R>>,
): Optimizer<M, S>["update"] =>
(params, state, batch, { microBatch, ...options } = {}) => {
  const whole = checkWhole(batch, microBatch, name);
  if (whole._tag === "Left") return whole;
  const kinds = E.chain(() => checkObject("the state", state, `a state of ${name}()`))(checkModelKind(params));
  if (kinds._tag === "Left") return kinds;
  const plan = planFor(params, state, batch, options);
  if (plan._tag === "Left") return plan;
  const { damping, options: asked, rule, ruleState, stateAfter } = plan.right;
  const metric = rule && beginUpdate(rule, ruleState);
  const step = stepInto(params, batch, damping, asked, { _tag: "fgn" }, allocation(asked), metric);
  if (step._tag === "Left") return step;
  const { params: next, report } = step.right;
  return E.right({ params: next, state: stateAfter(step.right, metric === null ? ruleState : metric.state()), report });
};
