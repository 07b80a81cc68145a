// The two-stage system over columns and over rows, against plain float64: sums of up to 150 products in another order and
// factors of matrices with a condition of some hundreds, 1e-12 of the largest entry; what is rounded to float32, 1e-7.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  getF64,
  layout,
  panelIndex,
  putF32,
  putF64,
  randomF32,
  randomF64,
  toPanels,
  transpose,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

/** Examples and features. */
const SHAPES = [[1, 1], [5, 3], [16, 8], [20, 17], [70, 9], [150, 33], [64, 16]] as const;
const LAMBDA = 0.3;

/** A row length as the library takes it. */
const strideOf = (n: number): number => ceil4(n) + 8;

/** The largest size among numbers. */
const largest = (x: ArrayLike<number>): number => Array.from(x).reduce((top, v) => Math.max(top, Math.abs(v)), 1e-300);

/** The solution of A X = Y for n × n and n × m matrices, row-major, by elimination with pivots. */
function solve(n: number, a: Float64Array, m: number, y: Float64Array): Float64Array {
  const A = a.slice(), X = y.slice();
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k; i < n; i++) if (Math.abs(at(A, i * n + k)) > Math.abs(at(A, pivot * n + k))) pivot = i;
    for (const [matrix, width] of [[A, n], [X, m]] as const) {
      for (let j = 0; j < width; j++) {
        const v = at(matrix, k * width + j);
        matrix[k * width + j] = at(matrix, pivot * width + j);
        matrix[pivot * width + j] = v;
      }
    }
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = at(A, i * n + k) / at(A, k * n + k);
      for (let j = k; j < n; j++) A[i * n + j] = at(A, i * n + j) - factor * at(A, k * n + j);
      for (let j = 0; j < m; j++) X[i * m + j] = at(X, i * m + j) - factor * at(X, k * m + j);
    }
  }
  return X.map((v, e) => v / at(A, Math.floor(e / m) * (n + 1)));
}

/** A problem over columns: Ã row-major, B × width, and what the kernel has of it. */
function columns(B: number, D: number, bias: boolean) {
  const x = randomF32(B * D, B + D), h = randomF64(B, B).map((v) => Math.abs(v) + 0.1), width = D + (bias ? 1 : 0);
  const constant = bias ? 0.7 : 0;
  const inputs = Float64Array.from({ length: B * width }, (_, e) => {
    const d = e % width;
    return d < D ? at(x, Math.floor(e / width) * D + d) : constant;
  });
  return { h, width, constant, inputs, panels: toPanels(D, B, transpose(B, D, x)) };
}

describe("addInputGram", () => {
  it("gathers Ãᵀ diag(h²) Ã in parts, the upper triangle", () => {
    for (const [B, D] of SHAPES) {
      for (const bias of [true, false]) {
        const { h, width, constant, inputs, panels } = columns(B, D, bias), ld = strideOf(width);
        const rows = width + (width & 1),
          m = layout({
            panels: panels.byteLength,
            h: 8 * B,
            x: 8 * 32 * ld,
            s: 8 * rows * ld,
            guard: 64,
          });
        putF32(m.panels, panels);
        putF64(m.h, h);
        putF64(m.s, new Float64Array(rows * ld));
        for (let from = 0; from < B; from += 48) {
          exports().addInputGram(from, Math.min(B, from + 48), B, D, m.panels, m.h, width, constant, m.x, ld, m.s);
        }
        const s = getF64(m.s, rows * ld);
        const wrong = violations(`${B} × ${D}`, width * width, (e) => {
          const i = Math.floor(e / width), j = e % width;
          if (j < i) return true;
          let sum = 0;
          for (let b = 0; b < B; b++) sum += at(h, b) ** 2 * at(inputs, b * width + i) * at(inputs, b * width + j);
          return Math.abs(at(s, i * ld + j) - sum) <= 1e-12 * B;
        });
        expect([...wrong, untouched(m.guard, 16)]).toEqual([true]);
      }
    }
  });
});

