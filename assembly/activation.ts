// Activations and their derivatives; vector tanh, sigmoid and erf.
//
// Everything rests on one exponential of a negative number, so nothing overflows: tanh and sigmoid on
// e^{−2|x|} and e^{−|x|}, erf and the normal distribution on e^{−x²}. Derivatives are products of those
// (sigmoid' = e/(1 + e)², tanh' = 4e/(1 + e)²), which loses no digits where the function saturates.
// Bounds: tanh errs by at most 1.39 ulp of the exact result, erf by 2.59, sigmoid by 2.83 where that is at least 2⁻¹²⁶ and
// 0 below (all float32 numbers from 2⁻¹⁴ to saturation, below which all three are linear; test/kernel/activation.test.ts
// samples every binade and the worst points).
// A NaN may carry any bits, which the integer steps of exp could turn into a number: every result is NaN where x is.

import { LANES } from "./pack";
import { exp } from "./exp";
import { madd } from "./gemm";

const RELU: i32 = 0;
const LEAKY_RELU: i32 = 1;
const TANH: i32 = 2;
const SIGMOID: i32 = 3;
const GELU: i32 = 4;

const TABLE: usize = memory.data<f32>([
  1, // 0
  2, // 4
  4, // 8
  0.5, // 12
  -2, // 16
  -1, // 20
  0.625, // 24  below: the odd polynomial of tanh (Cephes tanhf)
  -5.70498872745e-3, // 28
  2.06390887954e-2, // 32
  -5.37397155531e-2, // 36
  1.33314422036e-1, // 40
  -3.33332819422e-1, // 44
  7.853861353153693e-5, // 48  erf(x)/x in x², |x| < 1 (Cephes erff)
  -8.010193625184903e-4, // 52
  5.188327685732524e-3, // 56
  -2.685381193529856e-2, // 60
  1.128358514861418e-1, // 64
  -3.761262582423300e-1, // 68
  1.128379165726710, // 72
  -0.05906893472246785, // 76  e^{x²} erfc(x)/u in u = 1/(1 + x/2), x in [0, 10]: within 4.3e-8
  0.2845748575418903, // 80
  -0.4871997164112582, // 84
  0.2780669926657761, // 88
  -0.026625578006198636, // 92
  0.20268684334931059, // 96
  0.24310376647825868, // 100
  0.28237530836911134, // 104
  0.28208641785544497, // 108
  0.70710678118654752, // 112
  0.39894228040143268, // 116 1/√(2π)
  -80, // 120 e^x below is 0 in the normal distribution: its products stay normal numbers
  -128, // 124 saturation: keeps 0·∞ out
  128, // 128
  -0.0, // 132
]);

function c(offset: usize): v128 {
  return v128.load32_splat(TABLE + offset);
}

/** v, and NaN where x is. */
function orNaN(v: v128, x: v128): v128 {
  return v128.or(v, f32x4.ne(x, x));
}

/** v ≥ 0 with the sign of x. */
function withSign(v: v128, x: v128): v128 {
  return v128.or(v, v128.and(x, c(132)));
}

/** tanh(x) from e = e^{−2|x|} and r = 1/(1 + e). */
function tanhOf(x: v128, e: v128, r: v128): v128 {
  const square = f32x4.mul(x, x);
  let p = madd(square, c(28), c(32));
  p = madd(square, p, c(36));
  p = madd(square, p, c(40));
  p = madd(square, p, c(44));
  const small = madd(f32x4.mul(square, p), x, x);
  const large = madd(c(16), f32x4.mul(e, r), c(0)); // 1 − 2e/(1 + e)
  return v128.bitselect(small, withSign(large, x), f32x4.lt(f32x4.abs(x), c(24)));
}

/** erf(x) for |x| < 1. */
function erfSmall(x: v128): v128 {
  const square = f32x4.mul(x, x);
  let p = madd(square, c(48), c(52));
  p = madd(square, p, c(56));
  p = madd(square, p, c(60));
  p = madd(square, p, c(64));
  p = madd(square, p, c(68));
  return f32x4.mul(x, madd(square, p, c(72)));
}

/** erfc(x) for x ≥ 0, given e = e^{−x²}. */
function erfcOf(x: v128, e: v128): v128 {
  const u = f32x4.div(c(0), madd(x, c(12), c(0)));
  let p = madd(u, c(76), c(80));
  p = madd(u, p, c(84));
  p = madd(u, p, c(88));
  p = madd(u, p, c(92));
  p = madd(u, p, c(96));
  p = madd(u, p, c(100));
  p = madd(u, p, c(104));
  p = madd(u, p, c(108));
  return f32x4.mul(e, f32x4.mul(u, p));
}

function erf(x: v128): v128 {
  const size = f32x4.abs(x);
  const large = f32x4.sub(c(0), erfcOf(size, exp(f32x4.neg(f32x4.mul(x, x)))));
  return orNaN(v128.bitselect(erfSmall(x), withSign(large, x), f32x4.lt(size, c(0))), x);
}

function store2(x: v128, f: v128, out: usize, d: v128, derivative: usize): void {
  v128.store(out, orNaN(f, x));
  if (derivative != 0) v128.store(derivative, orNaN(d, x));
}

