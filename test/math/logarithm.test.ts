import { describe, expect, it } from "vitest";
import { logarithm } from "../../src/math/logarithm.ts";

/** Error in units in the last place of the result, as far as Math.log, itself rounded, tells. */
const ulps = (x: number): number => {
  const want = Math.log(x), unit = 2 ** (Math.floor(Math.log2(Math.abs(want))) - 52);
  return want === 0 ? Math.abs(logarithm(x)) / 2 ** -52 : Math.abs(logarithm(x) - want) / unit;
};

describe("logarithm()", () => {
  it("is within two units of Math.log, from the least float32 to the largest float64", () => {
    let worst = 0;
    for (let e = -149; e < 1023; e++) {
      for (const m of [1, 1.0000001, 1.25, 1.4142135, 1.4142136, 1.5, 1.75, 1.9999999]) {
        worst = Math.max(worst, ulps(m * 2 ** e));
      }
    }
    expect(worst).toBeLessThanOrEqual(2);
  });

  it("keeps its digits next to 1", () => {
    for (let n = -1000; n <= 1000; n++) expect(ulps(1 + n * 2 ** -40)).toBeLessThanOrEqual(2);
  });

  it("is exact at 1 and −∞ at 0", () => {
    expect(logarithm(1)).toBe(0);
    expect(logarithm(0)).toBe(-Infinity);
  });

  it("never turns two neighbouring float32 round", () => {
    const bits = new Uint32Array(1), floats = new Float32Array(bits.buffer);
    for (let first = 1; first < 0x7f80_0000; first += 50_021) {
      bits[0] = first;
      const below = logarithm(floats[0] as number);
      bits[0] = first + 1;
      expect(logarithm(floats[0] as number)).toBeGreaterThanOrEqual(below);
    }
  });
});
