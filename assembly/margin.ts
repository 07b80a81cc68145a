// The margin pass: softmax over the competitors of each example's true class.
//
// Logits lie class-major in panels: the batch in the lanes, one row a class, so that maximum and sum are
// vertical. For the true class y of an example
//     m = f_y − log Σ_{k≠y} e^{f_k},   q_k = e^{f_k}/Σ_{j≠y} e^{f_j} (k ≠ y),   ∇_f m = e_y − q.
// E keeps e^{f_k − max} unnormalised with E_y = −Σ, so e_y − q = −E/Σ: nothing is normalised here, the
// factor 1/Σ goes into the B×B system and into the row coefficients.

import { LANES, PANEL } from "./pack";
import { expSoftmax, expSoftmax4 } from "./exp";
import { exp64, log64 } from "./exp64";

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

/** The larger of `top` and the largest of `classes` logits, column by column. */
export function maxBlock(f: usize, stride: usize, classes: i32, top: v128): v128 {
  let a = top, b = a, c = a, d = a;
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

/** e = exp(f − peak) of at most 64 classes, Σ e; e may be 0: the sum alone. */
function expBlock(STORE: bool, f: usize, e: usize, stride: usize, classes: i32, peak: v128): v128 {
  let sum = f32x4.splat(0);
  let k = 0;
  for (; k + 4 <= classes; k += 4) {
    sum = f32x4.add(sum, expSoftmax4(f, stride, peak, STORE ? e : 0));
    f += 4 * stride;
    if (STORE) e += 4 * stride;
  }
  for (; k < classes; k++) {
    const a = expSoftmax(f32x4.sub(v128.load(f), peak));
    if (STORE) {
      v128.store(e, a);
      e += stride;
    }
    sum = f32x4.add(sum, a);
    f += stride;
  }
  return sum;
}

function expStore(f: usize, e: usize, stride: usize, classes: i32, peak: v128): v128 {
  return expBlock(true, f, e, stride, classes, peak);
}
function expSum(f: usize, stride: usize, classes: i32, peak: v128): v128 {
  return expBlock(false, f, 0, stride, classes, peak);
}

/** The sums of one block; the exponentials go to e unless that is 0. */
function exponentials(f: usize, e: usize, stride: usize, classes: i32, peak: v128): v128 {
  return e == 0 ? expSum(f, stride, classes, peak) : expStore(f, e, stride, classes, peak);
}

/** e = exp(f − peak) of all classes, in blocks; Σ e. e may be 0: the sum alone. */
export function columnExp(f: usize, e: usize, stride: usize, classes: i32, peak: v128): v128 {
  let total = f32x4.splat(0);
  for (let block = 0; block < classes; block += SUM_BLOCK) {
    const count = min(SUM_BLOCK, classes - block), offset = <usize> block * stride;
    total = f32x4.add(total, exponentials(f + offset, e == 0 ? 0 : e + offset, stride, count, peak));
  }
  return total;
}

/** Takes the true class of four columns out of the running, its logit to `trueLogit`. */
function hideTrue(f: usize, stride: usize, y: usize, trueLogit: usize): void {
  v128.store(trueLogit, getTrue(f, stride, y));
  setTrue(f, stride, y, f32x4.splat(-Infinity));
}

/** Puts the logit of the true class back, −Σ where its exponential is. */
function showTrue(f: usize, e: usize, stride: usize, y: usize, trueLogit: usize, sum: usize): void {
  setTrue(f, stride, y, v128.load(trueLogit));
  if (e != 0) setTrue(e, stride, y, f32x4.neg(v128.load(sum)));
}

/**
 * Peaks and sums of up to four vectors of columns that lie side by side, block by block over all of them: faster than
 * one vector at a time where classes are few (docs/speed.md).
 */
function peaksAndSums(
  vectors: i32,
  stride: usize,
  classes: i32,
  f: usize,
  e: usize,
  peak: usize,
  sum: usize,
): void {
  let a = f32x4.splat(-Infinity), b = a, c = a, d = a;
  for (let block = 0; block < classes; block += SUM_BLOCK) {
    const count = min(SUM_BLOCK, classes - block), at = f + <usize> block * stride;
    a = maxBlock(at, stride, count, a);
    if (vectors > 1) b = maxBlock(at + 16, stride, count, b);
    if (vectors > 2) c = maxBlock(at + 32, stride, count, c);
    if (vectors > 3) d = maxBlock(at + 48, stride, count, d);
  }
  const zero = f32x4.splat(0);
  let p = zero, q = zero, r = zero, s = zero;
  for (let block = 0; block < classes; block += SUM_BLOCK) {
    const count = min(SUM_BLOCK, classes - block), offset = <usize> block * stride;
    const at = f + offset, to = e == 0 ? 0 : e + offset, step: usize = e == 0 ? 0 : 16;
    p = f32x4.add(p, exponentials(at, to, stride, count, a));
    if (vectors > 1) q = f32x4.add(q, exponentials(at + 16, to + step, stride, count, b));
    if (vectors > 2) r = f32x4.add(r, exponentials(at + 32, to + 2 * step, stride, count, c));
    if (vectors > 3) s = f32x4.add(s, exponentials(at + 48, to + 3 * step, stride, count, d));
  }
  storeVectors(vectors, peak, a, b, c, d);
  storeVectors(vectors, sum, p, q, r, s);
}

function storeVectors(vectors: i32, to: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, a);
  if (vectors > 1) v128.store(to, b, 16);
  if (vectors > 2) v128.store(to, c, 32);
  if (vectors > 3) v128.store(to, d, 48);
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
  for (let j = from; j < to;) {
    const first = j & -PANEL;
    const stride = <usize> ((min(PANEL, n - first) + LANES - 1) & -LANES) << 2;
    const vectors = (min(to, min(n, first + PANEL)) - j + LANES - 1) >> 2;
    const offset = (<usize> first * classes + <usize> (j - first)) << 2;
    const at = <usize> j << 2, end = at + (<usize> vectors << 4);
    const logits = f + offset, exponent = e == 0 ? 0 : e + offset;
    for (let i: usize = 0; at + i < end; i += 16) hideTrue(logits + i, stride, y + at + i, trueLogit + at + i);
    peaksAndSums(vectors, stride, classes, logits, exponent, peak + at, sum + at);
    for (let i: usize = 0; at + i < end; i += 16) {
      showTrue(logits + i, e == 0 ? 0 : exponent + i, stride, y + at + i, trueLogit + at + i, sum + at + i);
    }
    j += vectors << 2;
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
      log64(<f64> load<f32>(sum + (i << 2)));
    const share = load<f64>(alpha + (i << 3));
    const t = exp64(-Math.abs(m)); // e^{−|m|} ≤ 1
    store<f64>(margin + (i << 3), m);
    if (share > 0) loss += share * ((m < 0 ? -m : 0) + Math.log1p(t));
    if (slope == 0) continue;
    const s = (m >= 0 ? t : 1) / (1 + t);
    const root = Math.sqrt(share);
    // √(ps) = e^{−|m|/2}/(1 + e^{−|m|}); s/√(ps) = √(s/p) = e^{−m/2}.
    const half = exp64(-0.5 * Math.abs(max(m, CLAMP)));
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