describe("reduceInputs", () => {
  it("gives Z with Z Zᵀ = λ Ã (Ãᵀ diag(h²) Ã + λI)⁻¹ Ãᵀ, in parts, zero in lanes without an example", () => {
    for (const [B, D] of SHAPES) {
      for (const bias of [true, false]) {
        const { h, width, constant, inputs, panels } = columns(B, D, bias), ld = strideOf(width);
        const rows = width + (width & 1), M = new Float64Array(width * width), s = new Float64Array(rows * ld);
        for (let i = 0; i < width; i++) {
          for (let j = 0; j < width; j++) {
            let sum = 0;
            for (let b = 0; b < B; b++) sum += at(h, b) ** 2 * at(inputs, b * width + i) * at(inputs, b * width + j);
            M[i * width + j] = sum + (i === j ? LAMBDA : 0);
            s[i * ld + j] = sum;
          }
        }
        const m = layout({
          panels: panels.byteLength,
          s: s.byteLength,
          f: s.byteLength,
          x: 8 * rows * 72,
          out: 4 * width * ceil4(B),
          guard: 64,
        });
        putF32(m.panels, panels);
        putF64(m.s, s);
        expect(exports().cholesky(width, m.s, m.f, ld, LAMBDA)).toBe(width);
        const scale = Math.sqrt(LAMBDA);
        for (let from = 0; from < B; from += 64) {
          const to = Math.min(B, from + 64);
          exports().reduceInputs(from, to, B, D, m.panels, scale, width, constant, m.f, ld, m.x, m.out);
        }
        const z = getF32(m.out, width * ceil4(B)), zOf = (b: number, c: number) => at(z, panelIndex(width, B, c, b));
        const tolerance = 3e-7 * largest(z) ** 2 * width;
        const solved = solve(width, M, B, Float64Array.from(transposed(B, width, inputs)));
        const wrong = violations(`${B} × ${D}`, B * B, (e) => {
          const i = Math.floor(e / B), j = e % B;
          let product = 0, want = 0;
          for (let c = 0; c < width; c++) {
            product += zOf(i, c) * zOf(j, c);
            want += LAMBDA * at(inputs, i * width + c) * at(solved, c * B + j);
          }
          return Math.abs(product - want) <= tolerance;
        });
        const beyond = violations("lanes", width * (ceil4(B) - B), (e) => {
          const lanes = ceil4(B) - B, c = Math.floor(e / lanes), last = B & ~15, wide = ceil4(B - last);
          return at(z, last * width + c * wide + (B - last) + (e % lanes)) === 0;
        });
        expect([...wrong, ...beyond, untouched(m.guard, 16)]).toEqual([true]);
      }
    }
  });
});

/** The transpose of a row-major rows × n matrix. */
const transposed = (rows: number, n: number, x: Float64Array): Float64Array =>
  Float64Array.from({ length: rows * n }, (_, e) => at(x, (e % rows) * n + Math.floor(e / rows)));

/** S = diag(h) K diag(h) + λI, K a random Gram matrix, and its U = I − λS⁻¹, row-major. */
function overRows(n: number) {
  const g = randomF64(2 * n * n, n), h = randomF64(n, n + 1).map((v) => Math.abs(v) + 0.05);
  const K = new Float64Array(n * n), S = new Float64Array(n * n), unit = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < 2 * n; k++) sum += at(g, i * 2 * n + k) * at(g, j * 2 * n + k);
      K[i * n + j] = sum;
      S[i * n + j] = at(h, i) * sum * at(h, j) + (i === j ? LAMBDA : 0);
    }
    unit[i * n + i] = 1;
  }
  const U = solve(n, S, n, unit).map((v, e) => (e % (n + 1) === 0 ? 1 : 0) - LAMBDA * v);
  return { h, K, S, U };
}

const COUNTS = [1, 2, 3, 5, 8, 16, 17, 18, 31, 40];

