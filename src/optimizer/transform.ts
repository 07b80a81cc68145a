/**
 * Transforms of optimizers, to be chained with `pipe`: the optimizer inside makes the step, the transform changes what it
 * is asked for or what came of it. The last one of a chain acts last. Reports are those of the step inside: where a
 * transform changes the parameters after it, losses and reductions are those before that.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { callValue } from "../check/callback.ts";
import { type FgnError, invalid } from "../check/error.ts";
import { isFloats } from "../check/kind.ts";
import { BELOW_ONE, checkOptions, faultIn, faultOf, FROM_ZERO, POSITIVE, type Rule } from "../check/rule.ts";
import { show } from "../check/show.ts";
import { orElse } from "../check/total.ts";
import { arraysOf, parameters, weightFlags } from "../network/flat.ts";
import { type Model, withArrays } from "../network/model.ts";
import { averagedWhole, changesLike } from "./by_row.ts";
import { steerInner, wrap } from "./inner.ts";
import { faultAround, type Optimizer, UPDATE, type UpdateOptions } from "./optimizer.ts";
import { always, type Schedule } from "./schedule.ts";
import { checkCounted, checkEntries, checkState, invalidState } from "./state.ts";

/** Wraps an optimizer without a state of its own. */
export type Transform = <M extends Model, S>(inner: Optimizer<M, S>) => Optimizer<M, S>;

/** Wraps an optimizer with a state of its own. */
export type StatefulTransform<T> = <M extends Model, S>(
  inner: Optimizer<M, S>,
) => Optimizer<M, T & { readonly inner: S }>;

/** Makes a transform that adds to the options of the step. */
function askFor(
  name: string,
  note: string,
  add: (given: UpdateOptions) => UpdateOptions,
  fault: FgnError | null,
): Transform {
  return (given) =>
    wrap(given, (inner) => ({
      ...inner,
      name: `${name}(${inner.name})`,
      notes: [...inner.notes, note],
      ...faultAround(inner, fault),
      update: (params, state, batch, given = {}) => {
        const checked = checkOptions(given, UPDATE);
        if (checked._tag === "Left") return checked;
        return inner.update(params, state, batch, { ...checked.right, ...add(checked.right) });
      },
    }));
}

/**
 * Adds ½ λ₂ ‖W‖² over the weights W to the objective: gradient and curvature, solved for inside the system. Biases, gains
 * and shifts count where the update is given `l2Biases`, an option of `train` and `fit`, too.
 *
 * @param strength λ₂ ≥ 0
 * @example
 * ```ts
 * import { fgn, l2Penalty } from "fgn";
 *
 * console.log(l2Penalty(1e-4)(fgn()).name); // l2Penalty(fgn)
 * ```
 */
export const l2Penalty = (strength: number): Transform =>
  askFor(
    "l2Penalty",
    `adds ½ ${show(strength)} ‖W‖² over the weights to the objective`,
    ({ l2 = 0 }) => ({ l2: l2 + strength }),
    faultOf("l2Penalty", strength, FROM_ZERO),
  );

/**
 * No layer moves by more than a share of its own size: `trustRegion` of the step's options, in place of `robust`'s own.
 * The smallest of a chain counts.
 *
 * @example
 * ```ts
 * import { fgn, trustRegion } from "fgn";
 *
 * console.log(trustRegion(0.2)(fgn()).name); // trustRegion(fgn)
 * ```
 */
export const trustRegion = (share: number): Transform => (given) =>
  changesLike(
    given,
    askFor(
      "trustRegion",
      `no layer of several moves by more than ${
        show(share)
      } of its size: small damping can multiply a layer in one step`,
      ({ trustRegion: given = 0 }) => ({ trustRegion: given > 0 ? Math.min(given, share) : share }),
      faultOf("trustRegion", share, POSITIVE),
    )(given),
  );

/** before + factor · (after − before), array by array. */
function interpolate<M extends Model>(before: M, after: M, factor: number): M {
  const from = arraysOf(before);
  const arrays = arraysOf(after).map((array, index) => {
    const start = from[index] as Float32Array;
    return array.map((v, i) => (start[i] as number) + factor * (v - (start[i] as number)));
  });
  return withArrays(after, arrays);
}

