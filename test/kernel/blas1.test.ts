// Vector operations.
//
// The default kernel fuses nothing: elementwise results are compared bit for bit with float32 arithmetic.

import { describe, expect, it } from "vitest";
import {
  at,
  exports,
  getF32,
  getF64,
  inner,
  layout,
  near,
  norm2,
  putF32,
  putF64,
  randomF32,
  randomF64,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 100, 255, 256, 257, 259, 260, 1000];
const f = Math.fround;

function pair(x: Float32Array, y: Float32Array) {
  const m = layout({ x: x.byteLength, y: y.byteLength, guard: 64 });
  putF32(m.x, x);
  putF32(m.y, y);
  return m;
}

describe("dot", () => {
  it("agrees with float64", () => {
    // Four partial sums of 64 terms in float32: √64·6e-8·Σ|xy| by random rounding, and Σ|xy| ≤ ‖x‖‖y‖.
    const wrong = LENGTHS.filter((n) => {
      const x = randomF32(n, n + 1), y = randomF32(n, n + 2);
      const m = pair(x, y);
      return !near(exports().dot(n, m.x, m.y), inner(x, y), 1e-6 * norm2(x, 0, n) * norm2(y, 0, n));
    });
    expect(wrong).toEqual([]);
  });

  it("does not lose accuracy with length: blocks are added in float64", () => {
    const n = 1 << 20;
    const x = new Float32Array(n).fill(0.1), y = new Float32Array(n).fill(1);
    const m = pair(x, y);
    expect(Math.abs(exports().dot(n, m.x, m.y) / (n * f(0.1)) - 1)).toBeLessThan(64 * 2 ** -24);
  });
});

describe("norm", () => {
  it("agrees with float64 whatever the size of the entries", () => {
    // Squares of float32 numbers are exact in float64: up to 1000 roundings of 1e-16.
    for (const scale of [1e-38, 1e-30, 1, 1e30, 3e38]) {
      const wrong = LENGTHS.filter((n) => {
        const x = randomF32(n, n + 1, scale);
        const expected = norm2(x, 0, n);
        return !near(exports().norm(n, pair(x, x).x), expected, 1e-13 * expected);
      });
      expect(wrong).toEqual([]);
    }
  });

  it("keeps small entries beside large ones", () => {
    const x = Float32Array.of(1, 1e-7, 1e-7, 1e-7, 1e-7);
    expect(exports().norm(5, pair(x, x).x)).toBeLessThan(1 + 3e-14);
    expect(exports().norm(5, pair(x, x).x)).toBeGreaterThan(1 + 1e-14);
  });
});

