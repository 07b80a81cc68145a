// Vector tanh, sigmoid and erf, and the activations with their derivatives, against float64.
//
// Errors of the vector functions are in units in the last place (ulp) of the exact result. Math.tanh and
// Math.exp err by about 1e-16 and the series of erf has positive terms only: they count as exact here.

import { describe, expect, it } from "vitest";
import { type ActivationKind, ACTIVATIONS } from "../../src/network/activations.ts";
import {
  applied,
  at,
  exports,
  getF32,
  layout,
  near,
  type Numbers,
  putF32,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

/**
 * The bounds that assembly/activation.ts states. Over all float32 numbers from 2⁻¹⁴ to saturation the largest
 * errors are 1.3825, 2.8250 and 2.5802, at the numbers WORST, which the samples include; below 2⁻¹⁴ the functions
 * are linear and err alike in every binade.
 */
const BOUND = { vtanh: 1.39, vsigmoid: 2.83, verf: 2.59 } as const;
const WORST = [0.6250278949737549, -1.9542444944381714, 0.9758047461509705];

type Unary = keyof typeof BOUND;

/** e^{−x²}-weighted series of erf: positive terms, no cancellation. */
function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  let term = (2 / Math.sqrt(Math.PI)) * size * Math.exp(-size * size), sum = 0;
  for (let k = 1; term > sum * 1e-17; k++) {
    sum += term;
    term *= (2 * size * size) / (2 * k + 1);
  }
  return Math.sign(x) * sum;
}

function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

const EXACT: Readonly<Record<Unary, (x: number) => number>> = { vtanh: Math.tanh, vsigmoid: sigmoid, verf: erf };
const NAMES = Object.keys(BOUND) as Unary[];

/** The distance of float32 numbers about v. */
function ulp(v: number): number {
  return 2 ** (Math.max(Math.floor(Math.log2(Math.abs(v))), -126) - 23);
}

/** `count` mantissas in every binade from 2^low to 2^high, of both signs, and the worst numbers known. */
function samples(low: number, high: number, count: number): Float32Array {
  const out = [...WORST, ...WORST.map((v) => -v)];
  for (let exponent = low; exponent < high; exponent++) {
    for (let i = 0; i < count; i++) {
      const v = (1 + ((i * 2097.1519) % 8388608) / 8388608) * 2 ** exponent;
      out.push(v, -v);
    }
  }
  return Float32Array.from(out);
}

function worstUlp(name: Unary, x: Float32Array): number {
  const y = applied(name, x);
  let worst = 0;
  for (let i = 0; i < x.length; i++) {
    const value = EXACT[name](at(x, i));
    if (value !== 0 && Math.abs(value) < 2 ** -126) continue; // flushed, or x itself subnormal
    const error = value === 0 ? Math.abs(at(y, i)) * Infinity : Math.abs(at(y, i) - value) / ulp(value);
    if (!(error <= worst)) worst = Number.isNaN(error) ? Infinity : error;
  }
  return worst;
}

describe("vtanh, vsigmoid and verf", () => {
  it("err by less than the stated ulp in every binade", () => {
    const x = samples(-126, 7, 4000).filter((v) => v !== 0);
    for (const name of NAMES) expect(worstUlp(name, x)).toBeLessThan(BOUND[name]);
  });

  it("err by less than the stated ulp where they bend", () => {
    const x = samples(-4, 4, 60_000);
    for (const name of NAMES) expect(worstUlp(name, x)).toBeLessThan(BOUND[name]);
  });

  it("saturate up to the largest numbers and at ±∞", () => {
    const large = [100, 1e10, 1e30, 3.4e38, Infinity];
    const x = [...large, ...large.map((v) => -v)];
    expect([...applied("vtanh", x)]).toEqual([1, 1, 1, 1, 1, -1, -1, -1, -1, -1]);
    expect([...applied("verf", x)]).toEqual([1, 1, 1, 1, 1, -1, -1, -1, -1, -1]);
    expect([...applied("vsigmoid", x)]).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
  });

  it("give no subnormal number: sigmoid is 0 below −87.34", () => {
    const x = Float32Array.from({ length: 4000 }, (_, i) => -85 - i / 800);
    const wrong = violations("sigmoid", x.length, (i) => {
      const y = at(applied("vsigmoid", [at(x, i)]), 0);
      return y === 0 ? at(x, i) < -87.3 : y >= 2 ** -126;
    });
    expect(wrong).toEqual([]);
  });

  it("are NaN for NaN, whatever its bits", () => {
    for (const name of NAMES) {
      const m = layout({ x: 64, out: 64 });
      exports()[name](16, m.x, m.out); // layout fills with 0xff
      putF32(m.x, [NaN]);
      expect([...getF32(m.out, 16)]).toEqual(new Array(16).fill(NaN));
      exports()[name](4, m.x, m.out);
      expect(getF32(m.out, 4)[0]).toBe(NaN);
    }
  });

  it("are odd, and sigmoid is ½ at both zeros", () => {
    const x = samples(-126, 7, 50);
    for (const name of ["vtanh", "verf"] as const) {
      const y = applied(name, x), mirrored = applied(name, x.map((v) => -v));
      expect(violations(name, x.length, (i) => at(mirrored, i) === -at(y, i))).toEqual([]);
      expect([...applied(name, [0, -0])].map(Math.abs)).toEqual([0, 0]);
    }
    expect([...applied("vsigmoid", [0, -0])]).toEqual([0.5, 0.5]);
  });

  it("treat every lane and every length alike", () => {
    const x = Float32Array.from({ length: 13 }, (_, i) => 0.37 * i - 2);
    for (const name of NAMES) {
      expect([...applied(name, x)]).toEqual([...x.map((v) => at(applied(name, [v]), 0))]);
    }
  });
});