/** ‖after − before‖₂, summed in float64. */
function distance(before: Model, after: Model): number {
  const from = arraysOf(before);
  let square = 0;
  arraysOf(after).forEach((array, index) => {
    const start = from[index] as Float32Array;
    for (let i = 0; i < array.length; i++) square += ((array[i] as number) - (start[i] as number)) ** 2;
  });
  return Math.sqrt(square);
}

/**
 * Scales a step down to a Euclidean length of at most `most` over all parameters.
 *
 * @example
 * ```ts
 * import { clipGlobalNorm, fgn } from "fgn";
 *
 * console.log(clipGlobalNorm(1)(fgn()).name); // clipGlobalNorm(fgn)
 * ```
 */
export const clipGlobalNorm = (most: number): Transform => (given) =>
  wrap(given, (inner) => ({
    ...inner,
    name: `clipGlobalNorm(${inner.name})`,
    notes: [...inner.notes, `scales steps longer than ${show(most)} down to that length`],
    ...faultAround(inner, faultOf("clipGlobalNorm", most, LENGTH)),
    update: (params, state, batch, options = {}) => {
      const checked = checkOptions(options, UPDATE);
      if (checked._tag === "Left") return checked;
      const update = inner.update(params, state, batch, { ...checked.right, donate: false });
      if (update._tag === "Left") return update;
      const length = distance(params, update.right.params);
      if (length <= most) return update;
      return E.right({ ...update.right, params: interpolate(params, update.right.params, most / length) });
    },
  }));

/** The state inside a state; what is no state has none. */
const innerOf = <S>(state: { readonly inner: S }): S => orElse(() => state.inner, undefined as S);

/** (0, ∞]. */
const LENGTH: Rule = [(value) => typeof value === "number" && value > 0, "a positive number"];

/** A state that counts steps. */
export interface Counted {
  /** Steps taken. */
  readonly steps: number;
}

/** Makes a transform that changes the parameters by the number of the step. */
function byStep(
  name: string,
  schedule: Schedule,
  note: string,
  change: <M extends Model>(before: M, after: M, step: number) => E.Either<FgnError, M>,
): StatefulTransform<Counted> {
  return <M extends Model, S>(given: Optimizer<M, S>) =>
    wrap<M, S, Counted & { readonly inner: S }>(given, (inner) => ({
      name: `${name}(${inner.name})`,
      notes: [...inner.notes, note],
      ...faultAround(inner, schedule.fault),
      init: (params) => ({ steps: 0, inner: averagedWhole(inner.init(params)) }),
      update: (params, state, batch, options = {}) => {
        const checked = checkOptions(options, UPDATE);
        if (checked._tag === "Left") return checked;
        const counted = checkCounted(state);
        if (counted._tag === "Left") return counted;
        const update = inner.update(params, state.inner, batch, { ...checked.right, donate: false });
        if (update._tag === "Left") return update;
        const changed = change(params, update.right.params, state.steps);
        if (changed._tag === "Left") return changed;
        const next = { steps: state.steps + 1, inner: update.right.state };
        return E.right({ params: changed.right, state: next, report: update.right.report });
      },
      result: (params, state) => inner.result(params, innerOf(state)),
      ...steerInner(inner),
    }));
}

/** The schedule of an argument that is a schedule, or a number by a rule. */
function scheduleOf(name: string, value: number | Schedule, rule: Rule): Schedule {
  const copy = orElse<Partial<Schedule>>(() => ({ ...value as Schedule }), {}),
    { at, note } = copy,
    inner = faultIn(copy);
  if (typeof at === "function") {
    return { at, note: typeof note === "string" ? note : "no note", ...(inner && { fault: inner }) };
  }
  const [fits, wanted] = rule, fault = faultOf(name, value, [fits, `${wanted}, or a schedule`]);
  return { ...always(value as number), ...(fault && { fault }) };
}

/**
 * Takes a share of each step, by a schedule or the same every time: warm-up, cosine or stepwise decay.
 *
 * @example
 * ```ts
 * import { cosineDecay, fgn, scaled } from "fgn";
 *
 * console.log(scaled(cosineDecay(1000))(fgn()).name); // scaled(fgn)
 * ```
 */
