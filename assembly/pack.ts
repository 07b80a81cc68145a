// Panels: the layout in which the products read their right operand.
//
// A k × n operand is cut into panels of 16 columns, each stored k-major: [⌈n/16⌉][k][16]. The last panel
// is 4·⌈rest/4⌉ wide and its unused lanes are zero, so a k × n operand fills k·4⌈n/4⌉ floats and panel j
// starts at float 16·j·k.

/** Columns of a full panel. */
export const PANEL: i32 = 16;
/** Floats of one vector. */
export const LANES: i32 = 4;

/** Packs a row-major k × n matrix (rows → k): the operand B of A·B. */
export function packRows(x: usize, k: i32, n: i32, out: usize): void {
  const row = <usize> n << 2;
  for (let j = 0; j < n; j += PANEL) {
    const width = min(PANEL, n - j);
    let from = x + (<usize> j << 2);
    if (width == PANEL) {
      for (let i = 0; i < k; i++) {
        v128.store(out, v128.load(from));
        v128.store(out, v128.load(from, 16), 16);
        v128.store(out, v128.load(from, 32), 32);
        v128.store(out, v128.load(from, 48), 48);
        from += row;
        out += 64;
      }
    } else {
      const lanes = (width + LANES - 1) & -LANES;
      for (let i = 0; i < k; i++) {
        for (let l = 0; l < lanes; l++) {
          store<f32>(out, l < width ? load<f32>(from + (<usize> l << 2)) : <f32> 0);
          out += 4;
        }
        from += row;
      }
    }
  }
}

/** Packs the transpose of a row-major n × k matrix (rows → columns): the operand B of A·Xᵀ. */
export function packTransposed(x: usize, n: i32, k: i32, out: usize): void {
  const row = <usize> k << 2;
  for (let j = 0; j < n; j += PANEL) {
    const width = min(PANEL, n - j);
    const lanes = (width + LANES - 1) & -LANES;
    const from = x + <usize> j * row;
    for (let l = 0; l < lanes; l += LANES) {
      const source = from + <usize> l * row;
      if (l + LANES <= width) transpose4(source, row, k, out + (<usize> l << 2), <usize> lanes << 2);
      else transposeEdge(source, row, width - l, k, out + (<usize> l << 2), <usize> lanes << 2);
    }
    out += (<usize> lanes * k) << 2;
  }
}

/** Four rows of length k into four adjacent lanes. */
export function transpose4(x: usize, row: usize, k: i32, out: usize, stride: usize): void {
  let i = 0;
  for (; i + 4 <= k; i += 4) {
    const a = v128.load(x), b = v128.load(x + row), c = v128.load(x + 2 * row), d = v128.load(x + 3 * row);
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const ef = i32x4.shuffle(a, b, 2, 6, 3, 7), gh = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(out, i64x2.shuffle(ab, cd, 0, 2));
    v128.store(out + stride, i64x2.shuffle(ab, cd, 1, 3));
    v128.store(out + 2 * stride, i64x2.shuffle(ef, gh, 0, 2));
    v128.store(out + 3 * stride, i64x2.shuffle(ef, gh, 1, 3));
    x += 16;
    out += 4 * stride;
  }
  for (; i < k; i++) {
    for (let l: usize = 0; l < 4; l++) store<f32>(out + (l << 2), load<f32>(x + l * row));
    x += 4;
    out += stride;
  }
}

/** Fewer than four rows: the other lanes become zero. */
export function transposeEdge(x: usize, row: usize, rows: i32, k: i32, out: usize, stride: usize): void {
  for (let i = 0; i < k; i++) {
    for (let l: i32 = 0; l < LANES; l++) {
      store<f32>(out + (<usize> l << 2), l < rows ? load<f32>(x + <usize> l * row) : <f32> 0);
    }
    x += 4;
    out += stride;
  }
}

/**
 * The inverse: a packed k × n operand into a row-major n × k matrix, column j times scale[j]
 * (`scale` may be 0: no scaling).
 */
