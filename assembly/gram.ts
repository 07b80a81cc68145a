// Gram matrices of panels, and the whitened system of one.
//
// For a dense layer with input A and margin signal Δ the Gram matrix of the margin Jacobian is
//     K = J Jᵀ = (A Aᵀ + 1_bias) ∘ (Δ Δᵀ).
// Both factors are symmetric: only the panels on and above the diagonal are computed.

import { LANES, PANEL } from "./pack";
import { madd } from "./gemm";

/** Rows whose lines a mirrored block keeps in the L1 cache. */
const MIRROR_BLOCK: i32 = 8;
/** Columns of half a panel. */
const HALF: i32 = 8;
/** Depth of one pass over k: two panels (2 × 256 × 16 floats) stay in the L1 cache. */
const DEPTH: i32 = 256;

/** Two rows × 16 columns; A is read k-major, `step` bytes from one k to the next. */
function gram2x16(k: i32, a: usize, step: usize, b: usize, out: usize): void {
  let p0 = v128.load(out), p1 = v128.load(out, 16), p2 = v128.load(out, 32), p3 = v128.load(out, 48);
  let q0 = v128.load(out, 64), q1 = v128.load(out, 80), q2 = v128.load(out, 96), q3 = v128.load(out, 112);
  const end = b + (<usize> k << 6);
  while (b < end) {
    const x = v128.load32_splat(a), y = v128.load32_splat(a, 4);
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    p0 = madd(x, b0, p0);
    p1 = madd(x, b1, p1);
    p2 = madd(x, b2, p2);
    p3 = madd(x, b3, p3);
    q0 = madd(y, b0, q0);
    q1 = madd(y, b1, q1);
    q2 = madd(y, b2, q2);
    q3 = madd(y, b3, q3);
    a += step;
    b += 64;
  }
  v128.store(out, p0);
  v128.store(out, p1, 16);
  v128.store(out, p2, 32);
  v128.store(out, p3, 48);
  v128.store(out, q0, 64);
  v128.store(out, q1, 80);
  v128.store(out, q2, 96);
  v128.store(out, q3, 112);
}

/** Four rows × 8 columns of a full panel: a diagonal block needs no more of its lower half. */
function gram4x8(k: i32, a: usize, b: usize, out: usize): void {
  let p0 = v128.load(out), p1 = v128.load(out, 16), q0 = v128.load(out, 64), q1 = v128.load(out, 80);
  let r0 = v128.load(out, 128), r1 = v128.load(out, 144), s0 = v128.load(out, 192), s1 = v128.load(out, 208);
  const end = b + (<usize> k << 6);
  while (b < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    const w = v128.load32_splat(a), x = v128.load32_splat(a, 4);
    p0 = madd(w, b0, p0);
    p1 = madd(w, b1, p1);
    q0 = madd(x, b0, q0);
    q1 = madd(x, b1, q1);
    const y = v128.load32_splat(a, 8), z = v128.load32_splat(a, 12);
    r0 = madd(y, b0, r0);
    r1 = madd(y, b1, r1);
    s0 = madd(z, b0, s0);
    s1 = madd(z, b1, s1);
    a += 64;
    b += 64;
  }
  v128.store(out, p0);
  v128.store(out, p1, 16);
  v128.store(out, q0, 64);
  v128.store(out, q1, 80);
  v128.store(out, r0, 128);
  v128.store(out, r1, 144);
  v128.store(out, s0, 192);
  v128.store(out, s1, 208);
}

/** Four rows × 4 columns, for the last, narrower panel. */
function gram4x4(k: i32, a: usize, step: usize, b: usize, bStep: usize, out: usize, outRow: usize): void {
  let p = v128.load(out), q = v128.load(out + outRow);
  let r = v128.load(out + 2 * outRow), s = v128.load(out + 3 * outRow);
  for (let i = 0; i < k; i++) {
    const v = v128.load(b);
    p = madd(v128.load32_splat(a), v, p);
    q = madd(v128.load32_splat(a, 4), v, q);
    r = madd(v128.load32_splat(a, 8), v, r);
    s = madd(v128.load32_splat(a, 12), v, s);
    a += step;
    b += bStep;
  }
  v128.store(out, p);
  v128.store(out + outRow, q);
  v128.store(out + 2 * outRow, r);
  v128.store(out + 3 * outRow, s);
}

/**
 * Adds the Gram PᵀP of a packed k × n operand into `out`, an n₄ × n matrix in panels (n₄ = 4⌈n/4⌉ rows):
 * the panel of columns [j, j + 16) and those above the diagonal. Fill `out` first (0, or 1 for a bias).
 */
export function gramPanel(j: i32, n: i32, k: i32, panels: usize, out: usize): void {
  const rows = (n + LANES - 1) & -LANES;
  const lanes = (min(PANEL, n - j) + LANES - 1) & -LANES;
  const right = panels + ((<usize> j * k) << 2);
  const target = out + ((<usize> j * rows) << 2);
  const outRow = <usize> lanes << 2;
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    const b = right + <usize> k0 * outRow;
    for (let i = 0; i < j + lanes; i += PANEL) {
      const height = min(PANEL, rows - i); // all left panels before the last are full
      const step = <usize> height << 2;
      const a = panels + ((<usize> i * k) << 2) + <usize> k0 * step;
      if (lanes == PANEL) {
        const half = i < j ? height : HALF;
        for (let l = 0; l < half; l += 2) {
          gram2x16(depth, a + (<usize> l << 2), step, b, target + <usize> (i + l) * outRow);
        }
        for (let l = half; l < height; l += 4) {
          gram4x8(depth, a + (<usize> l << 2), b + (HALF << 2), target + <usize> (i + l) * outRow + (HALF << 2));
        }
      } else {
        for (let l = 0; l < height; l += 4) {
          for (let v = 0; v < lanes; v += 4) {
            const corner = target + <usize> (i + l) * outRow + (<usize> v << 2);
            gram4x4(depth, a + (<usize> l << 2), step, b + (<usize> v << 2), outRow, corner, outRow);
          }
        }
      }
    }
  }
}

