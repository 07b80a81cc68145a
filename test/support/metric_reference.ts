// The step of a linear head in a metric, with a two-stage system, by a float64 solve over the parameters.

import type { StepOptions } from "../../mod.ts";
import { jacobian, layerOf, type problem, solveDense } from "./reference.ts";

/** ((v + v̄/100)/v̄)^(−¼). */
function scales(v: readonly number[]): number[] {
  const mean = v.reduce((sum, x) => sum + x, 0) / v.length;
  return v.map((x) => ((x + 0.01 * mean + 1e-30) / (mean + 1e-30)) ** -0.25);
}

/** Which system the reference solves. */
export interface System {
  readonly metric: NonNullable<StepOptions["metric"]>;
  readonly twoStage?: number;
  /** The full Gauss-Newton matrix in place of that of the margins. */
  readonly full?: boolean;
}

/** (H + λM + H_x) d = −g for a linear head: the quadratic forms written out over the parameters (W row by row, b). */
export function metricStep(
  head: ReturnType<typeof problem>["head"],
  data: ReturnType<typeof problem>["data"],
  { metric, twoStage: eta = 0, full = false }: System,
  lambda: number,
): number[] {
  const layer = layerOf(head), { J, P, alpha } = jacobian(layer, data);
  const C = head.outputs, D = head.inputs, bias = layer.bias !== null, n = C * D + (bias ? C : 0), B = alpha.length;
  const x = (i: number, d: number): number => data.features.data[i * D + d] as number;
  const y = (i: number): number => data.labels[i] as number;
  const p = (i: number, c: number): number => (P[i] as number[])[c] as number;
  const average = (of: (i: number) => number): number => alpha.reduce((sum, a, i) => sum + a * of(i), 0);
  const each = (count: number, of: (k: number) => number): number[] => Array.from({ length: count }, (_, k) => of(k));
  // One row, however often, has no deviation from its mean: it stays as it is.
  const equal = data.features.data.every((v, j) => v === x(0, j % D));
  const centred = metric !== "euclidean" && bias && !equal;
  const mean = each(D, (d) => centred ? average((i) => x(i, d)) : 0);
  const variance = each(D, (d) => average((i) => (x(i, d) - (mean[d] as number)) ** 2));
  const c = metric === "factored" && (centred || !bias) ? scales(variance) : each(D, () => 1);
  // s (e_y − q) = e_y − p
  const signal = each(C, (k) => average((i) => ((k === y(i) ? 1 : 0) - p(i, k)) ** 2));
  const o = metric === "factored" ? scales(signal) : each(C, () => 1);
  const beta = centred ? 0.1 * variance.reduce((sum, v, d) => sum + v * (c[d] as number) ** 2, 0) : 1;
  const A = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const g = new Array<number>(n).fill(0);
  const add = (weight: number, row: readonly number[]): void =>
    row.forEach((u, j) =>
      u !== 0 && row.forEach((v, k) => (A[j] as number[])[k] = ((A[j] as number[])[k] as number) + weight * u * v)
    );
  /** ⟨row, θ⟩ = Σ_d w_d W_kd + b_k. */
  const form = (k: number, w: readonly number[]): number[] => {
    const row = new Array<number>(n).fill(0);
    w.forEach((v, d) => row[k * D + d] = v);
    if (bias) row[C * D + k] = 1;
    return row;
  };
  for (let i = 0; i < B; i++) {
    const a = alpha[i] as number, s = 1 - p(i, y(i)), input = each(D, (d) => x(i, d));
    const logits = each(C, (k) => k).map((k) => form(k, input));
    if (full) {
      const middle = new Array<number>(n).fill(0).map((_, j) =>
        logits.reduce((sum, row, k) => sum + p(i, k) * (row[j] as number), 0)
      );
      logits.forEach((row, k) => add(a * p(i, k), row.map((v, j) => v - (middle[j] as number))));
    } else add(a * s * (1 - s), J[i] as number[]);
    (J[i] as number[]).forEach((v, j) => g[j] = (g[j] as number) - a * s * v);
    logits.forEach((row, k) => add(a * eta * s / (o[k] as number) ** 2, row));
  }
  for (let k = 0; k < C; k++) {
    const scale = lambda / (o[k] as number) ** 2;
    for (let d = 0; d < D; d++) add(scale / (c[d] as number) ** 2, each(n, (j) => j === k * D + d ? 1 : 0));
    if (bias) add(scale / beta, form(k, mean));
  }
  return solveDense(A, g.map((v) => -v));
}
