// Operations on operands in panels (pack.ts) column by column and row by row, and the row coefficients of a
// back-projection.

import { LANES, PANEL } from "./pack";
import { lanes64 } from "./blas1";
import { madd } from "./gemm";

/** Rows summed in float32 before their sum joins the total: bounds the rounding of long sums. */
const SUM_BLOCK: i32 = 64;

/** Bytes from the start of a k × n operand to the four columns from j on (a multiple of four) in its first row. */
export function columnOffset(j: i32, k: i32): usize {
  const first = j & -PANEL;
  return (<usize> first * k + <usize> (j - first)) << 2;
}

/** Bytes from one row to the next in the panel of column j. */
export function rowStride(j: i32, n: i32): usize {
  return <usize> ((min(PANEL, n - (j & -PANEL)) + LANES - 1) & -LANES) << 2;
}

/** All bits of those of the four lanes from column j on that hold one of n columns. */
export function usedLanes(j: i32, n: i32): v128 {
  return i32x4.gt_s(i32x4.splat(n - j), i32x4(0, 1, 2, 3));
}

/** Σ_k x_k of four columns, in blocks. */
export function columnSum(k: i32, x: usize, stride: usize): v128 {
  let total = f32x4.splat(0);
  for (let block = 0; block < k; block += SUM_BLOCK) {
    const end = min(block + SUM_BLOCK, k);
    let a = f32x4.splat(0), b = a;
    let i = block;
    for (; i + 2 <= end; i += 2) {
      a = f32x4.add(a, v128.load(x));
      b = f32x4.add(b, v128.load(x + stride));
      x += 2 * stride;
    }
    if (i < end) {
      a = f32x4.add(a, v128.load(x));
      x += stride;
    }
    total = f32x4.add(total, f32x4.add(a, b));
  }
  return total;
}

/** Σ_k x_k·y_k of four columns over at most 64 rows. */
function blockDot(k: i32, x: usize, y: usize, stride: usize): v128 {
  let a = f32x4.splat(0), b = a;
  let i = 0;
  for (; i + 2 <= k; i += 2) {
    a = madd(v128.load(x), v128.load(y), a);
    b = madd(v128.load(x + stride), v128.load(y + stride), b);
    x += 2 * stride;
    y += 2 * stride;
  }
  if (i < k) a = madd(v128.load(x), v128.load(y), a);
  return f32x4.add(a, b);
}

/** Σ_k x_k·y_k of four columns, in blocks. */
export function columnDot(k: i32, x: usize, y: usize, stride: usize): v128 {
  let total = f32x4.splat(0);
  for (let block = 0; block < k; block += SUM_BLOCK) {
    const at = <usize> block * stride;
    total = f32x4.add(total, blockDot(min(SUM_BLOCK, k - block), x + at, y + at, stride));
  }
  return total;
}

/** out[i] = Σ_k x[k][i]·y[k][i] in float64 for two k × n operands: float32 within 64 rows, float64 beyond. */
export function columnDots(k: i32, n: i32, x: usize, y: usize, out: usize): void {
  for (let j = 0; j < n; j += LANES) {
    const stride = rowStride(j, n), offset = columnOffset(j, k);
    let low = f64x2.splat(0), high = low;
    for (let block = 0; block < k; block += SUM_BLOCK) {
      const at = offset + <usize> block * stride;
      const sum = blockDot(min(SUM_BLOCK, k - block), x + at, y + at, stride);
      low = f64x2.add(low, f64x2.promote_low_f32x4(sum));
      high = f64x2.add(high, f64x2.promote_low_f32x4(i64x2.shuffle(sum, sum, 1, 0)));
    }
    store<f64>(out, f64x2.extract_lane(low, 0));
    if (j + 1 < n) store<f64>(out, f64x2.extract_lane(low, 1), 8);
    if (j + 2 < n) store<f64>(out, f64x2.extract_lane(high, 0), 16);
    if (j + 3 < n) store<f64>(out, f64x2.extract_lane(high, 1), 24);
    out += 32;
  }
}

/**
 * out[k] += Σ_i coefficient[i]·x[k][i]·y[k][i] for `rows` × n operands (y may be 0: without that factor):
 * float32 across the panels, the last sixteen partial sums in float64. `coefficient`: n₄ floats, zero where
 * there is no example.
 */
