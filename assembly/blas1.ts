// Vector operations in float32 and float64.

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

/** The sum of the lanes. */
export function lanes64(v: v128): f64 {
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

/** y = x + beta·y over n floats. */
export function scaleAdd(n: i32, beta: f32, x: usize, y: usize): void {
  const factor = f32x4.splat(beta);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(y, madd(factor, v128.load(y), v128.load(x)));
    x += 16;
    y += 16;
  }
  for (; i < n; i++) {
    store<f32>(y, load<f32>(x) + beta * load<f32>(y));
    x += 4;
    y += 4;
  }
}

/** out += x∘y over n floats. */
export function multiplyAdd(n: i32, x: usize, y: usize, out: usize): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(out, madd(v128.load(x), v128.load(y), v128.load(out)));
    x += 16;
    y += 16;
    out += 16;
  }
  for (; i < n; i++) {
    store<f32>(out, load<f32>(out) + load<f32>(x) * load<f32>(y));
    x += 4;
    y += 4;
    out += 4;
  }
}

/** y = decay·y + (1 − decay)·x over n floats, in float64. */
export function average(n: i32, decay: f64, x: usize, y: usize): void {
  const old = f64x2.splat(decay), fresh = f64x2.splat(1 - decay);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const a = v128.load(y), b = v128.load(x);
    const low = f64x2.add(
      f64x2.mul(old, f64x2.promote_low_f32x4(a)),
      f64x2.mul(fresh, f64x2.promote_low_f32x4(b)),
    );
    const high = f64x2.add(
      f64x2.mul(old, f64x2.promote_low_f32x4(i64x2.shuffle(a, a, 1, 0))),
      f64x2.mul(fresh, f64x2.promote_low_f32x4(i64x2.shuffle(b, b, 1, 0))),
    );
    v128.store(y, i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2));
    x += 16;
    y += 16;
  }
  for (; i < n; i++) {
    store<f32>(y, <f32> (decay * <f64> load<f32>(y) + (1 - decay) * <f64> load<f32>(x)));
    x += 4;
    y += 4;
  }
}

/** y += a·x over n doubles. */
export function axpy64(n: i32, a: f64, x: usize, y: usize): void {
  const factor = f64x2.splat(a);
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    v128.store(y, f64x2.add(v128.load(y), f64x2.mul(factor, v128.load(x))));
    x += 16;
    y += 16;
  }
  if (i < n) store<f64>(y, load<f64>(y) + a * load<f64>(x));
}

/** y = x + beta·y over n doubles. */
export function scaleAdd64(n: i32, beta: f64, x: usize, y: usize): void {
  const factor = f64x2.splat(beta);
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    v128.store(y, f64x2.add(v128.load(x), f64x2.mul(factor, v128.load(y))));
    x += 16;
    y += 16;
  }
  if (i < n) store<f64>(y, load<f64>(x) + beta * load<f64>(y));
}
