// Products with a matrix in compressed rows against float64.
//
// Tolerance: a float32 sum of m products, added to what was there: 1e-6·√m times the sum of their sizes; see
// kernel_products.test.ts.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  getF64,
  layout,
  near,
  panelIndex,
  putF32,
  putU32,
  random,
  randomF32,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const TOLERANCE = 1e-6;
const WIDTHS = [1, 3, 4, 7, 15, 16, 17, 20, 33, 64];

type Csr = {
  readonly rows: number;
  readonly cols: number;
  readonly offsets: Uint32Array;
  readonly indices: Uint32Array;
  readonly values: Float32Array;
};

/** A random matrix, row 1 and column 1 empty, column 0 full otherwise; the first entry lies at `start`. */
function sparse(rows: number, cols: number, density: number, start = 0): Csr {
  const next = random(rows * 1000 + cols);
  const offsets = [start], indices: number[] = new Array(start).fill(0), values: number[] = new Array(start).fill(NaN);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      const chance = (next() + 1) / 2;
      if (i === 1 || j === 1 || (j !== 0 && chance >= density)) continue;
      indices.push(j);
      values.push(next());
    }
    offsets.push(indices.length);
  }
  return {
    rows,
    cols,
    offsets: Uint32Array.from(offsets),
    indices: Uint32Array.from(indices),
    values: Float32Array.from(values),
  };
}

const MATRICES: readonly Csr[] = [1, 3, 4, 15, 16, 17, 33].flatMap((rows) => [
  sparse(rows, 1, 1),
  sparse(rows, 7, 0.5),
  sparse(rows, 64, 0.1, 5),
  sparse(rows, 300, 0.05),
]);

type Entry = { readonly row: number; readonly col: number; readonly value: number };

function entries({ rows, offsets, indices, values }: Csr): Entry[] {
  return Array.from({ length: rows }, (_, row) => row).flatMap((row) => {
    const out: Entry[] = [];
    for (let e = at(offsets, row); e < at(offsets, row + 1); e++) {
      out.push({ row, col: at(indices, e), value: at(values, e) });
    }
    return out;
  });
}

/** Addresses with the matrix in place, and a dense matrix of rows and one of columns. */
function placeCsr(x: Csr, width: number) {
  const m = layout({
    offsets: 4 * (x.rows + 1),
    indices: 4 * x.indices.length,
    values: 4 * x.values.length,
    byRow: 4 * x.rows * width + 64,
    byCol: 4 * x.cols * width + 64,
    squares: 8 * x.rows + 64,
  });
  putU32(m.offsets, x.offsets);
  putU32(m.indices, x.indices);
  putF32(m.values, x.values);
  return m;
}

/** What is wrong with out = start + Σ terms, given the exact sum and the sum of the sizes of the terms. */
function compare(label: string, out: Float32Array, sum: Float64Array, size: Float64Array, terms: number): string[] {
  return violations(label, out.length, (i) => {
    return near(at(out, i), at(sum, i), TOLERANCE * Math.sqrt(terms) * at(size, i));
  });
}

/** Accumulates value·from[source] into rows `target` of `start`. */
function accumulate(
  start: Float32Array,
  width: number,
  list: readonly Entry[],
  from: Float32Array,
  to: (e: Entry) => [target: number, source: number],
) {
  const sum = Float64Array.from(start), size = sum.map(Math.abs);
  for (const entry of list) {
    const [target, source] = to(entry);
    for (let l = 0; l < width; l++) {
      const product = entry.value * at(from, source * width + l);
      sum[target * width + l] = at(sum, target * width + l) + product;
      size[target * width + l] = at(size, target * width + l) + Math.abs(product);
    }
  }
  return { sum, size };
}

