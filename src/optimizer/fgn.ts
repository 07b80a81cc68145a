/**
 * Plain Fast Gauss-Newton steps as an optimizer.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { ANY, checkOptions, makeOf, type Rules, union, without } from "../check/rule.ts";
import { guard, orElse } from "../check/total.ts";
import { type Damping, relative } from "../damping/damping.ts";
import { checkDamping } from "../damping/tagged.ts";
import { type Batch, checkBatchKind } from "../data/batch.ts";
import type { Pieces } from "../kernel/pieces.ts";
import type { Network } from "../network/layer.ts";
import type { Model } from "../network/model.ts";
import { accumulatedInPieces } from "../step/micro_step.ts";
import { STEP, type StepOptions } from "../step/options.ts";
import { methodOf } from "../step/plan.ts";
import { stepInPieces } from "../step/step.ts";
import { changesByRow } from "./by_row.ts";
import { guarded } from "./inner.ts";
import { type Optimizer, UPDATE, type Update, type UpdateOptions } from "./optimizer.ts";
import { updateInPieces } from "./pieces.ts";
import { checkState } from "./state.ts";

/** The state of {@link fgn}: the damping of the next step. */
export interface FgnState {
  /** The damping of the next step. */
  readonly damping: Damping;
}

/** Options of {@link fgn}: those of `fgnStep` that say how to step. */
export interface FgnOptions extends
  Omit<
    StepOptions,
    "donate" | "warmStart" | "kernel" | "lossAfter" | "momentum" | "l2" | "l2Biases" | "labelSmoothing" | "classWeights"
  > {
  /** The damping of the first step (default `relative(1)`). */
  readonly damping?: Damping;
}

const FGN: Rules<FgnOptions> = /* @__PURE__ */ union(
  /* @__PURE__ */ without(
    STEP,
    "donate",
    "warmStart",
    "kernel",
    "lossAfter",
    "momentum",
    "l2",
    "labelSmoothing",
    "classWeights",
  ),
  { damping: ANY },
);

/** A value as a reader of options would write it. */
const showValue = (value: unknown): string =>
  orElse(
    () =>
      isObject(value)
        ? Object.entries(value).map(([name, inner]) => name === "_tag" ? String(inner) : `${name} ${inner}`).join(", ")
        : String(value),
    "something that cannot be shown",
  );

/**
 * Steps of `fgnStep` as an optimizer: every option of the step, and the damping that each step hands to the next. With
 * `microBatch` an update on a larger batch takes the same step in the memory of the micro-batch, matrix-free, in up to
 * twice the time; not with `metric`, `twoStage`, `refine`, `competitors`, `momentum` and `trustRegion`.
 * Errors: those of `fgnStep`.
 *
 * @example
 * ```ts
 * import { averaged, fgn, levenbergMarquardt, momentum } from "fgn";
 * import { pipe } from "fp-ts/lib/function.js";
 *
 * const optimizer = pipe(fgn({ damping: levenbergMarquardt(), metric: "centred" }), momentum(0.9), averaged());
 * console.log(optimizer.name); // averaged(momentum(fgn))
 * ```
 */
export function fgn<M extends Model = Network>(options: FgnOptions = {}): Optimizer<M, FgnState> {
  return changesByRow(guarded(makeOf(options, FGN, makeFgn<M>)));
}

function makeFgn<M extends Model>({ damping = relative(1), ...method }: FgnOptions): Optimizer<M, FgnState> {
  const pieces = function* (
    params: M,
    state: FgnState,
    batch: Batch,
    given: UpdateOptions = {},
  ): Pieces<E.Either<FgnError, Update<M, FgnState>>> {
    const fits = checkOptions(given, UPDATE);
    if (fits._tag === "Left") return fits;
    const { microBatch = Infinity, donate = false, ...options } = fits.right;
    const asked = { lossAfter: false, ...method, ...options, donate };
    const isBatch = checkBatchKind(batch);
    if (isBatch._tag === "Left") return isBatch;
    const isState = checkState(state);
    if (isState._tag === "Left") return isState;
    const step = isBatch.right.features.rows > microBatch
      ? yield* accumulatedInPieces(params, isBatch.right, microBatch, state.damping, asked)
      : yield* stepInPieces(params, isBatch.right, state.damping, asked, methodOf(asked));
    if (step._tag === "Left") return step;
    const { params: next, damping: following, report } = step.right;
    return E.right({ params: next, state: { damping: following }, report });
  };
  const checked = guard("fgn", { damping }, () => checkDamping(damping)),
    options = Object.entries(method).map(([name, value]) => `${name}: ${showValue(value)}`);
  return {
    name: "fgn",
    notes: [
      "Fast Gauss-Newton: one margin an example, solved in one system with a row an example",
      `damping: ${showValue(damping)}`,
      ...options,
    ],
    init: () => ({ damping }),
    update: updateInPieces(pieces),
    result: (params) => params,
    ...(checked._tag === "Left" && { fault: checked.left }),
  };
}

/**
 * The preset that is faithful to the paper: curvature p s, Euclidean metric, full steps, no state but the damping. The
 * damping is relative to the batch, which follows the scale of the features; the paper's is a constant: give `constant(λ)`.
 *
 * Source: Korbit and Zanon, Fast Gauss-Newton for Multiclass Cross-Entropy, arXiv 2605.06081.
 *
 * @example
 * ```ts
 * import { constant, explain, paper } from "fgn";
 *
 * console.log(explain(paper({ damping: constant(0.1) })));
 * ```
 */
export function paper<M extends Model = Network>(
  options: Pick<FgnOptions, "damping"> = {},
): Optimizer<M, FgnState> {
  return changesByRow(guarded({ ...makeOf(options, { damping: ANY }, makeFgn<M>), name: "paper" }));
}
