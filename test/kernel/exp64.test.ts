// The scalar float64 exp and log against those of the engine, through the margins: of equal logits −log of the sum, of a
// margin m ≥ 0 with weight 1 a right-hand side e^{−m/2}. Both err by less than 0.52 ulp, an engine by less than 1:
// 2 ulp together, 4.5e-16 of a number at most. Below 2⁻¹⁰²² an ulp is 5e-324.

import { expect, it } from "vitest";
import { hashOf } from "../../src/math/hash.ts";
import { at, exports, getF64, layout, near, putF32, putF64, random, violations } from "../support/kernel_memory.ts";

const N = 20_000, TOLERANCE = 4.5e-16, LEAST = 1e-323;

const centred = random(7), draw = (): number => (centred() + 1) / 2;
/** Sums over all magnitudes of float32, and as many about 1, where log has a form of its own. */
const SUMS = Float32Array.from({ length: N }, (_, i) => i % 2 === 0 ? 2 ** (253 * draw() - 126) : 0.9 + 0.2 * draw());
/** Margins to beyond the underflow of e^{−m/2}. */
const MARGINS = Float32Array.from({ length: N }, (_, i) => (i % 2 === 0 ? 1600 : 10) * draw());

function scalars(own: Float32Array, sum: Float32Array) {
  const m = layout({
    own: 4 * N,
    peak: 4 * N,
    sum: 4 * N,
    alpha: 8 * N,
    margin: 8 * N,
    slope: 8 * N,
    weight: 8 * N,
    rhs: 8 * N,
  });
  putF32(m.own, own);
  putF32(m.peak, new Float32Array(N));
  putF32(m.sum, sum);
  putF64(m.alpha, new Float64Array(N).fill(1));
  exports().margins(N, m.own, m.peak, m.sum, m.alpha, m.margin, m.slope, m.weight, m.rhs);
  return { logs: getF64(m.margin, N).map((v) => -v), exps: getF64(m.rhs, N) };
}

const { logs } = scalars(new Float32Array(N), SUMS), { exps } = scalars(MARGINS, new Float32Array(N).fill(1));

it("gives the logarithm", () => {
  const exact = (i: number): number => Math.log(at(SUMS, i));
  expect(violations("log", N, (i) => near(at(logs, i), exact(i), TOLERANCE * Math.abs(exact(i))))).toEqual([]);
});

it("gives the exponential, gradual underflow included", () => {
  const exact = (i: number): number => Math.exp(-at(MARGINS, i) / 2);
  expect(violations("exp", N, (i) => near(at(exps, i), exact(i), TOLERANCE * exact(i) + LEAST))).toEqual([]);
});

it("gives the bits of ARM's optimized routines, whose tables it computes", () => {
  expect(hashOf([logs, exps].map((values) => values.join()).join())).toBe("87b950c3ab3be1c0");
});
