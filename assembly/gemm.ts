// Register-tiled float32 products, C += A·B.
//
// A is row-major and never packed: its elements are broadcast straight from where they lie. B is packed
// into panels of 16 columns (pack.ts), so that one k reads 16 consecutive floats. The micro-kernel holds
// 2 rows × 16 columns in eight accumulators: larger tiles and any unrolling over k spill. The accumulators
// start from C, in the "+=" form, which is faster than a variant that only stores, so callers fill C first
// (docs/speed.md).
//
// A panel over n columns is 16 wide; the last one has width 4·⌈rest/4⌉, its unused lanes zero. Every
// width has its own kernel, so narrow and ragged shapes run without a slow tail.

import { LANES, PANEL } from "./pack";

/** Depth of one pass over k: a panel of B (256 × 16 floats, 16 KiB) stays in the L1 cache. */
const DEPTH: i32 = 256;
/** Rows of A that are finished before the next panel is loaded (32 × 256 floats stay in L2). */
const ROW_BLOCK: i32 = 32;

/** c + a·b; fused only in the relaxed build. */
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(c, f32x4.mul(a, b));
}

function tile2x16(k: i32, a0: usize, a1: usize, b: usize, c0: usize, c1: usize): void {
  const end = a0 + (<usize> k << 2);
  let p0 = v128.load(c0), p1 = v128.load(c0, 16), p2 = v128.load(c0, 32), p3 = v128.load(c0, 48);
  let q0 = v128.load(c1), q1 = v128.load(c1, 16), q2 = v128.load(c1, 32), q3 = v128.load(c1, 48);
  while (a0 < end) {
    const x = v128.load32_splat(a0), y = v128.load32_splat(a1);
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    p0 = madd(x, b0, p0);
    p1 = madd(x, b1, p1);
    p2 = madd(x, b2, p2);
    p3 = madd(x, b3, p3);
    q0 = madd(y, b0, q0);
    q1 = madd(y, b1, q1);
    q2 = madd(y, b2, q2);
    q3 = madd(y, b3, q3);
    a0 += 4;
    a1 += 4;
    b += 64;
  }
  v128.store(c0, p0);
  v128.store(c0, p1, 16);
  v128.store(c0, p2, 32);
  v128.store(c0, p3, 48);
  v128.store(c1, q0);
  v128.store(c1, q1, 16);
  v128.store(c1, q2, 32);
  v128.store(c1, q3, 48);
}

function tile1x16(k: i32, a: usize, b: usize, c: usize): void {
  const end = a + (<usize> k << 2);
  let p0 = v128.load(c), p1 = v128.load(c, 16), p2 = v128.load(c, 32), p3 = v128.load(c, 48);
  while (a < end) {
    const x = v128.load32_splat(a);
    p0 = madd(x, v128.load(b), p0);
    p1 = madd(x, v128.load(b, 16), p1);
    p2 = madd(x, v128.load(b, 32), p2);
    p3 = madd(x, v128.load(b, 48), p3);
    a += 4;
    b += 64;
  }
  v128.store(c, p0);
  v128.store(c, p1, 16);
  v128.store(c, p2, 32);
  v128.store(c, p3, 48);
}

/** Adds the first n (1…4) lanes of v to memory: the only store that may end inside a vector. */
function addLanes(c: usize, v: v128, n: i32): void {
  if (n >= 4) {
    v128.store(c, f32x4.add(v128.load(c), v));
    return;
  }
  store<f32>(c, load<f32>(c) + f32x4.extract_lane(v, 0));
  if (n > 1) store<f32>(c + 4, load<f32>(c + 4) + f32x4.extract_lane(v, 1));
  if (n > 2) store<f32>(c + 8, load<f32>(c + 8) + f32x4.extract_lane(v, 2));
}

// Edge tiles: V vectors wide (1…4), the last one holding `lanes` valid columns. They start from zero.

// The width is a type, so that each has code of its own: its size is the number of vectors.
class One {
  a: u8;
}
class Two extends One {
  b: u8;
}
class Three extends Two {
  c: u8;
}
class Four extends Three {
  d: u8;
}

