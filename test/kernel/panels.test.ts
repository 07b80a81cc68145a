// Operations on operands in panels, and the row coefficients of a back-projection, against float64: column sums in blocks
// of 64, 1e-6 of the sum of sizes; what is only scaled or copied, exactly.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  getF64,
  layout,
  near,
  norm2,
  panelIndex,
  putF32,
  putF64,
  randomF32,
  randomF64,
  toPanels,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const f = Math.fround;

function coefficients(a: Float64Array, sum: Float32Array) {
  const n = a.length;
  const m = layout({ a: 8 * n, sum: 4 * n, out: 4 * ceil4(n) + 64 });
  putF64(m.a, a);
  putF32(m.sum, sum);
  exports().coefficients(n, m.a, m.sum, m.out);
  return { out: getF32(m.out, ceil4(n)), guarded: untouched(m.out + 4 * ceil4(n), 16) };
}

describe("coefficients", () => {
  it("are −a/sum rounded once, and zero up to a multiple of four", () => {
    for (const n of [1, 2, 3, 4, 5, 16, 17, 18]) {
      const a = randomF64(n, n), sum = randomF32(n, n + 1).map((v) => 2 + v);
      const { out, guarded } = coefficients(a, sum);
      expect(violations(`n ${n}`, n, (i) => at(out, i) === f(-at(a, i) / at(sum, i)))).toEqual([]);
      expect([...out.subarray(n)]).toEqual(new Array(ceil4(n) - n).fill(0));
      expect(guarded).toBe(true);
    }
  });

  it("below 1e-20 of the largest are zero, and below 1e-34", () => {
    const a = Float64Array.of(2.1e-20, -2.1e-20, 1.9e-20, -1.9e-20, 0, 1e-300, 2);
    const { out } = coefficients(a, new Float32Array(7).fill(2));
    expect([...out].map((v) => v + 0)).toEqual([f(-1.05e-20), f(1.05e-20), 0, 0, 0, 0, -1, 0]);
    const small = coefficients(a.map((v) => v * 1e-10), new Float32Array(7).fill(2)).out;
    expect([...small].map((v) => v + 0)).toEqual([f(-1.05e-30), f(1.05e-30), 0, 0, 0, 0, f(-1e-10), 0]);
    const least = coefficients(a.map((v) => v * 1e-24), new Float32Array(7).fill(2)).out;
    expect([...least].map((v) => v + 0)).toEqual([0, 0, 0, 0, 0, 0, f(-1e-24), 0]);
  });
});

function scaleColumns(from: number, to: number, classes: number, n: number, e: Float32Array, c: Float32Array) {
  const rows = to - from, width = ceil4(n);
  const m = layout({ e: 4 * classes * width, c: 4 * width, out: 4 * rows * width + 64 });
  putF32(m.e, toPanels(classes, n, e));
  putF32(m.c, new Float32Array(width));
  putF32(m.c, c);
  exports().scaleColumns(from, to, classes, n, m.e, m.c, m.out);
  return { out: getF32(m.out, rows * width), guarded: untouched(m.out + 4 * rows * width, 16) };
}

describe("scaleColumns", () => {
  const shapes = [1, 2, 3, 4, 5, 7, 15, 16, 17, 20, 33, 50].map((n) => ({ n, classes: 11 + (n % 3) }));

  it("gives rows [from, to) times the coefficients, row-major with zeros up to a multiple of four", () => {
    const wrong = shapes.flatMap(({ n, classes }) => {
      const e = randomF32(classes * n, n), c = randomF32(n, n + 1), width = ceil4(n);
      return [[0, classes], [3, 8], [classes - 1, classes], [4, 4]].flatMap(([from = 0, to = 0]) => {
        const { out, guarded } = scaleColumns(from, to, classes, n, e, c);
        const label = `n ${n} rows [${from}, ${to})`;
        return [
          ...violations(label, out.length, (t) => {
            const i = t % width, k = from + Math.floor(t / width);
            return at(out, t) === (i < n ? f(at(c, i) * at(e, k * n + i)) : 0);
          }),
          ...(guarded ? [] : [`${label}: guard`]),
        ];
      });
    });
    expect(wrong).toEqual([]);
  });

  it("turns products below 1e-34 into zero", () => {
    const e = Float32Array.of(1e-12, 1e-12, -1e-12, -1e-12, 1);
    const c = Float32Array.of(1.1e-22, 0.9e-22, 1.1e-22, 0.9e-22, 0);
    const { out } = scaleColumns(0, 1, 1, 5, e, c);
    const kept = f(f(1e-12) * f(1.1e-22));
    expect([...out].map((v) => v + 0)).toEqual([kept, 0, -kept, 0, 0, 0, 0, 0]);
  });
});

