/**
 * Micro-batches: a batch whose examples pass through the kernel a part at a time.
 *
 * The kernel holds one tape of M examples, compiled once, and the parameter vectors, which stay where they are while
 * parts of the batch are fed to it. What a row has one number of (margins, weights, duals) is there for all B rows. The
 * last part may be smaller: the rows left over have no share α, so that they weigh nothing in any sum.
 *
 * Values and exponentials of a part are computed again whenever it comes back: keeping them would take the memory that
 * micro-batches save. Products of the row system pass over the parts forth and back, and begin with the one that is open.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import { floats } from "../data/matrix.ts";
import { batchRows } from "../data/select.ts";
import { isSparse } from "../data/sparse.ts";
import { f32, f64, NONE, startLayout } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import type { Model } from "../network/model.ts";
import { type Aim, fillRest } from "../problem/objective.ts";
import { addRest } from "../problem/remainder.ts";
import { NOTHING } from "../problem/session.ts";
import { exactDiagonal } from "../row_system/matrix_free.ts";
import { reserveRows } from "../tape/areas.ts";
import { numberColumns } from "../tape/features.ts";
import { copyRows, sendBack } from "../tape/jacobian.ts";
import { exponentials, loss, majorise, margins } from "../tape/margins.ts";
import { forward, isExplicit } from "../tape/tape.ts";
import { type Examples, loadRows, open, type Parts, type Workspace } from "../tape/workspace.ts";

/** Rows [from, from + count) of the batch. */
interface Part {
  readonly from: number;
  readonly count: number;
  readonly examples: Batch;
}

/** Sparse features with their columns numbered alike in all parts; null: those of dense ones, or of a model of one's own. */
function numbered(model: Model, batch: Batch, all: boolean): { batch: Batch; active: Uint32Array | null } {
  const { features } = batch;
  if (model._tag === "custom" || !isSparse(features)) return { batch, active: null };
  const { active, numbers } = numberColumns(features, all);
  return { batch: { ...batch, features: { ...features, indices: numbers } }, active };
}

/** Parts of at most `most` examples, as even as possible; those without a share in the loss are left out. */
function partsOf(batch: Batch, alpha: Float64Array, most: number): Part[] {
  const rows = batch.labels.length, size = Math.ceil(rows / Math.ceil(rows / most));
  const parts: Part[] = [];
  for (let from = 0; from < rows; from += size) {
    const to = Math.min(from + size, rows);
    const counts = alpha.subarray(from, to).some((share) => share > 0);
    if (counts) parts.push({ from, count: to - from, examples: batchRows(batch, from, to) });
  }
  return parts;
}

/** The most entries of sparse features in one part. */
const mostEntries = (parts: readonly Part[]): number =>
  parts.reduce((most, { examples: { features } }) => Math.max(most, features.data.length), 0);

/** The examples of one part at a time in the kernel. */
interface Micro {
  readonly part: Workspace;
  readonly parts: readonly Part[];
  readonly shown: Shown;
  /** The part whose values at θ are in place, or −1. */
  current: number;
  /** Whether the signals of its margins are in place, too. */
  signals: boolean;
}

/** What the kernel holds of the rows of a part: without the targets once these are in the right-hand side. */
type Shown = (part: Part, targets: boolean) => Omit<Examples, "features">;

/** Rows with their shares in the whole batch; the values α_i (e_y − t_i) lie in `rest` until the next part's do. */
const showing =
  (aim: Aim, classes: number, rest: Float32Array | null): Shown => ({ from, count, examples }, targets) => {
    const { labels } = examples, alpha = aim.alpha.subarray(from, from + count);
    if (rest === null || !targets) return { labels, alpha, rest: null };
    fillRest(examples, alpha, aim.smoothing, classes, rest.fill(0));
    return { labels, alpha, rest };
  };

/** Puts a part in place and passes it forward. */
function feed(micro: Micro, index: number, vector: number, targets: boolean): Part {
  const { part, parts, shown } = micro, next = parts[index] as Part;
  part.tape.feed(next.examples.features);
  loadRows(part, shown(next, targets));
  forward(part.tape, { vector, trial: false });
  micro.current = -1;
  return next;
}