export function scaled(schedule: number | Schedule): StatefulTransform<Counted> {
  const chosen = scheduleOf("scaled", schedule, FROM_ZERO), { at, note } = chosen;
  return byStep("scaled", chosen, `step length: ${note}`, (before, after, step) => {
    const asked = callValue("schedule.at", () => at(step));
    if (asked._tag === "Left") return asked;
    const factor = asked.right;
    if (!FROM_ZERO[0](factor)) return invalid("scaled", factor, "a schedule of numbers of at least 0");
    return E.right(interpolate(before, after, factor));
  });
}

/**
 * Decoupled weight decay (Loshchilov and Hutter 2019): takes `rate` · W off every weight matrix after the step, outside
 * the system; biases, gains and shifts are left alone. Of a model of your own every parameter decays.
 *
 * @param rate a share in [0, 1) a step, or a schedule of them, such as `times(1e-3, cosineDecay(1000))`
 * @example
 * ```ts
 * import { fgn, weightDecay } from "fgn";
 *
 * console.log(weightDecay(1e-4)(fgn()).name); // weightDecay(fgn)
 * ```
 */
export function weightDecay(rate: number | Schedule): StatefulTransform<Counted> {
  const chosen = scheduleOf("weightDecay", rate, BELOW_ONE), { at, note } = chosen;
  return byStep(
    "weightDecay",
    chosen,
    `takes a share of the weights off after every step: ${note}`,
    (before, after, step) => {
      const asked = callValue("schedule.at", () => at(step));
      if (asked._tag === "Left") return asked;
      const share = asked.right;
      if (!BELOW_ONE[0](share)) return invalid("weightDecay", share, "shares in [0, 1)");
      const decays = weightFlags(after), from = arraysOf(before);
      const arrays = arraysOf(after).map((array, index) => {
        const start = from[index] as Float32Array;
        return decays[index] ? array.map((v, i) => v - share * (start[i] as number)) : array.slice();
      });
      return E.right(withArrays(after, arrays));
    },
  );
}

/** The state of {@link momentum}. */
export interface MomentumState {
  /** The step before, P numbers; null before the first. */
  readonly previous: Float32Array | null;
}

/** Checks a state of momentum; its length is the step's to check. Errors: `WrongKind`, `InvalidState`. */
function checkPrevious(state: MomentumState): E.Either<FgnError, void> {
  const kind = checkState(state);
  if (kind._tag === "Left") return kind;
  const { previous } = state;
  if (previous === null) return E.right(undefined);
  return isFloats(previous) ? checkEntries("previous", previous) : invalidState("previous", previous);
}

/**
 * Momentum through the right-hand side: each step minimises its damped model with ½λ‖d − βd₋‖² in place of ½λ‖d‖²
 * (`momentum` of the step's options), so that curvature corrects what the step before carries on. For `fgn` without
 * twoStage and refine; `robust` refuses it, for it gains nothing there.
 *
 * @param decay β in [0, 1), default 0.9
 * @example
 * ```ts
 * import { fgn, momentum } from "fgn";
 *
 * console.log(momentum()(fgn()).name); // momentum(fgn)
 * ```
 */
export function momentum(decay = 0.9): StatefulTransform<MomentumState> {
  return <M extends Model, S>(given: Optimizer<M, S>) =>
    wrap<M, S, MomentumState & { readonly inner: S }>(given, (inner) => ({
      name: `momentum(${inner.name})`,
      notes: [...inner.notes, `the damping draws each step towards ${show(decay)} of the one before`],
      ...faultAround(inner, faultOf("momentum", decay, BELOW_ONE)),
      init: (params) => ({ previous: null, inner: inner.init(params) }),
      update: (params, state, batch, options = {}) => {
        const checked = checkOptions(options, UPDATE);
        if (checked._tag === "Left") return checked;
        const isState = checkPrevious(state);
        if (isState._tag === "Left") return isState;
        const asked = { ...checked.right, donate: false, momentum: { decay, previous: state.previous } };
        const update = inner.update(params, state.inner, batch, asked);
        if (update._tag === "Left") return update;
        const before = parameters(params);
        const previous = parameters(update.right.params).map((v, i) => v - (before[i] as number));
        return E.right({ ...update.right, state: { previous, inner: update.right.state } });
      },
      result: (params, state) => inner.result(params, innerOf(state)),
      ...steerInner(inner),
    }));
}
