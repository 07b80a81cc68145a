// Layer normalisation, its derivative and its adjoint against float64.
//
// Tolerances: the centred values err by one rounding of themselves (the mean is corrected), the variance by
// √k·6e-8 of itself in random rounding and by less in blocks: 1e-6 of the size of the terms is safe for k ≤ 300.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  inner,
  layout,
  near,
  norm2,
  type Numbers,
  panelIndex,
  putF32,
  randomF32,
  toPanels,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const TOLERANCE = 1e-6;
const EPSILON = Math.fround(1e-5);
const SHAPES = [1, 3, 4, 15, 16, 17, 33].flatMap((n) => [1, 2, 7, 64, 300].map((k) => ({ k, n })));

type Shape = { readonly k: number; readonly n: number };
type Affine = { readonly gain: Float32Array; readonly shift: Float32Array };

function affine(k: number, seed: number): Affine {
  return { gain: randomF32(k, seed).map((v) => v + 1.5), shift: randomF32(k, seed + 1) };
}

/** Row-major k × n entries of an operand in panels. */
function fromPanels(k: number, n: number, panels: Numbers): Float32Array {
  return Float32Array.from({ length: k * n }, (_, e) => at(panels, panelIndex(k, n, Math.floor(e / n), e % n)));
}

/** The numbers of an operand in panels that are not entries of it. */
function unused({ k, n }: Shape, panels: Float32Array): number[] {
  const entries = new Set(Array.from({ length: k * n }, (_, e) => panelIndex(k, n, Math.floor(e / n), e % n)));
  return [...panels].filter((_, i) => !entries.has(i));
}

type Normalised = { readonly out: Float64Array; readonly hat: Float64Array; readonly inverse: Float64Array };

/** Layer normalisation of a row-major k × n matrix in float64. */
function reference({ k, n }: Shape, { gain, shift }: { gain: Numbers; shift: Numbers }, x: Numbers): Normalised {
  const out = new Float64Array(k * n), hat = new Float64Array(k * n), inverse = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let mean = 0, variance = 0;
    for (let f = 0; f < k; f++) mean += at(x, f * n + i) / k;
    for (let f = 0; f < k; f++) variance += (at(x, f * n + i) - mean) ** 2 / k;
    inverse[i] = 1 / Math.sqrt(variance + EPSILON);
    for (let f = 0; f < k; f++) {
      hat[f * n + i] = (at(x, f * n + i) - mean) * at(inverse, i);
      out[f * n + i] = at(gain, f) * at(hat, f * n + i) + at(shift, f);
    }
  }
  return { out, hat, inverse };
}

function normalise({ k, n }: Shape, { gain, shift }: Affine, x: Numbers) {
  const floats = k * ceil4(n);
  const m = layout({
    gain: 4 * k,
    shift: 4 * k,
    x: 4 * floats,
    out: 4 * floats,
    guard: 64,
    hat: 4 * floats,
    end: 64,
    inverse: 4 * ceil4(n),
    last: 64,
  });
  putF32(m.gain, gain);
  putF32(m.shift, shift);
  putF32(m.x, toPanels(k, n, x, 3));
  exports().normalise(k, n, EPSILON, m.gain, m.shift, m.x, m.out, m.hat, m.inverse);
  return {
    out: getF32(m.out, floats),
    hat: getF32(m.hat, floats),
    inverse: getF32(m.inverse, ceil4(n)),
    guarded: [m.guard, m.end, m.last].every((address) => untouched(address, 16)),
  };
}