type Activation = {
  readonly f: (z: number) => number;
  readonly derivative: (z: number) => number;
};

const SLOPE = Math.fround(0.01);
const normal = (z: number) => Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
/** The normal distribution; its lower tail by the asymptotic series, which at −6 is good to 1e-8. */
const phi = (z: number) => {
  if (z > -6) return (1 + erf(z / Math.SQRT2)) / 2;
  const q = 1 / (z * z);
  return (normal(z) / -z) * (1 - q * (1 - 3 * q * (1 - 5 * q * (1 - 7 * q * (1 - 9 * q * (1 - 11 * q))))));
};

const EXPECTED: Readonly<Record<ActivationKind, Activation>> = {
  relu: { f: (z) => Math.max(z, 0), derivative: (z) => z > 0 ? 1 : 0 },
  leakyRelu: { f: (z) => z > 0 ? z : SLOPE * z, derivative: (z) => z > 0 ? 1 : SLOPE },
  tanh: { f: Math.tanh, derivative: (z) => 1 / Math.cosh(z) ** 2 },
  sigmoid: { f: sigmoid, derivative: (z) => sigmoid(z) * sigmoid(-z) },
  gelu: { f: (z) => z * phi(z), derivative: (z) => phi(z) + z * normal(z) },
  silu: {
    f: (z) => z * sigmoid(z),
    derivative: (z) => sigmoid(z) * (1 + z * sigmoid(-z)),
  },
};

/** The activations with their numbers in the kernel. */
const ALL = (Object.entries(EXPECTED) as [ActivationKind, Activation][]).map(([name, functions]) => ({
  name,
  kind: ACTIVATIONS[name].number,
  ...functions,
}));

function activate(kind: number, z: Numbers) {
  const n = Math.ceil(z.length / 4) * 4;
  const m = layout({ z: 4 * n, out: 4 * n, guard: 64, derivative: 4 * n, end: 64 });
  putF32(m.z, new Float32Array(n));
  putF32(m.z, z);
  exports().activate(kind, n, 0.01, m.z, m.out, m.derivative);
  const guarded = [m.guard, m.end].every((address) => untouched(address, 16));
  return { out: getF32(m.out, z.length), derivative: getF32(m.derivative, z.length), guarded };
}

/** −20 … 20 densely and both signs of every binade, the zeros. */
function points(): Float32Array {
  const dense = Float32Array.from({ length: 20_001 }, (_, i) => (i - 10_000) / 500);
  return Float32Array.of(...dense, ...samples(-100, 100, 20), 0, -0);
}

/** Four float32 roundings of a number up to 1 or 2. */
const ABSOLUTE = 5e-7;
/** Relative error of a value: a few roundings of 6e-8, and in gelu's tail those of the exponent z²/2, each 6e-8·z²/2. */
const relative = (z: number) => 6e-7 * (1 + Math.min(z * z, 200) / 4);
/** Tails may be 0 from here on: gelu cuts e^{−z²/2} at e⁻⁸⁰ = 1.8e-35, sigmoid at 2⁻¹²⁶. */
const FLUSHED = 1e-35;

