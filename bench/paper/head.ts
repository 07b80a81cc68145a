// Synthetic linear heads with prescribed probabilities: B = D = 64 Gaussian features, random labels, p_y the same for all
// examples, competitors as concentrated as asked, features with as much in common as asked. Logits can be prescribed because the features X are invertible.

import { drawFrom, seedRandom, type Source } from "../../src/math/random.ts";

/** B = D. */
export const ROWS = 64;

/**
 * How the mass beside the true class is shared out: evenly; by Gaussian logits, so that examples differ in how many
 * competitors they have; or with one competitor a class that stands out by as much for all, the rest even.
 */
export type Family = "uniform" | "gaussian" | "one";

/** What a head is asked to be. */
export interface HeadSpec {
  /** C. */
  readonly classes: number;
  readonly family: Family;
  /** Mean ‖q‖² over the examples; of uniform competitors 1/(C − 1). */
  readonly concentration: number;
  /** p_y. */
  readonly probability: number;
  /** What features have in common: the share of their mean square that a direction, the same for all, takes. */
  readonly common: number;
}

/** Examples with their logits. */
export interface SyntheticHead {
  readonly classes: number;
  /** X: B × D, row-major. */
  readonly features: Float32Array;
  readonly labels: Uint32Array;
  /** F: B × C, row-major. */
  readonly logits: Float64Array;
  /** Mean ‖q‖² reached. */
  readonly concentration: number;
}

/** Standard normal numbers, by Box and Muller. */
function gaussian(count: number, source: Source): Float64Array {
  const open = (): number => (source.next() + 0.5) / 2 ** 32;
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(open())) * Math.cos(2 * Math.PI * open()));
}

const below = (bound: number, source: Source): number => Math.floor(source.next() / 2 ** 32 * bound);

/** log Σ e^{scale·z_k} over k ≠ y. */
function logSum(z: Float64Array, scale: number, y: number): number {
  let top = -Infinity, sum = 0;
  z.forEach((v, k) => top = k === y ? top : Math.max(top, scale * v));
  z.forEach((v, k) => sum += k === y ? 0 : Math.exp(scale * v - top));
  return top + Math.log(sum);
}

/** Mean ‖q‖² of the competitors' logits scale·z. */
function meanConcentration(z: readonly Float64Array[], labels: Uint32Array, scale: number): number {
  const squares = z.map((row, i) => {
    const y = labels[i] as number;
    return Math.exp(logSum(row, 2 * scale, y) - 2 * logSum(row, scale, y));
  });
  return squares.reduce((sum, v) => sum + v, 0) / z.length;
}

/** The scale of the logits at which their mean ‖q‖² is what is asked for, by bisection. */
function scaleFor(z: readonly Float64Array[], labels: Uint32Array, concentration: number): number {
  let low = 0, high = 1;
  while (meanConcentration(z, labels, high) < concentration && high < 1e4) high *= 2;
  for (let k = 0; k < 50; k++) {
    const middle = (low + high) / 2;
    if (meanConcentration(z, labels, middle) < concentration) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The head of a seed. */
export function syntheticHead(spec: HeadSpec, seed: number): SyntheticHead {
  const { classes, family, concentration, probability, common } = spec;
  const source = drawFrom(seedRandom(seed));
  const own = gaussian(ROWS * ROWS, source), shared = gaussian(ROWS, source);
  const features = Float32Array.from(
    own,
    (v, at) => Math.sqrt(1 - common) * v + Math.sqrt(common) * (shared[at % ROWS] as number),
  );
  const labels = Uint32Array.from({ length: ROWS }, () => below(classes, source));
  const rows = Array.from(labels, (y) => {
    if (family === "gaussian") return gaussian(classes, source);
    const row = new Float64Array(classes);
    if (family === "one" && classes > 2) row[(y + 1 + below(classes - 1, source)) % classes] = 1;
    return row;
  });
  const scale = family === "uniform" || classes === 2 ? 0 : scaleFor(rows, labels, concentration);
  const logits = new Float64Array(ROWS * classes);
  rows.forEach((z, i) => {
    const y = labels[i] as number, others = logSum(z, scale, y);
    // The sum over the competitors is e⁰, and m = log p/(1 − p).
    z.forEach((v, k) => logits[i * classes + k] = scale * v - others);
    logits[i * classes + y] = Math.log(probability / (1 - probability));
  });
  return { classes, features, labels, logits, concentration: meanConcentration(rows, labels, scale) };
}

/** W with X Wᵀ = F, C × D row-major: elimination with row pivots. */
export function weightOf({ classes, features, logits }: SyntheticHead): Float64Array {
  const n = ROWS;
  const left = Array.from({ length: n }, (_, i) => Float64Array.from(features.subarray(i * n, (i + 1) * n)));
  const right = left.map((_, i) => logits.slice(i * classes, (i + 1) * classes));
  const subtract = (rows: readonly Float64Array[], i: number, k: number, factor: number): void => {
    const from = rows[k] as Float64Array, to = rows[i] as Float64Array;
    for (let j = 0; j < to.length; j++) to[j] = (to[j] as number) - factor * (from[j] as number);
  };
  const at = (i: number, j: number): number => (left[i] as Float64Array)[j] as number;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(at(i, k)) > Math.abs(at(pivot, k))) pivot = i;
    const swap = <A>(rows: A[]): void => {
      [rows[k], rows[pivot]] = [rows[pivot] as A, rows[k] as A];
    };
    swap(left);
    swap(right);
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = at(i, k) / at(k, k);
      subtract(left, i, k, factor);
      subtract(right, i, k, factor);
    }
  }
  const weight = new Float64Array(classes * n);
  right.forEach((row, d) => row.forEach((v, c) => weight[c * n + d] = v / at(d, d)));
  return weight;
}
