/**
 * The B × B row system of a workspace: its Gram matrix and its solution, in the kernel's memory.
 *
 * @module
 */

import { f32, f64 } from "./arena.ts";
import type { Workspace } from "./linear.ts";

/**
 * Builds K = (X Xᵀ + 1_bias) ∘ ((E_y − Q)(E_y − Q)ᵀ) and its whitened form diag(w) K diag(w). Returns the
 * weighted mean of the diagonal of K, Σ α_i K_ii.
 */
export function gram(ws: Workspace): number {
  const { kernel: { exports }, at, rows: B } = ws;
  const n = Math.ceil(B / 4) * 4;
  f32(ws.kernel, at.gramX, n * n).fill(ws.hasBias ? 1 : 0);
  f32(ws.kernel, at.gramE, n * n).fill(0);
  f64(ws.kernel, at.whitened, n * ws.stride).fill(0);
  for (let j = 0; j < B; j += 16) exports.gramPanel(j, B, ws.features, at.xPanels, at.gramX);
  for (let j = 0; j < B; j += 16) exports.gramPanel(j, B, ws.classes, at.exponentials, at.gramE);
  exports.mirror(B, at.gramX);
  whiten(ws, at.rowWeight);
  const diagonal = f64(ws.kernel, at.diagonal, B), alpha = f64(ws.kernel, at.alpha, B);
  let mean = 0;
  for (let i = 0; i < B; i++) mean += (alpha[i] as number) * (diagonal[i] as number);
  return mean;
}

/** diag(w) K diag(w) for B row weights (float64) at address `weight`. */
export function whiten(ws: Workspace, weight: number): void {
  const { kernel: { exports }, at, rows: B } = ws;
  exports.whiten(B, at.gramX, at.gramE, at.sum, weight, at.whitened, ws.stride, at.diagonal, at.work);
}

/** The system's matrix as a fresh B × B array, row-major. */
export function readSystem(ws: Workspace): Float64Array {
  const { rows: B, stride } = ws;
  const all = f64(ws.kernel, ws.at.whitened, B * stride);
  const out = new Float64Array(B * B);
  for (let i = 0; i < B; i++) out.set(all.subarray(i * stride, i * stride + B), i * B);
  return out;
}

/** Solves by Cholesky. Returns B, or the first row whose pivot is not positive. */
export function solveCholesky(ws: Workspace, lambda: number): number {
  const { kernel: { exports }, at, rows: B, stride } = ws;
  const done = exports.cholesky(B, at.whitened, at.factor, stride, lambda);
  if (done === B) exports.choleskySolve(B, at.factor, stride, at.rhs, at.solution);
  return done;
}

/** Solves by conjugate gradient. Returns the kernel's stop code and the number of iterations. */
export function solveConjugateGradient(
  ws: Workspace,
  lambda: number,
  tolerance: number,
  cap: number,
): { readonly code: number; readonly iterations: number } {
  const { kernel: { exports }, at, rows: B, stride } = ws;
  const code = exports.conjugateGradient(
    B,
    at.whitened,
    stride,
    lambda,
    at.rhs,
    at.solution,
    at.work,
    tolerance,
    cap,
  );
  return { code, iterations: exports.iterations() };
}

/** What a solution u says about its step, in row space. */
export interface StepModel {
  /** −(gᵀd + ½ dᵀHd), with the undamped curvature H. */
  readonly predictedReduction: number;
  /** ‖r − (S + λI)u‖/‖r‖. */
  readonly residual: number;
}

/**
 * Turns the solution u into the dual a = w∘u and reads off the quadratic model: with t = S u,
 * −gᵀd = rᵀt and dᵀHd = ‖t‖².
 */
export function finishSolution(ws: Workspace, lambda: number): StepModel {
  const { kernel, at, rows: B, stride } = ws;
  kernel.exports.multiply64(B, at.whitened, stride, at.solution, at.image);
  const u = f64(kernel, at.solution, B), t = f64(kernel, at.image, B), r = f64(kernel, at.rhs, B);
  const w = f64(kernel, at.rowWeight, B), a = f64(kernel, at.dual, B);
  let gain = 0, curvature = 0, error = 0, size = 0;
  for (let i = 0; i < B; i++) {
    const ui = u[i] as number, ti = t[i] as number, ri = r[i] as number;
    a[i] = (w[i] as number) * ui;
    gain += ri * ti;
    curvature += ti * ti;
    error += (ri - ti - lambda * ui) ** 2;
    size += ri * ri;
  }
  return { predictedReduction: gain - curvature / 2, residual: size === 0 ? 0 : Math.sqrt(error / size) };
}

/** ‖g‖ in row space: √(rᵀ S r), rounded like the float32 Gram matrix. */
export function gradientNorm(ws: Workspace): number {
  const { kernel: { exports }, at, rows: B, stride } = ws;
  exports.multiply64(B, at.whitened, stride, at.rhs, at.image);
  return Math.sqrt(Math.max(0, exports.dot64(B, at.rhs, at.image)));
}
