// The margin pass: softmax over the competitors of each example's true class.
//
// Logits lie class-major in panels: the batch in the lanes, one row a class, so that maximum and sum are
// vertical. For the true class y of an example
//     m = f_y − log Σ_{k≠y} e^{f_k},   q_k = e^{f_k}/Σ_{j≠y} e^{f_j} (k ≠ y),   ∇_f m = e_y − q.
// E keeps e^{f_k − max} unnormalised with E_y = −Σ, so e_y − q = −E/Σ: nothing is normalised here, the
// factor 1/Σ goes into the B×B system and into the row coefficients.

import { LANES, PANEL } from "./pack";
import { expSoftmax } from "./exp";

/** Classes summed in float32 before their sum joins the total: bounds the rounding of long sums. */
const SUM_BLOCK: i32 = 64;

/** Writes `value` (or the four lanes of `saved`) at the true class of each of four examples. */
function setTrue(f: usize, stride: usize, y: usize, v: v128): void {
  store<f32>(f + <usize> load<u32>(y) * stride, f32x4.extract_lane(v, 0));
  store<f32>(f + 4 + <usize> load<u32>(y, 4) * stride, f32x4.extract_lane(v, 1));
  store<f32>(f + 8 + <usize> load<u32>(y, 8) * stride, f32x4.extract_lane(v, 2));
  store<f32>(f + 12 + <usize> load<u32>(y, 12) * stride, f32x4.extract_lane(v, 3));
}

function getTrue(f: usize, stride: usize, y: usize): v128 {
  return f32x4(
    load<f32>(f + <usize> load<u32>(y) * stride),
    load<f32>(f + 4 + <usize> load<u32>(y, 4) * stride),
    load<f32>(f + 8 + <usize> load<u32>(y, 8) * stride),
    load<f32>(f + 12 + <usize> load<u32>(y, 12) * stride),
  );
}

/** max_k f_k of four columns. */
export function columnMax(f: usize, stride: usize, classes: i32): v128 {
  let a = f32x4.splat(-Infinity), b = a, c = a, d = a;
  let k = 0;
  for (; k + 4 <= classes; k += 4) {
    a = f32x4.max(a, v128.load(f));
    b = f32x4.max(b, v128.load(f + stride));
    c = f32x4.max(c, v128.load(f + 2 * stride));
    d = f32x4.max(d, v128.load(f + 3 * stride));
    f += 4 * stride;
  }
  for (; k < classes; k++) {
    a = f32x4.max(a, v128.load(f));
    f += stride;
  }
  return f32x4.max(f32x4.max(a, b), f32x4.max(c, d));
}