describe("activate", () => {
  it("gives the function to a few roundings, also in its tails", () => {
    const z = points();
    const wrong = ALL.flatMap(({ name, kind, f }) => {
      const { out, guarded } = activate(kind, z);
      return [
        ...violations(name, z.length, (i) => {
          const x = at(z, i), exact = f(x);
          return near(at(out, i), exact, relative(x) * Math.abs(exact) + FLUSHED);
        }),
        ...(guarded ? [] : [`${name}: guard`]),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("gives the derivative to a few roundings", () => {
    const z = points();
    const wrong = ALL.flatMap(({ name, kind, derivative }) => {
      const { derivative: d } = activate(kind, z);
      return violations(name, z.length, (i) => near(at(d, i), derivative(at(z, i)), ABSOLUTE));
    });
    expect(wrong).toEqual([]);
  });

  it("keeps the digits of tanh' and sigmoid' where they saturate", () => {
    const z = Float32Array.from({ length: 2001 }, (_, i) => (i - 1000) / 25);
    for (const name of ["tanh", "sigmoid"] as const) {
      const { derivative } = EXPECTED[name];
      const { derivative: d } = activate(ACTIVATIONS[name].number, z);
      const wrong = violations(name, z.length, (i) => {
        const exact = derivative(at(z, i));
        return near(at(d, i), exact, 6e-7 * exact);
      });
      expect(wrong).toEqual([]);
    }
  });

  it("is finite up to the largest numbers, with the limits as derivatives", () => {
    const z = [1e4, 1e30, 3.4e38, -1e4, -1e30, -3.4e38];
    const limits: Readonly<Partial<Record<ActivationKind, [number[], number[]]>>> = {
      relu: [[1e4, 1e30, 3.4e38, 0, 0, 0], [1, 1, 1, 0, 0, 0]],
      tanh: [[1, 1, 1, -1, -1, -1], [0, 0, 0, 0, 0, 0]],
      sigmoid: [[1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]],
      gelu: [[1e4, 1e30, 3.4e38, 0, 0, 0], [1, 1, 1, 0, 0, 0]],
      silu: [[1e4, 1e30, 3.4e38, 0, 0, 0], [1, 1, 1, 0, 0, 0]],
    };
    for (const [name, [out, derivative]] of Object.entries(limits)) {
      const result = activate(ACTIVATIONS[name as ActivationKind].number, z);
      expect([...result.out].map((v) => v + 0)).toEqual(out.map(Math.fround));
      expect([...result.derivative].map((v) => v + 0)).toEqual(derivative);
    }
  });

  it("gives nothing subnormal for normal arguments", () => {
    const z = samples(-60, 100, 40);
    for (const { name, kind } of ALL) {
      const { out, derivative } = activate(kind, z);
      const normalised = (v: number) => v === 0 || Math.abs(v) >= 2 ** -126;
      expect(violations(name, z.length, (i) => normalised(at(out, i)) && normalised(at(derivative, i)))).toEqual([]);
    }
  });

  it("is NaN for NaN, whatever its bits", () => {
    for (const { kind } of ALL) {
      const m = layout({ z: 16, out: 16, derivative: 16 });
      putF32(m.out, [0, 0, 0, 0]);
      putF32(m.derivative, [0, 0, 0, 0]);
      exports().activate(kind, 4, 0.01, m.z, m.out, m.derivative); // layout fills with 0xff
      expect([...getF32(m.out, 4)]).toEqual([NaN, NaN, NaN, NaN]);
      expect([...getF32(m.derivative, 4)]).toEqual([NaN, NaN, NaN, NaN]);
    }
  });

  it("works in place, and without a derivative writes none", () => {
    const z = Float32Array.from({ length: 32 }, (_, i) => (i - 16) / 5);
    for (const { kind } of ALL) {
      const { out } = activate(kind, z);
      const m = layout({ low: 64, z: 128, guard: 64 });
      putF32(m.z, z);
      exports().activate(kind, 32, 0.01, m.z, m.z, 0);
      expect([...getF32(m.z, 32)]).toEqual([...out]);
      expect(untouched(m.low, 16) && untouched(m.guard, 16)).toBe(true);
    }
  });

  it("writes nothing for no numbers", () => {
    const m = layout({ z: 16, out: 16, derivative: 16 });
    for (const { kind } of ALL) exports().activate(kind, 0, 0, m.z, m.out, m.derivative);
    expect(untouched(m.out, 4) && untouched(m.derivative, 4)).toBe(true);
  });
});