function entry(matrix: usize, rows: i32, i: i32, j: i32): usize {
  const first = j & -PANEL;
  const lanes = min(PANEL, rows - first);
  return matrix + ((<usize> first * rows + <usize> i * lanes + <usize> (j - first)) << 2);
}

/** The first half of the second half of a full diagonal block's rows, which gram4x8 leaves out. */
function mirrorDiagonal(block: usize): void {
  for (let i: usize = HALF; i < <usize> PANEL; i++) {
    for (let j: usize = 0; j < <usize> HALF; j++) {
      store<f32>(block + (i << 6) + (j << 2), load<f32>(block + (j << 6) + (i << 2)));
    }
  }
}

/** Copies the part above the diagonal of a Gram matrix in panels to the part below. */
export function mirror(n: i32, matrix: usize): void {
  const rows = (n + LANES - 1) & -LANES;
  for (let j = 0; j < rows; j += PANEL) {
    if (j + PANEL <= rows) mirrorDiagonal(entry(matrix, rows, j, j));
    for (let i = j + PANEL; i < rows; i++) {
      let from = entry(matrix, rows, j, i);
      const step = <usize> min(PANEL, rows - (i & -PANEL)) << 2;
      let to = entry(matrix, rows, i, j);
      for (let l = 0; l < PANEL; l++) {
        store<f32>(to, load<f32>(from));
        from += step;
        to += 4;
      }
    }
  }
}

/** scale[i] = w[i]/sum[i] over n doubles; sum may be 0: ones. */
function whiteningScale(n: i32, sum: usize, w: usize, scale: usize): void {
  for (let i = 0; i < n; i++) {
    const at = <usize> i << 3;
    const total: f64 = sum == 0 ? 1 : <f64> load<f32>(sum + (<usize> i << 2));
    store<f64>(scale + at, load<f64>(w + at) / total);
  }
}

/** Entries (i, j) of diag(scale) K diag(scale) for the columns j of one panel and the rows i up to its last. */
function whitenPanel(first: i32, n: i32, k: usize, scale: usize, s: usize, ld: i32): void {
  const rows = (n + LANES - 1) & -LANES;
  const columns = min(PANEL, n - first);
  let from = entry(k, rows, 0, first);
  const step = <usize> min(PANEL, rows - first) << 2;
  const right = scale + (<usize> first << 3);
  let row = s + (<usize> first << 3);
  const last = first + columns;
  for (let i = 0; i < last; i++) {
    const left = load<f64>(scale + (<usize> i << 3));
    const factor = f64x2.splat(left);
    let l: i32 = 0;
    for (; l + 2 <= columns; l += 2) {
      const v = f64x2.promote_low_f32x4(v128.load64_zero(from + (<usize> l << 2)));
      const at = <usize> l << 3;
      v128.store(row + at, f64x2.mul(v, f64x2.mul(factor, v128.load(right + at))));
    }
    if (l < columns) {
      const at = <usize> l << 3;
      store<f64>(row + at, <f64> load<f32>(from + (<usize> l << 2)) * (left * load<f64>(right + at)));
    }
    from += step;
    row += <usize> ld << 3;
  }
}

/** Copies the upper triangle of a row-major n × n matrix to the lower one, MIRROR_BLOCK rows at a time. */
function mirror64(n: i32, s: usize, ld: i32): void {
  const row = <usize> ld << 3;
  for (let block = 0; block < n; block += MIRROR_BLOCK) {
    for (let j = block + 1; j < n; j++) {
      let from = s + <usize> block * row + (<usize> j << 3);
      let to = s + <usize> j * row + (<usize> block << 3);
      for (let i = min(MIRROR_BLOCK, j - block); i > 0; i--) {
        store<f64>(to, load<f64>(from));
        from += row;
        to += 8;
      }
    }
  }
}

/**
 * S = diag(w/sum) K diag(w/sum) in float64, row-major, ld doubles a row, both triangles. K is a Gram matrix in
 * panels, of which only the upper part is read, w the n row weights in float64; 1/sum normalises the signals
 * that K is made of (sum may be 0: ones). The diagonal of diag(1/sum) K diag(1/sum) goes to `diagonal`; `work`
 * holds n doubles.
 */
export function whiten(
  n: i32,
  k: usize,
  sum: usize,
  w: usize,
  s: usize,
  ld: i32,
  diagonal: usize,
  work: usize,
): void {
  whiteningScale(n, sum, w, work);
  for (let first = 0; first < n; first += PANEL) whitenPanel(first, n, k, work, s, ld);
  mirror64(n, s, ld);
  const rows = (n + LANES - 1) & -LANES;
  for (let i = 0; i < n; i++) {
    const total: f64 = sum == 0 ? 1 : <f64> load<f32>(sum + (<usize> i << 2));
    store<f64>(diagonal + (<usize> i << 3), <f64> load<f32>(entry(k, rows, i, i)) / (total * total));
  }
}
