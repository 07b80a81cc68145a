/**
 * Competitor rows: the curvature that FGN drops, put back for the likeliest competitors of each example.
 *
 * The covariance of the competitors splits at any class t as that of all classes does at the true one,
 *
 *     diag q − qqᵀ = q_t(1 − q_t)(e_t − q′)(e_t − q′)ᵀ + (1 − q_t)(diag q′ − q′q′ᵀ),
 *
 * q′ the competitors without t. So an example with the shares s_0 = 1 − p_y, s_j = 1 − q_{t_j} among those left gives one
 * row of the margin of t_j against the classes left for each j = 1 … k, weighed by α p_j s_j Π_{i<j} s_i with p_j = 1 − s_j.
 * It is the row of a copy of the example whose label is t_j and in whose logits y, t_1 … t_{j−1} are out of the running.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { type Rules, WHOLE } from "../check/rule.ts";
import type { Batch } from "../data/batch.ts";
import { repeatBatch } from "../data/select.ts";
import { f32, f64, u32 } from "../kernel/arena.ts";
import { margins, writeRows } from "../tape/margins.ts";
import { up4 } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";

/** The option of competitor rows. */
export interface CompetitorOptions {
  /**
   * k, a whole number: puts the dropped curvature back for the k likeliest competitors of each example (default 0: the FGN
   * step itself). Each is a row of the system, which has B(1 + k) of them: the covariance of the competitors splits at any
   * class t as that of all classes does at the true one, diag q − qqᵀ = q_t(1 − q_t)(e_t − q′)(e_t − q′)ᵀ +
   * (1 − q_t)(diag q′ − q′q′ᵀ), q′ the competitors without t. From C − 2 on nothing is dropped: the step is that of the full
   * Gauss-Newton matrix, by a direct solve where the rows are few. Fewer rows bring the step closer to that one unless
   * damping is small, where the first of them may turn it away (docs/speed.md has cosines).
   *
   * Forward passes and memory grow with the rows, and a model of your own is given the features of all of them. Relative
   * damping, loss and the metrics are those of the B examples. With `curvature: "majorized"` the rows of the competitors keep
   * their own curvature: the sum is no bound. Not with `twoStage`, `refine` and `warmStart`.
   *
   * Source: the split of Korbit and Zanon (arXiv 2605.06081), applied to the competitors again.
   */
  readonly competitors?: number;
}

/** The rule of the option. */
export const COMPETITORS: Rules<CompetitorOptions> = { competitors: WHOLE };

/** The rows an example gets beside its own: k, or all C − 2 that there can be. */
export const countCopies = ({ competitors = 0 }: CompetitorOptions, classes: number): number =>
  competitors === 0 ? 0 : Math.min(competitors, classes - 2);

/**
 * The batch with `copies` more rows an example, of weight 0, after all examples: row i + jB is the j-th of example i.
 * Errors: `OutOfMemory`.
 */
export function withCopies(batch: Batch, copies: number): E.Either<FgnError, Batch> {
  if (copies === 0) return E.right(batch);
  const repeated = repeatBatch(batch, 1 + copies);
  if (repeated._tag === "Left") return repeated;
  const examples = batch.labels.length, weights = new Float32Array(examples * (1 + copies));
  weights.fill(1, 0, examples).set(batch.weights ?? []);
  return E.right({ ...repeated.right, weights });
}

/** Where the logits of a row lie: the place of class 0, and how far it is to the next. */
function columnOf({ rows, classes }: Workspace, row: number): { readonly start: number; readonly step: number } {
  const first = row & ~15;
  return { start: first * classes + row - first, step: Math.min(16, up4(rows) - first) };
}

/** A logit that takes a class out of the running, and keeps products with zero zero. */
const MASK = -3.4028234663852886e38;

/** The `count` likeliest classes beside the true one, the likeliest first, the lower class where they tie. */
function likeliest(
  logit: (c: number) => number,
  classes: number,
  label: number,
  count: number,
): number[] {
  const chosen: number[] = [];
  for (let c = 0; c < classes; c++) {
    if (c === label) continue;
    let place = chosen.length;
    while (place > 0 && logit(c) > logit(chosen[place - 1] as number)) place--;
    if (place >= count) continue;
    if (chosen.length === count) chosen.pop();
    chosen.splice(place, 0, c);
  }
  return chosen;
}

/** Gives the copies of each example their labels t_1 … t_k, and takes the classes before theirs out of the running. */
function assignCopies(ws: Workspace, examples: number): void {
  const { kernel, tape, at, rows, classes } = ws;
  const labels = u32(kernel, at.labels, rows), logits = f32(kernel, tape.logits.value, classes * up4(rows));
  for (let i = 0; i < examples; i++) {
    const { start, step } = columnOf(ws, i), label = labels[i] as number;
    const order = likeliest((c) => logits[start + c * step] as number, classes, label, rows / examples - 1);
    const out = [label];
    order.forEach((competitor, j) => {
      const row = i + (j + 1) * examples, column = columnOf(ws, row);
      labels[row] = competitor;
      for (const c of out) logits[column.start + c * column.step] = MASK;
      out.push(competitor);
    });
  }
}

/** Weighs the copies, which the margin pass left without weight: w = √(α p_j s_j Π_{i<j} s_i), r = 0. */
function weighCopies(ws: Workspace, examples: number): void {
  const { kernel, at, rows } = ws;
  const alpha = f64(kernel, at.alpha, rows), slope = f64(kernel, at.slope, rows);
  const w = f64(kernel, at.rowWeight, rows), r = f64(kernel, at.rhs, rows);
  for (let row = examples; row < rows; row++) alpha[row] = alpha[row % examples] as number;
  writeRows(ws);
  for (let i = 0; i < examples; i++) {
    const share = alpha[i] as number;
    let left = share === 0 ? 0 : (slope[i] as number) / share;
    for (let row = i + examples; row < rows; row += examples) {
      w[row] = (w[row] as number) * Math.sqrt(left);
      left *= share === 0 ? 0 : (slope[row] as number) / share;
      alpha[row] = slope[row] = r[row] = 0;
    }
  }
}

/**
 * The margin pass where rows from `examples` on are copies of the rows before, which count for the curvature alone: loss,
 * slopes and right-hand side stay those of the examples. Returns the mean loss.
 */
export function competitorMargins(ws: Workspace, examples: number): number {
  if (ws.rows === examples) return margins(ws);
  assignCopies(ws, examples);
  const loss = margins(ws);
  weighCopies(ws, examples);
  return loss;
}
