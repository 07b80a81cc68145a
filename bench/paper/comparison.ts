// Two steps side by side: how far the directions are apart, and what that costs.

/** Mean and standard deviation (of the sample) over seeds. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const n = values.length, mean = values.reduce((sum, v) => sum + v, 0) / n;
  const square = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, deviation: n > 1 ? Math.sqrt(square / (n - 1)) : 0 };
}

/** The FGN step d beside the full step d*, of inner products ⟨d, d⟩, ⟨d, d*⟩ and ⟨d*, d*⟩. */
export interface Directions {
  /** ⟨d, d*⟩/(‖d‖ ‖d*‖). */
  readonly cosine: number;
  /** ‖d − d*‖/‖d*‖. */
  readonly error: number;
}

export function directions(own: number, mixed: number, full: number): Directions {
  return {
    cosine: mixed / Math.sqrt(own * full),
    error: Math.sqrt(Math.max(0, own - 2 * mixed + full) / full),
  };
}

/** Halvings or doublings of a step length, and golden sections after them. */
const SCALINGS = 24, SECTIONS = 12;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The most that `reduction` reaches over step lengths t > 0: powers of two up or down from 1, then golden sections. */
export function bestReduction(reduction: (length: number) => number): number {
  let length = 1, best = reduction(1);
  for (const factor of [2, 0.5]) {
    const from = length;
    for (let k = 0; k < SCALINGS; k++) {
      const next = reduction(length * factor);
      if (!(next > best)) break;
      [length, best] = [length * factor, next];
    }
    if (length !== from) break;
  }
  let low = length / 2, high = length * 2;
  let left = high - GOLDEN * (high - low), right = low + GOLDEN * (high - low);
  let atLeft = reduction(left), atRight = reduction(right);
  for (let k = 0; k < SECTIONS; k++) {
    best = Math.max(best, atLeft, atRight);
    if (atLeft > atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = reduction(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = reduction(right);
    }
  }
  return best;
}

/** −log p_y, averaged over the rows of logits + length·change; both B × C. */
export function meanLoss(
  logits: Float32Array | Float64Array,
  labels: Uint32Array,
  change: Float32Array | Float64Array,
  length: number,
): number {
  const rows = labels.length, classes = logits.length / rows, f = new Float64Array(classes);
  let total = 0;
  for (let i = 0; i < rows; i++) {
    let top = -Infinity, sum = 0;
    for (let k = 0, at = i * classes; k < classes; k++, at++) {
      const v = (logits[at] as number) + length * (change[at] as number);
      f[k] = v;
      if (v > top) top = v;
    }
    for (let k = 0; k < classes; k++) sum += Math.exp((f[k] as number) - top);
    total += top + Math.log(sum) - (f[labels[i] as number] as number);
  }
  return total / rows;
}