/** Visits the parts at θ from the one that is in place on, which is the first or the last. */
function sweep(micro: Micro, signals: boolean, visit: Parameters<Parts["sweep"]>[1]): void {
  const { part, parts } = micro, last = parts.length - 1, back = micro.current === last;
  for (let k = 0; k <= last; k++) {
    const index = back ? last - k : k;
    if (index !== micro.current) {
      feed(micro, index, part.tape.theta, false);
      exponentials(part);
      micro.current = index;
      micro.signals = false;
    }
    if (signals && !micro.signals) sendBack(part, part.at.exponentials);
    micro.signals ||= signals;
    const { from, count } = parts[index] as Part;
    visit(part, from, count);
  }
}

/** The mean loss at other parameters, which leaves no part at θ in place. */
function lossAt(micro: Micro, vector: number): number {
  let sum = 0;
  for (let index = 0; index < micro.parts.length; index++) {
    feed(micro, index, vector, true);
    sum += loss(micro.part, micro.part.tape.logits.value);
  }
  return sum;
}

/** Vectors over the rows that the margin pass writes. */
const PASSED = ["margin", "slope", "rowWeight", "rhs", "diagonal"] as const;

/**
 * The margin pass over all parts at θ: what the rows of the whole batch have of their own, the diagonal of K included
 * where there is an exact one. Adds the part of the gradient outside the margins' row space to a vector (NONE: there is
 * none). Returns the mean loss.
 */
function passAll(micro: Micro, whole: Workspace, remainder: number, majorized: boolean): number {
  const { part } = micro, { kernel, tape } = part;
  for (const name of PASSED) f64(kernel, whole.at[name], whole.rows).fill(0);
  if (remainder !== NONE) f32(kernel, remainder, tape.length).fill(0);
  let mean = 0;
  for (let index = 0; index < micro.parts.length; index++) {
    const { from, count } = feed(micro, index, tape.theta, true);
    if (part.soft) addRest(part, remainder);
    mean += margins(part);
    if (majorized) majorise(part);
    sendBack(part, part.at.exponentials);
    if (isExplicit(tape)) exactDiagonal(part);
    micro.current = index;
    micro.signals = true;
    for (const name of PASSED) copyRows(part, part.at[name], whole.at[name] + 8 * from, count);
  }
  return mean;
}

/** What micro-batches are opened for. */
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

/** Opens a batch that was checked in parts. Errors: `OutOfMemory`. */
export function openMicroBatches(
  kernel: LoadedKernel,
  model: Model,
  given: Batch,
  aim: Aim,
  { most, vectors }: MicroNeeds,
): E.Either<FgnError, MicroBatches> {
  const { soft, alpha } = aim, allFeatures = aim.l2 > 0;
  const { batch, active } = numbered(model, given, allFeatures);
  const parts = partsOf(batch, alpha, most), first = parts[0] as Part;
  const rest = soft ? floats("the targets", first.count * model.outputs) : E.right(null);
  if (rest._tag === "Left") return rest;
  const layout = startLayout(kernel);
  const at = reserveRows(layout, alpha.length);
  const shown = showing(aim, model.outputs, rest.right);
  const micro = active && { active, entries: mostEntries(parts) };
  const needs = { ...NOTHING, signals: true, tangents: true, targets: soft, allFeatures, micro, vectors };
  const opened = open(kernel, model, { features: first.examples.features, ...shown(first, true) }, needs, layout);
  if (opened._tag === "Left") return opened;
  const part = opened.right;
  const held: Micro = { part, parts, shown, current: -1, signals: false };
  const whole: Workspace = {
    ...part,
    at: { ...part.at, ...at },
    rows: alpha.length,
    parts: {
      sweep: (signals, visit) => sweep(held, signals, visit),
      loss: (vector) => lossAt(held, vector),
    },
  };
  f64(kernel, at.alpha, alpha.length).set(alpha);
  return E.right({ whole, pass: (remainder, majorized) => passAll(held, whole, remainder, majorized) });
}
