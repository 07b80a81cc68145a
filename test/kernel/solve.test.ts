// Cholesky on random positive definite systems, and the inverse of its factor.
//
// S = G Gᵀ/n with G of n × 2n random numbers: eigenvalues between about 0.03 and 2. The solver runs in
// float64, so the residual should be about 1e-16 times the condition number (≤ 100) times √n: 1e-10 is safe.

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
  putF64,
  randomF64,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const RESIDUAL = 1e-10;
const COUNTS = [1, 2, 3, 4, 5, 8, 17, 32, 65, 128];
const DAMPINGS = [1e-6, 1e-3, 0.1, 10];

type System = { readonly n: number; readonly ld: number; readonly s: Float64Array };

/** A matrix given by its entries, with zero padding. */
function matrix(n: number, entry: (i: number, j: number) => number): System {
  const ld = n + (n & 1) + 8;
  const s = new Float64Array((n + (n & 1)) * ld);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) s[i * ld + j] = entry(i, j);
  }
  return { n, ld, s };
}

function positive(n: number, seed: number): System {
  const g = randomF64(2 * n * n, seed);
  const row = (i: number) => g.subarray(2 * n * i, 2 * n * (i + 1));
  return matrix(n, (i, j) => inner(row(i), row(j)) / n);
}

/** ‖r − (S + λI)u‖/‖r‖. */
function residual({ n, ld, s }: System, lambda: number, r: Float64Array, u: Float64Array): number {
  const rest = r.map((v, i) => v - inner(s.subarray(i * ld, i * ld + n), u) - lambda * at(u, i));
  return norm2(rest, 0, n) / norm2(r, 0, n);
}

function place({ n, s }: System, r: Float64Array) {
  const m = layout({ s: s.byteLength, f: s.byteLength, r: 8 * n, u: 8 * n });
  putF64(m.s, s);
  putF64(m.r, r);
  return m;
}

function cholesky(system: System, lambda: number, r: Float64Array) {
  const { n, ld, s } = system;
  const m = place(system, r);
  const pivots = exports().cholesky(n, m.s, m.f, ld, lambda);
  if (pivots === n) exports().choleskySolve(n, m.f, ld, m.r, m.u);
  return { pivots, u: getF64(m.u, n), f: getF64(m.f, s.length), after: getF64(m.s, s.length) };
}

function forAll(check: (system: System, lambda: number, r: Float64Array) => boolean): string[] {
  return COUNTS.flatMap((n) => {
    const system = positive(n, n), r = randomF64(n, n + 1);
    return DAMPINGS.filter((lambda) => !check(system, lambda, r)).map((lambda) => `n ${n} λ ${lambda}`);
  });
}

describe("dot64 and multiply64", () => {
  it("agree with the plain sums", () => {
    // Sums of up to 128 products below 1 in another order: 128 roundings of 1e-16.
    const wrong = COUNTS.flatMap((n) => {
      const system = positive(n, n), x = randomF64(n, 3);
      const m = place(system, x);
      exports().multiply64(n, m.s, system.ld, m.r, m.u);
      const y = getF64(m.u, n);
      return [
        ...violations(`multiply64 n ${n}`, n, (i) => {
          return near(at(y, i), inner(system.s.subarray(i * system.ld, i * system.ld + n), x), 1e-13);
        }),
        ...violations(`dot64 n ${n}`, 1, () => near(exports().dot64(n, m.r, m.r), inner(x, x), 1e-13)),
      ];
    });
    expect(wrong).toEqual([]);
  });
});

