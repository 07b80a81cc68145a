// The curvature of small models, dense and in float64: J_f of heads and of networks with one tanh layer by hand.

import { type Batch, type Dense, getOrThrow, mlp, type Network, parameters } from "../../mod.ts";
import { symmetricEigenvalues } from "../../src/math/eigenvalues.ts";
import { relativeError, solveDense } from "./reference.ts";

export const sum = (values: readonly number[]): number => values.reduce((total, v) => total + v, 0);
export const dot = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((s, v, i) => s + v * (y[i] as number), 0);
/** W x + b and its Jacobian by the parameters, weights then biases. */
function affine({ weight: { rows, cols, data: w }, bias }: Dense, x: readonly number[]): [number[], number[][]] {
  const out = Array.from({ length: rows }, (_, o) => dot(Array.from(w.subarray(o * cols, (o + 1) * cols)), x));
  const J = out.map((_, o) => [
    ...out.flatMap((_, c) => x.map((v) => (c === o ? v : 0))),
    ...(bias === null ? [] : out.map((_, c) => (c === o ? 1 : 0))),
  ]);
  return [out.map((v, o) => v + (bias?.[o] ?? 0)), J];
}

/** Logits and their C × P Jacobian for a linear head or dense–tanh–dense. */
function logitJacobian({ layers }: Network, x: readonly number[]): [number[], number[][]] {
  const first = layers[0] as Dense, last = layers.at(-1) as Dense;
  if (layers.length === 1) return affine(first, x);
  const [z, Jz] = affine(first, x);
  const h = z.map(Math.tanh);
  const [f, J] = affine(last, h);
  const { cols, data } = last.weight;
  const hidden = f.map((_, o) =>
    (Jz[0] as number[]).map((_, p) =>
      sum(h.map((v, i) => (data[o * cols + i] as number) * (1 - v * v) * ((Jz[i] as number[])[p] as number)))
    )
  );
  return [f, J.map((row, o) => [...hidden[o] as number[], ...row])];
}

/** One example in float64. */
export interface Row {
  readonly alpha: number;
  readonly y: number;
  readonly p: readonly number[];
  readonly s: number;
  readonly q: readonly number[];
  readonly J: readonly number[][];
}

export function rowsOf(model: Network, data: Batch): Row[] {
  const D = data.features.cols;
  const omega = Array.from(data.labels, (_, i) => data.weights?.[i] ?? 1), total = sum(omega);
  return Array.from(data.labels, (y, i) => {
    const [f, J] = logitJacobian(model, Array.from(data.features.data.subarray(i * D, (i + 1) * D)));
    const e = f.map((v) => Math.exp(v - Math.max(...f)));
    const all = sum(e), others = sum(e.filter((_, k) => k !== y));
    const q = e.map((v, k) => (k === y ? 0 : v / others));
    return { alpha: (omega[i] as number) / total, y, p: e.map((v) => v / all), s: others / all, q, J };
  });
}

/** tr(G − H) = Σ α s (Σ_k q_k M_kk − qᵀMq), M = J_f J_fᵀ. */
export const droppedTrace = (rows: readonly Row[]): number =>
  sum(rows.map(({ alpha, s, q, J }) => {
    const M = J.map((u) => J.map((v) => dot(u, v)));
    return alpha * s *
      (sum(M.map((row, k) => (q[k] as number) * (row[k] as number))) - dot(q, M.map((row) => dot(q, row))));
  }));

/** A += weight · u vᵀ. */
function addOuter(A: number[][], weight: number, u: readonly number[], v: readonly number[]): void {
  A.forEach((row, a) => row.forEach((x, b) => row[b] = x + weight * (u[a] as number) * (v[b] as number)));
}

/** Both steps from G = Σ α J_fᵀ(diag p − ppᵀ)J_f and H, and the row system, all dense. */
export function reference(model: Network, data: Batch, lambda: number) {
  const P = parameters(model).length, rows = rowsOf(model, data);
  const square = (): number[][] => Array.from({ length: P }, () => new Array<number>(P).fill(0));
  const H = square(), G = square(), g = new Array<number>(P).fill(0);
  const whitened = rows.map(({ alpha, y, p, s, q, J }) => {
    const pull = (c: readonly number[]): number[] => g.map((_, a) => sum(c.map((v, k) => v * (J[k]?.[a] as number))));
    const margin = pull(q.map((v, k) => (k === y ? 1 : -v))), mean = pull(p), weight = alpha * s * (p[y] as number);
    addOuter(H, weight, margin, margin);
    p.forEach((v, k) => addOuter(G, alpha * v, J[k] as number[], J[k] as number[]));
    addOuter(G, -alpha, mean, mean);
    margin.forEach((v, a) => g[a] = (g[a] as number) + alpha * s * v);
    return margin.map((v) => Math.sqrt(weight) * v);
  });
  const solve = (A: number[][]): number[] =>
    solveDense(A.map((row, a) => row.map((v, b) => v + (a === b ? lambda : 0))), g);
  const d = solve(H), full = solve(G);
  const S = Float64Array.from(whitened.flatMap((u) => whitened.map((v) => dot(u, v))));
  return {
    kept: sum(H.map((row, a) => row[a] as number)),
    dropped: droppedTrace(rows),
    cosine: dot(d, full) / Math.sqrt(dot(d, d) * dot(full, full)),
    error: relativeError(d, full),
    eigenvalues: [...symmetricEigenvalues(rows.length, S)],
  };
}

/** dense, tanh, dense. */
export const tanhNetwork = (D: number, hidden: number, C: number): Network =>
  getOrThrow(mlp({ inputs: D, hidden: [hidden], classes: C, activation: "tanh", seed: 3 }));
