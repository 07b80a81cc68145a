// Vector float32 exp and log.
//
// Both reduce the argument with exact steps and end in the polynomials of Cephes' expf and logf.
// Bounds (test/kernel/exp.test.ts samples every exponent densely and the worst points of an exhaustive run): exp errs by
// less than 1.01 ulp on [−87.33, 88.72], log by less than 0.83 ulp on all positive normal and subnormal numbers.
// Constants are broadcast from a table: V8 makes an inline v128 constant anew at every use (docs/speed.md).

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

function constant(offset: usize): v128 {
  return v128.load32_splat(TABLE + offset);
}

/** exp of the reduced argument: the polynomial value; `n` of the caller carries the power of two. */
function polynomial(r: v128): v128 {
  const square = f32x4.mul(r, r);
  const high = f32x4.add(f32x4.mul(constant(16), r), constant(20));
  const mid = f32x4.add(f32x4.mul(constant(24), r), constant(28));
  const low = f32x4.add(f32x4.mul(constant(32), r), constant(36));
  const tail = f32x4.add(low, f32x4.mul(square, f32x4.add(mid, f32x4.mul(square, high))));
  return f32x4.add(constant(40), f32x4.add(r, f32x4.mul(square, tail)));
}

/**
 * exp(x) for x ≤ 0, zero where the result is below 1e-12: all that a softmax needs relative to its
 * largest term. Flushing keeps subnormal numbers, which slow down fitted models, out of the products.
 */
export function expSoftmax(x: v128): v128 {
  const shifted = f32x4.add(f32x4.mul(x, constant(0)), constant(4));
  const n = f32x4.sub(shifted, constant(4));
  const r = f32x4.add(f32x4.add(x, f32x4.mul(n, constant(8))), f32x4.mul(n, constant(12)));
  const scaled = i32x4.add(polynomial(r), i32x4.shl(shifted, 23));
  return v128.and(scaled, f32x4.ge(x, constant(44)));
}

/**
 * exp of four vectors x − peak as expSoftmax gives it, `stride` bytes apart from `x` on, to `out` likewise (0: nowhere).
 * Returns their sum, (a + b) + (c + d). Every step is taken for all four before the next, so that a constant is loaded once
 * for four vectors (docs/speed.md).
 */

export function expSoftmax4(x: usize, stride: usize, peak: v128, out: usize): v128 {
  const a = f32x4.sub(v128.load(x), peak);
  const b = f32x4.sub(v128.load(x + stride), peak);
  const c = f32x4.sub(v128.load(x + 2 * stride), peak);
  const d = f32x4.sub(v128.load(x + 3 * stride), peak);
  const log2e = constant(0), integer = constant(4);
  const as = f32x4.add(f32x4.mul(a, log2e), integer);
  const bs = f32x4.add(f32x4.mul(b, log2e), integer);
  const cs = f32x4.add(f32x4.mul(c, log2e), integer);
  const ds = f32x4.add(f32x4.mul(d, log2e), integer);
  const an = f32x4.sub(as, integer);
  const bn = f32x4.sub(bs, integer);
  const cn = f32x4.sub(cs, integer);
  const dn = f32x4.sub(ds, integer);
  const high = constant(8), low = constant(12);
  const ar = f32x4.add(f32x4.add(a, f32x4.mul(an, high)), f32x4.mul(an, low));
  const br = f32x4.add(f32x4.add(b, f32x4.mul(bn, high)), f32x4.mul(bn, low));
  const cr = f32x4.add(f32x4.add(c, f32x4.mul(cn, high)), f32x4.mul(cn, low));
  const dr = f32x4.add(f32x4.add(d, f32x4.mul(dn, high)), f32x4.mul(dn, low));
  const aq = f32x4.mul(ar, ar);
  const bq = f32x4.mul(br, br);
  const cq = f32x4.mul(cr, cr);
  const dq = f32x4.mul(dr, dr);
  const k5 = constant(16), k4 = constant(20);
  let ap = f32x4.add(f32x4.mul(k5, ar), k4);
  let bp = f32x4.add(f32x4.mul(k5, br), k4);
  let cp = f32x4.add(f32x4.mul(k5, cr), k4);
  let dp = f32x4.add(f32x4.mul(k5, dr), k4);
  const k3 = constant(24), k2 = constant(28);
  ap = f32x4.add(f32x4.add(f32x4.mul(k3, ar), k2), f32x4.mul(aq, ap));
  bp = f32x4.add(f32x4.add(f32x4.mul(k3, br), k2), f32x4.mul(bq, bp));
  cp = f32x4.add(f32x4.add(f32x4.mul(k3, cr), k2), f32x4.mul(cq, cp));
  dp = f32x4.add(f32x4.add(f32x4.mul(k3, dr), k2), f32x4.mul(dq, dp));
  const k1 = constant(32), k0 = constant(36);
  ap = f32x4.add(f32x4.add(f32x4.mul(k1, ar), k0), f32x4.mul(aq, ap));
  bp = f32x4.add(f32x4.add(f32x4.mul(k1, br), k0), f32x4.mul(bq, bp));
  cp = f32x4.add(f32x4.add(f32x4.mul(k1, cr), k0), f32x4.mul(cq, cp));
  dp = f32x4.add(f32x4.add(f32x4.mul(k1, dr), k0), f32x4.mul(dq, dp));
  const one = constant(40);
  ap = f32x4.add(one, f32x4.add(ar, f32x4.mul(aq, ap)));
  bp = f32x4.add(one, f32x4.add(br, f32x4.mul(bq, bp)));
  cp = f32x4.add(one, f32x4.add(cr, f32x4.mul(cq, cp)));
  dp = f32x4.add(one, f32x4.add(dr, f32x4.mul(dq, dp)));
  const least = constant(44);
  ap = v128.and(i32x4.add(ap, i32x4.shl(as, 23)), f32x4.ge(a, least));
  bp = v128.and(i32x4.add(bp, i32x4.shl(bs, 23)), f32x4.ge(b, least));
  cp = v128.and(i32x4.add(cp, i32x4.shl(cs, 23)), f32x4.ge(c, least));
  dp = v128.and(i32x4.add(dp, i32x4.shl(ds, 23)), f32x4.ge(d, least));
  if (out != 0) {
    v128.store(out, ap);
    v128.store(out + stride, bp);
    v128.store(out + 2 * stride, cp);
    v128.store(out + 3 * stride, dp);
  }
  return f32x4.add(f32x4.add(ap, bp), f32x4.add(cp, dp));
}