function edge2<Width>(k: i32, a0: usize, a1: usize, b: usize, c0: usize, c1: usize, lanes: i32): void {
  const V = <i32> offsetof<Width>();
  const end = a0 + (<usize> k << 2);
  const zero = f32x4.splat(0);
  let p0 = zero, p1 = zero, p2 = zero, p3 = zero, q0 = zero, q1 = zero, q2 = zero, q3 = zero;
  while (a0 < end) {
    const x = v128.load32_splat(a0), y = v128.load32_splat(a1);
    const b0 = v128.load(b);
    p0 = madd(x, b0, p0);
    q0 = madd(y, b0, q0);
    if (V > 1) {
      const b1 = v128.load(b, 16);
      p1 = madd(x, b1, p1);
      q1 = madd(y, b1, q1);
    }
    if (V > 2) {
      const b2 = v128.load(b, 32);
      p2 = madd(x, b2, p2);
      q2 = madd(y, b2, q2);
    }
    if (V > 3) {
      const b3 = v128.load(b, 48);
      p3 = madd(x, b3, p3);
      q3 = madd(y, b3, q3);
    }
    a0 += 4;
    a1 += 4;
    b += V << 4;
  }
  if (V > 1) {
    addLanes(c0, p0, 4);
    addLanes(c1, q0, 4);
  }
  if (V > 2) {
    addLanes(c0 + 16, p1, 4);
    addLanes(c1 + 16, q1, 4);
  }
  if (V > 3) {
    addLanes(c0 + 32, p2, 4);
    addLanes(c1 + 32, q2, 4);
  }
  const last = (V - 1) << 4;
  addLanes(c0 + last, V == 1 ? p0 : V == 2 ? p1 : V == 3 ? p2 : p3, lanes);
  addLanes(c1 + last, V == 1 ? q0 : V == 2 ? q1 : V == 3 ? q2 : q3, lanes);
}

function edge1<Width>(k: i32, a: usize, b: usize, c: usize, lanes: i32): void {
  const V = <i32> offsetof<Width>();
  const end = a + (<usize> k << 2);
  const zero = f32x4.splat(0);
  let p0 = zero, p1 = zero, p2 = zero, p3 = zero;
  while (a < end) {
    const x = v128.load32_splat(a);
    p0 = madd(x, v128.load(b), p0);
    if (V > 1) p1 = madd(x, v128.load(b, 16), p1);
    if (V > 2) p2 = madd(x, v128.load(b, 32), p2);
    if (V > 3) p3 = madd(x, v128.load(b, 48), p3);
    a += 4;
    b += V << 4;
  }
  if (V > 1) addLanes(c, p0, 4);
  if (V > 2) addLanes(c + 16, p1, 4);
  if (V > 3) addLanes(c + 32, p2, 4);
  addLanes(c + ((V - 1) << 4), V == 1 ? p0 : V == 2 ? p1 : V == 3 ? p2 : p3, lanes);
}

function edge2x16(k: i32, a0: usize, a1: usize, b: usize, c0: usize, c1: usize, lanes: i32): void {
  edge2<Four>(k, a0, a1, b, c0, c1, lanes);
}
function edge2x12(k: i32, a0: usize, a1: usize, b: usize, c0: usize, c1: usize, lanes: i32): void {
  edge2<Three>(k, a0, a1, b, c0, c1, lanes);
}
function edge2x8(k: i32, a0: usize, a1: usize, b: usize, c0: usize, c1: usize, lanes: i32): void {
  edge2<Two>(k, a0, a1, b, c0, c1, lanes);
}
function edge2x4(k: i32, a0: usize, a1: usize, b: usize, c0: usize, c1: usize, lanes: i32): void {
  edge2<One>(k, a0, a1, b, c0, c1, lanes);
}
function edge1x16(k: i32, a: usize, b: usize, c: usize, lanes: i32): void {
  edge1<Four>(k, a, b, c, lanes);
}
function edge1x12(k: i32, a: usize, b: usize, c: usize, lanes: i32): void {
  edge1<Three>(k, a, b, c, lanes);
}
function edge1x8(k: i32, a: usize, b: usize, c: usize, lanes: i32): void {
  edge1<Two>(k, a, b, c, lanes);
}
function edge1x4(k: i32, a: usize, b: usize, c: usize, lanes: i32): void {
  edge1<One>(k, a, b, c, lanes);
}

