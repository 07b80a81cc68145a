import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batch, evaluate, getOrThrow, linearHead, type Matrix, matrix, probabilities } from "../../mod.ts";
import { softmaxRows } from "../../src/math/softmax.ts";

const one = getOrThrow(matrix(1, 1, [1]));
const headOf = (f: readonly number[]) =>
  getOrThrow(linearHead({ features: 1, classes: f.length }, new Float32Array(f.length), f));
const of = (f: readonly number[]): Float32Array => getOrThrow(probabilities(headOf(f), one)).data;

/** Softmax of float32 logits in float64. */
function softmax(f: readonly number[]): number[] {
  const top = Math.max(...f), e = f.map((v) => Math.exp(v - top)), sum = e.reduce((s, v) => s + v, 0);
  return e.map((v) => v / sum);
}

/** All that is promised of the probabilities of a row. */
function expectSoftmax(logits: readonly number[], p: Float32Array): void {
  const f = logits.map(Math.fround), want = softmax(f);
  for (const [k, q] of want.entries()) {
    const got = p[k] as number;
    if (q >= 1.2e-38) expect(Math.abs(got / q - 1), `p_${k} of [${f.slice(0, 9)}]`).toBeLessThan(1e-7);
    else expect(Math.abs(got - q)).toBeLessThan(1.5e-45);
  }
  const ranked = f.map((_, k) => k).sort((a, b) => (f[a] as number) - (f[b] as number));
  for (let i = 1; i < ranked.length; i++) {
    const below = ranked[i - 1] as number, above = ranked[i] as number;
    expect(p[above] as number).toBeGreaterThanOrEqual(p[below] as number);
    if (f[above] === f[below]) expect(p[above]).toBe(p[below]);
  }
  expect(Math.abs(p.reduce((sum, v) => sum + v, 0) - 1)).toBeLessThan(1.2e-7);
}

describe("probabilities()", () => {
  it("are the softmax of the logits in float64, in their order, however small", () => {
    const spread = fc.integer({ min: -30, max: 4 }).map((e) => 10 ** e);
    const logits = fc.tuple(
      spread,
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 40 }),
    );
    fc.assert(
      fc.property(logits, ([size, f]) => {
        const scaled = f.map((v) => size * v);
        expectSoftmax(scaled, of(scaled));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it("hold at the ends: 1e4 apart, all equal, both zeros, neighbouring floats", () => {
    const next = (v: number, n: number) => Math.fround(v + n * 2 ** -23 * Math.abs(v));
    for (
      const f of [
        [1e4, -1e4, 0],
        [-1e4, 1e4],
        [-1e4, -1e4, -1e4],
        [0, -0, 0, -0],
        [-0, -90, -88, -104, -103, -500],
        Array.from({ length: 40 }, (_, n) => next(20, n - 20)),
        Array.from({ length: 400 }, (_, n) => next(-0.34657359, n - 200)).concat(0),
        Array.from({ length: 400 }, (_, n) => next(-27.631021, n - 200)).concat(0),
      ]
    ) expectSoftmax(f, of(f));
  });

  it("do not depend on the number that a class has", () => {
    const f = [0, -35, -50, 3, -8], p = of(f);
    expect(of(f.toReversed())).toEqual(p.toReversed());
  });

  it("sum to 1 over very many classes", () => {
    const f = Array.from({ length: 20_000 }, (_, k) => 30 * Math.sin(k));
    expectSoftmax(f, of(f));
  });

  it("have the loss of evaluate() as −log", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -80, max: 0, noNaN: true }), { minLength: 2, maxLength: 9 }), (f) => {
        const p = of(f), head = headOf(f);
        f.forEach((_, y) => {
          const { loss } = getOrThrow(evaluate(head, getOrThrow(batch({ features: one as Matrix, labels: [y] }))));
          // float32 holds 1 − 6e-8 as the last number below 1.
          expect(Math.abs(-Math.log(p[y] as number) - loss)).toBeLessThan(1e-6 * loss + 1.2e-7);
        });
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe("softmaxRows()", () => {
  it("never turns two neighbouring logits round, over the whole range", () => {
    const rows = new Float32Array(2 ** 16), f = new Float32Array(rows.length), bits = new Uint32Array(f.buffer);
    // From −1e-30 to −110, from −1e-30 on in steps of a few thousand floats, each with its neighbour.
    const first = 0x8da2_4260, last = 0xc2dc_0000, step = Math.floor((last - first) / (rows.length / 2));
    for (let i = 1; i < rows.length; i++) bits[i] = first + step * (i >> 1) + (i & 1);
    f[0] = 0;
    rows.set(f);
    softmaxRows(rows, rows.length);
    for (let i = 2; i < rows.length; i++) {
      if (!((rows[i] as number) <= (rows[i - 1] as number))) throw new Error(`${f[i - 1]} and ${f[i]}`);
    }
  });
});