describe("axpy and scale", () => {
  it("axpy adds a·x to y and touches nothing else", () => {
    const wrong = LENGTHS.flatMap((n) => {
      const x = randomF32(n, n + 1), y = randomF32(n, n + 2);
      const m = pair(x, y);
      exports().axpy(n, 0.3, m.x, m.y);
      const out = getF32(m.y, n);
      return [
        ...violations(`n ${n}`, n, (i) => at(out, i) === f(at(y, i) + f(f(0.3) * at(x, i)))),
        ...violations(`n ${n} guard`, 1, () => untouched(m.y + 4 * n, (-n & 15) + 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("scale multiplies x by a and touches nothing else", () => {
    const wrong = LENGTHS.flatMap((n) => {
      const x = randomF32(n, n + 1);
      const m = pair(new Float32Array(0), x);
      exports().scale(n, -1.7, m.y);
      const out = getF32(m.y, n);
      return [
        ...violations(`n ${n}`, n, (i) => at(out, i) === f(f(-1.7) * at(x, i))),
        ...violations(`n ${n} guard`, 1, () => untouched(m.y + 4 * n, (-n & 15) + 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });
});

describe("scaleAdd and multiplyAdd", () => {
  it("scaleAdd gives x + beta·y in y and touches nothing else", () => {
    const wrong = LENGTHS.flatMap((n) => {
      const x = randomF32(n, n + 1), y = randomF32(n, n + 2);
      const m = pair(x, y);
      exports().scaleAdd(n, 0.3, m.x, m.y);
      const out = getF32(m.y, n);
      return [
        ...violations(`n ${n}`, n, (i) => at(out, i) === f(at(x, i) + f(f(0.3) * at(y, i)))),
        ...violations(`n ${n} guard`, 1, () => untouched(m.y + 4 * n, (-n & 15) + 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("multiplyAdd adds x∘y to out and touches nothing else", () => {
    const wrong = LENGTHS.flatMap((n) => {
      const x = randomF32(n, n + 1), y = randomF32(n, n + 2), start = randomF32(n, n + 3);
      const m = layout({ x: 4 * n, y: 4 * n, out: 4 * n + 64 });
      putF32(m.x, x);
      putF32(m.y, y);
      putF32(m.out, start);
      exports().multiplyAdd(n, m.x, m.y, m.out);
      const out = getF32(m.out, n);
      return [
        ...violations(`n ${n}`, n, (i) => at(out, i) === f(at(start, i) + f(at(x, i) * at(y, i)))),
        ...violations(`n ${n} guard`, 1, () => untouched(m.out + 4 * n, 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });
});

describe("average", () => {
  it("gives decay·y + (1 − decay)·x in y, rounded once from float64, and touches nothing else", () => {
    const wrong = [0, 0.3, 0.98].flatMap((decay) =>
      LENGTHS.flatMap((n) => {
        const x = randomF32(n, n + 1), y = randomF32(n, n + 2);
        const m = pair(x, y);
        exports().average(n, decay, m.x, m.y);
        const out = getF32(m.y, n);
        return [
          ...violations(`n ${n}`, n, (i) => at(out, i) === f(decay * at(y, i) + (1 - decay) * at(x, i))),
          ...violations(`n ${n} guard`, 1, () => untouched(m.y + 4 * n, (-n & 15) + 16)),
        ];
      })
    );
    expect(wrong).toEqual([]);
  });
});

describe("axpy64 and scaleAdd64", () => {
  function run(n: number, apply: (m: { x: number; y: number }) => void) {
    const x = randomF64(n, n + 1), y = randomF64(n, n + 2).map((v) => v + 2);
    const m = layout({ x: 8 * n, y: 8 * n + 64 });
    putF64(m.x, x);
    putF64(m.y, y);
    apply(m);
    const guarded = untouched(m.y + 8 * n, 16);
    return { x, y, after: getF64(m.y, n), guarded };
  }

  it("axpy64 adds a·x to y", () => {
    const wrong = LENGTHS.flatMap((n) => {
      const { x, y, after, guarded } = run(n, (m) => exports().axpy64(n, 0.3, m.x, m.y));
      return violations(`n ${n}`, n, (i) => at(after, i) === at(y, i) + 0.3 * at(x, i) && guarded);
    });
    expect(wrong).toEqual([]);
  });

  it("scaleAdd64 gives x + beta·y in y", () => {
    const wrong = LENGTHS.flatMap((n) => {
      const { x, y, after, guarded } = run(n, (m) => exports().scaleAdd64(n, 0.3, m.x, m.y));
      return violations(`n ${n}`, n, (i) => at(after, i) === at(x, i) + 0.3 * at(y, i) && guarded);
    });
    expect(wrong).toEqual([]);
  });
});

describe("allFinite", () => {
  const finite = Float32Array.of(0, -0, 1, -1, 3.4028234663852886e38, -3.4028234663852886e38, 1e-45, 1e-38, -7);

  it("is true for finite numbers, the largest and the smallest included, and for none", () => {
    for (let n = 0; n <= 9; n++) expect(Boolean(exports().allFinite(n, pair(finite, finite).x))).toBe(true);
  });

  it("is false for NaN or ±∞ at any position", () => {
    for (let n = 1; n <= 9; n++) {
      for (let i = 0; i < n; i++) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          const x = finite.slice(0, n);
          x[i] = bad;
          expect(Boolean(exports().allFinite(n, pair(x, x).x))).toBe(false);
        }
      }
    }
  });

  it("does not let ∞ and −∞ cancel", () => {
    const x = Float32Array.of(Infinity, -Infinity, 0, 0, -Infinity, Infinity, 0, 0);
    expect(Boolean(exports().allFinite(8, pair(x, x).x))).toBe(false);
  });
});
