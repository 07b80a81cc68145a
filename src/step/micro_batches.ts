/**
 * Micro-batches: a batch whose examples pass through the kernel some at a time.
 *
 * The kernel holds one tape of M examples, compiled once, and the parameter vectors, which stay where they are while
 * micro-batches are fed to it. What a row has one number of (margins, weights, duals) is there for all B rows. The
 * last one may be smaller: the rows left over have no share α, so that they weigh nothing in any sum.
 *
 * Values and exponentials of a micro-batch are computed again whenever it comes back: keeping them would take the memory
 * that micro-batches save. Products of the row system pass over them forth and back, and begin with the one that is open.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import { allocateFloats } from "../check/size.ts";
import { batchRows } from "../data/select.ts";
import { isSparse } from "../data/sparse.ts";
import { f32, f64, NONE, startLayout } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import type { Model } from "../network/model.ts";
import { type Aim, fillRest } from "../problem/objective.ts";
import { addRest } from "../problem/remainder.ts";
import { NOTHING } from "../problem/session.ts";
import { writeExactDiagonal } from "../row_system/matrix_free.ts";
import { reserveRows } from "../tape/areas.ts";
import { numberColumns } from "../tape/features.ts";
import { copyRows, sendBack } from "../tape/jacobian.ts";
import { exponentiate, loss, majorise, margins } from "../tape/margins.ts";
import { forward, isExplicit } from "../tape/tape.ts";
import { type Examples, loadRows, type MicroRows, open, type Workspace } from "../tape/workspace.ts";

/** Rows [from, from + count) of the batch. */
interface MicroBatch {
  readonly from: number;
  readonly count: number;
  readonly examples: Batch;
}

/** Numbers the columns of sparse features alike in all micro-batches; `active` is null for others, and a model of one's own. */
function numberAlike(model: Model, batch: Batch, all: boolean): { batch: Batch; active: Uint32Array | null } {
  const { features } = batch;
  if (model._tag === "custom" || !isSparse(features)) return { batch, active: null };
  const { active, numbers } = numberColumns(features, all);
  return { batch: { ...batch, features: { ...features, indices: numbers } }, active };
}

/** Micro-batches of at most `most` examples, as even as possible; those without a share in the loss are left out. */
function splitBatch(batch: Batch, alpha: Float64Array, most: number): MicroBatch[] {
  const rows = batch.labels.length, size = Math.ceil(rows / Math.ceil(rows / most));
  const batches: MicroBatch[] = [];
  for (let from = 0; from < rows; from += size) {
    const to = Math.min(from + size, rows);
    const counts = alpha.subarray(from, to).some((share) => share > 0);
    if (counts) batches.push({ from, count: to - from, examples: batchRows(batch, from, to) });
  }
  return batches;
}

/** The most entries of sparse features in one micro-batch. */
const mostEntries = (batches: readonly MicroBatch[]): number =>
  batches.reduce((most, { examples: { features } }) => Math.max(most, features.data.length), 0);

/** The examples of one micro-batch at a time in the kernel. */
interface Micro {
  /** The rows of one. */
  readonly part: Workspace;
  readonly batches: readonly MicroBatch[];
  readonly rowsOf: RowsOf;
  /** The one whose values at θ are in place, or −1. */
  current: number;
  /** Whether the signals of its margins are in place, too. */
  signals: boolean;
}

/** The rows of a micro-batch, as the kernel has them: without the targets once these are in the right-hand side. */
type RowsOf = (batch: MicroBatch, targets: boolean) => Omit<Examples, "features">;

/** Rows with their shares in the whole batch; the values α_i (e_y − t_i) lie in `rest` until the next micro-batch's do. */
const rowReader =
  (aim: Aim, classes: number, rest: Float32Array | null): RowsOf => ({ from, count, examples }, targets) => {
    const { labels } = examples, alpha = aim.alpha.subarray(from, from + count);
    if (rest === null || !targets) return { labels, alpha, rest: null };
    fillRest(examples, alpha, aim.smoothing, classes, rest.fill(0));
    return { labels, alpha, rest };
  };

/** Puts a micro-batch in place and passes it forward. */
function feed(micro: Micro, index: number, vector: number, targets: boolean): MicroBatch {
  const { part, batches, rowsOf } = micro, next = batches[index] as MicroBatch;
  part.tape.feed(next.examples.features);
  loadRows(part, rowsOf(next, targets));
  forward(part.tape, { vector, trial: false });
  micro.current = -1;
  return next;
}