describe("complement", () => {
  it("gives I − XᵀX, which is I − λS⁻¹ where X = √λ F⁻ᵀ", () => {
    for (const n of COUNTS) {
      const { S, U } = overRows(n), ld = strideOf(n), rows = n + (n & 1), bytes = 8 * rows * ld;
      const m = layout({ s: bytes, f: bytes, x: bytes, u: bytes, guard: 64 });
      putF64(
        m.s,
        Float64Array.from({ length: rows * ld }, (_, e) => {
          const i = Math.floor(e / ld), j = e % ld;
          return i < n && j < n ? at(S, i * n + j) : 0;
        }),
      );
      exports().cholesky(n, m.s, m.f, ld, 0);
      exports().triangularInverse(n, m.f, ld, Math.sqrt(LAMBDA), m.x, 0);
      exports().complement(n, m.x, ld, m.u);
      const u = getF64(m.u, rows * ld);
      const wrong = violations(`n ${n}`, n * n, (e) => {
        const i = Math.floor(e / n), j = e % n;
        return j < i || Math.abs(at(u, i * ld + j) - at(U, e)) <= 1e-12;
      });
      expect([...wrong, untouched(m.guard, 16)]).toEqual([true]);
    }
  });
});

describe("writeStage", () => {
  it("gives hidden + (K − NK) ∘ signals and I − N, N = K diag(h) S⁻¹ diag(h)", () => {
    for (const n of COUNTS) {
      const { h, K, S, U } = overRows(n), ld = strideOf(n), rows = n + (n & 1), n4 = ceil4(n);
      const hidden = randomF32(n * n, 1), signals = randomF32(n * n, 2), floats = 4 * n4 * n4;
      const m = layout({
        u: 8 * rows * ld,
        h: 8 * n4,
        work: 8 * n4,
        hidden: floats,
        signals: floats,
        gram: floats,
        mixing: floats,
        guard: 64,
      });
      const u = new Float64Array(rows * ld);
      for (let i = 0; i < n; i++) for (let j = i; j < n; j++) u[i * ld + j] = at(U, i * n + j);
      putF64(m.u, u);
      putF64(m.h, h);
      for (const [place, values] of [[m.hidden, hidden], [m.signals, signals]] as const) {
        const panels = new Float32Array(n4 * n4);
        for (let i = 0; i < n; i++) {
          for (let j = 0; j < n; j++) panels[panelIndex(n4, n, i, j)] = at(values, i * n + j);
        }
        putF32(place, panels);
      }
      exports().writeStage(n, m.u, ld, LAMBDA, m.h, m.work, m.hidden, m.signals, m.gram, m.mixing);
      // N = K diag(h) S⁻¹ diag(h), by a solve of S X = diag(h).
      const weights = new Float64Array(n * n);
      h.forEach((v, i) => weights[i * n + i] = v);
      const X = solve(n, S, n, weights);
      const times = (a: (i: number, k: number) => number, b: (k: number, j: number) => number) =>
        Float64Array.from({ length: n * n }, (_, e) => {
          let sum = 0;
          for (let k = 0; k < n; k++) sum += a(Math.floor(e / n), k) * b(k, e % n);
          return sum;
        });
      const N = times((i, k) => at(K, i * n + k) * at(h, k), (k, j) => at(X, k * n + j));
      const NK = times((i, k) => at(N, i * n + k), (k, j) => at(K, k * n + j));
      const gram = getF32(m.gram, n4 * n4), mixing = getF32(m.mixing, n4 * n4);
      const size = largest(K), most = largest(N) + 1;
      const wrong = violations(`n ${n}`, n * n, (e) => {
        const i = Math.floor(e / n), j = e % n;
        const rest = at(K, e) - at(NK, e), left = at(hidden, e) + rest * at(signals, e);
        const mixed = (i === j ? 1 : 0) - at(N, e);
        return (j < i ||
          Math.abs(at(gram, panelIndex(n4, n, i, j)) - left) <= 2e-7 * (1 + Math.abs(rest)) + 1e-11 * size) &&
          Math.abs(at(mixing, panelIndex(n4, n4, i, j)) - mixed) <= 1e-7 * most;
      });
      const padding = violations("padding", n4 * n4, (e) => {
        const i = Math.floor(e / n4), j = e % n4;
        return i < n && j < n || at(mixing, panelIndex(n4, n4, i, j)) === 0;
      });
      expect([...wrong, ...padding, untouched(m.guard, 16)]).toEqual([true]);
    }
  });
});