export function weightedRowSums(rows: i32, n: i32, coefficient: usize, x: usize, y: usize, out: usize): void {
  const full = n & -PANEL;
  const panel = <usize> (rows * PANEL) << 2;
  const other = y == 0 ? x : y;
  const one = f32x4.splat(1);
  for (let k = 0; k < rows; k++) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    let p = x + (<usize> (k * PANEL) << 2), q = other + (<usize> (k * PANEL) << 2), w = coefficient;
    for (let j = 0; j < full; j += PANEL) {
      const q0 = y == 0 ? one : v128.load(q), q1 = y == 0 ? one : v128.load(q, 16);
      const q2 = y == 0 ? one : v128.load(q, 32), q3 = y == 0 ? one : v128.load(q, 48);
      a = madd(f32x4.mul(v128.load(w), v128.load(p)), q0, a);
      b = madd(f32x4.mul(v128.load(w, 16), v128.load(p, 16)), q1, b);
      c = madd(f32x4.mul(v128.load(w, 32), v128.load(p, 32)), q2, c);
      d = madd(f32x4.mul(v128.load(w, 48), v128.load(p, 48)), q3, d);
      p += panel;
      q += panel;
      w += 64;
    }
    for (let j = full; j < n; j += LANES) {
      const at = columnOffset(j, rows) + <usize> k * rowStride(j, n);
      const v = f32x4.mul(v128.load(coefficient + (<usize> j << 2)), v128.load(x + at));
      a = madd(v, y == 0 ? one : v128.load(y + at), a);
    }
    const at = out + (<usize> k << 2);
    const total = (lanes64(a) + lanes64(b)) + (lanes64(c) + lanes64(d));
    store<f32>(at, <f32> (<f64> load<f32>(at) + total));
  }
}

/**
 * Coefficients below this share of the largest are zero, and products below the smallest number: subnormal numbers would
 * slow down fitted models. The share is relative, for coefficients shrink with the square of the features; where the
 * largest shrinks so far that the smallest number comes near it, that is a share of it, too.
 */
const SHARE: f64 = 1e-20;
const SMALLEST: f64 = 1e-34;
const SMALLEST_SHARE: f64 = 1e-8;

/** The smallest number that is kept beside coefficients of which this is the largest. */
function smallest(largest: f64): f64 {
  return min(SMALLEST, largest * SMALLEST_SHARE);
}

/** coefficient[i] = −a[i]/sum[i]: the factor that turns the exponentials E into a_i (e_y − q). Zero up to n₄. */
export function coefficients(n: i32, a: usize, sum: usize, out: usize): void {
  let largest: f64 = 0;
  for (let i = 0; i < n; i++) {
    const value = Math.abs(load<f64>(a + (<usize> i << 3)) / <f64> load<f32>(sum + (<usize> i << 2)));
    if (value > largest) largest = value;
  }
  const least = max(largest * SHARE, smallest(largest));
  for (let i = 0; i < ((n + 3) & -4); i++) {
    const value = i < n ? -load<f64>(a + (<usize> i << 3)) / <f64> load<f32>(sum + (<usize> i << 2)) : 0;
    store<f32>(out + (<usize> i << 2), Math.abs(value) < least ? <f32> 0 : <f32> value);
  }
}

/** The largest of n₄ coefficients. */
function largestCoefficient(n: i32, coefficient: usize): f64 {
  let most = f32x4.splat(0);
  for (let j = 0; j < n; j += LANES) most = f32x4.pmax(most, f32x4.abs(v128.load(coefficient + (<usize> j << 2))));
  const a = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
  return <f64> max(a, max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)));
}

/**
 * Rows [from, to) of diag-scaled panels as a row-major block: out[k − from][i] = coefficient[i]·E[k][i],
 * n₄ floats a row; E is classes × n in panels. Products below the smallest number become zero.
 */
export function scaleColumns(
  from: i32,
  to: i32,
  classes: i32,
  n: i32,
  e: usize,
  coefficient: usize,
  out: usize,
): void {
  const row = <usize> ((n + LANES - 1) & -LANES) << 2;
  const tiny = f32x4.splat(<f32> smallest(largestCoefficient(n, coefficient)));
  for (let j = 0; j < n; j += LANES) {
    const first = j & -PANEL;
    const stride = <usize> ((min(PANEL, n - first) + LANES - 1) & -LANES) << 2;
    const factor = v128.load(coefficient + (<usize> j << 2));
    let source = e + ((<usize> first * classes + <usize> (j - first)) << 2) + <usize> from * stride;
    let target = out + (<usize> j << 2);
    for (let k = from; k < to; k++) {
      const v = f32x4.mul(factor, v128.load(source));
      v128.store(target, v128.andnot(v, f32x4.lt(f32x4.abs(v), tiny))); // NaN stays
      source += stride;
      target += row;
    }
  }
}

/** out[k] += Σ_i x[k][i] for `rows` rows of n floats (row-major, n₄ floats a row). */
export function addRowSums(rows: i32, n: i32, x: usize, out: usize): void {
  const row = <usize> ((n + LANES - 1) & -LANES) << 2;
  for (let k = 0; k < rows; k++) {
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < row; i += 16) sum = f32x4.add(sum, v128.load(x + <usize> k * row + i));
    const at = out + (<usize> k << 2);
    store<f32>(at, <f32> (<f64> load<f32>(at) + lanes64(sum)));
  }
}

/** out[k,i] += coefficient[i]·x[k,i] for two k × n operands in panels and n₄ coefficients. */
export function addScaledColumns(k: i32, n: i32, coefficient: usize, x: usize, out: usize): void {
  for (let j = 0; j < n; j += LANES) {
    const offset = columnOffset(j, k), stride = rowStride(j, n);
    const factor = v128.load(coefficient + (<usize> j << 2));
    let from = x + offset, to = out + offset;
    for (let i = 0; i < k; i++) {
      v128.store(to, madd(factor, v128.load(from), v128.load(to)));
      from += stride;
      to += stride;
    }
  }
}
