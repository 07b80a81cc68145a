// The two-stage system over the columns of a layer's inputs, in float64.
//
// With the inputs Ã, B examples × k features and, where there is a bias, a column of √b, the damped system of the rows'
// weights h becomes one over the columns:
//     K_x − K_x diag(h) (diag(h) K_x diag(h) + λI)⁻¹ diag(h) K_x = λ Ã (Ãᵀ diag(h²) Ã + λI)⁻¹ Ãᵀ = Z Zᵀ,
// Z = √λ Ã F⁻¹ with FᵀF = Ãᵀ diag(h²) Ã + λI. Ã lies in k × B panels (pack.ts) without the column of the bias.

import { PANEL } from "./pack";
import { columnOffset, rowStride } from "./panels";
import { dividePair, Minus, Plus, tile2x8 } from "./solve";

/** Examples that are taken in at a time: their rows stay in the L2 cache. */
const ROWS: i32 = 32;
/** Examples that are solved for at a time. */
const COLUMNS: i32 = 64;
/** Bytes from one row of them to the next: no multiple of 512, where rows collide in the cache. */
const ROW: usize = 576;

/** One example a row of x, times its weight. */
function loadExamples(
  from: i32,
  count: i32,
  n: i32,
  k: i32,
  panels: usize,
  h: usize,
  width: i32,
  constant: f64,
  x: usize,
  row: usize,
): void {
  for (let i = 0; i < count; i++) {
    const j = from + i, stride = rowStride(j, n);
    const weight = load<f64>(h + (<usize> j << 3));
    let at = panels + columnOffset(j & -4, k) + (<usize> (j & 3) << 2), to = x + <usize> i * row;
    for (let c = 0; c < k; c++) {
      store<f64>(to, weight * <f64> load<f32>(at));
      at += stride;
      to += 8;
    }
    if (width > k) store<f64>(to, weight * constant);
  }
}

/**
 * s += Σ_i h_i² ã_i ã_iᵀ over the examples [from, to) of n: upper triangle, `ld` doubles a row. `width` is k, or k + 1 with a
 * column of `constant` for the bias; `x` holds 32 rows of `ld` doubles, at least width + 7.
 */
export function addInputGram(
  from: i32,
  to: i32,
  n: i32,
  k: i32,
  panels: usize,
  h: usize,
  width: i32,
  constant: f64,
  x: usize,
  ld: i32,
  s: usize,
): void {
  const row = <usize> ld << 3;
  for (let start = from; start < to; start += ROWS) {
    const count = min(ROWS, to - start);
    loadExamples(start, count, n, k, panels, h, width, constant, x, row);
    for (let i = 0; i < width; i += 2) {
      const s0 = s + <usize> i * row, left = x + (<usize> i << 3);
      for (let j = i & -8; j < width; j += 8) {
        const at = <usize> j << 3, p = s0 + at, q = p + row;
        tile2x8<Plus>(count, left, row, x + at, row, p, q, p, q);
      }
    }
  }
}

/** One example a column of x, times the scale; zeros up to 64 columns and in lanes without an example. */
function loadColumns(
  from: i32,
  count: i32,
  n: i32,
  k: i32,
  panels: usize,
  scale: f64,
  width: i32,
  constant: f64,
  x: usize,
): void {
  memory.fill(x, 0, <usize> width * ROW);
  for (let i = 0; i < count; i++) {
    const j = from + i, stride = rowStride(j, n);
    let at = panels + columnOffset(j & -4, k) + (<usize> (j & 3) << 2), to = x + (<usize> i << 3);
    for (let c = 0; c < k; c++) {
      store<f64>(to, scale * <f64> load<f32>(at));
      at += stride;
      to += ROW;
    }
    if (width > k) store<f64>(to, scale * constant);
  }
}

/** Columns of x as the panels of `count` examples from `from` on, a multiple of 16; unused lanes are zero in x. */
function storeColumns(from: i32, count: i32, n: i32, width: i32, x: usize, out: usize): void {
  for (let i = 0; i < count; i += PANEL) {
    const j = from + i, lanes = <i32> (rowStride(j, n) >> 2);
    let to = out + columnOffset(j, width);
    for (let c = 0; c < width; c++) {
      const source = x + <usize> c * ROW + (<usize> i << 3);
      for (let l = 0; l < lanes; l += 2) {
        v128.store64_lane(to, f32x4.demote_f64x2_zero(v128.load(source + (<usize> l << 3))), 0);
        to += 8;
      }
    }
  }
}

/**
 * The examples [from, to) of Z = scale·Ã F⁻¹, for a Cholesky factor F of `width` rows of `ld` doubles, as width × n panels at
 * `out`; `from` is a multiple of 16. `x` holds width + 1 rows of 72 doubles.
 */
export function reduceInputs(
  from: i32,
  to: i32,
  n: i32,
  k: i32,
  panels: usize,
  scale: f64,
  width: i32,
  constant: f64,
  f: usize,
  ld: i32,
  x: usize,
  out: usize,
): void {
  const row = <usize> ld << 3;
  for (let start = from; start < to; start += COLUMNS) {
    const count = min(COLUMNS, to - start), columns = (count + 7) & -8;
    loadColumns(start, count, n, k, panels, scale, width, constant, x);
    for (let i = 0; i < width; i += 2) {
      const at = <usize> i << 3, f0 = f + <usize> i * row + at;
      const x0 = x + <usize> i * ROW, x1 = x0 + ROW;
      for (let c: usize = 0; c < <usize> columns << 3; c += 64) {
        const p = x0 + c, q = x1 + c;
        tile2x8<Minus>(i, f + at, row, x + c, ROW, p, q, p, q);
      }
      dividePair(columns, x0, x1, load<f64>(f0), load<f64>(f0, 8), load<f64>(f0 + row, 8));
    }
    storeColumns(start, count, n, width, x, out);
  }
}