/** Rows [from, to) of one panel of C that is not 16 full columns wide. */
export function edgeRows(
  from: i32,
  to: i32,
  width: i32,
  k: i32,
  a: usize,
  aRow: usize,
  b: usize,
  c: usize,
  cRow: usize,
): void {
  const vectors = (width + 3) >> 2;
  const lanes = width - ((vectors - 1) << 2);
  let i = from;
  for (; i + 2 <= to; i += 2) {
    const a0 = a + <usize> i * aRow, c0 = c + <usize> i * cRow;
    if (vectors == 4) edge2x16(k, a0, a0 + aRow, b, c0, c0 + cRow, lanes);
    else if (vectors == 3) edge2x12(k, a0, a0 + aRow, b, c0, c0 + cRow, lanes);
    else if (vectors == 2) edge2x8(k, a0, a0 + aRow, b, c0, c0 + cRow, lanes);
    else edge2x4(k, a0, a0 + aRow, b, c0, c0 + cRow, lanes);
  }
  if (i < to) {
    const a0 = a + <usize> i * aRow, c0 = c + <usize> i * cRow;
    if (vectors == 4) edge1x16(k, a0, b, c0, lanes);
    else if (vectors == 3) edge1x12(k, a0, b, c0, lanes);
    else if (vectors == 2) edge1x8(k, a0, b, c0, lanes);
    else edge1x4(k, a0, b, c0, lanes);
  }
}

/** Rows [from, to) of one full panel of C. */
export function fullRows(from: i32, to: i32, k: i32, a: usize, aRow: usize, b: usize, c: usize, cRow: usize): void {
  let i = from;
  for (; i + 2 <= to; i += 2) {
    const a0 = a + <usize> i * aRow, c0 = c + <usize> i * cRow;
    tile2x16(k, a0, a0 + aRow, b, c0, c0 + cRow);
  }
  if (i < to) tile1x16(k, a + <usize> i * aRow, b, c + <usize> i * cRow);
}

/**
 * Rows [from, to) of C += A·B for a row-major C (m × n, `ldc` floats a row).
 * A is row-major (m × k, `lda` floats a row); B is packed (k × n).
 */
export function product(
  from: i32,
  to: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  b: usize,
  c: usize,
  ldc: i32,
): void {
  const aRow = <usize> lda << 2, cRow = <usize> ldc << 2;
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    for (let i = from; i < to; i += ROW_BLOCK) {
      const last = min(i + ROW_BLOCK, to);
      for (let j = 0; j < n; j += PANEL) {
        const width = min(PANEL, n - j);
        const lanes = (width + LANES - 1) & -LANES;
        const panel = b + ((<usize> j * k + <usize> k0 * lanes) << 2);
        const corner = c + (<usize> j << 2);
        const start = a + (<usize> k0 << 2);
        if (width == PANEL) fullRows(i, last, depth, start, aRow, panel, corner, cRow);
        else edgeRows(i, last, width, depth, start, aRow, panel, corner, cRow);
      }
    }
  }
}

/**
 * Rows [from, to) of C += A·B where C is itself in panels (`m` rows): C can serve as the packed operand
 * of the next product. A and B as in `product`.
 */
export function productPanels(
  from: i32,
  to: i32,
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  lda: i32,
  b: usize,
  c: usize,
): void {
  const aRow = <usize> lda << 2;
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    for (let i = from; i < to; i += ROW_BLOCK) {
      const last = min(i + ROW_BLOCK, to);
      for (let j = 0; j < n; j += PANEL) {
        const width = min(PANEL, n - j);
        const lanes = (width + LANES - 1) & -LANES;
        const panel = b + ((<usize> j * k + <usize> k0 * lanes) << 2);
        const corner = c + ((<usize> j * m) << 2);
        const start = a + (<usize> k0 << 2);
        if (lanes == PANEL) fullRows(i, last, depth, start, aRow, panel, corner, 64);
        else edgeRows(i, last, lanes, depth, start, aRow, panel, corner, <usize> lanes << 2);
      }
    }
  }
}
