// Both steps of a synthetic head in float64. A direction of the weights is D = Zᵀ X with one row of Z an example, for the
// gradient and both steps lie in the range of Xᵀ. With A = XXᵀ it moves the logits by AZ, and ⟨Z₁, Z₂⟩ = tr Z₁ᵀAZ₂.

import { solveDense } from "../../test/support/reference.ts";
import { ROWS, type SyntheticHead } from "./head.ts";

/** A direction of the weights: Z, and AZ, what it adds to the logits; both B × C. */
export interface Direction {
  readonly rows: Float64Array;
  readonly logits: Float64Array;
}

/** What both systems are made of. */
export interface Problem {
  readonly head: SyntheticHead;
  /** A = XXᵀ. */
  readonly gram: Float64Array;
  /** p and q, B × C. */
  readonly p: Float64Array;
  readonly q: Float64Array;
  /** Mean diagonal K̄ of the Gram matrix of the margins. */
  readonly meanDiagonal: number;
}

/** A times a B × C matrix. */
function timesGram(gram: Float64Array, z: Float64Array): Float64Array {
  const classes = z.length / ROWS, out = new Float64Array(z.length);
  for (let i = 0; i < ROWS; i++) {
    const to = out.subarray(i * classes, (i + 1) * classes);
    for (let j = 0; j < ROWS; j++) {
      const factor = gram[i * ROWS + j] as number, from = j * classes;
      for (let k = 0; k < classes; k++) to[k] = (to[k] as number) + factor * (z[from + k] as number);
    }
  }
  return out;
}

/** x·y of two rows. */
function dot(x: Float64Array | Float32Array, y: Float64Array | Float32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] as number) * (y[i] as number);
  return sum;
}

export const inner = (x: Direction, y: Direction): number => dot(x.rows, y.logits);

/** Softmax over all classes, or all but one. */
function softmax(row: Float64Array, without: number): Float64Array {
  const top = row.reduce((most, v, k) => k === without ? most : Math.max(most, v), -Infinity);
  const e = row.map((v, k) => k === without ? 0 : Math.exp(v - top));
  const sum = e.reduce((total, v) => total + v, 0);
  return e.map((v) => v / sum);
}

/** Rows 0 … B − 1 of a matrix. */
const rowsOf = <A extends Float64Array | Float32Array>(matrix: A): A[] =>
  Array.from({ length: ROWS }, (_, i) => {
    const width = matrix.length / ROWS;
    return matrix.subarray(i * width, (i + 1) * width) as A;
  });

export function problemOf(head: SyntheticHead): Problem {
  const { features, labels, logits } = head;
  const x = rowsOf(features);
  const gram = Float64Array.from(x.flatMap((u) => x.map((v) => dot(u, v))));
  const p = new Float64Array(logits.length), q = new Float64Array(logits.length);
  let trace = 0;
  rowsOf(logits).forEach((f, i) => {
    const share = softmax(f, labels[i] as number);
    p.set(softmax(f, -1), i * head.classes);
    q.set(share, i * head.classes);
    // ‖e_y − q‖² = 1 + ‖q‖².
    trace += (gram[i * ROWS + i] as number) * (1 + dot(share, share));
  });
  return { head, gram, p, q, meanDiagonal: trace / ROWS };
}

/** e_y − v, row by row. */
function fromLabel(labels: Uint32Array, v: Float64Array): Float64Array {
  const out = v.map((share) => -share), classes = v.length / ROWS;
  labels.forEach((y, i) => out[i * classes + y] = 1 + (out[i * classes + y] as number));
  return out;
}

/** The FGN step: (diag(w) K diag(w) + λI)u = r, Z = diag(w∘u)(E_y − Q). */
export function fgnDirection({ head: { classes, labels }, gram, p, q }: Problem, lambda: number): Direction {
  const signal = fromLabel(labels, q), rows = rowsOf(signal);
  const own = Array.from(labels, (y, i) => p[i * classes + y] as number);
  const w = own.map((v) => Math.sqrt(v * (1 - v) / ROWS));
  const system = rows.map((u, i) =>
    rows.map((v, j) =>
      (w[i] as number) * (gram[i * ROWS + j] as number) * dot(u, v) * (w[j] as number) + (i === j ? lambda : 0)
    )
  );
  const u = solveDense(system, own.map((v, i) => (1 - v) / ROWS / (w[i] as number)));
  const z = signal.map((v, at) => {
    const i = Math.floor(at / classes);
    return v * (w[i] as number) * (u[i] as number);
  });
  return { rows: z, logits: timesGram(gram, z) };
}

/** (1/B)(diag(p) − ppᵀ) f, row by row. */
function hessian(p: Float64Array, f: Float64Array): Float64Array {
  const shares = rowsOf(p), out = new Float64Array(f.length), classes = f.length / ROWS;
  rowsOf(f).forEach((row, i) => {
    const share = shares[i] as Float64Array, mean = dot(share, row);
    row.forEach((v, k) => out[i * classes + k] = (share[k] as number) * (v - mean) / ROWS);
  });
  return out;
}

/** Accuracy of ggnDirection: its relative residual, and iterations by which it is there (some hundreds are taken). */
const RESIDUAL = 1e-9, CAP = 5000;

/** The full Gauss-Newton step: (G + λI)D = −g by conjugate gradient to rounding, G Z = (1/B)(diag p − ppᵀ)AZ. */
export function ggnDirection({ head: { labels }, gram, p }: Problem, lambda: number): Direction {
  const rows = fromLabel(labels, p).map((v) => v / ROWS);
  const add = (to: Float64Array, factor: number, from: Float64Array): void => {
    for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + factor * (from[i] as number);
  };
  const zero = (): Direction => ({ rows: new Float64Array(rows.length), logits: new Float64Array(rows.length) });
  const z = zero(), residual: Direction = { rows, logits: timesGram(gram, rows) };
  let along: Direction = { rows: residual.rows.slice(), logits: residual.logits.slice() };
  let size = inner(residual, residual);
  const enough = RESIDUAL ** 2 * size;
  for (let k = 0; size > enough; k++) {
    if (k === CAP) throw new Error(`the float64 reference has not converged after ${CAP} iterations`);
    const product = hessian(p, along.logits);
    add(product, lambda, along.rows);
    const moved: Direction = { rows: product, logits: timesGram(gram, product) };
    const length = size / inner(along, moved);
    for (const part of ["rows", "logits"] as const) {
      add(z[part], length, along[part]);
      add(residual[part], -length, moved[part]);
    }
    const next = inner(residual, residual), ratio = next / size;
    const turned: Direction = { rows: residual.rows.slice(), logits: residual.logits.slice() };
    for (const part of ["rows", "logits"] as const) add(turned[part], ratio, along[part]);
    along = turned;
    size = next;
  }
  return z;
}
