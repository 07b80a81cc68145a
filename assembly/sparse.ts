// Products with a sparse matrix X in compressed rows: entries offsets[i] … offsets[i + 1] of `indices` and
// `values` are those of row i. Dense operands are row-major with `width` floats a row.
//
// Sixteen columns of the dense side stay in registers for all entries of a row; then four, then one.

import { LANES, PANEL } from "./pack";
import { madd } from "./gemm";

/** out += Σ value·w[index] over the entries [first, last): sixteen columns, `row` bytes from one row of w to the next. */
function gather16(first: usize, last: usize, indices: usize, values: usize, row: usize, w: usize, out: usize): void {
  let a = v128.load(out), b = v128.load(out, 16), c = v128.load(out, 32), d = v128.load(out, 48);
  for (let e = first; e < last; e += 4) {
    const v = v128.load32_splat(values + e);
    const at = w + <usize> load<u32>(indices + e) * row;
    a = madd(v, v128.load(at), a);
    b = madd(v, v128.load(at, 16), b);
    c = madd(v, v128.load(at, 32), c);
    d = madd(v, v128.load(at, 48), d);
  }
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}

function gather4(first: usize, last: usize, indices: usize, values: usize, row: usize, w: usize, out: usize): void {
  let a = v128.load(out);
  for (let e = first; e < last; e += 4) {
    a = madd(v128.load32_splat(values + e), v128.load(w + <usize> load<u32>(indices + e) * row), a);
  }
  v128.store(out, a);
}

function gather1(first: usize, last: usize, indices: usize, values: usize, row: usize, w: usize, out: usize): void {
  let a = load<f32>(out);
  for (let e = first; e < last; e += 4) {
    a += load<f32>(values + e) * load<f32>(w + <usize> load<u32>(indices + e) * row);
  }
  store<f32>(out, a);
}

/** out[i] += Σ value·w[index] over the entries of row i: out += X·w. */
export function csrProduct(
  rows: i32,
  offsets: usize,
  indices: usize,
  values: usize,
  width: i32,
  w: usize,
  out: usize,
): void {
  const row = <usize> width << 2;
  for (let i = 0; i < rows; i++) {
    const first = <usize> load<u32>(offsets) << 2, last = <usize> load<u32>(offsets, 4) << 2;
    let l: usize = 0;
    for (; l + 64 <= row; l += 64) gather16(first, last, indices, values, row, w + l, out + l);
    for (; l + 16 <= row; l += 16) gather4(first, last, indices, values, row, w + l, out + l);
    for (; l < row; l += 4) gather1(first, last, indices, values, row, w + l, out + l);
    offsets += 4;
    out += row;
  }
}

/** w[index] += value·x over the entries [first, last), sixteen columns. */
function scatter16(first: usize, last: usize, indices: usize, values: usize, row: usize, x: usize, w: usize): void {
  const a = v128.load(x), b = v128.load(x, 16), c = v128.load(x, 32), d = v128.load(x, 48);
  for (let e = first; e < last; e += 4) {
    const v = v128.load32_splat(values + e);
    const at = w + <usize> load<u32>(indices + e) * row;
    v128.store(at, madd(v, a, v128.load(at)));
    v128.store(at, madd(v, b, v128.load(at, 16)), 16);
    v128.store(at, madd(v, c, v128.load(at, 32)), 32);
    v128.store(at, madd(v, d, v128.load(at, 48)), 48);
  }
}

function scatter4(first: usize, last: usize, indices: usize, values: usize, row: usize, x: usize, w: usize): void {
  const a = v128.load(x);
  for (let e = first; e < last; e += 4) {
    const at = w + <usize> load<u32>(indices + e) * row;
    v128.store(at, madd(v128.load32_splat(values + e), a, v128.load(at)));
  }
}

function scatter1(first: usize, last: usize, indices: usize, values: usize, row: usize, x: usize, w: usize): void {
  const a = load<f32>(x);
  for (let e = first; e < last; e += 4) {
    const at = w + <usize> load<u32>(indices + e) * row;
    store<f32>(at, load<f32>(at) + load<f32>(values + e) * a);
  }
}