/** Visits the micro-batches at θ from the one that is in place on, which is the first or the last. */
function sweep(micro: Micro, signals: boolean, visit: Parameters<MicroRows["sweep"]>[1]): void {
  const { part, batches } = micro, last = batches.length - 1, back = micro.current === last;
  for (let k = 0; k <= last; k++) {
    const index = back ? last - k : k;
    if (index !== micro.current) {
      feed(micro, index, part.tape.theta, false);
      exponentiate(part);
      micro.current = index;
      micro.signals = false;
    }
    if (signals && !micro.signals) sendBack(part, part.at.exponentials);
    micro.signals ||= signals;
    const { from, count } = batches[index] as MicroBatch;
    visit(part, from, count);
  }
}

/** The mean loss at other parameters, which leaves none at θ in place. */
function lossAt(micro: Micro, vector: number): number {
  let sum = 0;
  for (let index = 0; index < micro.batches.length; index++) {
    feed(micro, index, vector, true);
    sum += loss(micro.part, micro.part.tape.logits.value);
  }
  return sum;
}

/** Vectors over the rows that the margin pass writes. */
const PASSED = ["margin", "slope", "rowWeight", "rhs", "diagonal"] as const;

/**
 * The margin pass over all micro-batches at θ: the numbers that each row of the whole batch has, the diagonal of K included
 * where there is an exact one. Adds the part of the gradient outside the margins' row space to a vector (NONE: there is
 * none). Returns the mean loss.
 */
function passAll(micro: Micro, whole: Workspace, remainder: number, majorized: boolean): number {
  const { part } = micro, { kernel, tape } = part;
  for (const name of PASSED) f64(kernel, whole.at[name], whole.rows).fill(0);
  if (remainder !== NONE) f32(kernel, remainder, tape.length).fill(0);
  let mean = 0;
  for (let index = 0; index < micro.batches.length; index++) {
    const { from, count } = feed(micro, index, tape.theta, true);
    if (part.soft) addRest(part, remainder);
    mean += margins(part);
    if (majorized) majorise(part);
    sendBack(part, part.at.exponentials);
    if (isExplicit(tape)) writeExactDiagonal(part);
    micro.current = index;
    micro.signals = true;
    for (const name of PASSED) copyRows(part, part.at[name], whole.at[name] + 8 * from, count);
  }
  return mean;
}

/** Needs of micro-batches. */
export interface MicroNeeds {
  /** Most examples at a time. */
  readonly most: number;
  /** Parameter vectors beside θ. */
  readonly vectors: number;
}

/** A batch in micro-batches. */
export interface MicroBatches {
  /** All B rows. */
  readonly whole: Workspace;
  /** {@link passAll}. */
  readonly pass: (remainder: number, majorized: boolean) => number;
}

/** Opens a checked batch in micro-batches. Errors: `OutOfMemory`. */
export function openMicroBatches(
  kernel: LoadedKernel,
  model: Model,
  given: Batch,
  aim: Aim,
  { most, vectors }: MicroNeeds,
): E.Either<FgnError, MicroBatches> {
  const { soft, alpha } = aim, allFeatures = aim.penalty.l2 > 0;
  const { batch, active } = numberAlike(model, given, allFeatures);
  const batches = splitBatch(batch, alpha, most), first = batches[0] as MicroBatch;
  const rest = soft ? allocateFloats("the targets", first.count * model.outputs) : E.right(null);
  if (rest._tag === "Left") return rest;
  const layout = startLayout(kernel);
  const at = reserveRows(layout, alpha.length);
  const rowsOf = rowReader(aim, model.outputs, rest.right);
  const numbering = active && { active, entries: mostEntries(batches) };
  const needs = { ...NOTHING, signals: true, tangents: true, targets: soft, allFeatures, micro: numbering, vectors };
  const opened = open(kernel, model, { features: first.examples.features, ...rowsOf(first, true) }, needs, layout);
  if (opened._tag === "Left") return opened;
  const part = opened.right;
  const micro: Micro = { part, batches, rowsOf, current: -1, signals: false };
  const whole: Workspace = {
    ...part,
    at: { ...part.at, ...at },
    rows: alpha.length,
    micro: {
      sweep: (signals, visit) => sweep(micro, signals, visit),
      loss: (vector) => lossAt(micro, vector),
    },
  };
  f64(kernel, at.alpha, alpha.length).set(alpha);
  return E.right({ whole, pass: (remainder, majorized) => passAll(micro, whole, remainder, majorized) });
}
