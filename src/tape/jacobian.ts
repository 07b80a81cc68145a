/**
 * Products with the Jacobian J of the margins, and with Ĵ = diag(w) J.
 *
 * @module
 */

import { f32, f64 } from "../kernel/arena.ts";
import { backward, project, tangent, up4 } from "./tape.ts";
import type { Workspace } from "./workspace.ts";

/** Sends the panels at `cotangent` back through the tape: signals of all slots, if any depends on the parameters. */
export function sendBack(ws: Workspace, cotangent: number): void {
  const { kernel, tape, rows, classes } = ws;
  const { signal, depends } = tape.logits;
  if (!depends) return;
  const length = classes * up4(rows);
  if (cotangent !== signal) f32(kernel, signal, length).set(f32(kernel, cotangent, length));
  backward(tape);
}

/** The row coefficients of B dual numbers (float64): what turns signals of E into a_i times margin signals. */
export function writeCoefficients({ kernel, at, rows }: Workspace, dual: number): number {
  kernel.exports.coefficients(rows, dual, at.sum, at.coefficient);
  return at.coefficient;
}

/** Copies row numbers. */
export function copyRows({ kernel }: Workspace, from: number, to: number, count: number): void {
  f64(kernel, to, count).set(f64(kernel, from, count));
}

/** J v for a parameter vector: B margin derivatives (float64) at `out`. */
export function marginTangent(ws: Workspace, direction: number, out: number): void {
  const { kernel, tape, at, rows, classes, micro } = ws;
  if (micro !== null) {
    f64(kernel, out, rows).fill(0);
    return micro.sweep(false, (part, from, count) => {
      marginTangent(part, direction, part.at.image);
      copyRows(part, part.at.image, out + 8 * from, count);
    });
  }
  tangent(tape, direction);
  kernel.exports.columnDots(classes, rows, at.exponentials, tape.logits.tangent, out);
  const values = f64(kernel, out, rows), sum = f32(kernel, at.sum, rows);
  for (let i = 0; i < rows; i++) values[i] = -(values[i] as number) / (sum[i] as number);
}

/** out ← K a for B dual numbers (float64), operation by operation: rows that all lie in the kernel, of a network. */
export function gramProduct(ws: Workspace, dual: number, out: number): void {
  const { kernel, tape, at, rows } = ws;
  const coefficient = writeCoefficients(ws, dual), sums = new Float64Array(rows);
  for (const op of tape.ops) op.rowPart?.multiply(coefficient, sums);
  const values = f64(kernel, out, rows), sum = f32(kernel, at.sum, rows);
  for (let i = 0; i < rows; i++) values[i] = -(sums[i] as number) / (sum[i] as number);
}

/** to ← w ∘ from. */
export function weigh({ kernel, at, rows }: Workspace, from: number, to: number): void {
  const w = f64(kernel, at.rowWeight, rows), x = f64(kernel, from, rows), y = f64(kernel, to, rows);
  for (let i = 0; i < rows; i++) y[i] = (w[i] as number) * (x[i] as number);
}

/** out ← w ∘ J v: B numbers. */
export function whitenedTangent(ws: Workspace, v: number, out: number): void {
  marginTangent(ws, v, out);
  weigh(ws, out, out);
}

/** into += Jᵀ a for B dual numbers at `dual`; the margin signals must be in place. */
export function addDual(ws: Workspace, dual: number, into: number): void {
  if (ws.micro === null) return project(ws.tape, writeCoefficients(ws, dual), into);
  ws.micro.sweep(true, (part, from, count) => {
    f64(part.kernel, part.at.dual, part.rows).fill(0);
    copyRows(part, dual + 8 * from, part.at.dual, count);
    addDual(part, part.at.dual, into);
  });
}