/** w[index] += value·x[i] over the entries of row i: w += Xᵀ·x. */
export function csrUpdate(
  rows: i32,
  offsets: usize,
  indices: usize,
  values: usize,
  width: i32,
  x: usize,
  w: usize,
): void {
  const row = <usize> width << 2;
  for (let i = 0; i < rows; i++) {
    const first = <usize> load<u32>(offsets) << 2, last = <usize> load<u32>(offsets, 4) << 2;
    let l: usize = 0;
    for (; l + 64 <= row; l += 64) scatter16(first, last, indices, values, row, x + l, w + l);
    for (; l + 16 <= row; l += 16) scatter4(first, last, indices, values, row, x + l, w + l);
    for (; l < row; l += 4) scatter1(first, last, indices, values, row, x + l, w + l);
    offsets += 4;
    x += row;
  }
}

/** out[i] = Σ value² over the entries of row i, in float64. */
export function csrSquares(rows: i32, offsets: usize, values: usize, out: usize): void {
  for (let i = 0; i < rows; i++) {
    const last = values + (<usize> load<u32>(offsets, 4) << 2);
    let total: f64 = 0;
    for (let e = values + (<usize> load<u32>(offsets) << 2); e < last; e += 4) {
      const v = <f64> load<f32>(e);
      total += v * v;
    }
    store<f64>(out, total);
    offsets += 4;
    out += 8;
  }
}

/**
 * Counting sort by column: position[c] becomes the end of column c in `ids` and `sorted`, where the entries'
 * rows and values go, rows ascending.
 */
function sortColumns(
  rows: i32,
  cols: i32,
  offsets: usize,
  indices: usize,
  values: usize,
  position: usize,
  ids: usize,
  sorted: usize,
): void {
  const end = load<u32>(offsets + (<usize> rows << 2));
  memory.fill(position, 0, (<usize> cols + 1) << 2);
  for (let e = load<u32>(offsets); e < end; e++) {
    const at = position + (<usize> load<u32>(indices + (<usize> e << 2)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let start: u32 = 0;
  for (let c = 0; c <= cols; c++) {
    const at = position + (<usize> c << 2);
    const count = load<u32>(at);
    store<u32>(at, start);
    start += count;
  }
  for (let i = 0; i < rows; i++) {
    const last = load<u32>(offsets + (<usize> i << 2), 4);
    for (let e = load<u32>(offsets + (<usize> i << 2)); e < last; e++) {
      const from = <usize> e << 2;
      const at = position + (<usize> load<u32>(indices + from) << 2);
      const to = load<u32>(at);
      store<u32>(ids + (<usize> to << 2), i);
      store<f32>(sorted + (<usize> to << 2), load<f32>(values + from));
      store<u32>(at, to + 1);
    }
  }
}

/** Adds the outer product of the entries [first, last) of one column to an n₄ × n matrix in panels. */
function addOuter(first: usize, last: usize, n: i32, ids: usize, sorted: usize, out: usize): void {
  const rows = (n + LANES - 1) & -LANES;
  for (let q = first; q < last; q += 4) {
    const j = load<i32>(ids + q);
    const panel = j & -PANEL;
    const step = <usize> min(PANEL, rows - panel) << 2;
    const column = out + ((<usize> panel * rows + <usize> (j - panel)) << 2);
    const v = load<f32>(sorted + q);
    for (let p = first; p < last; p += 4) {
      const at = column + <usize> load<u32>(ids + p) * step;
      store<f32>(at, load<f32>(at) + v * load<f32>(sorted + p));
    }
  }
}

/**
 * Adds X Xᵀ to `out`, an n₄ × n matrix in panels with n = rows: every entry that two rows share, in both
 * triangles. Works on columns: `work` holds cols + 1 positions and a row and a value for every entry,
 * (cols + 1 + 2·entries)·4 bytes. The order of the sums depends on nothing but X.
 */
export function csrGram(
  rows: i32,
  cols: i32,
  offsets: usize,
  indices: usize,
  values: usize,
  out: usize,
  work: usize,
): void {
  const entries = load<u32>(offsets + (<usize> rows << 2)) - load<u32>(offsets);
  const ids = work + ((<usize> cols + 1) << 2);
  const sorted = ids + (<usize> entries << 2);
  sortColumns(rows, cols, offsets, indices, values, work, ids, sorted);
  let first: usize = 0;
  for (let c = 0; c < cols; c++) {
    const last = <usize> load<u32>(work + (<usize> c << 2)) << 2;
    if (last > first) addOuter(first, last, rows, ids, sorted, out);
    first = last;
  }
}
