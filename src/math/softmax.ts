/**
 * Softmax of rows of logits.
 *
 * @module
 */

/** Where exp falls under half of the smallest float32, 2⁻¹⁵⁰. */
const LEAST = -104;
/** 2⁻ⁿ. */
const POWERS = /* @__PURE__ */ Float64Array.from({ length: 152 }, (_, n) => 1 / 2 ** n);

/**
 * e^x for x ≤ 0; zero where float32 would round it to that. Of basic operations alone, which give the same bytes in every
 * runtime, as `Math.exp` need not; the error is below 1e-14 of the result.
 * @internal
 */
export function exponential(x: number): number {
  if (x < LEAST) return 0;
  const n = (0.5 - x * Math.LOG2E) | 0;
  const r = x + n * 0.6931471803691238 + n * 1.9082149292705877e-10; // ln 2 in two parts: n times the first is exact
  const r2 = r * r, r4 = r2 * r2;
  const low = 1 + r + r2 * (1 / 2 + r * (1 / 6)), mid = 1 / 24 + r * (1 / 120) + r2 * (1 / 720 + r * (1 / 5040));
  const high = 1 / 40320 + r * (1 / 362880) + r2 * (1 / 3628800 + r * (1 / 39916800));
  return (low + r4 * (mid + r4 * high)) * (POWERS[n] as number);
}

/**
 * Rows of `cols` finite logits become probabilities e^{f_k} / Σ_j e^{f_j}. In float32 each is rounded once, from float64: small
 * ones have all the digits of float32, those of a row are in the order of its logits, and a row sums to 1.
 * @internal
 */
export function softmaxRows(rows: Float32Array | Float64Array, cols: number): void {
  const exponentials = new Float64Array(cols);
  for (let at = 0; at < rows.length; at += cols) {
    let peak = -Infinity, sum = 0;
    for (let k = 0; k < cols; k++) {
      const f = rows[at + k] as number;
      if (f > peak) peak = f;
    }
    for (let k = 0; k < cols; k++) sum += exponentials[k] = exponential((rows[at + k] as number) - peak);
    for (let k = 0; k < cols; k++) rows[at + k] = (exponentials[k] as number) / sum;
  }
}
