// The softmax curvature product against float64.
//
// Tolerance: t̄ is a float32 sum of up to 300 terms in blocks, divided and subtracted: 1e-6 times the sizes of
// the terms of an entry, |t|, |t̄| and the part that the true class adds.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  layout,
  near,
  panelIndex,
  putF32,
  putF64,
  putU32,
  randomF32,
  randomF64,
  toPanels,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const TOLERANCE = 1e-6;
const SHAPES = [1, 3, 4, 15, 16, 17, 33].flatMap((n) => [2, 7, 64, 300].map((classes) => ({ n, classes })));

type Case = {
  readonly n: number;
  readonly classes: number;
  /** e^{f − max} over the competitors, −sum at the true class; row-major. */
  readonly e: Float32Array;
  readonly y: Uint32Array;
  readonly sum: Float32Array;
  /** p of the true class and the weight α of each example. */
  readonly p: Float64Array;
  readonly alpha: Float64Array;
};

/** Random logits; the true class has a probability of its own, so that it can be as sure as one likes. */
function makeCase(n: number, classes: number, sure = 0): Case {
  const f = randomF32(n * classes, n + classes, 4), e = new Float32Array(n * classes);
  const y = Uint32Array.from({ length: ceil4(n) }, (_, i) => i < n ? (i * 5 + 1) % classes : 0);
  const sum = new Float32Array(ceil4(n)).fill(1), p = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let total = 0;
    for (let k = 0; k < classes; k++) {
      if (k === at(y, i)) continue;
      const value = Math.fround(Math.exp(at(f, k * n + i) - 4));
      e[k * n + i] = value;
      total += value;
    }
    sum[i] = total;
    e[at(y, i) * n + i] = -at(sum, i);
    p[i] = 1 / (1 + Math.exp(-sure - at(f, at(y, i) * n + i)));
  }
  return { n, classes, e, y, sum, p, alpha: randomF64(n, n).map((v) => 1.5 + v) };
}

function product({ n, classes, e, y, sum, p, alpha }: Case, t: Float32Array, unused = 2) {
  const width = ceil4(n);
  const m = layout({
    e: 4 * classes * width,
    y: 4 * width,
    sum: 4 * width,
    kept: 8 * n,
    dropped: 8 * n,
    t: 4 * classes * width,
    guard: 64,
  });
  putF32(m.e, toPanels(classes, n, e, unused));
  putU32(m.y, y);
  putF32(m.sum, sum);
  putF64(m.kept, alpha.map((a, i) => a * at(p, i) * (1 - at(p, i))));
  putF64(m.dropped, alpha.map((a, i) => a * (1 - at(p, i))));
  putF32(m.t, toPanels(classes, n, t, unused));
  exports().curvatureProduct(classes, n, m.e, m.y, m.sum, m.kept, m.dropped, m.t);
  const panels = getF32(m.t, classes * width);
  const rows = Float32Array.from(
    { length: classes * n },
    (_, i) => at(panels, panelIndex(classes, n, Math.floor(i / n), i % n)),
  );
  return { rows, panels, guarded: untouched(m.guard, 16) };
}

/** α(diag(π) − π πᵀ)t of example i in float64, from the probabilities alone, and the sizes of its terms. */
function hessian({ n, classes, e, y, sum, p, alpha }: Case, t: Float32Array, i: number) {
  const own = at(y, i), s = 1 - at(p, i);
  const pi = Float64Array.from(
    { length: classes },
    (_, k) => k === own ? at(p, i) : (s * at(e, k * n + i)) / at(sum, i),
  );
  let mean = 0, rise = 0, size = 0; // rise = t_y − mean without the cancellation at p = 1
  for (let k = 0; k < classes; k++) {
    mean += at(pi, k) * at(t, k * n + i);
    rise += at(pi, k) * (at(t, own * n + i) - at(t, k * n + i));
    size = Math.max(size, Math.abs(at(t, k * n + i)));
  }
  return {
    values: pi.map((v, k) => at(alpha, i) * v * (k === own ? rise : at(t, k * n + i) - mean)),
    // The split multiplies q by dropped·(t − t̄) and by kept·τ, each at most α s·2|t|; the true class by α p s.
    bounds: pi.map((v, k) => TOLERANCE * at(alpha, i) * size * 4 * (k === own ? at(p, i) * s : v)),
  };
}