/** e = exp(f − max), Σ e; e may be 0: the sum alone. */
function columnExp(STORE: bool, f: usize, e: usize, stride: usize, classes: i32, peak: v128): v128 {
  let total = f32x4.splat(0);
  for (let block = 0; block < classes; block += SUM_BLOCK) {
    const end = min(block + SUM_BLOCK, classes);
    let sum = f32x4.splat(0);
    let k = block;
    for (; k + 4 <= end; k += 4) {
      const a = expSoftmax(f32x4.sub(v128.load(f), peak));
      const b = expSoftmax(f32x4.sub(v128.load(f + stride), peak));
      const c = expSoftmax(f32x4.sub(v128.load(f + 2 * stride), peak));
      const d = expSoftmax(f32x4.sub(v128.load(f + 3 * stride), peak));
      if (STORE) {
        v128.store(e, a);
        v128.store(e + stride, b);
        v128.store(e + 2 * stride, c);
        v128.store(e + 3 * stride, d);
        e += 4 * stride;
      }
      sum = f32x4.add(sum, f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
      f += 4 * stride;
    }
    for (; k < end; k++) {
      const a = expSoftmax(f32x4.sub(v128.load(f), peak));
      if (STORE) {
        v128.store(e, a);
        e += stride;
      }
      sum = f32x4.add(sum, a);
      f += stride;
    }
    total = f32x4.add(total, sum);
  }
  return total;
}

/** e = exp(f − peak) and Σ e of four columns. */
export function expStore(f: usize, e: usize, stride: usize, classes: i32, peak: v128): v128 {
  return columnExp(true, f, e, stride, classes, peak);
}
/** The sum alone. */
export function expSum(f: usize, stride: usize, classes: i32, peak: v128): v128 {
  return columnExp(false, f, 0, stride, classes, peak);
}

/**
 * The margin pass over the columns [from, to) of n (multiples of four).
 *
 * f: logits, panels, classes × n; kept. e: exponentials, the same layout, with −Σ at the true class
 * (0: not wanted). y: labels (u32, padded to a multiple of four with valid labels). Per example:
 * trueLogit = f_y, peak = max_{k≠y} f_k, sum = Σ_{k≠y} e^{f_k − peak}.
 */
export function competitors(
  from: i32,
  to: i32,
  n: i32,
  classes: i32,
  f: usize,
  e: usize,
  y: usize,
  trueLogit: usize,
  peak: usize,
  sum: usize,
): void {
  for (let j = from; j < to; j += LANES) {
    const first = j & -PANEL;
    const stride = <usize> ((min(PANEL, n - first) + LANES - 1) & -LANES) << 2;
    const offset = (<usize> first * classes + <usize> (j - first)) << 2;
    const at = <usize> j << 2;
    const saved = getTrue(f + offset, stride, y + at);
    setTrue(f + offset, stride, y + at, f32x4.splat(-Infinity));
    const top = columnMax(f + offset, stride, classes);
    const total = e == 0
      ? expSum(f + offset, stride, classes, top)
      : expStore(f + offset, e + offset, stride, classes, top);
    setTrue(f + offset, stride, y + at, saved);
    if (e != 0) setTrue(e + offset, stride, y + at, f32x4.neg(total));
    v128.store(trueLogit + at, saved);
    v128.store(peak + at, top);
    v128.store(sum + at, total);
  }
}

/** Below this margin the curvature stays that of −30: p·s would underflow the right-hand side s/√(ps). */
const CLAMP: f64 = -30;

/**
 * The scalar stage: from the competitor sums of n examples to margins and the row system's weights, in
 * float64. With α the normalised example weights:
 *     m = f_y − peak − log sum,   ℓ = log(1 + e^{−m}),   s = σ(−m),   p = σ(m),
 *     slope = α s,   w = √(α p s) (margin clamped below at −30),   r = slope/w, safely.
 * Returns Σ α ℓ. `slope` may be 0: only margins and loss.
 */
export function margins(
  n: i32,
  trueLogit: usize,
  peak: usize,
  sum: usize,
  alpha: usize,
  margin: usize,
  slope: usize,
  weight: usize,
  rhs: usize,
): f64 {
  let loss: f64 = 0;
  for (let i: usize = 0; i < <usize> n; i++) {
    const m = <f64> load<f32>(trueLogit + (i << 2)) - <f64> load<f32>(peak + (i << 2)) -
      Math.log(<f64> load<f32>(sum + (i << 2)));
    const share = load<f64>(alpha + (i << 3));
    const t = Math.exp(-Math.abs(m)); // e^{−|m|} ≤ 1
    store<f64>(margin + (i << 3), m);
    if (share > 0) loss += share * ((m < 0 ? -m : 0) + Math.log1p(t));
    if (slope == 0) continue;
    const s = (m >= 0 ? t : 1) / (1 + t);
    const root = Math.sqrt(share);
    // √(ps) = e^{−|m|/2}/(1 + e^{−|m|}); s/√(ps) = √(s/p) = e^{−m/2}.
    const half = Math.exp(-0.5 * Math.abs(max(m, CLAMP)));
    const w = half / (1 + half * half);
    store<f64>(slope + (i << 3), share * s);
    store<f64>(weight + (i << 3), root * w);
    store<f64>(rhs + (i << 3), root * (m >= 0 ? half : s / w));
  }
  return loss;
}

/**
 * rank[i] = number of classes placed before the true one by the logits, ties broken towards the lower
 * class, so 0 means "predicted". Columns as in `competitors`.
 */
export function ranks(n: i32, classes: i32, f: usize, y: usize, rank: usize): void {
  for (let j = 0; j < n; j += LANES) {
    const first = j & -PANEL;
    const stride = <usize> ((min(PANEL, n - first) + LANES - 1) & -LANES) << 2;
    let at = f + ((<usize> first * classes + <usize> (j - first)) << 2);
    const label = v128.load(y + (<usize> j << 2));
    const own = getTrue(at, stride, y + (<usize> j << 2));
    let count = i32x4.splat(0);
    for (let k = 0; k < classes; k++) {
      const v = v128.load(at);
      const tie = v128.and(f32x4.eq(v, own), i32x4.lt_u(i32x4.splat(k), label));
      count = i32x4.sub(count, v128.or(f32x4.gt(v, own), tie)); // a true lane is −1
      at += stride;
    }
    v128.store(rank + (<usize> j << 2), count);
  }
}
