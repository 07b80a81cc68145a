// Vector operations in float32, and the row coefficients of a back-projection.

import { LANES, PANEL } from "./pack";
import { madd } from "./gemm";

/** xᵀy over n floats: four float32 partial sums a block of 256, blocks added in float64. */
export function dot(n: i32, x: usize, y: usize): f64 {
  let total: f64 = 0;
  let i = 0;
  while (i + 4 <= n) {
    const end = min(i + 256, n & -4);
    let sum = f32x4.splat(0);
    for (; i < end; i += 4) {
      sum = madd(v128.load(x), v128.load(y), sum);
      x += 16;
      y += 16;
    }
    total += lanes64(sum);
  }
  for (; i < n; i++) {
    total += <f64> load<f32>(x) * <f64> load<f32>(y);
    x += 4;
    y += 4;
  }
  return total;
}

// @ts-ignore: decorator

function lanes64(v: v128): f64 {
  return (<f64> f32x4.extract_lane(v, 0) + <f64> f32x4.extract_lane(v, 1)) +
    (<f64> f32x4.extract_lane(v, 2) + <f64> f32x4.extract_lane(v, 3));
}

/** ‖x‖₂ over n floats, squares summed in float64: neither overflows nor loses small entries. */
export function norm(n: i32, x: usize): f64 {
  let a = f64x2.splat(0), b = a;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const v = v128.load(x);
    const low = f64x2.promote_low_f32x4(v);
    const high = f64x2.promote_low_f32x4(i64x2.shuffle(v, v, 1, 0));
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
    x += 16;
  }
  const both = f64x2.add(a, b);
  let total = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  for (; i < n; i++) {
    const v = <f64> load<f32>(x);
    total += v * v;
    x += 4;
  }
  return Math.sqrt(total);
}

/** y += a·x over n floats. */
export function axpy(n: i32, a: f32, x: usize, y: usize): void {
  const factor = f32x4.splat(a);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(y, madd(factor, v128.load(x), v128.load(y)));
    x += 16;
    y += 16;
  }
  for (; i < n; i++) {
    store<f32>(y, load<f32>(y) + a * load<f32>(x));
    x += 4;
    y += 4;
  }
}

/** x *= a over n floats. */
export function scale(n: i32, a: f32, x: usize): void {
  const factor = f32x4.splat(a);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(x, f32x4.mul(factor, v128.load(x)));
    x += 16;
  }
  for (; i < n; i++) {
    store<f32>(x, a * load<f32>(x));
    x += 4;
  }
}

/** True when all n floats are finite. */
export function allFinite(n: i32, x: usize): bool {
  let sum = f32x4.splat(0);
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    sum = f32x4.add(sum, f32x4.mul(zero, v128.load(x))); // 0·∞ and 0·NaN are NaN
    x += 16;
  }
  let total = lanes64(sum);
  for (; i < n; i++) {
    total += <f64> (<f32> 0 * load<f32>(x));
    x += 4;
  }
  return total == 0;
}

/** Coefficients below this are zero: subnormal products would halve the speed of fitted models. */
const NEGLIGIBLE: f64 = 1e-20;

/** coefficient[i] = −a[i]/sum[i]: what turns the exponentials E into a_i (e_y − q). Zero up to n₄. */
export function coefficients(n: i32, a: usize, sum: usize, out: usize): void {
  for (let i = 0; i < ((n + 3) & -4); i++) {
    const value = i < n ? -load<f64>(a + (<usize> i << 3)) / <f64> load<f32>(sum + (<usize> i << 2)) : 0;
    store<f32>(out + (<usize> i << 2), Math.abs(value) < NEGLIGIBLE ? <f32> 0 : <f32> value);
  }
}

/**
 * Rows [from, to) of diag-scaled panels as a row-major block: out[k − from][i] = coefficient[i]·E[k][i],
 * n₄ floats a row; E is classes × n in panels. Products below 1e-20 become zero.
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
  const tiny = f32x4.splat(<f32> NEGLIGIBLE);
  for (let j = 0; j < n; j += LANES) {
    const first = j & -PANEL;
    const stride = <usize> ((min(PANEL, n - first) + LANES - 1) & -LANES) << 2;
    const factor = v128.load(coefficient + (<usize> j << 2));
    let source = e + ((<usize> first * classes + <usize> (j - first)) << 2) + <usize> from * stride;
    let target = out + (<usize> j << 2);
    for (let k = from; k < to; k++) {
      const v = f32x4.mul(factor, v128.load(source));
      v128.store(target, v128.and(v, f32x4.ge(f32x4.abs(v), tiny)));
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
