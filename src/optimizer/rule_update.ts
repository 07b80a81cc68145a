/**
 * Updates whose metric follows the batches: a step by a rule of metrics, and the rule's state.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkKind, isObject } from "../check/kind.ts";
import { checkOptions } from "../check/rule.ts";
import type { Damping } from "../damping/damping.ts";
import type { Batch } from "../data/batch.ts";
import type { Model } from "../network/model.ts";
import { checkBatch } from "../problem/session.ts";
import { beginUpdate, type MetricRule } from "../row_system/metric_rule.ts";
import { checkWhole } from "../step/micro_step.ts";
import type { StepOptions } from "../step/options.ts";
import { allocation, type Step, stepCheckedInPieces } from "../step/step.ts";
import { type Optimizer, UPDATE } from "./optimizer.ts";
import { updateInPieces } from "./pieces.ts";

/** The state of an optimizer with a rule of metrics. */
interface RuleState {
  /** The rule's state. */
  readonly layers: unknown;
}

/** A step as an optimizer asks for it, and the state that it makes of the result. */
export interface RulePlan<M extends Model, S extends RuleState> {
  readonly damping: Damping;
  readonly options: StepOptions;
  /** The rule, or null: the step has the Euclidean metric, and the state's layers stay as they are. */
  readonly rule: MetricRule<S["layers"]> | null;
  /** The state after the step, whose rule led to `layers`. */
  readonly stateAfter: (step: Step<M>, layers: S["layers"]) => S;
}

/**
 * The update of an optimizer over whole batches: what `planFor` asks for, checked and taken. Errors: `WrongKind`,
 * `InvalidOption`, `ShapeMismatch` (a state of another network); those of `planFor` and of `fgnStep`.
 * @internal
 */
export const ruleUpdate = <M extends Model, S extends RuleState>(
  name: string,
  planFor: (params: M, state: S, batch: Batch, options: StepOptions) => E.Either<FgnError, RulePlan<M, S>>,
): Optimizer<M, S>["update"] =>
  updateInPieces(function* (params, state, examples, given = {}) {
    const fits = checkOptions(given, UPDATE);
    if (fits._tag === "Left") return fits;
    const { microBatch, ...options } = fits.right;
    const matched = checkBatch(params, examples);
    if (matched._tag === "Left") return matched;
    const batch = matched.right;
    const whole = checkWhole(batch, microBatch, name);
    if (whole._tag === "Left") return whole;
    const isState = isObject(state) && Array.isArray(state.layers);
    const checked = checkKind("the state", state, isState, "what init gives");
    if (checked._tag === "Left") return checked;
    const plan = planFor(params, state, batch, options);
    if (plan._tag === "Left") return plan;
    const { damping, options: asked, rule, stateAfter } = plan.right;
    const metric = rule && beginUpdate(rule, state.layers);
    const step = yield* stepCheckedInPieces(params, batch, damping, asked, { _tag: "fgn" }, allocation(asked), metric);
    if (step._tag === "Left") return step;
    const { params: next, report } = step.right;
    return E.right({ params: next, state: stateAfter(step.right, metric ? metric.state() : state.layers), report });
  });
