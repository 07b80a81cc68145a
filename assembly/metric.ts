// What the centred metric and the two-stage system need beside the products.

import { LANES } from "./pack";
import { columnOffset, rowStride, usedLanes } from "./panels";
import { dot64 } from "./solve";

/** out[k,i] = x[k,i] − mean[k] for k × n operands in panels; zero in unused lanes. */
export function centre(k: i32, n: i32, x: usize, mean: usize, out: usize): void {
  for (let j = 0; j < n; j += LANES) {
    const offset = columnOffset(j, k), stride = rowStride(j, n), used = usedLanes(j, n);
    let from = x + offset, to = out + offset;
    for (let i = 0; i < k; i++) {
      const v = f32x4.sub(v128.load(from), v128.load32_splat(mean + (<usize> i << 2)));
      v128.store(to, v128.and(v, used));
      from += stride;
      to += stride;
    }
  }
}

/** bias[r] = β·bias[r] − Σ_c w[r,c]·mean[c] for a row-major rows × cols matrix w; sums in float64. */
export function uncentreBias(rows: i32, cols: i32, w: usize, mean: usize, beta: f64, bias: usize): void {
  for (let r = 0; r < rows; r++) {
    let sum: f64 = 0;
    let c = 0;
    while (c + 4 <= cols) {
      const end = min(c + 64, cols & -4);
      let part = f32x4.splat(0);
      for (; c < end; c += 4) {
        const at = <usize> c << 2;
        part = f32x4.add(part, f32x4.mul(v128.load(w + at), v128.load(mean + at)));
      }
      sum += (<f64> f32x4.extract_lane(part, 0) + <f64> f32x4.extract_lane(part, 1)) +
        (<f64> f32x4.extract_lane(part, 2) + <f64> f32x4.extract_lane(part, 3));
    }
    for (; c < cols; c++) {
      sum += <f64> load<f32>(w + (<usize> c << 2)) * <f64> load<f32>(mean + (<usize> c << 2));
    }
    const at = bias + (<usize> r << 2);
    store<f32>(at, <f32> (beta * <f64> load<f32>(at) - sum));
    w += <usize> cols << 2;
  }
}

/**
 * out = L⁻¹ diag(h) in float32, row-major with n₄ floats a row, for a Cholesky factor L (lower triangle, ld doubles a
 * row) and n doubles h. Zero above the diagonal and in the padding. `work` holds n doubles.
 */
export function triangularInverse(n: i32, l: usize, ld: i32, h: usize, out: usize, work: usize): void {
  const row = <usize> ld << 3, width = (n + LANES - 1) & -LANES;
  memory.fill(out, 0, (<usize> width * width) << 2);
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      const at = l + <usize> i * row;
      const own = i == j ? load<f64>(h + (<usize> j << 3)) : 0;
      const x = (own - dot64(i - j, at + (<usize> j << 3), work + (<usize> j << 3))) / load<f64>(at + (<usize> i << 3));
      store<f64>(work + (<usize> i << 3), x);
      store<f32>(out + ((<usize> i * width + <usize> j) << 2), <f32> x);
    }
  }
}
