// Gram matrices in panels and the whitened system against float64.
//
// Tolerance of a Gram entry: 1e-6·√k·(‖xᵢ‖‖xⱼ‖ + |fill|), a float32 sum of k products; see
// kernel_products.test.ts. `whiten` computes in float64 from its inputs: a few roundings of 1e-16 each.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  getF64,
  inner,
  layout,
  near,
  norm2,
  panelIndex,
  putF32,
  putF64,
  random,
  randomF32,
  randomF64,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const TOLERANCE = 1e-6;
const WHITEN_TOLERANCE = 1e-14;
const COUNTS = [1, 2, 3, 4, 5, 8, 12, 15, 16, 17, 20, 33, 48, 50];
const DEPTHS = [1, 3, 16, 257, 300];

/** X·Xᵀ + fill of a row-major n × k matrix by the kernel: the panels, computed in the given order. */
function gram(n: number, k: number, x: Float32Array, fill: number, mirrored: boolean, backwards = false) {
  const rows = ceil4(n);
  const m = layout({ x: 4 * n * k, panels: 4 * k * rows, out: 4 * rows * rows, guard: 64 });
  putF32(m.x, x);
  exports().packTransposed(m.x, n, k, m.panels);
  putF32(m.out, new Float32Array(rows * rows).fill(fill));
  const starts = Array.from({ length: Math.ceil(n / 16) }, (_, p) => 16 * p);
  for (const j of backwards ? starts.reverse() : starts) exports().gramPanel(j, n, k, m.panels, m.out);
  if (mirrored) exports().mirror(n, m.out);
  return { out: getF32(m.out, rows * rows), guarded: untouched(m.guard, 16) };
}

function checkGram(n: number, k: number, fill: number): string[] {
  const x = randomF32(n * k, 100 * n + k);
  const { out, guarded } = gram(n, k, x, fill, true);
  const label = `n ${n} k ${k} fill ${fill}`;
  return [
    ...violations(label, n * n, (e) => {
      const i = Math.floor(e / n), j = e % n;
      const exact = fill + inner(x.subarray(i * k, (i + 1) * k), x.subarray(j * k, (j + 1) * k));
      const size = norm2(x, i * k, k) * norm2(x, j * k, k) + fill;
      return near(at(out, panelIndex(ceil4(n), ceil4(n), i, j)), exact, TOLERANCE * Math.sqrt(k) * size);
    }),
    ...(guarded ? [] : [`${label}: guard`]),
  ];
}

function forAll(check: (n: number, k: number) => string[]): string[] {
  return COUNTS.flatMap((n) => DEPTHS.flatMap((k) => check(n, k)));
}

describe("gramPanel and mirror", () => {
  it("give X·Xᵀ from zeros", () => {
    expect(forAll((n, k) => checkGram(n, k, 0))).toEqual([]);
  });

  it("give X·Xᵀ + 1 from ones: a bias", () => {
    expect(forAll((n, k) => checkGram(n, k, 1))).toEqual([]);
  });

  it("give an exactly symmetric matrix", () => {
    const wrong = forAll((n, k) => {
      const { out } = gram(n, k, randomF32(n * k, n + k), 0, true);
      const rows = ceil4(n);
      return violations(`n ${n} k ${k}`, rows * rows, (e) => {
        const i = Math.floor(e / rows), j = e % rows;
        return at(out, panelIndex(rows, rows, i, j)) === at(out, panelIndex(rows, rows, j, i));
      });
    });
    expect(wrong).toEqual([]);
  });

  it("keep the unused rows and columns zero", () => {
    const wrong = forAll((n, k) => {
      const { out } = gram(n, k, randomF32(n * k, n + k), 0, true);
      const rows = ceil4(n);
      return violations(`n ${n} k ${k}`, rows * rows, (e) => {
        const i = Math.floor(e / rows), j = e % rows;
        return (i < n && j < n) || at(out, panelIndex(rows, rows, i, j)) === 0;
      });
    });
    expect(wrong).toEqual([]);
  });

  it("give the same bits in whatever order the panels are computed", () => {
    const n = 50, k = 300;
    const x = randomF32(n * k, 4);
    expect([...gram(n, k, x, 1, true, true).out]).toEqual([...gram(n, k, x, 1, true).out]);
  });

  it("gramPanel leaves the panels below the diagonal alone", () => {
    const n = 50, rows = ceil4(n);
    const { out } = gram(n, 3, randomF32(n * 3, 5), 7, false);
    const wrong = violations("below", rows * rows, (e) => {
      const i = Math.floor(e / rows), j = e % rows;
      return Math.floor(i / 16) <= Math.floor(j / 16) || at(out, panelIndex(rows, rows, i, j)) === 7;
    });
    expect(wrong).toEqual([]);
  });
});