describe("addRowSums", () => {
  it("adds the sum of each row to out", () => {
    // Four float32 partial sums of n/4 terms, then float64: √n·6e-8 times Σ|x| is generous.
    const wrong = [1, 2, 3, 4, 5, 7, 16, 17, 50, 259].flatMap((n) => {
      const rows = 6, width = ceil4(n);
      const x = randomF32(rows * n, n), start = randomF32(rows, n + 1);
      const m = layout({ x: 4 * rows * width, out: 4 * rows, guard: 64 });
      putF32(m.x, new Float32Array(rows * width));
      for (let k = 0; k < rows; k++) putF32(m.x + 4 * k * width, x.subarray(k * n, (k + 1) * n));
      putF32(m.out, start);
      exports().addRowSums(rows, n, m.x, m.out);
      const out = getF32(m.out, rows);
      return violations(`n ${n}`, rows, (k) => {
        const row = x.subarray(k * n, (k + 1) * n);
        const size = row.reduce((total, v) => total + Math.abs(v), 1);
        const exact = row.reduce((total, v) => total + v, at(start, k));
        return near(at(out, k), exact, 6e-8 * Math.sqrt(n) * size) && untouched(m.out + 4 * rows, 10);
      });
    });
    expect(wrong).toEqual([]);
  });

  it("sums what scaleColumns wrote, whose padding is zero", () => {
    const classes = 5, n = 18, width = ceil4(n);
    const e = randomF32(classes * n, 1), c = randomF32(n, 2);
    const m = layout({ e: 4 * classes * width, c: 4 * width, rows: 4 * classes * width, out: 4 * classes });
    putF32(m.e, toPanels(classes, n, e));
    putF32(m.c, toPanels(1, n, c));
    putF32(m.out, new Float32Array(classes));
    exports().scaleColumns(0, classes, classes, n, m.e, m.c, m.rows);
    exports().addRowSums(classes, n, m.rows, m.out);
    const out = getF32(m.out, classes);
    const panels = toPanels(classes, n, e);
    const wrong = violations("row", classes, (k) => {
      let exact = 0;
      for (let i = 0; i < n; i++) exact += at(c, i) * at(panels, panelIndex(classes, n, k, i));
      return near(at(out, k), exact, 1e-6 * n);
    });
    expect(wrong).toEqual([]);
  });
});

const PANEL_SHAPES = [1, 3, 4, 15, 16, 17, 33].flatMap((n) => [1, 2, 7, 64, 300].map((k) => ({ k, n })));

describe("columnDots", () => {
  it("gives the dot product of each column, whatever lies in unused lanes", () => {
    // Two float32 partial sums of 32 terms, then float64: 1e-6·‖x‖‖y‖ is generous.
    const wrong = PANEL_SHAPES.flatMap(({ k, n }) => {
      const x = randomF32(k * n, k + n), y = randomF32(k * n, k + n + 1);
      const m = layout({ x: 4 * k * ceil4(n), y: 4 * k * ceil4(n), out: 8 * n + 64 });
      putF32(m.x, toPanels(k, n, x, NaN));
      putF32(m.y, toPanels(k, n, y, 5));
      exports().columnDots(k, n, m.x, m.y, m.out);
      const out = getF64(m.out, n);
      return [
        ...violations(`${k}×${n}`, n, (i) => {
          let exact = 0;
          for (let e = i; e < k * n; e += n) exact += at(x, e) * at(y, e);
          return near(at(out, i), exact, 1e-6 * norm2(x, i, k, n) * norm2(y, i, k, n));
        }),
        ...violations(`${k}×${n} guard`, 1, () => untouched(m.out + 8 * n, 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("does not lose accuracy with length: blocks are added in float64", () => {
    const k = 1 << 16;
    const m = layout({ x: 16 * k, y: 16 * k, out: 8 });
    putF32(m.x, new Float32Array(4 * k).fill(0.1));
    putF32(m.y, new Float32Array(4 * k).fill(1));
    exports().columnDots(k, 1, m.x, m.y, m.out);
    expect(Math.abs(at(getF64(m.out, 1), 0) / (k * f(0.1)) - 1)).toBeLessThan(64 * 2 ** -24);
  });
});

describe("weightedRowSums", () => {
  for (const factors of [1, 2]) {
    it(`adds Σ coefficient·x${factors > 1 ? "·y" : ""} of each row to out`, () => {
      // Sixteen float32 partial sums of at most 3 terms, then float64 and one rounding.
      const wrong = PANEL_SHAPES.flatMap(({ k, n }) => {
        const x = randomF32(k * n, k + n),
          y = randomF32(k * n, k + n + 1),
          c = randomF32(n, 4),
          start = randomF32(k, 5);
        const m = layout({ c: 4 * ceil4(n), x: 4 * k * ceil4(n), y: 4 * k * ceil4(n), out: 4 * k + 64 });
        putF32(m.c, new Float32Array(ceil4(n)));
        putF32(m.c, c);
        putF32(m.x, toPanels(k, n, x, 3));
        putF32(m.y, toPanels(k, n, y, 5));
        putF32(m.out, start);
        exports().weightedRowSums(k, n, m.c, m.x, factors > 1 ? m.y : 0, m.out);
        const out = getF32(m.out, k);
        return [
          ...violations(`${k}×${n}`, k, (r) => {
            let exact = at(start, r), size = Math.abs(exact);
            for (let i = 0; i < n; i++) {
              const term = at(c, i) * at(x, r * n + i) * (factors > 1 ? at(y, r * n + i) : 1);
              exact += term;
              size += Math.abs(term);
            }
            return near(at(out, r), exact, 5 * 6e-8 * size);
          }),
          ...violations(`${k}×${n} guard`, 1, () => untouched(m.out + 4 * k, 16)),
        ];
      });
      expect(wrong).toEqual([]);
    });
  }
});
