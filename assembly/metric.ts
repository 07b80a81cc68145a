// Operations of the metrics and of the two-stage system, beside the products.

import { lanes64 } from "./blas1";
import { exp64, log64 } from "./exp64";
import { madd } from "./gemm";
import { LANES, PANEL } from "./pack";
import { columnOffset, rowStride, usedLanes } from "./panels";

/**
 * out[k,i] = (x[k,i] − mean[k])·scale[k] for k × n operands in panels; zero in unused lanes. `mean` and `scale` may be 0:
 * zeros and ones.
 */
export function centre(k: i32, n: i32, x: usize, mean: usize, scale: usize, out: usize): void {
  const zero = f32x4.splat(0), one = f32x4.splat(1);
  for (let j = 0; j < n; j += LANES) {
    const offset = columnOffset(j, k), stride = rowStride(j, n), used = usedLanes(j, n);
    let from = x + offset, to = out + offset;
    for (let i: usize = 0; i < <usize> k; i++) {
      const m = mean == 0 ? zero : v128.load32_splat(mean + (i << 2));
      const s = scale == 0 ? one : v128.load32_splat(scale + (i << 2));
      v128.store(to, v128.and(f32x4.mul(f32x4.sub(v128.load(from), m), s), used));
      from += stride;
      to += stride;
    }
  }
}

/** a + c·(x − m)². */
function addSquare(c: v128, x: v128, m: v128, a: v128): v128 {
  const v = f32x4.sub(x, m);
  return madd(f32x4.mul(c, v), v, a);
}

/**
 * out[k] = Σ_i coefficient[i]·(x[k][i] − mean[k])² for a k × n operand in panels (mean may be 0: zeros): float32 across the
 * panels, the last sixteen partial sums in float64. `coefficient`: n₄ floats, zero where there is no example.
 */
export function centredSquares(k: i32, n: i32, coefficient: usize, x: usize, mean: usize, out: usize): void {
  const full = n & -PANEL, panel = <usize> (k * PANEL) << 2, zero = f32x4.splat(0);
  for (let r = 0; r < k; r++) {
    const m = mean == 0 ? zero : v128.load32_splat(mean + (<usize> r << 2));
    let a = zero, b = zero, c = zero, d = zero;
    let p = x + (<usize> (r * PANEL) << 2), w = coefficient;
    for (let j = 0; j < full; j += PANEL) {
      a = addSquare(v128.load(w), v128.load(p), m, a);
      b = addSquare(v128.load(w, 16), v128.load(p, 16), m, b);
      c = addSquare(v128.load(w, 32), v128.load(p, 32), m, c);
      d = addSquare(v128.load(w, 48), v128.load(p, 48), m, d);
      p += panel;
      w += 64;
    }
    for (let j = full; j < n; j += LANES) {
      const at = columnOffset(j, k) + <usize> r * rowStride(j, n);
      a = addSquare(v128.load(coefficient + (<usize> j << 2)), v128.load(x + at), m, a);
    }
    store<f32>(out + (<usize> r << 2), <f32> ((lanes64(a) + lanes64(b)) + (lanes64(c) + lanes64(d))));
  }
}

/** w[c] *= factor·scale[c] over a row (scale may be 0: ones); returns Σ_c w[c]·mean[c], summed in float64. */
function finishRow(cols: i32, w: usize, factor: f32, scale: usize, mean: usize): f64 {
  let sum: f64 = 0;
  let c = 0;
  const f = f32x4.splat(factor);
  while (c + 4 <= cols) {
    const end = min(c + 64, cols & -4);
    let part = f32x4.splat(0);
    for (; c < end; c += 4) {
      const at = <usize> c << 2;
      const v = f32x4.mul(v128.load(w + at), scale == 0 ? f : f32x4.mul(f, v128.load(scale + at)));
      v128.store(w + at, v);
      if (mean != 0) part = f32x4.add(part, f32x4.mul(v, v128.load(mean + at)));
    }
    sum += (<f64> f32x4.extract_lane(part, 0) + <f64> f32x4.extract_lane(part, 1)) +
      (<f64> f32x4.extract_lane(part, 2) + <f64> f32x4.extract_lane(part, 3));
  }
  for (; c < cols; c++) {
    const at = <usize> c << 2;
    const v = load<f32>(w + at) * (scale == 0 ? factor : factor * load<f32>(scale + at));
    store<f32>(w + at, v);
    if (mean != 0) sum += <f64> v * <f64> load<f32>(mean + at);
  }
  return sum;
}

/**
 * Takes the step of a dense layer out of its metric: w[r,c] *= rowScale[r]·colScale[c] for a row-major rows × cols matrix,
 * then bias[r] = β·rowScale[r]·bias[r] − Σ_c w[r,c]·mean[c]. Scales, mean and bias may be 0: ones, zeros, none.
 */
export function finishLayer(
  rows: i32,
  cols: i32,
  w: usize,
  rowScale: usize,
  colScale: usize,
  mean: usize,
  beta: f64,
  bias: usize,
): void {
  for (let r: usize = 0; r < <usize> rows; r++) {
    const factor: f32 = rowScale == 0 ? 1 : load<f32>(rowScale + (r << 2));
    const sum = finishRow(cols, w, factor, colScale, mean);
    if (bias != 0) {
      const at = bias + (r << 2);
      store<f32>(at, <f32> (beta * <f64> factor * <f64> load<f32>(at) - sum));
    }
    w += <usize> cols << 2;
  }
}

/** xʸ for x ≥ 0, the same in every runtime. */
export function power(x: f64, y: f64): f64 {
  return x > 0 ? exp64(y * log64(x)) : 0;
}