describe("csrProduct", () => {
  it("adds X·w to out and touches nothing else", () => {
    const wrong = MATRICES.flatMap((x) =>
      WIDTHS.flatMap((width) => {
        const w = randomF32(x.cols * width, width), start = randomF32(x.rows * width, width + 1);
        const m = placeCsr(x, width);
        putF32(m.byCol, w);
        putF32(m.byRow, start);
        exports().csrProduct(x.rows, m.offsets, m.indices, m.values, width, m.byCol, m.byRow);
        const { sum, size } = accumulate(start, width, entries(x), w, ({ row, col }) => [row, col]);
        const label = `${x.rows}×${x.cols} width ${width}`;
        return [
          ...compare(label, getF32(m.byRow, start.length), sum, size, x.cols),
          ...(untouched(m.byRow + 4 * start.length, 16) ? [] : [`${label} guard`]),
        ];
      })
    );
    expect(wrong).toEqual([]);
  });

  it("reads the rows of w that have entries and no other", () => {
    const x = sparse(4, 7, 1), width = 20;
    const m = placeCsr(x, width);
    for (let j = 0; j < 7; j++) putF32(m.byCol + 4 * j * width, new Float32Array(width).fill(j === 1 ? NaN : 1));
    putF32(m.byRow, new Float32Array(4 * width));
    exports().csrProduct(4, m.offsets, m.indices, m.values, width, m.byCol, m.byRow);
    expect(getF32(m.byRow, 4 * width).every(Number.isFinite)).toBe(true);
  });
});

describe("csrUpdate", () => {
  it("adds Xᵀ·x to w, touching only the rows that have entries", () => {
    const wrong = MATRICES.flatMap((x) =>
      WIDTHS.flatMap((width) => {
        const dense = randomF32(x.rows * width, width), start = randomF32(x.cols * width, width + 1);
        const m = placeCsr(x, width);
        putF32(m.byRow, dense);
        putF32(m.byCol, start);
        if (x.cols > 1) putF32(m.byCol + 4 * width, new Float32Array(width).fill(-0)); // even + 0 would change it
        exports().csrUpdate(x.rows, m.offsets, m.indices, m.values, width, m.byRow, m.byCol);
        const out = getF32(m.byCol, start.length);
        const { sum, size } = accumulate(start, width, entries(x), dense, ({ row, col }) => [col, row]);
        const label = `${x.rows}×${x.cols} width ${width}`;
        const empty = x.cols > 1 ? out.slice(width, 2 * width) : new Float32Array(0);
        if (x.cols > 1) out.set(start.subarray(width, 2 * width), width);
        return [
          ...compare(label, out, sum, size, x.rows),
          ...violations(`${label} empty`, empty.length, (i) => Object.is(at(empty, i), -0)),
          ...(untouched(m.byCol + 4 * start.length, 16) ? [] : [`${label} guard`]),
        ];
      })
    );
    expect(wrong).toEqual([]);
  });

  it("is the adjoint of csrProduct in one entry at a time: exact", () => {
    const x = sparse(17, 7, 0.5), m = placeCsr(x, 1);
    const dense = new Float64Array(17 * 7);
    for (const { row, col, value } of entries(x)) dense[row * 7 + col] = value;
    for (let i = 0; i < 17; i++) {
      putF32(m.byRow, Float32Array.from({ length: 17 }, (_, r) => r === i ? 1 : 0));
      putF32(m.byCol, new Float32Array(7));
      exports().csrUpdate(17, m.offsets, m.indices, m.values, 1, m.byRow, m.byCol);
      expect([...getF32(m.byCol, 7)].map((v) => v + 0)).toEqual([...dense.subarray(i * 7, (i + 1) * 7)]);
    }
  });
});

describe("csrSquares", () => {
  it("gives the squared norms of the rows in float64", () => {
    const wrong = MATRICES.flatMap((x) => {
      const m = placeCsr(x, 1);
      exports().csrSquares(x.rows, m.offsets, m.values, m.squares);
      const out = getF64(m.squares, x.rows), exact = new Float64Array(x.rows);
      for (const { row, value } of entries(x)) exact[row] = at(exact, row) + value * value;
      return [
        ...violations(`${x.rows}×${x.cols}`, x.rows, (i) => at(out, i) === at(exact, i)), // the same order of sums
        ...(untouched(m.squares + 8 * x.rows, 16) ? [] : ["guard"]),
      ];
    });
    expect(wrong).toEqual([]);
  });
});