/** exp(x): 0 below −87.33, +∞ above 88.72, NaN for NaN. */
export function exp(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, constant(92)), constant(96));
  const shifted = f32x4.add(f32x4.mul(clamped, constant(0)), constant(4));
  const n = f32x4.sub(shifted, constant(4));
  const r = f32x4.add(f32x4.add(clamped, f32x4.mul(n, constant(8))), f32x4.mul(n, constant(12)));
  // 2ⁿ in two factors: n reaches 128, which one float exponent does not hold.
  const half = i32x4.shr_s(i32x4.sub(shifted, constant(4)), 1);
  const rest = i32x4.sub(i32x4.sub(shifted, constant(4)), half);
  const scaled = f32x4.mul(i32x4.add(polynomial(r), i32x4.shl(half, 23)), power(rest));
  const floored = v128.andnot(scaled, f32x4.lt(x, constant(92)));
  return v128.or(v128.bitselect(f32x4.splat(Infinity), floored, f32x4.gt(x, constant(96))), f32x4.ne(x, x));
}

/** 2ⁿ for integers n in [−126, 127]. */
function power(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** log(x): −∞ at 0, NaN below 0 and for NaN, +∞ at +∞. */
export function log(x: v128): v128 {
  const subnormal = f32x4.lt(x, constant(104));
  const lifted = v128.bitselect(f32x4.mul(x, constant(100)), x, subnormal);
  let exponent = f32x4.sub(
    f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(lifted, 23), i32x4.splat(126))),
    v128.and(f32x4.splat(23), subnormal),
  );
  let m = v128.or(v128.and(lifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000)); // [½, 1)
  const small = f32x4.lt(m, constant(84));
  exponent = f32x4.sub(exponent, v128.and(constant(40), small));
  m = f32x4.sub(f32x4.add(m, v128.and(m, small)), constant(40)); // [√½ − 1, √2 − 1)
  const square = f32x4.mul(m, m);
  let y = f32x4.add(f32x4.mul(constant(48), m), constant(52));
  y = f32x4.add(f32x4.mul(y, m), constant(56));
  y = f32x4.add(f32x4.mul(y, m), constant(60));
  y = f32x4.add(f32x4.mul(y, m), constant(64));
  y = f32x4.add(f32x4.mul(y, m), constant(68));
  y = f32x4.add(f32x4.mul(y, m), constant(72));
  y = f32x4.add(f32x4.mul(y, m), constant(76));
  y = f32x4.add(f32x4.mul(y, m), constant(80));
  y = f32x4.mul(f32x4.mul(y, m), square);
  y = f32x4.sub(y, f32x4.mul(exponent, constant(12)));
  y = f32x4.add(y, f32x4.mul(constant(88), square));
  y = f32x4.sub(f32x4.add(m, y), f32x4.mul(exponent, constant(8)));
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