describe("cholesky", () => {
  it("solves (S + λI)u = r", () => {
    const wrong = forAll((system, lambda, r) => {
      const { pivots, u } = cholesky(system, lambda, r);
      return pivots === system.n && residual(system, lambda, r, u) < RESIDUAL;
    });
    expect(wrong).toEqual([]);
  });

  it("gives the upper factor: FᵀF = S + λI", () => {
    const wrong = forAll((system, lambda, r) => {
      const { n, ld, s } = system;
      const { f } = cholesky(system, lambda, r);
      const column = (j: number, k: number) => Float64Array.from({ length: k }, (_, i) => at(f, i * ld + j));
      return violations("FᵀF", n * n, (e) => {
        const i = Math.floor(e / n), j = e % n, k = Math.min(i, j) + 1;
        const product = inner(column(i, k), column(j, k));
        return near(product, at(s, i * ld + j) + (i === j ? lambda : 0), 1e-13 * (1 + lambda));
      }).length === 0;
    });
    expect(wrong).toEqual([]);
  });

  it("does not let what lies beyond the matrix in", () => {
    const clean = positive(17, 1), r = randomF64(17, 2);
    const dirty = { ...clean, s: clean.s.map((v, e) => e % clean.ld < 17 && e < 17 * clean.ld ? v : NaN) };
    expect([...cholesky(dirty, 0.1, r).u]).toEqual([...cholesky(clean, 0.1, r).u]);
  });

  it("leaves S unchanged, so that another λ can be tried", () => {
    const system = positive(17, 1);
    expect([...cholesky(system, 0.1, randomF64(17, 2)).after]).toEqual([...system.s]);
  });

  it("returns the index of the first pivot that is not positive", () => {
    const wrong = [1, 2, 3, 4, 5, 8, 17].flatMap((n) =>
      violations(`n ${n}`, n, (bad) => {
        const system = matrix(n, (i, j) => i !== j ? 0 : i === bad ? -1 : 2);
        return cholesky(system, 0.5, new Float64Array(n)).pivots === bad;
      })
    );
    expect(wrong).toEqual([]);
  });

  it("fails at the second pivot of [[1, 2], [2, 1]], and at the first that is NaN", () => {
    expect(cholesky(matrix(2, (i, j) => i === j ? 1 : 2), 0, new Float64Array(2)).pivots).toBe(1);
    expect(cholesky(matrix(3, (i, j) => i === j ? NaN : 0), 1, new Float64Array(3)).pivots).toBe(0);
  });

  it("fails on a zero matrix without damping and solves it with damping", () => {
    const zero = matrix(5, () => 0), r = randomF64(5, 3);
    expect(cholesky(zero, 0, r).pivots).toBe(0);
    expect(residual(zero, 0.5, r, cholesky(zero, 0.5, r).u)).toBeLessThan(RESIDUAL);
  });
});

/** scale·F⁻ᵀ, row-major, by plain forward substitution: column by column, from the top. */
function inverse({ n, ld }: System, f: Float64Array, scale: number): Float64Array {
  const x = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let rest = i === j ? scale : 0;
      for (let k = j; k < i; k++) rest -= at(f, k * ld + i) * at(x, k * n + j);
      x[i * n + j] = rest / at(f, i * ld + i);
    }
  }
  return x;
}

describe("triangularInverse", () => {
  it("gives scale·F⁻ᵀ, the bits of the plain substitution, and in float32, zero elsewhere, and nothing beyond", () => {
    const wrong = forAll((system, lambda, r) => {
      const { n, ld, s } = system, width = ceil4(n), scale = 1 + Math.abs(at(r, 0));
      const m = layout({ s: s.byteLength, f: s.byteLength, x: s.byteLength, out: 4 * width ** 2, guard: 64 });
      putF64(m.s, s);
      if (exports().cholesky(n, m.s, m.f, ld, lambda) !== n) return false;
      const expected = inverse(system, getF64(m.f, s.length), scale);
      exports().triangularInverse(n, m.f, ld, scale, m.x, m.out);
      const out = getF32(m.out, width ** 2), x = getF64(m.x, s.length);
      exports().triangularInverse(n, m.f, ld, scale, m.x, 0);
      const again = getF64(m.x, s.length);
      return untouched(m.guard, 16) && violations("", width ** 2, (e) => {
            const i = Math.floor(e / width), j = e % width, value = i < n && j <= i ? at(expected, i * n + j) : 0;
            if (i < n && j < n && (at(x, i * ld + j) !== value || at(again, i * ld + j) !== value)) return false;
            return at(out, e) === Math.fround(value);
          }).length === 0;
    });
    expect(wrong).toEqual([]);
  });
});