function forAll(check: (c: Case, t: Float32Array) => string[], sure = 0): string[] {
  return SHAPES.flatMap(({ n, classes }) => check(makeCase(n, classes, sure), randomF32(n * classes, 3)));
}

describe("curvatureProduct", () => {
  for (const sure of [0, 12, -12, 36]) {
    it(`multiplies by the Hessian of the softmax loss, the true logit raised by ${sure}`, () => {
      const wrong = forAll((c, t) => {
        const { rows, guarded } = product(c, t);
        const label = `${c.classes}×${c.n}`;
        const exact = Array.from({ length: c.n }, (_, i) => hessian(c, t, i));
        return [
          ...violations(label, c.classes * c.n, (e) => {
            const example = exact[e % c.n], k = Math.floor(e / c.n);
            return example !== undefined && near(at(rows, e), at(example.values, k), at(example.bounds, k));
          }),
          ...(guarded ? [] : [`${label} guard`]),
        ];
      }, sure);
      expect(wrong).toEqual([]);
    });
  }

  it("is symmetric and not negative: ⟨u, H t⟩ = ⟨t, H u⟩, ⟨t, H t⟩ ≥ 0", () => {
    const wrong = forAll((c, t) => {
      const u = randomF32(t.length, 9);
      const ht = product(c, t).rows, hu = product(c, u).rows;
      return violations(`${c.classes}×${c.n}`, c.n, (i) => {
        let left = 0, right = 0, square = 0, size = 0;
        for (let e = i; e < t.length; e += c.n) {
          left += at(u, e) * at(ht, e);
          right += at(t, e) * at(hu, e);
          square += at(t, e) * at(ht, e);
          size += Math.abs(at(u, e) * at(ht, e)) + Math.abs(at(t, e) * at(hu, e)) + Math.abs(at(t, e) * at(ht, e));
        }
        // Entries err by 1e-6 of the larger ones of a column: its weight, α ≤ 2.5 and Σ q = 1.
        return near(left, right, 4 * TOLERANCE * (2.5 + size)) && square >= -4 * TOLERANCE * (2.5 + size);
      });
    });
    expect(wrong).toEqual([]);
  });

  it("sends a constant to zero, and sums to zero over the classes", () => {
    const wrong = forAll((c, t) => {
      const flat = product(c, new Float32Array(t.length).fill(8)).rows, { rows } = product(c, t);
      return [
        ...violations(`${c.classes}×${c.n} constant`, t.length, (e) => Math.abs(at(flat, e)) <= TOLERANCE * 8 * 2.5),
        ...violations(`${c.classes}×${c.n} sum`, c.n, (i) => {
          let total = 0;
          for (let e = i; e < rows.length; e += c.n) total += at(rows, e);
          return Math.abs(total) <= TOLERANCE * 4 * 2.5;
        }),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("leaves finite numbers in unused lanes: zeros", () => {
    for (const { n, classes } of SHAPES) {
      const { panels } = product(makeCase(n, classes), randomF32(n * classes, 3));
      const used = new Set(
        Array.from({ length: n * classes }, (_, e) => panelIndex(classes, n, Math.floor(e / n), e % n)),
      );
      expect([...panels].filter((v, i) => !used.has(i) && v !== 0)).toEqual([]);
    }
  });

  it("is zero, not subnormal, for an example without weight or without doubt", () => {
    const c = makeCase(17, 7), t = randomF32(17 * 7, 3);
    for (const weight of [0, 1e-45, 1e-300]) {
      const { rows } = product({ ...c, alpha: new Float64Array(17).fill(weight) }, t);
      expect(rows.every((v) => v === 0)).toBe(true);
    }
    expect(product({ ...c, p: new Float64Array(17).fill(1) }, t).rows.every((v) => v === 0)).toBe(true);
  });

  it("ignores the sums of unused lanes", () => {
    const c = makeCase(3, 7), sum = c.sum.slice();
    sum[3] = 0;
    expect(product({ ...c, sum }, randomF32(21, 3)).panels.every(Number.isFinite)).toBe(true);
  });
});
