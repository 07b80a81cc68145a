/**
 * Accumulation: a step on a batch whose passes run over micro-batches.
 *
 * The system is that of the whole batch, (S + λ'I)u = r − Ĵv/λ' with one row an example; only its products are formed a
 * micro-batch at a time: S u = Ĵ(Ĵᵀu), Ĵᵀu = Σ_m Ĵ_mᵀu_m over the micro-batches m, and then Ĵ_m of that vector for each.
 * So kernel memory is that of M examples, of two to four parameter vectors and of a few numbers an example, whatever B.
 * Averaging steps, or systems, of micro-batches would be another method: curvature and damping are of the whole batch here.
 *
 * Sums over micro-batches are taken in float32, in the vector itself: the same sums as those of the whole batch in one
 * pass, in the same precision, and the tangent pass reads them in float32 anyway; a second vector in float64 would take
 * twice the memory of the first (docs/speed.md has the error). Row vectors, conjugate gradient's among them, are float64.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid, overflow } from "../check/error.ts";
import { type Damping, relative } from "../damping/damping.ts";
import { judges } from "../damping/tagged.ts";
import type { Batch } from "../data/batch.ts";
import { NONE } from "../kernel/arena.ts";
import { type Pieces, runAtOnce } from "../kernel/pieces.ts";
import type { Model } from "../network/model.ts";
import { aimOf } from "../problem/objective.ts";
import { finishRemainder, penaltyAt } from "../problem/remainder.ts";
import { checkBatch, kernelOf } from "../problem/session.ts";
import { checkRange } from "../row_system/gram.ts";
import { matrixFreeSystem } from "../row_system/matrix_free.ts";
import { openMicroBatches } from "./micro_batches.ts";
import { checkAt, type StepOptions } from "./options.ts";
import { type Plan, plan } from "./plan.ts";
import { stageOf, type Vectors } from "./stage.ts";
import { allocation, type Step, takeStep } from "./step.ts";

/**
 * For an optimizer without micro-batches: refuses those that a batch, which was checked, does not fit into. Errors: `InvalidOption`.
 * @internal
 */
export function checkWhole(batch: Batch, microBatch: number | undefined, name: string): E.Either<FgnError, void> {
  return batch.features.rows <= (microBatch ?? Infinity)
    ? E.right(undefined)
    : invalid("microBatch", microBatch, `it to fgn(): ${name}() takes whole batches`);
}

/** Places of the parameter vectors, in order of their use. */
function placesOf(vectors: readonly number[], { remainder, damping }: Plan): Vectors {
  const free = [...vectors];
  const next = (used: boolean): number => used ? free.shift() as number : NONE;
  const product = next(true), v = next(remainder);
  // Without a remainder the step is Ĵᵀu, which the last product leaves behind.
  const direction = remainder ? next(true) : product;
  return { product, remainder: v, direction, trial: next(judges(damping)), previous: NONE, ggn: null };
}

const countVectors = ({ remainder, damping }: Plan): number => 1 + (remainder ? 2 : 0) + (judges(damping) ? 1 : 0);

/**
 * The step of `fgnStep` on a batch of B examples, with passes over at most `microBatch` examples: the same step to
 * rounding, in the memory of the micro-batch. `microBatch` of an optimizer's update asks for it.
 *
 * The row system is matrix-free and solved by conjugate gradient. A pass computes the values of each micro-batch again:
 * a product costs up to twice what it costs on the whole batch (docs/speed.md). Micro-batches are as even as possible, and
 * passed over where their weights are all zero.
 *
 * Options were checked each by itself. Errors: those of `fgnStep`; `InvalidOption` for what micro-batches do not take
 * (docs/options.md).
 */
export const accumulatedStep = <M extends Model>(
  ...given: Parameters<typeof accumulatedInPieces<M>>
): E.Either<FgnError, Step<M>> => runAtOnce(accumulatedInPieces(...given));

/** The same in pieces. Until the last one nothing of what it is given is written to. */
export function* accumulatedInPieces<M extends Model>(
  params: M,
  given: Batch,
  microBatch: number,
  damping: Damping = relative(1),
  options: StepOptions = {},
): Pieces<E.Either<FgnError, Step<M>>> {
  const checked = checkAt("microBatch", options);
  if (checked._tag === "Left") return checked;
  const fits = checkBatch(params, given);
  if (fits._tag === "Left") return fits;
  const batch = fits.right;
  const planned = plan(params, batch, damping, { ...options, system: "matrixFree" }, { _tag: "fgn" }, null);
  if (planned._tag === "Left") return planned;
  const aim = aimOf(batch, params, options);
  if (aim._tag === "Left") return aim;
  const kernel = kernelOf(options);
  if (kernel._tag === "Left") return kernel;
  const needs = { most: microBatch, vectors: countVectors(planned.right) };
  const opened = openMicroBatches(kernel.right, params, batch, aim.right, needs);
  if (opened._tag === "Left") return opened;
  const { whole: ws, pass } = opened.right;
  const { penalty, totalWeight } = aim.right;
  const vectors = placesOf(ws.vectors, planned.right);
  const mean = pass(vectors.remainder, planned.right.majorized);
  if (ws.tape.fault !== undefined) return E.left(ws.tape.fault);
  if (vectors.remainder !== NONE) finishRemainder(ws, vectors.remainder, penalty);
  const lossBefore = mean + penaltyAt(ws, penalty, ws.tape.theta);
  if (!Number.isFinite(lossBefore)) return overflow("the loss");
  const system = matrixFreeSystem(ws, vectors.product);
  if (system._tag === "Left") return system;
  const range = checkRange(ws, system.right, batch.features);
  if (range._tag === "Left") return range;
  const stage = stageOf(planned.right, { ws, system: system.right, vectors, penalty });
  const ready = { stage, lossBefore, totalWeight, examples: ws.rows };
  return yield* takeStep(params, ready, damping, planned.right, allocation(options));
}
