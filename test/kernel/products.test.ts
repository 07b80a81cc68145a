// Products against float64.
//
// Tolerance: a float32 sum of k products errs by at most k·u·Σ|ab| (u = 6e-8) and, its roundings being as
// good as random, by about √k·u·Σ|ab|; Σ|ab| ≤ ‖row‖‖column‖ (Cauchy-Schwarz). 1e-6·√k times those norms
// leaves a factor of 16. The initial C takes part in the same sum: its size is added to the norms.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  layout,
  near,
  norm2,
  panelIndex,
  putF32,
  randomF32,
  type Shape,
  SHAPES,
  toPanels,
  transpose,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const TOLERANCE = 1e-6;
type Problem = Shape & {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
  /** C + A·B in float64, and what each entry may err. */
  readonly expected: Float64Array;
  readonly bound: Float64Array;
};

function problem(shape: Shape, seed: number): Problem {
  const { m, n, k } = shape;
  const a = randomF32(m * k, seed), b = randomF32(k * n, seed + 1), c = randomF32(m * n, seed + 2, 3);
  const expected = new Float64Array(m * n), bound = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = at(c, i * n + j);
      for (let l = 0; l < k; l++) sum += at(a, i * k + l) * at(b, l * n + j);
      expected[i * n + j] = sum;
      const size = norm2(a, i * k, k) * norm2(b, j, k, n) + Math.abs(at(c, i * n + j));
      bound[i * n + j] = TOLERANCE * Math.sqrt(k) * size;
    }
  }
  return { ...shape, a, b, c, expected, bound };
}

/** Rows of `width` numbers spread to `ld` numbers a row, NaN between. */
function spread(x: Float32Array, width: number, ld: number): Float32Array {
  const rows = x.length / width;
  const out = new Float32Array(rows * ld).fill(NaN);
  for (let i = 0; i < rows; i++) out.set(x.subarray(i * width, (i + 1) * width), i * ld);
  return out;
}

/** How B is packed: by either kernel, or here with unused lanes that are not zero. */
type Packing = "rows" | "transposed" | "dirty";

type Options = { readonly from: number; readonly to: number; readonly gap: number; readonly packing: Packing };

function pack({ n, k, b }: Problem, packing: Packing, raw: number, out: number): void {
  if (packing === "dirty") putF32(out, toPanels(k, n, b, 5));
  else if (packing === "rows") {
    putF32(raw, b);
    exports().packRows(raw, k, n, out);
  } else {
    putF32(raw, transpose(k, n, b));
    exports().packTransposed(raw, n, k, out);
  }
}

/** Negative zeros guard C: even adding 0 to one changes it, whereas NaN + 0 keeps its bits. */
function isGuard(address: number, floats: number): boolean {
  return getF32(address, floats).every((v) => Object.is(v, -0));
}

/** Runs `product` and says what is wrong with C: values, rows outside [from, to), bytes between rows and after. */
function checkProduct(p: Problem, { from, to, gap, packing }: Options): string[] {
  const { m, n, k, a, c } = p;
  const lda = k + gap, ldc = n + gap;
  const mem = layout({ a: 4 * m * lda, raw: 4 * k * n, b: 4 * k * ceil4(n), c: 4 * m * ldc, guard: 256 });
  putF32(mem.a, spread(a, k, lda));
  pack(p, packing, mem.raw, mem.b);
  putF32(mem.c, new Float32Array((mem.guard - mem.c) / 4 + 64).fill(-0));
  for (let i = 0; i < m; i++) putF32(mem.c + 4 * i * ldc, c.subarray(i * n, (i + 1) * n));
  exports().product(from, to, n, k, mem.a, lda, mem.b, mem.c, ldc);
  const label = `${m}×${k}·${k}×${n} rows [${from}, ${to}) gap ${gap}`;
  const out = getF32(mem.c, m * ldc);
  return [
    ...violations(label, m * n, (e) => {
      const i = Math.floor(e / n), j = e % n;
      const value = at(out, i * ldc + j);
      if (i < from || i >= to) return value === at(c, e);
      return near(value, at(p.expected, e), at(p.bound, e));
    }),
    ...violations(`${label}: between rows`, m, (i) => isGuard(mem.c + 4 * (i * ldc + n), gap)),
    ...violations(`${label}: after C`, 1, () => isGuard(mem.c + 4 * m * ldc, (-m * ldc) & 15)),
    ...violations(`${label}: guard`, 1, () => isGuard(mem.guard, 64)),
  ];
}

