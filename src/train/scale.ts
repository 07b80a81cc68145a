/**
 * How much smaller logits should be, read off rows that are not trained on: a running Newton step on their scale.
 *
 * @module
 */

import { exponential } from "../math/softmax.ts";

/** Logits of rows, and what they should have been. */
export interface Judged {
  /** Rows × C logits. */
  readonly logits: Float32Array;
  /** The classes of the rows. */
  readonly labels: Uint32Array;
  /** Rows × C probabilities of the classes, or null: those of the labels. */
  readonly targets: Float32Array | null;
  /** ε of label smoothing: targets (1 − ε) t + ε/C. */
  readonly smoothing: number;
  /** How many rows each of them counts as. */
  readonly counts: Float64Array;
}

/** Derivatives of the summed loss of rows by the scale of their logits about a centre, at 1. */
export interface Derivatives {
  /** g, the first: above 0 where smaller logits would have had less loss. */
  readonly slope: number;
  /** h ≥ 0, the second. */
  readonly curvature: number;
}

/** Sums over the updates of a run: what a checkpoint keeps. */
export interface Scale extends Derivatives {
  /** The running mean of the logits of each group of rows, which their scale is about; empty before the first. */
  readonly centres: readonly Float64Array[];
}

/** The sums before the first update. */
export const NO_SCALE: Scale = { centres: [], slope: 0, curvature: 0 };

/** What a running mean of the logits, and the sums of derivatives, keep of what they were. */
const CENTRE = 0.95, SUMS = 0.98;
/** Curvature of a prior that logits are right as they are. */
const PRIOR = 4;
/** The largest share that weights shrink by before an update. */
const MOST = 0.2;

/** xⁿ for whole n ≥ 0: engines differ in powers. */
function power(x: number, n: number): number {
  let product = 1;
  for (let i = 0; i < n; i++) product *= x;
  return product;
}

/** The running mean of logits after those of more rows. */
function moveCentre(before: Float64Array | undefined, { logits, counts }: Judged, updates: number): Float64Array {
  const classes = logits.length / counts.length, mean = new Float64Array(classes);
  let total = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] as number;
    total += count;
    for (let k = 0; k < classes; k++) mean[k] = (mean[k] as number) + count * (logits[i * classes + k] as number);
  }
  const kept = power(CENTRE, updates);
  for (let k = 0; k < classes; k++) {
    const now = (mean[k] as number) / total;
    mean[k] = before === undefined ? now : kept * (before[k] as number) + (1 - kept) * now;
  }
  return mean;
}

/**
 * With U = F − c, p = softmax(F) and targets t:
 *
 *     g = Σ_i n_i Σ_k (p_ik − t_ik) U_ik,      h = Σ_i n_i (Σ_k p_ik U_ik² − (Σ_k p_ik U_ik)²).
 */
export function derivatives(
  { logits, labels, targets, smoothing, counts }: Judged,
  centre: Float64Array,
): Derivatives {
  const classes = centre.length;
  let slope = 0, curvature = 0;
  for (let i = 0; i < counts.length; i++) {
    const at = i * classes, label = labels[i] as number;
    let peak = -Infinity;
    for (let k = 0; k < classes; k++) peak = Math.max(peak, logits[at + k] as number);
    let sum = 0, first = 0, second = 0, plain = 0, soft = 0;
    for (let k = 0; k < classes; k++) {
      const f = logits[at + k] as number, u = f - (centre[k] as number), e = exponential(f - peak);
      sum += e;
      first += e * u;
      second += e * u * u;
      plain += u;
      if (targets !== null) soft += (targets[at + k] as number) * u;
    }
    const mean = first / sum,
      aim = targets === null ? (logits[at + label] as number) - (centre[label] as number) : soft;
    slope += (counts[i] as number) * (mean - (1 - smoothing) * aim - smoothing * plain / classes);
    curvature += (counts[i] as number) * Math.max(0, second / sum - mean * mean);
  }
  return { slope, curvature };
}

/**
 * The sums after groups of rows had these logits, null for a group without rows: the rows of one update, or of several, as if
 * each update had its share of them.
 */
export function follow(
  { centres, slope, curvature }: Scale,
  groups: readonly (Judged | null)[],
  updates = 1,
): Scale {
  const kept = power(SUMS, updates);
  let g = kept * slope, h = kept * curvature;
  const next = groups.map((group, index) => {
    const before = centres[index];
    if (group === null) return before ?? new Float64Array(0);
    const centre = moveCentre(before?.length === 0 ? undefined : before, group, updates);
    const { slope, curvature } = derivatives(group, centre);
    g += slope;
    h += curvature;
    return centre;
  });
  return { centres: next, slope: g, curvature: h };
}

/** δ = G/(H + 4) in [−1, 1]: the share that logits should be smaller by. */
export const excess = ({ slope, curvature }: Derivatives): number =>
  Math.min(1, Math.max(-1, slope / (curvature + PRIOR)));

/** The share that all layers together should shrink by before an update, ε = .2 max(δ, 0), or before several at once. */
export const shareOf = (scale: Derivatives, updates = 1): number =>
  1 - power(1 - MOST * Math.max(0, excess(scale)), updates);