describe("normalise", () => {
  for (const offset of [0, 1000]) {
    it(`agrees with float64 for values about ${offset}`, () => {
      const wrong = SHAPES.flatMap(({ k, n }) => {
        const x = randomF32(k * n, k + n).map((v) => v + offset), parameters = affine(k, n);
        const exact = reference({ k, n }, parameters, x);
        const result = normalise({ k, n }, parameters, x);
        const out = fromPanels(k, n, result.out), hat = fromPanels(k, n, result.hat);
        const label = `${k}×${n}`;
        return [
          ...violations(`${label} inverse`, n, (i) => {
            return near(at(result.inverse, i), at(exact.inverse, i), TOLERANCE * at(exact.inverse, i));
          }),
          ...violations(`${label} normalised`, k * n, (e) => {
            return near(at(hat, e), at(exact.hat, e), TOLERANCE * (1 + Math.abs(at(exact.hat, e))));
          }),
          ...violations(`${label} out`, k * n, (e) => {
            return near(at(out, e), at(exact.out, e), 3 * TOLERANCE * (1 + Math.abs(at(exact.hat, e))));
          }),
          ...(result.guarded ? [] : [`${label} guard`]),
        ];
      });
      expect(wrong).toEqual([]);
    });
  }

  it("leaves zeros in the unused lanes of inverse and normalised, finite numbers in those of out", () => {
    for (const shape of SHAPES) {
      const { k, n } = shape;
      const { out, hat, inverse } = normalise(shape, affine(k, 1), randomF32(k * n, 2));
      expect(unused(shape, hat).every((v) => v === 0)).toBe(true);
      expect([...inverse.subarray(n)].every((v) => v === 0)).toBe(true);
      expect(out.every(Number.isFinite)).toBe(true);
    }
  });

  it("gives the shift for constant features, whatever the constant", () => {
    for (const constant of [0, 1, -1234.567, 1e15]) {
      const shape = { k: 300, n: 3 }, parameters = affine(300, 1);
      const { out, inverse } = normalise(shape, parameters, new Float32Array(900).fill(constant));
      const rows = fromPanels(300, 3, out);
      const limit = Math.fround(1 / Math.sqrt(EPSILON));
      expect(violations(`${constant}`, 900, (e) => at(rows, e) === at(parameters.shift, Math.floor(e / 3)))).toEqual(
        [],
      );
      expect(violations("inverse", 3, (i) => near(at(inverse, i), limit, 1e-4))).toEqual([]);
    }
  });

  it("stays finite for values up to ±1e18", () => {
    const shape = { k: 64, n: 5 }, parameters = affine(64, 1), x = randomF32(320, 2, 1e18);
    const exact = reference(shape, parameters, x), { hat } = normalise(shape, parameters, x);
    const rows = fromPanels(64, 5, hat);
    expect(violations("normalised", 320, (e) => near(at(rows, e), at(exact.hat, e), 4 * TOLERANCE))).toEqual([]);
  });

  it("may write over its input", () => {
    const { k, n } = { k: 7, n: 17 }, x = randomF32(k * n, 3), parameters = affine(k, 4);
    const apart = normalise({ k, n }, parameters, x);
    const m = layout({ gain: 4 * k, shift: 4 * k, x: 4 * k * 20, other: 4 * k * 20, inverse: 80 });
    putF32(m.gain, parameters.gain);
    putF32(m.shift, parameters.shift);
    putF32(m.x, toPanels(k, n, x, 3));
    exports().normalise(k, n, EPSILON, m.gain, m.shift, m.x, m.x, m.other, m.inverse);
    expect([...getF32(m.x, k * 20)]).toEqual([...apart.out]);
    putF32(m.x, toPanels(k, n, x, 3));
    exports().normalise(k, n, EPSILON, m.gain, m.shift, m.x, m.other, m.x, m.inverse);
    expect([...getF32(m.x, k * 20)]).toEqual([...apart.hat]);
  });
});

/** Addresses with the results of `normalise` in place, everything else NaN. */
function placeResults(shape: Shape, parameters: Affine, x: Numbers) {
  const { k, n } = shape, floats = k * ceil4(n);
  const { hat, inverse } = normalise(shape, parameters, x);
  const m = layout({
    gain: 4 * k,
    hat: 4 * floats,
    inverse: 4 * ceil4(n),
    t: 4 * floats,
    dGain: 4 * k,
    dShift: 4 * k,
    out: 4 * floats,
    guard: 64,
  });
  putF32(m.gain, parameters.gain);
  putF32(m.hat, hat);
  putF32(m.inverse, inverse);
  return m;
}

type Direction = { readonly t?: Float32Array; readonly dGain?: Float32Array; readonly dShift?: Float32Array };

function tangent(shape: Shape, parameters: Affine, x: Numbers, direction: Direction) {
  const { k, n } = shape, { t, dGain, dShift } = direction;
  const m = placeResults(shape, parameters, x);
  if (t !== undefined) putF32(m.t, toPanels(k, n, t, 3));
  if (dGain !== undefined) putF32(m.dGain, dGain);
  if (dShift !== undefined) putF32(m.dShift, dShift);
  exports().normaliseTangent(
    k,
    n,
    m.gain,
    m.hat,
    m.inverse,
    t === undefined ? 0 : m.t,
    dGain === undefined ? 0 : m.dGain,
    dShift === undefined ? 0 : m.dShift,
    m.out,
  );
  const out = getF32(m.out, k * ceil4(n));
  return { out, rows: fromPanels(k, n, out), guarded: untouched(m.guard, 16) };
}