/** Runs `productPanels` on rows [from, to) and says what is wrong with C, its unused lanes and its guard. */
function checkPanels(p: Problem, from: number, to: number): string[] {
  const { m, n, k } = p;
  const mem = layout({ a: 4 * m * k, b: 4 * k * ceil4(n), c: 4 * m * ceil4(n), guard: 256, out: 4 * m * n });
  putF32(mem.a, p.a);
  putF32(mem.b, toPanels(k, n, p.b));
  putF32(mem.c, toPanels(m, n, p.c));
  exports().productPanels(from, to, m, n, k, mem.a, k, mem.b, mem.c);
  const label = `panels ${m}×${k}·${k}×${n} rows [${from}, ${to})`;
  const c = getF32(mem.c, m * ceil4(n));
  const used = new Set<number>();
  for (let e = 0; e < m * n; e++) used.add(panelIndex(m, n, Math.floor(e / n), e % n));
  exports().unpackTransposed(mem.c, m, n, 0, mem.out);
  const rows = transpose(n, m, getF32(mem.out, m * n));
  return [
    ...violations(label, m * n, (e) => {
      const i = Math.floor(e / n);
      if (i < from || i >= to) return at(rows, e) === at(p.c, e);
      return near(at(rows, e), at(p.expected, e), at(p.bound, e));
    }),
    ...violations(`${label}: unused lane`, c.length, (e) => used.has(e) || at(c, e) === 0),
    ...violations(`${label}: guard`, 1, () => untouched(mem.guard, 64)),
  ];
}

function forAllShapes(check: (p: Problem) => string[]): string[] {
  return SHAPES.flatMap((shape, i) => check(problem(shape, 10 * i + 1)));
}

describe("product", () => {
  it("adds A·B to C, touching nothing else", () => {
    expect(forAllShapes((p) => checkProduct(p, { from: 0, to: p.m, gap: 0, packing: "rows" }))).toEqual([]);
  });

  it("adds A·Xᵀ to C with X packed transposed", () => {
    expect(forAllShapes((p) => checkProduct(p, { from: 0, to: p.m, gap: 0, packing: "transposed" }))).toEqual([]);
  });

  it("ignores what lies in the unused lanes of B", () => {
    expect(forAllShapes((p) => checkProduct(p, { from: 0, to: p.m, gap: 0, packing: "dirty" }))).toEqual([]);
    expect(forAllShapes((p) => checkProduct(p, { from: 0, to: p.m, gap: 1, packing: "dirty" }))).toEqual([]);
  });

  it("respects leading dimensions, also odd ones", () => {
    expect(forAllShapes((p) => checkProduct(p, { from: 0, to: p.m, gap: 3, packing: "rows" }))).toEqual([]);
  });

  it("computes a range of rows and leaves the other rows alone", () => {
    const wrong = forAllShapes((p) => {
      const from = Math.floor(p.m / 3), to = p.m - Math.floor(p.m / 4);
      return checkProduct(p, { from, to, gap: 1, packing: "rows" });
    });
    expect(wrong).toEqual([]);
  });

  it("does nothing for an empty range of rows", () => {
    expect(forAllShapes((p) => checkProduct(p, { from: 1, to: 1, gap: 0, packing: "rows" }))).toEqual([]);
  });

  it("gives the same bits whether rows are computed at once or in two ranges that start even", () => {
    const p = problem({ m: 33, n: 31, k: 600 }, 7);
    const m = layout({ a: 4 * 33 * 600, b: 4 * 600 * 32, one: 4 * 33 * 31, two: 4 * 33 * 31 });
    putF32(m.a, p.a);
    putF32(m.b, toPanels(600, 31, p.b));
    putF32(m.one, p.c);
    putF32(m.two, p.c);
    exports().product(0, 33, 31, 600, m.a, 600, m.b, m.one, 31);
    exports().product(12, 33, 31, 600, m.a, 600, m.b, m.two, 31);
    exports().product(0, 12, 31, 600, m.a, 600, m.b, m.two, 31);
    expect([...getF32(m.two, 33 * 31)]).toEqual([...getF32(m.one, 33 * 31)]);
  });
});

