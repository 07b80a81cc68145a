// Eigenvalues of symmetric matrices: known spectra, invariants, scales.
//
// Householder and QL are backward stable: errors of a small multiple of 1e-16 ‖A‖ that grows at most like √n;
// 1e-13 is safe for the sizes here, and 1e-12 for the squares that add up to the Frobenius norm.

import { describe, expect, it } from "vitest";
import { symmetricEigenvalues } from "../../src/math/eigenvalues.ts";
import { uniform } from "../support/reference.ts";

const build = (n: number, entry: (i: number, j: number) => number): Float64Array =>
  Float64Array.from({ length: n * n }, (_, k) => entry(Math.floor(k / n), k % n));

/** A random symmetric matrix with entries in [−1, 1). */
function random(n: number, seed: number): Float64Array {
  const u = uniform(n * n, seed);
  return build(n, (i, j) => u[Math.min(i, j) * n + Math.max(i, j)] as number);
}

/** Q diag(λ) Qᵀ, Q a product of three random reflections. */
function withSpectrum(values: readonly number[], seed: number): Float64Array {
  const n = values.length;
  let a = build(n, (i, j) => (i === j ? values[i] as number : 0));
  for (let k = 0; k < 3; k++) {
    const v = uniform(n, seed + k), square = v.reduce((sum, x) => sum + x * x, 0);
    const at = (m: Float64Array, i: number, j: number): number => m[i * n + j] as number;
    const left = a, w = Float64Array.from(v, (_, i) => v.reduce((sum, x, j) => sum + x * at(left, i, j), 0));
    const inner = w.reduce((sum, x, i) => sum + x * (v[i] as number), 0);
    a = build(n, (i, j) => {
      const [vi, vj, wi, wj] = [v[i], v[j], w[i], w[j]] as [number, number, number, number];
      return at(left, i, j) - 2 / square * (vi * wj + wi * vj) + 4 / square ** 2 * inner * vi * vj;
    });
  }
  return a;
}

const expectNear = (actual: Float64Array, expected: readonly number[], tolerance: number): void => {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => expect(Math.abs(value - (expected[i] as number))).toBeLessThanOrEqual(tolerance));
};

describe("symmetricEigenvalues()", () => {
  it("gives the spectra of small known matrices", () => {
    expectNear(symmetricEigenvalues(1, Float64Array.of(-3)), [-3], 0);
    expectNear(symmetricEigenvalues(2, Float64Array.of(2, 1, 1, 2)), [3, 1], 1e-15);
    expectNear(symmetricEigenvalues(3, build(3, (i, j) => (i === j ? [5, -1, 4][i] as number : 0))), [5, 4, -1], 1e-15);
    expectNear(symmetricEigenvalues(4, new Float64Array(16)), [0, 0, 0, 0], 0);
    expectNear(symmetricEigenvalues(6, build(6, () => 1)), [6, 0, 0, 0, 0, 0], 1e-14);
    expect(symmetricEigenvalues(0, new Float64Array(0)).length).toBe(0);
  });

  it("gives those of the second difference, 2 − 2 cos(kπ/(n + 1))", () => {
    const n = 60;
    const a = build(n, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0));
    const expected = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos((n - k) * Math.PI / (n + 1)));
    expectNear(symmetricEigenvalues(n, a), expected, 1e-13);
  });

  it("gives those of the Hilbert matrix, over thirteen orders of magnitude", () => {
    // Largest and smallest of the 10 × 10: 1.75191967026518, 1.09315e-13 (condition 1.6e13).
    const values = symmetricEigenvalues(10, build(10, (i, j) => 1 / (i + j + 1)));
    expect(Math.abs((values[0] as number) - 1.75191967026518)).toBeLessThan(1e-14);
    expect(Math.abs((values[9] as number) - 1.09315e-13)).toBeLessThan(2e-16);
    expect(Math.abs((values[1] as number) - 0.342929548483509)).toBeLessThan(1e-14);
  });

  it("gives repeated, clustered and low-rank spectra", () => {
    const spectra = [
      Array.from({ length: 30 }, () => 7),
      Array.from({ length: 30 }, (_, k) => (k < 10 ? 3 : k < 20 ? 1 : -2)),
      Array.from({ length: 30 }, (_, k) => (k === 0 ? 1 : 0)),
      Array.from({ length: 30 }, (_, k) => 1 - 1e-9 * k),
      Array.from({ length: 30 }, (_, k) => 10 ** -k),
    ];
    spectra.forEach((values, seed) => {
      const most = Math.max(...values.map(Math.abs));
      expectNear(symmetricEigenvalues(30, withSpectrum(values, 10 * seed + 1)), values, 1e-13 * most);
    });
  });

  it("keeps trace and Frobenius norm of random matrices", () => {
    for (const n of [2, 3, 5, 17, 64, 150]) {
      const a = random(n, n), values = symmetricEigenvalues(n, a);
      const norm = Math.sqrt(a.reduce((sum, x) => sum + x * x, 0));
      const trace = a.reduce((sum, x, k) => sum + (k % (n + 1) === 0 ? x : 0), 0);
      expect(Math.abs(values.reduce((sum, x) => sum + x, 0) - trace)).toBeLessThan(1e-12 * norm);
      const square = values.reduce((sum, x) => sum + x * x, 0);
      expect(Math.abs(Math.sqrt(square) - norm)).toBeLessThan(1e-12 * norm);
      expect([...values]).toEqual([...values].sort((x, y) => y - x));
    }
  });

  it("does not depend on the scale, and reads the lower triangle only", () => {
    const a = random(20, 3), values = symmetricEigenvalues(20, a);
    for (const scale of [2 ** -1000, 2 ** -200, 2 ** 200, 2 ** 1000]) {
      const other = symmetricEigenvalues(20, a.map((x) => x * scale));
      expectNear(other.map((x) => x / scale), [...values], 1e-14);
    }
    const before = a.slice();
    expect([...symmetricEigenvalues(20, a.map((x, k) => (k % 20 > Math.floor(k / 20) ? NaN : x)))]).toEqual([
      ...values,
    ]);
    expect(a).toEqual(before);
  });

  it("ends on values that are not numbers", () => {
    expect(symmetricEigenvalues(3, new Float64Array(9).fill(NaN)).length).toBe(3);
  });
});
