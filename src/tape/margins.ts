/**
 * The margins of the rows: one an example, over the logits of a tape, and what the row system is made of.
 *
 * Logits lie class-major in panels, the batch in the lanes. The exponentials E stay unnormalised, with −Σ at
 * the true class: the margin's derivative e_y − q is −E/Σ, and signals sent back from E carry the same factor
 * −Σ_i through every layer, which the B × B pass and the row coefficients take out.
 *
 * @module
 */

import { f64, NONE } from "../kernel/arena.ts";
import { eachBlock, up4 } from "./tape.ts";
import type { Workspace } from "./workspace.ts";

function eachColumnBlock(ws: Workspace, visit: (from: number, to: number) => void): void {
  eachBlock(up4(ws.rows), 4, 16 * ws.classes, visit);
}

/** The exponentials of the logits, with their peaks and sums. */
export function exponentiate(ws: Workspace): void {
  const { kernel: { exports }, tape: { logits, blocks }, at, classes: C, rows: B } = ws;
  if (blocks !== null) return blocks.exponentials(at);
  eachColumnBlock(ws, (from, to) => {
    exports.competitors(from, to, B, C, logits.value, at.exponentials, at.labels, at.trueLogit, at.peak, at.sum);
  });
}

/**
 * Margins, slopes α s, row weights w and right-hand side r from true logits, peaks and sums. Returns the mean loss of the
 * labels.
 */
export function writeRows({ kernel, at, rows }: Workspace): number {
  const { trueLogit, peak, sum, alpha, margin, slope, rowWeight, rhs } = at;
  return kernel.exports.margins(rows, trueLogit, peak, sum, alpha, margin, slope, rowWeight, rhs);
}

/** The margin pass over the logits: exponentials, and all that rows have of their own. Returns the mean loss. */
export function margins(ws: Workspace): number {
  const rest = restLoss(ws, ws.tape.logits.value); // before the exponentials, which may take the place of the logits
  exponentiate(ws);
  return writeRows(ws) + rest;
}

/** Below this margin κ is taken as ¼, from which it differs by less than 1e-9. */
const FLAT = 1e-4;

/**
 * Replaces the row weights and the right-hand side by those of the majorised curvature κ = tanh(|m|/2)/(2|m|), with
 * tanh(|m|/2) = |1 − 2s|: w = √(α κ), w∘r = α s.
 */
export function majorise({ kernel, at, rows }: Workspace): void {
  const alpha = f64(kernel, at.alpha, rows), m = f64(kernel, at.margin, rows), slope = f64(kernel, at.slope, rows);
  const w = f64(kernel, at.rowWeight, rows), r = f64(kernel, at.rhs, rows);
  for (let i = 0; i < rows; i++) {
    const share = alpha[i] as number, distance = Math.abs(m[i] as number);
    if (share === 0) continue;
    const kappa = distance < FLAT ? 0.25 : Math.abs(1 - 2 * (slope[i] as number) / share) / (2 * distance);
    const weight = Math.sqrt(share * kappa);
    w[i] = weight;
    r[i] = (slope[i] as number) / weight;
  }
}

/** Σ_i ⟨x_i, y_i⟩ over the columns of C × B panels. */
export function panelDot({ kernel, at, classes, rows }: Workspace, x: number, y: number): number {
  kernel.exports.columnDots(classes, rows, x, y, at.columnDots);
  return f64(kernel, at.columnDots, rows).reduce((sum, value) => sum + value, 0);
}

/** Σ_i α_i ⟨e_y − t_i, f_i⟩: what soft targets add to the loss of the labels. */
const restLoss = (ws: Workspace, logits: number): number => ws.soft ? panelDot(ws, ws.at.rest, logits) : 0;

/** The mean loss of the logits at `address`, those of the last forward pass; leaves margins and exponentials alone. */
export function loss(ws: Workspace, address: number): number {
  const { kernel: { exports }, tape: { blocks }, at, classes: C, rows: B } = ws;
  const { labels, trialTrueLogit: trueLogit, trialPeak: peak, trialSum: sum } = at;
  if (blocks !== null) blocks.sums({ labels, trueLogit, peak, sum });
  else {
    eachColumnBlock(ws, (from, to) => {
      exports.competitors(from, to, B, C, address, NONE, labels, trueLogit, peak, sum);
    });
  }
  const mean = exports.margins(B, trueLogit, peak, sum, at.alpha, at.trialMargin, NONE, NONE, NONE);
  return mean + restLoss(ws, address);
}