/** A symmetric matrix in panels, NaN below the diagonal. */
function upper(n: number, seed: number): Float32Array {
  const rows = ceil4(n);
  const next = random(seed);
  const out = new Float32Array(rows * rows).fill(NaN);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) out[panelIndex(rows, rows, i, j)] = next() * 2;
  }
  return out;
}

function whiten(n: number, normalised = true) {
  const rows = ceil4(n), ld = n + (n & 1) + 8;
  const k = upper(n, n);
  const sum = randomF32(n, n + 2).map((v) => 2 + v), w = randomF64(n, n + 3).map((v) => v * 0.5);
  const bytes = 8 * n;
  const m = layout({
    k: 4 * rows * rows,
    sum: 4 * n,
    w: bytes,
    s: 8 * n * ld,
    guard: 64,
    diagonal: bytes + 64,
    work: bytes + 64,
  });
  putF32(m.k, k);
  if (normalised) putF32(m.sum, sum);
  putF64(m.w, w);
  exports().whiten(n, m.k, normalised ? m.sum : 0, m.w, m.s, ld, m.diagonal, m.work);
  const entry = (i: number, j: number) => {
    const value = at(k, panelIndex(rows, rows, Math.min(i, j), Math.max(i, j)));
    return normalised ? value / (at(sum, i) * at(sum, j)) : value;
  };
  const guarded = [m.guard, m.diagonal + bytes, m.work + bytes].every((address) => untouched(address, 16));
  return { ld, w, entry, s: getF64(m.s, n * ld), diagonal: getF64(m.diagonal, n), guarded };
}

describe("whiten", () => {
  for (const normalised of [true, false]) {
    const scaling = normalised ? "diag(w/Σ)" : "diag(w)";

    it(`gives ${scaling} K ${scaling} in both triangles from the upper one`, () => {
      const wrong = COUNTS.flatMap((n) => {
        const { ld, w, entry, s } = whiten(n, normalised);
        return violations(`n ${n}`, n * n, (e) => {
          const i = Math.floor(e / n), j = e % n;
          const exact = at(w, i) * entry(i, j) * at(w, j);
          return near(at(s, i * ld + j), exact, WHITEN_TOLERANCE * Math.abs(exact));
        });
      });
      expect(wrong).toEqual([]);
    });

    it(`gives the diagonal of K ${normalised ? "over Σ²" : "as it is"}, without the weights`, () => {
      const wrong = COUNTS.flatMap((n) => {
        const { entry, diagonal } = whiten(n, normalised);
        return violations(`n ${n}`, n, (i) => {
          return near(at(diagonal, i), entry(i, i), WHITEN_TOLERANCE * Math.abs(entry(i, i)));
        });
      });
      expect(wrong).toEqual([]);
    });
  }

  it("gives an exactly symmetric matrix and writes nothing beside it", () => {
    const wrong = COUNTS.flatMap((n) => {
      const { ld, s, guarded } = whiten(n);
      return [
        ...violations(`n ${n}`, n * ld, (e) => {
          const i = Math.floor(e / ld), j = e % ld;
          return j < n ? at(s, e) === at(s, j * ld + i) : Number.isNaN(at(s, e));
        }),
        ...(guarded ? [] : [`n ${n}: guard`]),
      ];
    });
    expect(wrong).toEqual([]);
  });
});