export function unpackTransposed(panels: usize, k: i32, n: i32, scale: usize, out: usize): void {
  for (let j = 0; j < n; j++) {
    const first = j & -PANEL;
    const lanes = (min(PANEL, n - first) + LANES - 1) & -LANES;
    let from = panels + ((<usize> first * k + <usize> (j - first)) << 2);
    const factor: f32 = scale == 0 ? 1 : load<f32>(scale + (<usize> j << 2));
    for (let i = 0; i < k; i++) {
      store<f32>(out, load<f32>(from) * factor);
      out += 4;
      from += <usize> lanes << 2;
    }
  }
}

/** Fills a packed k × n operand with values[i] in every column of row i (`values` may be 0: zeros), unused lanes too. */
export function fillPanels(values: usize, k: i32, n: i32, out: usize): void {
  if (values == 0) {
    memory.fill(out, 0, (<usize> k * ((n + LANES - 1) & -LANES)) << 2);
    return;
  }
  for (let j = 0; j < n; j += PANEL) {
    const vectors = (min(PANEL, n - j) + LANES - 1) >> 2;
    for (let i = 0; i < k; i++) {
      const v = v128.load32_splat(values + (<usize> i << 2));
      for (let l = 0; l < vectors; l++) {
        v128.store(out, v);
        out += 16;
      }
    }
  }
}

/** A packed k × n operand as a row-major matrix, n₄ floats a row: unused lanes come along. */
export function unpackRows(panels: usize, k: i32, n: i32, out: usize): void {
  const row = <usize> ((n + LANES - 1) & -LANES) << 2;
  for (let j = 0; j < n; j += PANEL) {
    const width = <usize> ((min(PANEL, n - j) + LANES - 1) & -LANES) << 2;
    let to = out + (<usize> j << 2);
    for (let i = 0; i < k; i++) {
      for (let l: usize = 0; l < width; l += 16) v128.store(to + l, v128.load(panels + l));
      panels += width;
      to += row;
    }
  }
}

/** Packs the transpose of a packed k × n operand: n × k, unused lanes zero. */
export function transposePanels(x: usize, k: i32, n: i32, out: usize): void {
  for (let i0 = 0; i0 < k; i0 += PANEL) {
    const width = min(PANEL, k - i0);
    const target = <usize> ((width + LANES - 1) & -LANES) << 2;
    for (let j = 0; j < n; j += LANES) {
      const first = j & -PANEL;
      const row = <usize> ((min(PANEL, n - first) + LANES - 1) & -LANES) << 2;
      const source = x + ((<usize> first * k + <usize> (j - first)) << 2) + <usize> i0 * row;
      const to = out + <usize> j * target;
      for (let i = 0; i < width; i += LANES) {
        const from = source + <usize> i * row;
        transposeTile(from, row, min(LANES, width - i), to + (<usize> i << 2), target, min(LANES, n - j));
      }
    }
    out += <usize> n * target;
  }
}

/** `rows` (1…4) rows of four lanes into lanes of `columns` (1…4) rows; lanes beyond `rows` become zero. */
function transposeTile(x: usize, row: usize, rows: i32, out: usize, target: usize, columns: i32): void {
  const zero = f32x4.splat(0);
  const a = v128.load(x);
  const b = rows > 1 ? v128.load(x + row) : zero;
  const c = rows > 2 ? v128.load(x + 2 * row) : zero;
  const d = rows > 3 ? v128.load(x + 3 * row) : zero;
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const ef = i32x4.shuffle(a, b, 2, 6, 3, 7), gh = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(out, i64x2.shuffle(ab, cd, 0, 2));
  if (columns > 1) v128.store(out + target, i64x2.shuffle(ab, cd, 1, 3));
  if (columns > 2) v128.store(out + 2 * target, i64x2.shuffle(ef, gh, 0, 2));
  if (columns > 3) v128.store(out + 3 * target, i64x2.shuffle(ef, gh, 1, 3));
}