function rectify(n: i32, slope: f32, z: usize, out: usize, derivative: usize): void {
  const below = f32x4.splat(slope), zero = f32x4.splat(0);
  for (let i = 0; i < n; i += LANES) {
    const x = v128.load(z);
    const positive = f32x4.gt(x, zero);
    const left = slope == 0 ? zero : f32x4.mul(below, x);
    store2(x, v128.bitselect(x, left, positive), out, v128.bitselect(c(0), below, positive), derivative);
    z += 16;
    out += 16;
    if (derivative != 0) derivative += 16;
  }
}

function tanh(n: i32, z: usize, out: usize, derivative: usize): void {
  for (let i = 0; i < n; i += LANES) {
    const x = v128.load(z);
    const e = exp(f32x4.mul(c(16), f32x4.abs(x)));
    const r = f32x4.div(c(0), f32x4.add(c(0), e));
    store2(x, tanhOf(x, e, r), out, f32x4.mul(f32x4.mul(c(8), e), f32x4.mul(r, r)), derivative);
    z += 16;
    out += 16;
    if (derivative != 0) derivative += 16;
  }
}

function sigmoid(n: i32, z: usize, out: usize, derivative: usize): void {
  for (let i = 0; i < n; i += LANES) {
    const x = v128.load(z);
    const e = exp(f32x4.neg(f32x4.abs(x)));
    const r = f32x4.div(c(0), f32x4.add(c(0), e));
    const low = f32x4.mul(e, r);
    store2(x, v128.bitselect(low, r, f32x4.lt(x, f32x4.splat(0))), out, f32x4.mul(low, r), derivative);
    z += 16;
    out += 16;
    if (derivative != 0) derivative += 16;
  }
}

/** x·s with s = sigmoid(x); derivative s + x·s'. */
function silu(n: i32, z: usize, out: usize, derivative: usize): void {
  for (let i = 0; i < n; i += LANES) {
    const x = v128.load(z);
    const e = exp(f32x4.neg(f32x4.abs(x)));
    const r = f32x4.div(c(0), f32x4.add(c(0), e));
    const low = f32x4.mul(e, r);
    const s = v128.bitselect(low, r, f32x4.lt(x, f32x4.splat(0)));
    const bounded = f32x4.max(x, c(124));
    const d = madd(f32x4.min(bounded, c(128)), f32x4.mul(low, r), s);
    store2(x, f32x4.mul(bounded, s), out, d, derivative);
    z += 16;
    out += 16;
    if (derivative != 0) derivative += 16;
  }
}

/** x·Φ(x) with the normal distribution Φ; derivative Φ + x·φ. */
function gelu(n: i32, z: usize, out: usize, derivative: usize): void {
  for (let i = 0; i < n; i += LANES) {
    const x = v128.load(z);
    const w = f32x4.mul(x, c(112));
    const size = f32x4.abs(w);
    const exponent = f32x4.neg(f32x4.mul(w, w));
    const e = v128.and(exp(exponent), f32x4.ge(exponent, c(120)));
    const tail = f32x4.mul(c(12), erfcOf(size, e));
    const outer = v128.bitselect(tail, f32x4.sub(c(0), tail), f32x4.lt(x, f32x4.splat(0)));
    const inner = madd(c(12), erfSmall(w), c(12));
    const phi = v128.bitselect(inner, outer, f32x4.lt(size, c(0)));
    const bounded = f32x4.max(x, c(124));
    const d = madd(f32x4.min(bounded, c(128)), f32x4.mul(c(116), e), phi);
    store2(x, f32x4.mul(bounded, phi), out, d, derivative);
    z += 16;
    out += 16;
    if (derivative != 0) derivative += 16;
  }
}

/**
 * out[i] = f(z[i]), derivative[i] = f'(z[i]) over n floats (a multiple of four). `kind`: 0 relu, with
 * relu'(0) = 0; 1 leaky relu, `slope` at and below 0; 2 tanh; 3 sigmoid; 4 gelu, x·Φ(x); 5 silu,
 * x·sigmoid(x). `derivative` may be 0: not wanted. `out` may be z. Finite for every finite z, NaN for NaN.
 */
export function activate(kind: i32, n: i32, slope: f32, z: usize, out: usize, derivative: usize): void {
  if (kind == RELU) rectify(n, 0, z, out, derivative);
  else if (kind == LEAKY_RELU) rectify(n, slope, z, out, derivative);
  else if (kind == TANH) tanh(n, z, out, derivative);
  else if (kind == SIGMOID) sigmoid(n, z, out, derivative);
  else if (kind == GELU) gelu(n, z, out, derivative);
  else silu(n, z, out, derivative);
}

/** out[i] = tanh(x[i]); n is rounded up to a multiple of four. */
export function vtanh(n: i32, x: usize, out: usize): void {
  tanh(n, x, out, 0);
}

/** out[i] = 1/(1 + e^{−x[i]}); n is rounded up to a multiple of four. */
export function vsigmoid(n: i32, x: usize, out: usize): void {
  sigmoid(n, x, out, 0);
}

/** out[i] = erf(x[i]); n is rounded up to a multiple of four. */
export function verf(n: i32, x: usize, out: usize): void {
  for (let i = 0; i < n; i += LANES) {
    v128.store(out, erf(v128.load(x)));
    x += 16;
    out += 16;
  }
}
