/**
 * The rows of a batch whose margins come from a device, in the CPU kernel's memory, and its B × B system if that comes, too.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../../check/error.ts";
import { f32, f64, NONE, startLayout } from "../../kernel/arena.ts";
import type { LoadedKernel } from "../../kernel/kernel.ts";
import { NOTHING } from "../../problem/session.ts";
import { gramSystem } from "../../row_system/gram.ts";
import type { RowMatrix } from "../../solver/row_matrix.ts";
import { reserveAreas } from "../../tape/areas.ts";
import { majorise, writeRows } from "../../tape/margins.ts";
import { strideOf, type Tape, up4 } from "../../tape/tape.ts";
import type { Workspace } from "../../tape/workspace.ts";

/** Floats of one example in what the margin pass leaves: true logit, peak, sum, rank. */
export const STATS = 4;

/** A tape without operations: its logits lie elsewhere. */
function emptyTape(kernel: LoadedKernel, rows: number): Tape {
  const logits = { width: 0, depends: false, value: NONE, trial: NONE, signal: NONE, tangent: NONE, packed: NONE };
  const nothing = {
    ops: [],
    slots: [],
    blocks: null,
    length: 0,
    theta: NONE,
    scratch: { panels: NONE, block: NONE, products: NONE, image: NONE },
    ones: NONE,
  };
  return { kernel, rows, logits, ...nothing, feed: () => {}, fault: undefined };
}

/** Lays out the system of B rows with shares α; `system`: whether there is one. Errors: `OutOfMemory`. */
export function openRows(
  kernel: LoadedKernel,
  alpha: Float64Array,
  system: boolean,
): E.Either<FgnError, Workspace> {
  const rows = alpha.length, layout = startLayout(kernel), tape = emptyTape(kernel, rows);
  const at = reserveAreas(layout, tape, { ...NOTHING, gram: system });
  const grown = layout.commit();
  if (grown._tag === "Left") return grown;
  f64(kernel, at.alpha, rows).set(alpha);
  const stride = strideOf(up4(rows));
  return E.right({ kernel, tape, at, vectors: [], panels: [], rows, classes: 0, stride, soft: false, micro: null });
}

/** Whether the margin pass met a logit that is not finite. */
const faulty = (stats: Float32Array, rows: number): boolean => {
  for (let i = 0; i < rows; i++) if ((stats[STATS * i + 3] as number) < 0) return true;
  return false;
};

/** Puts true logits, peaks and sums at three addresses. */
function place({ kernel, rows }: Workspace, stats: Float32Array, addresses: readonly [number, number, number]): void {
  addresses.forEach((address, which) => {
    const to = f32(kernel, address, rows);
    for (let i = 0; i < rows; i++) to[i] = stats[STATS * i + which] as number;
  });
}

/**
 * Margins, slopes, row weights and right-hand side from the scalars of the margin pass (B × 4). Returns the mean loss, NaN
 * where a logit is not finite.
 */
export function margins(ws: Workspace, stats: Float32Array, majorized: boolean): number {
  const { at, rows } = ws;
  place(ws, stats, [at.trueLogit, at.peak, at.sum]);
  const loss = writeRows(ws);
  if (majorized) majorise(ws);
  return faulty(stats, rows) ? NaN : loss;
}

/** The mean loss alone; the rows stay as they are. */
export function meanLoss(ws: Workspace, stats: Float32Array): number {
  const { kernel: { exports }, at, rows } = ws;
  const { trialTrueLogit: trueLogit, trialPeak: peak, trialSum: sum } = at;
  place(ws, stats, [trueLogit, peak, sum]);
  const loss = exports.margins(rows, trueLogit, peak, sum, at.alpha, at.trialMargin, NONE, NONE, NONE);
  return faulty(stats, rows) ? NaN : loss;
}

/**
 * The system of a K on the CPU: B × n₄ row-major, of which the lower part is read. Its signals are normalised, so that the
 * sums by which the system divides are 1.
 */
export function rowsOfGram(ws: Workspace, K: Float32Array): RowMatrix {
  const { kernel, at, rows } = ws;
  f32(kernel, at.sum, rows).fill(1);
  return gramSystem(ws, () => {
    f32(kernel, at.byRow, K.length).set(K);
    kernel.exports.packTransposed(at.byRow, rows, up4(rows), at.gram);
  });
}