/** The adjoint added to `start`. */
function backward(shape: Shape, parameters: Affine, x: Numbers, signal: Numbers, start: Numbers) {
  const { k, n } = shape;
  const m = placeResults(shape, parameters, x);
  putF32(m.t, toPanels(k, n, signal, 3));
  putF32(m.out, toPanels(k, n, start, 3));
  exports().normaliseBackward(k, n, m.gain, m.hat, m.inverse, m.t, m.out);
  const out = getF32(m.out, k * ceil4(n));
  return { out, rows: fromPanels(k, n, out), guarded: untouched(m.guard, 16) };
}

/** How much the terms of one entry of a tangent or an adjoint weigh: inverse·(|c| + |x̂|·rms c). */
function weight({ k, n }: Shape, { hat, inverse }: Normalised, c: Numbers, e: number): number {
  const i = e % n, rms = norm2(c, i, k, n) / Math.sqrt(k);
  return at(inverse, i) * (Math.abs(at(c, e)) + rms * (1 + Math.abs(at(hat, e))));
}

/** Central differences of the float64 reference: they err by 1e-8 of the terms. */
function difference(shape: Shape, { gain, shift }: Affine, x: Numbers, direction: Direction): Float64Array {
  const step = 1e-4, size = shape.k * shape.n;
  const { t = new Float32Array(size), dGain = new Float32Array(shape.k), dShift = new Float32Array(shape.k) } =
    direction;
  const move = (v: Numbers, d: Numbers, h: number) => Float64Array.from(v, (value, i) => value + h * at(d, i));
  const side = (h: number) =>
    reference(shape, { gain: move(gain, dGain, h), shift: move(shift, dShift, h) }, move(x, t, h)).out;
  const up = side(step), down = side(-step);
  return up.map((v, e) => (v - at(down, e)) / (2 * step));
}

/** Values a few units apart, so that a difference quotient sees a straight line; one feature has no slope. */
function spread({ k, n }: Shape, seed: number): Float32Array {
  return randomF32(k * n, seed).map((v, e) => 3 * v + 5 * (Math.floor(e / n) % 3));
}

const DIFFERENTIABLE = SHAPES.filter(({ k }) => k > 2);

describe("normaliseTangent", () => {
  it("is the derivative in the direction of the input, of gain and shift, and of all", () => {
    const wrong = DIFFERENTIABLE.flatMap((shape) => {
      const { k, n } = shape, x = spread(shape, n), parameters = affine(k, n);
      const t = randomF32(k * n, 5), dGain = randomF32(k, 6), dShift = randomF32(k, 7);
      const exact = reference(shape, parameters, x);
      return [{ t }, { dGain, dShift }, { t, dGain, dShift }].flatMap((direction: Direction, d) => {
        const { rows, guarded } = tangent(shape, parameters, x, direction);
        const expected = difference(shape, parameters, x, direction);
        return [
          ...violations(`${k}×${n} direction ${d}`, k * n, (e) => {
            const size = at(parameters.gain, Math.floor(e / n)) * weight(shape, exact, t, e) + 3;
            return near(at(rows, e), at(expected, e), 2 * TOLERANCE * size);
          }),
          ...(guarded ? [] : [`${k}×${n} guard`]),
        ];
      });
    });
    expect(wrong).toEqual([]);
  });

  it("is zero without a direction, bit for bit additive otherwise, and finite in unused lanes", () => {
    for (const shape of SHAPES) {
      const { k, n } = shape, x = spread(shape, n), parameters = affine(k, n);
      const t = randomF32(k * n, 5), dGain = randomF32(k, 6), dShift = randomF32(k, 7);
      expect(tangent(shape, parameters, x, {}).out.every((v) => v === 0)).toBe(true);
      const input = tangent(shape, parameters, x, { t }).out,
        both = tangent(shape, parameters, x, { t, dGain, dShift });
      const parts = tangent(shape, parameters, x, { dGain, dShift }).out;
      const wrong = violations(
        "sum",
        input.length,
        (i) => at(both.out, i) === Math.fround(at(input, i) + at(parts, i)),
      );
      expect(wrong).toEqual([]);
      expect(unused(shape, input).every((v) => v === 0)).toBe(true);
    }
  });

  it("may write over the tangent", () => {
    const shape = { k: 7, n: 17 }, x = spread(shape, 1), parameters = affine(7, 2), t = randomF32(7 * 17, 5);
    const apart = tangent(shape, parameters, x, { t }).out;
    const m = placeResults(shape, parameters, x);
    putF32(m.t, toPanels(7, 17, t, 3));
    exports().normaliseTangent(7, 17, m.gain, m.hat, m.inverse, m.t, 0, 0, m.t);
    expect([...getF32(m.t, apart.length)]).toEqual([...apart]);
  });

  it("ignores a shift of all features and a direction along the values themselves", () => {
    for (const { k, n } of DIFFERENTIABLE) {
      const shape = { k, n }, x = spread(shape, n), parameters = affine(k, n), exact = reference(shape, parameters, x);
      const along = tangent(shape, parameters, x, { t: Float32Array.from(x, (v) => 1 + v) });
      // x + 1 lies in the span of 1 and x̂ up to epsilon/variance, about 1e-6 here; |x| ≤ 15.
      const wrong = violations(`${k}×${n}`, k * n, (e) => {
        return Math.abs(at(along.rows, e)) <= 20 * TOLERANCE * 20 * at(exact.inverse, e % n);
      });
      expect(wrong).toEqual([]);
    }
  });
});

