// Layer normalisation over the features of each example.
//
// Operands lie in panels, the batch in the lanes: mean and variance are vertical sums, four examples at a
// time. Sums are taken in blocks of 64 features (panels.ts), which bounds their rounding. The variance is
// the corrected two-pass one: the mean of the centred values is what the rounded mean lacks.

import { LANES } from "./pack";
import { columnDot, columnOffset, columnSum, rowStride, usedLanes } from "./panels";
import { madd } from "./gemm";

/** Features summed in float32 before their sum joins the total. */
const SUM_BLOCK: i32 = 64;

/** out = x − mean over k rows of four columns; returns Σ out, or Σ out². x may be out. */
function centre(k: i32, mean: v128, x: usize, stride: usize, out: usize, squares: bool): v128 {
  const one = f32x4.splat(1);
  let total = f32x4.splat(0);
  for (let block = 0; block < k; block += SUM_BLOCK) {
    let sum = f32x4.splat(0);
    for (let i = min(SUM_BLOCK, k - block); i > 0; i--) {
      const v = f32x4.sub(v128.load(x), mean);
      v128.store(out, v);
      sum = madd(v, squares ? v : one, sum);
      x += stride;
      out += stride;
    }
    total = f32x4.add(total, sum);
  }
  return total;
}

/** normalised *= scale, then out = gain·normalised + shift, over k rows of four columns. */
function affine(k: i32, scale: v128, gain: usize, shift: usize, normalised: usize, stride: usize, out: usize): void {
  for (let i = 0; i < k; i++) {
    const v = f32x4.mul(v128.load(normalised), scale);
    v128.store(normalised, v);
    v128.store(out, madd(v128.load32_splat(gain), v, v128.load32_splat(shift)));
    gain += 4;
    shift += 4;
    normalised += stride;
    out += stride;
  }
}

/**
 * out = gain∘x̂ + shift with x̂ = (x − mean)·inverse and inverse = 1/√(variance + epsilon) of each example (n₄
 * floats); x, x̂ (`normalised`) and out are features × n operands in panels, gain and shift one float a
 * feature. inverse and x̂ are zero in unused lanes. x may be `normalised` or out, not both.
 */
export function normalise(
  features: i32,
  n: i32,
  epsilon: f32,
  gain: usize,
  shift: usize,
  x: usize,
  out: usize,
  normalised: usize,
  inverse: usize,
): void {
  const count = f32x4.splat(<f32> features);
  for (let j = 0; j < n; j += LANES) {
    const offset = columnOffset(j, features), stride = rowStride(j, n), used = usedLanes(j, n);
    const at = normalised + offset;
    const mean = f32x4.div(columnSum(features, x + offset, stride), count);
    const rest = f32x4.div(centre(features, mean, x + offset, stride, at, false), count);
    const variance = f32x4.div(centre(features, rest, at, stride, at, true), count);
    const root = f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon)));
    const scale = v128.and(f32x4.div(f32x4.splat(1), root), used);
    v128.store(inverse + (<usize> j << 2), scale);
    affine(features, scale, gain, shift, at, stride, out + offset);
  }
}

/**
 * The derivative of `normalise` in the direction of its inputs: with t = `tangent`, features × n in panels,
 * out = gain∘inverse∘(t − mean t − x̂ mean(t∘x̂)) + dGain∘x̂ + dShift. tangent may be 0: x is fixed. dGain and
 * dShift may both be 0: gain and shift are fixed. out may be `tangent`.
 */
export function normaliseTangent(
  features: i32,
  n: i32,
  gain: usize,
  normalised: usize,
  inverse: usize,
  tangent: usize,
  dGain: usize,
  dShift: usize,
  out: usize,
): void {
  for (let j = 0; j < n; j += LANES) {
    const offset = columnOffset(j, features), stride = rowStride(j, n);
    const x = normalised + offset, target = out + offset;
    if (tangent == 0) zeroColumn(features, stride, target);
    else {
      const t = tangent + offset;
      const count = f32x4.splat(<f32> features);
      const mean = f32x4.div(columnSum(features, t, stride), count);
      const slope = f32x4.div(columnDot(features, t, x, stride), count);
      const scale = v128.load(inverse + (<usize> j << 2));
      for (let i: usize = 0; i < <usize> features; i++) {
        const at = i * stride;
        const v = f32x4.sub(f32x4.sub(v128.load(t + at), mean), f32x4.mul(v128.load(x + at), slope));
        v128.store(target + at, f32x4.mul(f32x4.mul(v128.load32_splat(gain + (i << 2)), scale), v));
      }
    }
    if (dGain != 0) addAffine(features, dGain, dShift, x, stride, target);
  }
}

function zeroColumn(k: i32, stride: usize, out: usize): void {
  for (let i = 0; i < k; i++) {
    v128.store(out, f32x4.splat(0));
    out += stride;
  }
}

/** out += gain·x + shift over k rows of four columns. */
function addAffine(k: i32, gain: usize, shift: usize, x: usize, stride: usize, out: usize): void {
  for (let i = 0; i < k; i++) {
    const v = madd(v128.load32_splat(gain), v128.load(x), v128.load32_splat(shift));
    v128.store(out, f32x4.add(v128.load(out), v));
    gain += 4;
    shift += 4;
    x += stride;
    out += stride;
  }
}

/**
 * The adjoint: out += inverse∘(c − mean c − x̂ mean(c∘x̂)) with c = gain∘signal, features × n in panels.
 */
export function normaliseBackward(
  features: i32,
  n: i32,
  gain: usize,
  normalised: usize,
  inverse: usize,
  signal: usize,
  out: usize,
): void {
  const count = f32x4.splat(<f32> features);
  for (let j = 0; j < n; j += LANES) {
    const offset = columnOffset(j, features), stride = rowStride(j, n);
    const x = normalised + offset, s = signal + offset, target = out + offset;
    const mean = f32x4.div(gainedSum(features, gain, s, x, stride, false), count);
    const slope = f32x4.div(gainedSum(features, gain, s, x, stride, true), count);
    const scale = v128.load(inverse + (<usize> j << 2));
    for (let i: usize = 0; i < <usize> features; i++) {
      const at = i * stride;
      const c = f32x4.mul(v128.load32_splat(gain + (i << 2)), v128.load(s + at));
      const v = f32x4.sub(f32x4.sub(c, mean), f32x4.mul(v128.load(x + at), slope));
      v128.store(target + at, madd(scale, v, v128.load(target + at)));
    }
  }
}

/** Σ gain∘signal, or Σ gain∘signal∘x, of four columns, in blocks. */
function gainedSum(k: i32, gain: usize, signal: usize, x: usize, stride: usize, weighted: bool): v128 {
  const one = f32x4.splat(1);
  let total = f32x4.splat(0);
  for (let block = 0; block < k; block += SUM_BLOCK) {
    let sum = f32x4.splat(0);
    for (let i = min(SUM_BLOCK, k - block); i > 0; i--) {
      const c = f32x4.mul(v128.load32_splat(gain), v128.load(signal));
      sum = madd(c, weighted ? v128.load(x) : one, sum);
      gain += 4;
      signal += stride;
      x += stride;
    }
    total = f32x4.add(total, sum);
  }
  return total;
}
