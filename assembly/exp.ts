// Vector float32 exp and log.
//
// Both reduce the argument with exact steps and end in the polynomials of Cephes' expf and logf.
// Bounds (test/unit/kernel_exp.test.ts samples every exponent densely and the worst points of an exhaustive run): exp errs by less than 1.01 ulp on
// [−87.33, 88.72], log by less than 0.83 ulp on all positive normal and subnormal numbers.
// Constants are broadcast from a table (measured: inline v128 constants cost 50% on V8).

const TABLE: usize = memory.data<f32>([
  1.44269504088896341, // 0   log₂e
  12582912, // 4   1.5·2²³: adding it rounds to an integer, found in the low bits
  -0.693359375, // 8   −ln 2, leading bits
  2.12194440e-4, // 12  ln 2, the rest
  1.9875691500e-4, // 16
  1.3981999507e-3, // 20
  8.3334519073e-3, // 24
  4.1665795894e-2, // 28
  1.6666665459e-1, // 32
  5.0000001201e-1, // 36
  1, // 40
  -27.631021, // 44  ln 1e-12
  7.0376836292e-2, // 48  logf
  -1.1514610310e-1, // 52
  1.1676998740e-1, // 56
  -1.2420140846e-1, // 60
  1.4249322787e-1, // 64
  -1.6668057665e-1, // 68
  2.0000714765e-1, // 72
  -2.4999993993e-1, // 76
  3.3333331174e-1, // 80
  0.70710678118654752, // 84
  -0.5, // 88
  -87.33654, // 92  below: 0
  88.72283, // 96  above: +∞
  8388608, // 100 2²³
  1.17549435e-38, // 104 smallest normal number
]);

function c(offset: usize): v128 {
  return v128.load32_splat(TABLE + offset);
}

/** exp of the reduced argument: the polynomial value; `n` of the caller carries the power of two. */
function polynomial(r: v128): v128 {
  const square = f32x4.mul(r, r);
  const high = f32x4.add(f32x4.mul(c(16), r), c(20));
  const mid = f32x4.add(f32x4.mul(c(24), r), c(28));
  const low = f32x4.add(f32x4.mul(c(32), r), c(36));
  const tail = f32x4.add(low, f32x4.mul(square, f32x4.add(mid, f32x4.mul(square, high))));
  return f32x4.add(c(40), f32x4.add(r, f32x4.mul(square, tail)));
}

/**
 * exp(x) for x ≤ 0, zero where the result is below 1e-12: what a softmax needs relative to its largest
 * term. Flushing keeps subnormal numbers, which halve the speed of fitted models, out of the products.
 */
export function expSoftmax(x: v128): v128 {
  const shifted = f32x4.add(f32x4.mul(x, c(0)), c(4));
  const n = f32x4.sub(shifted, c(4));
  const r = f32x4.add(f32x4.add(x, f32x4.mul(n, c(8))), f32x4.mul(n, c(12)));
  const scaled = i32x4.add(polynomial(r), i32x4.shl(shifted, 23));
  return v128.and(scaled, f32x4.ge(x, c(44)));
}

/** exp(x): 0 below −87.33, +∞ above 88.72, NaN for NaN. */
export function exp(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, c(92)), c(96));
  const shifted = f32x4.add(f32x4.mul(clamped, c(0)), c(4));
  const n = f32x4.sub(shifted, c(4));
  const r = f32x4.add(f32x4.add(clamped, f32x4.mul(n, c(8))), f32x4.mul(n, c(12)));
  // 2ⁿ in two factors: n reaches 128, which one float exponent does not hold.
  const half = i32x4.shr_s(i32x4.sub(shifted, c(4)), 1);
  const rest = i32x4.sub(i32x4.sub(shifted, c(4)), half);
  const scaled = f32x4.mul(i32x4.add(polynomial(r), i32x4.shl(half, 23)), power(rest));
  const floored = v128.andnot(scaled, f32x4.lt(x, c(92)));
  return v128.or(v128.bitselect(f32x4.splat(Infinity), floored, f32x4.gt(x, c(96))), f32x4.ne(x, x));
}

/** 2ⁿ for integers n in [−126, 127]. */
function power(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** log(x): −∞ at 0, NaN below 0 and for NaN, +∞ at +∞. */
export function log(x: v128): v128 {
  const subnormal = f32x4.lt(x, c(104));
  const lifted = v128.bitselect(f32x4.mul(x, c(100)), x, subnormal);
  let exponent = f32x4.sub(
    f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(lifted, 23), i32x4.splat(126))),
    v128.and(f32x4.splat(23), subnormal),
  );
  let m = v128.or(v128.and(lifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000)); // [½, 1)
  const small = f32x4.lt(m, c(84));
  exponent = f32x4.sub(exponent, v128.and(c(40), small));
  m = f32x4.sub(f32x4.add(m, v128.and(m, small)), c(40)); // [√½ − 1, √2 − 1)
  const square = f32x4.mul(m, m);
  let y = f32x4.add(f32x4.mul(c(48), m), c(52));
  y = f32x4.add(f32x4.mul(y, m), c(56));
  y = f32x4.add(f32x4.mul(y, m), c(60));
  y = f32x4.add(f32x4.mul(y, m), c(64));
  y = f32x4.add(f32x4.mul(y, m), c(68));
  y = f32x4.add(f32x4.mul(y, m), c(72));
  y = f32x4.add(f32x4.mul(y, m), c(76));
  y = f32x4.add(f32x4.mul(y, m), c(80));
  y = f32x4.mul(f32x4.mul(y, m), square);
  y = f32x4.sub(y, f32x4.mul(exponent, c(12)));
  y = f32x4.add(y, f32x4.mul(c(88), square));
  y = f32x4.sub(f32x4.add(m, y), f32x4.mul(exponent, c(8)));
  const zero = f32x4.splat(0);
  y = v128.bitselect(f32x4.splat(-Infinity), y, f32x4.eq(x, zero));
  y = v128.bitselect(x, y, f32x4.eq(x, f32x4.splat(Infinity)));
  return v128.or(y, v128.or(f32x4.lt(x, zero), f32x4.ne(x, x)));
}

/** out[i] = exp(x[i]); n is rounded up to a multiple of four. */
export function vexp(n: i32, x: usize, out: usize): void {
  for (let i = 0; i < n; i += 4) {
    v128.store(out, exp(v128.load(x)));
    x += 16;
    out += 16;
  }
}

/** out[i] = log(x[i]); n is rounded up to a multiple of four. */
export function vlog(n: i32, x: usize, out: usize): void {
  for (let i = 0; i < n; i += 4) {
    v128.store(out, log(v128.load(x)));
    x += 16;
    out += 16;
  }
}