/** start + X Xᵀ by the kernel, as a full n₄ × n₄ panel matrix. */
function gram(x: Csr, start: number) {
  const n4 = ceil4(x.rows), stored = at(x.offsets, x.rows) - at(x.offsets, 0);
  const m = layout({
    offsets: 4 * (x.rows + 1),
    indices: 4 * x.indices.length,
    values: 4 * x.values.length,
    out: 4 * n4 * n4 + 64,
    work: 4 * (x.cols + 1 + 2 * stored) + 64,
  });
  putU32(m.offsets, x.offsets);
  putU32(m.indices, x.indices);
  putF32(m.values, x.values);
  putF32(m.out, new Float32Array(n4 * n4).fill(start));
  exports().csrGram(x.rows, x.cols, m.offsets, m.indices, m.values, m.out, m.work);
  const end = m.work + 4 * (x.cols + 1 + 2 * stored);
  return { out: getF32(m.out, n4 * n4), guarded: untouched(m.out + 4 * n4 * n4, 16) && untouched(end, 16) };
}

describe("csrGram", () => {
  it("adds X Xᵀ, both triangles, and leaves unused rows and columns alone", () => {
    const wrong = MATRICES.flatMap((x) => {
      const { out, guarded } = gram(x, 1);
      const n4 = ceil4(x.rows), label = `${x.rows}×${x.cols}`;
      const sum = new Float64Array(n4 * n4).fill(1), size = sum.slice();
      const list = entries(x);
      for (const p of list) {
        for (const q of list) {
          if (p.col !== q.col) continue;
          const index = panelIndex(n4, n4, p.row, q.row);
          sum[index] = at(sum, index) + p.value * q.value;
          size[index] = at(size, index) + Math.abs(p.value * q.value);
        }
      }
      return [...compare(label, out, sum, size, x.cols), ...(guarded ? [] : [`${label} guard`])];
    });
    expect(wrong).toEqual([]);
  });

  it("gives an exactly symmetric matrix, and exact zeros where rows share no column", () => {
    for (const x of MATRICES) {
      const { out } = gram(x, 0), n4 = ceil4(x.rows);
      const entry = (i: number, j: number) => at(out, panelIndex(n4, n4, i, j));
      const wrong = violations(`${x.rows}×${x.cols}`, x.rows * x.rows, (e) => {
        const i = Math.floor(e / x.rows), j = e % x.rows;
        return entry(i, j) === entry(j, i) && (i !== 1 || entry(i, j) === 0);
      });
      expect(wrong).toEqual([]);
    }
  });

  it("agrees with the dense Gram matrix when everything is stored", () => {
    const n = 17, k = 30, n4 = ceil4(n);
    const dense = randomF32(n * k, 3);
    const x: Csr = {
      rows: n,
      cols: k,
      offsets: Uint32Array.from({ length: n + 1 }, (_, i) => i * k),
      indices: Uint32Array.from({ length: n * k }, (_, e) => e % k),
      values: dense,
    };
    const { out } = gram(x, 0);
    const m = layout({ x: 4 * n * k, panels: 4 * k * n4, out: 4 * n4 * n4 });
    putF32(m.x, dense);
    exports().packTransposed(m.x, n, k, m.panels);
    putF32(m.out, new Float32Array(n4 * n4));
    for (let j = 0; j < n; j += 16) exports().gramPanel(j, n, k, m.panels, m.out);
    exports().mirror(n, m.out);
    const expected = getF32(m.out, n4 * n4);
    const wrong = violations("entry", n4 * n4, (i) => near(at(out, i), at(expected, i), TOLERANCE * k));
    expect(wrong).toEqual([]);
  });

  it("does nothing for a matrix without entries", () => {
    const x: Csr = {
      rows: 3,
      cols: 2,
      offsets: new Uint32Array(4),
      indices: new Uint32Array(0),
      values: new Float32Array(0),
    };
    expect(gram(x, 7).out.every((v) => v === 7)).toBe(true);
  });
});
