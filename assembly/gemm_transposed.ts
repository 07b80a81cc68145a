// C += Aᵀ·B in float32: blocks of A are transposed into a buffer, on which the kernels of gemm.ts run.
//
// Reading A where it lies, two of its columns at a time, is slower, most of all when its rows are a multiple of
// 4 KiB apart, which collide in the cache (docs/speed.md).

import { LANES, PANEL, transpose4, transposeEdge } from "./pack";
import { edgeRows, fullRows } from "./gemm";

/** Depth of one pass over k, as in gemm.ts. */
const DEPTH: i32 = 256;
/** Rows of Aᵀ in the buffer. */
const ROW_BLOCK: i32 = 32;
/** Floats from one row of the buffer to the next: not a power of two. */
const ROW: i32 = 272;

/** Address of the buffer of ROW_BLOCK·ROW floats. */
let buffer: usize = memory.data(34816, 16);

/** Gives this instance a buffer of its own, 34,816 bytes: instances that share a memory must not share one. */
export function useScratch(at: usize): void {
  buffer = at;
}

/** The depth × rows block at `a`, `step` bytes a row, into the buffer: row i of Aᵀ at float i·ROW. */
function transposeBlock(a: usize, step: usize, depth: i32, rows: i32): void {
  let p = 0;
  for (; p + 4 <= depth; p += 4) {
    transpose4(a + <usize> p * step, step, rows, buffer + (<usize> p << 2), <usize> ROW << 2);
  }
  if (p < depth) {
    transposeEdge(a + <usize> p * step, step, depth - p, rows, buffer + (<usize> p << 2), <usize> ROW << 2);
  }
}

/**
 * Rows [from, to) of C += Aᵀ·B. A is row-major (k × m, `lda` floats a row); B is packed (k × n); C lies in
 * panels (m × n). With A the weights of a dense layer (outputs × inputs) this carries signals backwards.
 */
export function productTransposedPanels(
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
  const step = <usize> lda << 2, row = <usize> ROW << 2;
  for (let k0 = 0; k0 < k; k0 += DEPTH) {
    const depth = min(DEPTH, k - k0);
    for (let i = from; i < to; i += ROW_BLOCK) {
      const rows = min(ROW_BLOCK, to - i);
      transposeBlock(a + <usize> k0 * step + (<usize> i << 2), step, depth, rows);
      for (let j = 0; j < n; j += PANEL) {
        const lanes = (min(PANEL, n - j) + LANES - 1) & -LANES;
        const panel = b + ((<usize> j * k + <usize> k0 * lanes) << 2);
        const corner = c + ((<usize> j * m + <usize> i * lanes) << 2);
        if (lanes == PANEL) fullRows(0, rows, depth, buffer, row, panel, corner, 64);
        else edgeRows(0, rows, lanes, depth, buffer, row, panel, corner, <usize> lanes << 2);
      }
    }
  }
}