describe("normaliseBackward", () => {
  it("adds the transposed derivative of the input: ⟨tangent(t), s⟩ = ⟨t, backward(s)⟩ for every example", () => {
    const wrong = SHAPES.flatMap((shape) => {
      const { k, n } = shape, x = spread(shape, n), parameters = affine(k, n);
      const t = randomF32(k * n, 5), s = randomF32(k * n, 8);
      const forward = tangent(shape, parameters, x, { t }).rows;
      const { rows, guarded } = backward(shape, parameters, x, s, new Float32Array(k * n));
      const exact = reference(shape, parameters, x);
      const column = (v: Numbers, i: number) => Float64Array.from({ length: k }, (_, f) => at(v, f * n + i));
      return [
        ...violations(`${k}×${n}`, n, (i) => {
          const left = inner(column(forward, i), column(s, i)), right = inner(column(t, i), column(rows, i));
          const size = at(exact.inverse, i) * norm2(t, i, k, n) * norm2(s, i, k, n) * 2.5; // gain ≤ 2.5
          return near(left, right, 2 * TOLERANCE * size);
        }),
        ...(guarded ? [] : [`${k}×${n} guard`]),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("agrees with float64 and adds to what is there", () => {
    const wrong = SHAPES.flatMap((shape) => {
      const { k, n } = shape, x = spread(shape, n), parameters = affine(k, n);
      const s = randomF32(k * n, 8), start = randomF32(k * n, 9);
      const { hat, inverse, ...rest } = reference(shape, parameters, x);
      const c = Float64Array.from(s, (v, e) => v * at(parameters.gain, Math.floor(e / n)));
      const { rows } = backward(shape, parameters, x, s, start);
      return violations(`${k}×${n}`, k * n, (e) => {
        const i = e % n;
        let mean = 0, slope = 0;
        for (let f = 0; f < k; f++) {
          mean += at(c, f * n + i) / k;
          slope += at(c, f * n + i) * at(hat, f * n + i) / k;
        }
        const exact = at(start, e) + at(inverse, i) * (at(c, e) - mean - at(hat, e) * slope);
        const size = weight(shape, { hat, inverse, ...rest }, c, e) + Math.abs(at(start, e));
        return near(at(rows, e), exact, 2 * TOLERANCE * size);
      });
    });
    expect(wrong).toEqual([]);
  });

  it("leaves unused lanes as they are", () => {
    const shape = { k: 7, n: 17 }, zero = new Float32Array(7 * 17);
    const { out } = backward(shape, affine(7, 1), randomF32(7 * 17, 2), randomF32(7 * 17, 3), zero);
    expect(unused(shape, out).every((v) => v === 3)).toBe(true);
  });
});
