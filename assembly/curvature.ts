// The curvature of the softmax loss in the logits, by its exact split into two positive parts.
//
// With the competitors' distribution q (q_y = 0), δ = e_y − q and the true class's probability p, s = 1 − p,
//     diag(π) − π πᵀ = p s δ δᵀ + s (diag(q) − q qᵀ),
// the first the part that the margin keeps, the second what it drops. margin.ts leaves q as E/Σ with −Σ at the
// true class.

import { LANES } from "./pack";
import { columnOffset, rowStride, usedLanes } from "./panels";
import { madd } from "./gemm";

/** Classes summed in float32 before their sum joins the total. */
const SUM_BLOCK: i32 = 64;

/** Results below this are zero: subnormal numbers would slow down the products that follow. */
const NEGLIGIBLE: f32 = 1e-30;

/** Four of n doubles as floats, zero beyond the n-th. */
function narrow(n: i32, values: usize): v128 {
  const a = load<f64>(values);
  const b = n > 1 ? load<f64>(values, 8) : 0;
  const c = n > 2 ? load<f64>(values, 16) : 0;
  const d = n > 3 ? load<f64>(values, 24) : 0;
  return f32x4(<f32> a, <f32> b, <f32> c, <f32> d);
}

function flush(v: v128): v128 {
  return v128.andnot(v, f32x4.lt(f32x4.abs(v), f32x4.splat(NEGLIGIBLE))); // NaN stays
}

/** t at the likeliest competitor of four examples: the largest e, which is positive for competitors alone. */
function reference(classes: i32, e: usize, t: usize, stride: usize): v128 {
  let most = f32x4.splat(0), at = most;
  for (let k = 0; k < classes; k++) {
    const value = v128.load(e), larger = f32x4.gt(value, most);
    most = v128.bitselect(value, most, larger);
    at = v128.bitselect(v128.load(t), at, larger);
    e += stride;
    t += stride;
  }
  return at;
}

/** Σ_{k≠y} e_k·(t_k − r) of four examples, in blocks; y in the lanes. */
function competitorDot(classes: i32, e: usize, t: usize, stride: usize, y: v128, r: v128): v128 {
  let total = f32x4.splat(0);
  for (let block = 0; block < classes; block += SUM_BLOCK) {
    const end = min(block + SUM_BLOCK, classes);
    let sum = f32x4.splat(0);
    for (let k = block; k < end; k++) {
      const rest = v128.andnot(v128.load(e), i32x4.eq(i32x4.splat(k), y));
      sum = madd(rest, f32x4.sub(v128.load(t), r), sum);
      e += stride;
      t += stride;
    }
    total = f32x4.add(total, sum);
  }
  return total;
}

/** t_y of four examples. */
function trueEntry(classes: i32, t: usize, stride: usize, y: v128): v128 {
  let own = f32x4.splat(0);
  for (let k = 0; k < classes; k++) {
    own = v128.or(own, v128.and(v128.load(t), i32x4.eq(i32x4.splat(k), y)));
    t += stride;
  }
  return own;
}

/**
 * Four examples: t_k becomes q_k·(dropped·(t_k − t̄) − kept·τ) for k ≠ y and kept·τ for k = y, with
 * t̄ = qᵀt, a sum over competitors alone, and τ = t_y − t̄. All of t is taken relative to the likeliest
 * competitor's: where q is nearly one-hot, t_k − t̄ would otherwise cancel to nothing there.
 */
function column(classes: i32, e: usize, t: usize, stride: usize, y: v128, sum: v128, kept: v128, dropped: v128): void {
  const r = reference(classes, e, t, stride);
  const mean = f32x4.div(competitorDot(classes, e, t, stride, y, r), sum);
  const own = flush(f32x4.mul(kept, f32x4.sub(f32x4.sub(trueEntry(classes, t, stride, y), r), mean)));
  const scale = flush(f32x4.div(dropped, sum)), offset = flush(f32x4.div(own, sum));
  for (let k = 0; k < classes; k++) {
    const v = f32x4.sub(f32x4.mul(scale, f32x4.sub(f32x4.sub(v128.load(t), r), mean)), offset);
    const rest = flush(f32x4.mul(v128.load(e), v));
    v128.store(t, v128.bitselect(own, rest, i32x4.eq(i32x4.splat(k), y)));
    t += stride;
    e += stride;
  }
}

/**
 * t, a classes × n operand in panels, becomes the product of each example's curvature with its column of t:
 * kept·δδᵀ + dropped·(diag(q) − q qᵀ), with n doubles `kept` (α p s) and `dropped` (α s). e, labels (n₄) and
 * sum (n₄ floats) as `competitors` leaves them. Unused lanes become zero if they are finite.
 */
export function curvatureProduct(
  classes: i32,
  n: i32,
  e: usize,
  labels: usize,
  sum: usize,
  kept: usize,
  dropped: usize,
  t: usize,
): void {
  const one = f32x4.splat(1);
  for (let j = 0; j < n; j += LANES) {
    const offset = columnOffset(j, classes);
    const total = v128.bitselect(v128.load(sum + (<usize> j << 2)), one, usedLanes(j, n));
    const at = <usize> j << 3;
    const a = narrow(n - j, kept + at), b = narrow(n - j, dropped + at);
    const y = v128.load(labels + (<usize> j << 2));
    column(classes, e + offset, t + offset, rowStride(j, n), y, total, a, b);
  }
}
