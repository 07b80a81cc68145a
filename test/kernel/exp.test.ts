// Vector exp and log against float64: errors in units in the last place (ulp) of the exact result.
// Math.exp and Math.log err by about 1e-16, a float32 ulp is 6e-8 or more: they count as exact here.

import { describe, expect, it } from "vitest";
import { applied, at } from "../support/kernel_memory.ts";

/**
 * The bounds that assembly/exp.ts states. Over all float32 numbers the largest errors are 1.0038 and 0.8291,
 * at the numbers WORST_EXP and WORST_LOG, which the samples include.
 */
const EXP_ULP = 1.01;
const LOG_ULP = 0.83;

const WORST_EXP = [70.37191009521484, -59.934959411621094];
const WORST_LOG = [0.6999768018722534];

const EXP_LOW = -87.33;
const EXP_HIGH = 88.72;
const CHUNK = 1 << 16;

type Unary = "vexp" | "vlog";

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** The distance of float32 numbers about v. */
function ulp(v: number): number {
  double[0] = v;
  const exponent = ((at(words, 1) >>> 20) & 0x7ff) - 1023;
  return 2 ** (Math.max(exponent, -126) - 23);
}

/** The largest error in ulp; ∞ when a result is NaN, or inexact where the exact one is 0. */
function worstUlp(name: Unary, exact: (x: number) => number, x: Float32Array): number {
  let worst = 0;
  for (let start = 0; start < x.length; start += CHUNK) {
    const chunk = x.subarray(start, start + CHUNK);
    const y = applied(name, chunk);
    for (let i = 0; i < chunk.length; i++) {
      const value = exact(at(chunk, i));
      const error = Math.abs(at(y, i) - value) / ulp(value);
      if (!(error <= worst)) worst = Number.isNaN(error) || value === 0 && error > 0 ? Infinity : error;
    }
  }
  return worst;
}

/** `count` float32 numbers on each side of v, by their bits. */
function neighbours(v: number, count: number): number[] {
  const value = Float32Array.of(v);
  const bits = new Uint32Array(value.buffer);
  const middle = at(bits, 0);
  const out: number[] = [];
  for (let d = -count; d <= count; d++) {
    bits[0] = middle + d;
    out.push(at(value, 0));
  }
  return out;
}

function expSamples(): Float32Array {
  const count = 2_000_000;
  const dense = Float32Array.from({ length: count }, (_, i) => EXP_LOW + ((EXP_HIGH - EXP_LOW) * i) / (count - 1));
  const seams: number[] = [...WORST_EXP];
  for (let k = -252; k <= 256; k++) {
    if (k !== 0) seams.push(...neighbours((k * Math.LN2) / 2, 300));
  }
  for (let e = -149; e <= 6; e++) seams.push(2 ** e, -(2 ** e));
  const inside = seams.filter((x) => x >= EXP_LOW && x <= EXP_HIGH);
  const out = new Float32Array(count + inside.length);
  out.set(dense);
  out.set(inside, count);
  return out;
}

/** 4000 mantissas in every binade, the seam √½ and the numbers about 1. */
function logSamples(): Float32Array {
  const out: number[] = [...WORST_LOG];
  for (let exponent = -126; exponent <= 127; exponent++) {
    for (let i = 0; i < 4000; i++) out.push((1 + ((i * 2097.1519) % 8388608) / 8388608) * 2 ** exponent);
    out.push(...neighbours(Math.SQRT1_2 * 2 ** exponent, 100));
  }
  for (let exponent = -149; exponent < -126; exponent++) {
    for (let i = 0; i < 4000; i++) out.push((1 + i / 4000) * 2 ** exponent);
  }
  out.push(...neighbours(1, 20000));
  return Float32Array.from(out).filter((x) => x > 0 && x < Infinity);
}

describe("vexp", () => {
  it("errs by less than the stated ulp wherever the result is a normal number", () => {
    expect(worstUlp("vexp", Math.exp, expSamples())).toBeLessThan(EXP_ULP);
  });

  it("gives 1 at both zeros, the limits at ±∞ and NaN for NaN", () => {
    expect([...applied("vexp", Float32Array.of(0, -0, Infinity, -Infinity, NaN))]).toEqual([1, 1, Infinity, 0, NaN]);
  });

  it("gives 0 below −87.34 and ∞ above 88.73", () => {
    const low = applied("vexp", Float32Array.of(-87.34, -88, -100, -1e4, -3.4e38));
    const high = applied("vexp", Float32Array.of(88.73, 89, 100, 1e4, 3.4e38));
    expect([...low]).toEqual([0, 0, 0, 0, 0]);
    expect(high.every((v) => v === Infinity)).toBe(true);
  });

  it("is finite and positive up to the ends of its range", () => {
    const ends = Float32Array.from([...neighbours(-87.3365, 3), ...neighbours(88.7228, 3)]);
    expect(applied("vexp", ends).every((v) => v > 0 && v < Infinity)).toBe(true);
  });
});

describe("vlog", () => {
  it("errs by less than the stated ulp on normal and subnormal numbers", () => {
    expect(worstUlp("vlog", Math.log, logSamples())).toBeLessThan(LOG_ULP);
  });

  it("is exactly 0 at 1", () => {
    expect([...applied("vlog", Float32Array.of(1))]).toEqual([0]);
  });

  it("gives −∞ at both zeros, ∞ at ∞ and NaN for NaN", () => {
    expect([...applied("vlog", Float32Array.of(0, -0, Infinity, NaN))]).toEqual([-Infinity, -Infinity, Infinity, NaN]);
  });

  it("gives NaN below zero", () => {
    const negative = Float32Array.of(-1e-45, -1e-30, -1, -2.5, -3.4e38, -Infinity);
    expect(applied("vlog", negative).every((v) => Number.isNaN(v))).toBe(true);
  });
});

describe("vexp and vlog", () => {
  it("treat every lane and every length alike", () => {
    const x = Float32Array.from({ length: 13 }, (_, i) => 0.37 * i + 0.1);
    for (const name of ["vexp", "vlog"] as const) {
      const whole = applied(name, x);
      const single = x.map((v) => at(applied(name, Float32Array.of(v)), 0));
      expect([...whole]).toEqual([...single]);
    }
  });
});