describe("productPanels", () => {
  it("adds A·B to a C in panels, keeping unused lanes zero and touching nothing after", () => {
    expect(forAllShapes((p) => checkPanels(p, 0, p.m))).toEqual([]);
  });

  it("computes a range of rows and leaves the other rows alone", () => {
    expect(forAllShapes((p) => checkPanels(p, Math.floor(p.m / 3), p.m - Math.floor(p.m / 4)))).toEqual([]);
  });

  it("leaves C ready to be the packed operand of the next product", () => {
    const m = 17, n = 10, k = 5, rows = 3;
    const p = problem({ m, n, k }, 5);
    const left = randomF32(rows * m, 9);
    const mem = layout({ a: 4 * m * k, b: 4 * k * 12, c: 4 * m * 12, left: 4 * rows * m, out: 4 * rows * n });
    putF32(mem.a, p.a);
    putF32(mem.b, toPanels(k, n, p.b));
    putF32(mem.c, toPanels(m, n, p.c));
    putF32(mem.left, left);
    putF32(mem.out, new Float32Array(rows * n));
    exports().productPanels(0, m, m, n, k, mem.a, k, mem.b, mem.c);
    exports().product(0, rows, n, m, mem.left, m, mem.c, mem.out, n);
    const out = getF32(mem.out, rows * n);
    const wrong = violations("chained", rows * n, (e) => {
      const i = Math.floor(e / n), j = e % n;
      let sum = 0, bound = 0;
      for (let l = 0; l < m; l++) {
        sum += at(left, i * m + l) * at(p.expected, l * n + j);
        bound += Math.abs(at(left, i * m + l)) * at(p.bound, l * n + j);
      }
      bound += TOLERANCE * Math.sqrt(m) * norm2(left, i * m, m) * norm2(p.expected, j, m, n);
      return near(at(out, e), sum, bound);
    });
    expect(wrong).toEqual([]);
  });
});

/** Runs `productTransposedPanels` on rows [from, to) of Aᵀ stored with a gap, and says what is wrong with C. */
function checkTransposed(p: Problem, from: number, to: number, gap: number): string[] {
  const { m, n, k } = p, lda = m + gap;
  const mem = layout({ a: 4 * k * lda, b: 4 * k * ceil4(n), c: 4 * m * ceil4(n), guard: 256 });
  putF32(mem.a, spread(transpose(m, k, p.a), m, lda));
  putF32(mem.b, toPanels(k, n, p.b));
  putF32(mem.c, toPanels(m, n, p.c));
  exports().productTransposedPanels(from, to, m, n, k, mem.a, lda, mem.b, mem.c);
  const label = `transposed ${m}×${k}·${k}×${n} rows [${from}, ${to}) gap ${gap}`;
  const c = getF32(mem.c, m * ceil4(n));
  const used = new Set<number>();
  for (let e = 0; e < m * n; e++) used.add(panelIndex(m, n, Math.floor(e / n), e % n));
  return [
    ...violations(label, m * n, (e) => {
      const i = Math.floor(e / n), value = at(c, panelIndex(m, n, i, e % n));
      if (i < from || i >= to) return value === at(p.c, e);
      return near(value, at(p.expected, e), at(p.bound, e));
    }),
    ...violations(`${label}: unused lane`, c.length, (e) => used.has(e) || at(c, e) === 0),
    ...violations(`${label}: guard`, 1, () => untouched(mem.guard, 64)),
  ];
}

describe("productTransposedPanels", () => {
  it("adds Aᵀ·B to a C in panels, keeping unused lanes zero and touching nothing after", () => {
    expect(forAllShapes((p) => checkTransposed(p, 0, p.m, 0))).toEqual([]);
  });

  it("respects a leading dimension", () => {
    expect(forAllShapes((p) => checkTransposed(p, 0, p.m, 3))).toEqual([]);
  });

  it("computes a range of rows and leaves the other rows alone", () => {
    const ranges: ((m: number) => [number, number])[] = [
      (m) => [Math.floor(m / 3), m - Math.floor(m / 4)],
      (m) => [m - 1, m],
      (m) => [Math.floor(m / 2), Math.floor(m / 2)],
    ];
    expect(ranges.flatMap((range) => forAllShapes((p) => checkTransposed(p, ...range(p.m), 0)))).toEqual([]);
  });

  it("gives the same bits as productPanels with A transposed beforehand", () => {
    const wrong = forAllShapes((p) => {
      const { m, n, k } = p;
      const mem = layout({
        a: 4 * m * k,
        t: 4 * m * k,
        b: 4 * k * ceil4(n),
        one: 4 * m * ceil4(n),
        two: 4 * m * ceil4(n),
      });
      putF32(mem.a, p.a);
      putF32(mem.t, transpose(m, k, p.a));
      putF32(mem.b, toPanels(k, n, p.b));
      putF32(mem.one, toPanels(m, n, p.c));
      putF32(mem.two, toPanels(m, n, p.c));
      exports().productPanels(0, m, m, n, k, mem.a, k, mem.b, mem.one);
      exports().productTransposedPanels(0, m, m, n, k, mem.t, m, mem.b, mem.two);
      const one = getF32(mem.one, m * ceil4(n)), two = getF32(mem.two, m * ceil4(n));
      return violations(`${m}×${k}·${k}×${n}`, one.length, (e) => at(one, e) === at(two, e));
    });
    expect(wrong).toEqual([]);
  });
});
