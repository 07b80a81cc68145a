/**
 * How much more careful steps should be, read off rows that are not trained on beside rows that are.
 *
 * @module
 */

import { exponential } from "../math/softmax.ts";
import type { Judged } from "./scale.ts";

/** Running means of s = 1 − p_y by the averaged parameters, from 0: what a checkpoint keeps. */
export interface Misfits {
  /** ŝ, that of rows held out. */
  readonly heldOut: number;
  /** s̄, that of rows of the batches, by the same parameters: both lag behind alike. */
  readonly trained: number;
}

/** The means before the first update. */
export const NO_MISFITS: Misfits = { heldOut: 0, trained: 0 };

/** What the means keep of what they were at an update. */
const KEPT = 0.9;
/** What both count as more: few rows do not tell small means apart. */
const PRIOR = 0.05;
/** The most that the damping is multiplied by. */
const MOST = 20;
/** By how much logits are too small where steps are as bold as without. */
const SHORT = 0.1;

/** The mean of s over the rows of groups by what they count for, or null: there is none that counts. */
export function misfitOf(groups: readonly (Judged | null)[]): number | null {
  let sum = 0, total = 0;
  for (const group of groups) {
    if (group === null) continue;
    const { logits, labels, counts } = group, classes = logits.length / counts.length;
    for (let i = 0; i < counts.length; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes), count = counts[i] as number;
      let peak = -Infinity, whole = 0;
      for (const f of row) peak = Math.max(peak, f);
      for (const f of row) whole += exponential(f - peak);
      sum += count * (1 - exponential((row[labels[i] as number] as number) - peak) / whole);
      total += count;
    }
  }
  return total > 0 ? sum / total : null;
}

/** The means after rows held out and rows of a batch, which stand for so many updates; as they are where either has none. */
export function followMisfits(
  before: Misfits,
  heldOut: readonly (Judged | null)[],
  trained: readonly (Judged | null)[],
  updates: number,
): Misfits {
  const held = misfitOf(heldOut), own = misfitOf(trained);
  if (held === null || own === null) return before;
  let kept = 1;
  for (let i = 0; i < updates; i++) kept *= KEPT;
  return {
    heldOut: kept * before.heldOut + (1 - kept) * held,
    trained: kept * before.trained + (1 - kept) * own,
  };
}

/**
 * What multiplies the damping, 1 + (c − 1) min(1, max(0, 1 + 10 δ)) with c = min(20, max(1, (ŝ + .05)/(s̄ + .05))⁴): 1 where rows
 * held out are explained as well as others; and where logits should be larger by a tenth and more (δ ≤ −.1), as with few
 * rows of many classes: such a model has not learnt by heart, it has not learnt enough.
 */
export function cautionOf({ heldOut, trained }: Misfits, excess: number): number {
  const ratio = Math.max(1, (heldOut + PRIOR) / (trained + PRIOR)), square = ratio * ratio;
  const care = Math.min(MOST, square * square) - 1;
  return 1 + care * Math.min(1, Math.max(0, 1 + excess / SHORT));
}
