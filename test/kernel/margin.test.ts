// The margin pass, the scalar stage and the ranks against float64.
//
// Tolerance of a sum of exponentials: f − max is rounded once (27.6·6e-8 for the smallest terms that count),
// exp errs by 1.01 ulp (1.2e-7), and a term passes through at most 16 + 1 + classes/64 additions (6e-8 each):
// below 3e-6 relative, plus 1e-12 a class for what is flushed. A margin errs by that, absolutely, and the
// slope s = σ(−m) by that, relatively, since |d log s/dm| ≤ 1.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  getF64,
  getU32,
  layout,
  near,
  panelIndex,
  putF32,
  putF64,
  putU32,
  random,
  randomF32,
  toPanels,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

const SUM_TOLERANCE = 3e-6;
const FLUSHED = 1e-12;
const COUNTS = [1, 3, 4, 5, 16, 17, 20];
const CLASSES = [2, 3, 10, 65, 130, 1000];
const SCALES = [1, 30, 1e4];

type Case = {
  readonly n: number;
  readonly classes: number;
  /** Logits, classes × n. */
  readonly f: Float32Array;
  readonly y: Uint32Array;
};

function makeCase(n: number, classes: number, scale: number, seed = n * 1009 + classes): Case {
  const next = random(seed + 1);
  const y = Uint32Array.from({ length: ceil4(n) }, () => Math.floor(((next() + 1) / 2) * classes));
  return { n, classes, f: randomF32(classes * n, seed, scale), y };
}

function forAll(check: (c: Case, tolerance: number) => string[]): string[] {
  return COUNTS.flatMap((n) =>
    CLASSES.flatMap((classes) =>
      SCALES.flatMap((scale) => {
        const label = `n ${n} classes ${classes} scale ${scale}`;
        return check(makeCase(n, classes, scale), SUM_TOLERANCE + FLUSHED * classes).map((v) => `${label}: ${v}`);
      })
    )
  );
}

function place({ n, classes, f, y }: Case) {
  const width = ceil4(n), bytes = 4 * classes * width;
  const m = layout({ f: bytes, e: bytes, guard: 64, y: 4 * width, own: 4 * width, peak: 4 * width, sum: 4 * width });
  putF32(m.f, toPanels(classes, n, f));
  putU32(m.y, y);
  return m;
}

function competitors(c: Case, withExponentials = true) {
  const { n, classes } = c;
  const width = ceil4(n), size = classes * width;
  const m = place(c);
  const before = getU32(m.f, size);
  exports().competitors(0, width, n, classes, m.f, withExponentials ? m.e : 0, m.y, m.own, m.peak, m.sum);
  return {
    own: getF32(m.own, width),
    peak: getF32(m.peak, width),
    sum: getF32(m.sum, width),
    e: getF32(m.e, size),
    restored: getU32(m.f, size).every((bits, i) => bits === at(before, i)),
    guarded: untouched(m.guard, 16),
    exponentialsUntouched: untouched(m.e, size),
  };
}

/** Logit k of example i. */
function logit(c: Case, k: number, i: number): number {
  return at(c.f, k * c.n + i);
}

/** Largest competitor and Σ e^{f − peak} of example i, in float64. */
function reference(c: Case, i: number): { peak: number; sum: number; margin: number } {
  const rivals = Array.from({ length: c.classes }, (_, k) => k).filter((k) => k !== at(c.y, i));
  const peak = rivals.reduce((top, k) => Math.max(top, logit(c, k, i)), -Infinity);
  const sum = rivals.reduce((total, k) => total + Math.exp(logit(c, k, i) - peak), 0);
  return { peak, sum, margin: logit(c, at(c.y, i), i) - peak - Math.log(sum) };
}

describe("competitors", () => {
  it("gives the true logit and the largest other one exactly, and the sum of exponentials", () => {
    const wrong = forAll((c, tolerance) => {
      const { own, peak, sum } = competitors(c);
      return violations("example", c.n, (i) => {
        const exact = reference(c, i);
        return at(own, i) === logit(c, at(c.y, i), i) && at(peak, i) === exact.peak &&
          near(at(sum, i), exact.sum, tolerance * exact.sum);
      });
    });
    expect(wrong).toEqual([]);
  });

  it("leaves the logits as they were, bit for bit, and writes nothing after the exponentials", () => {
    const wrong = forAll((c) => {
      const { restored, guarded } = competitors(c);
      return [...(restored ? [] : ["logits changed"]), ...(guarded ? [] : ["guard"])];
    });
    expect(wrong).toEqual([]);
  });

  it("writes the exponentials, with −sum at the true class and 0 below 1e-12", () => {
    const wrong = forAll((c) => {
      const { e, peak, sum } = competitors(c);
      return violations("entry", c.n * c.classes, (t) => {
        const k = Math.floor(t / c.n), i = t % c.n;
        const value = at(e, panelIndex(c.classes, c.n, k, i));
        if (k === at(c.y, i)) return value === -at(sum, i);
        const exact = Math.exp(logit(c, k, i) - at(peak, i));
        return near(value, exact, SUM_TOLERANCE * exact + FLUSHED) && (value === 0 || value > 0.99 * FLUSHED);
      });
    });
    expect(wrong).toEqual([]);
  });

  it("gives the same sums without exponentials, which it then leaves alone", () => {
    const wrong = forAll((c) => {
      const { sum } = competitors(c), alone = competitors(c, false);
      return [
        ...violations("sum", ceil4(c.n), (i) => at(alone.sum, i) === at(sum, i)),
        ...(alone.exponentialsUntouched && alone.restored ? [] : ["wrote"]),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("computes a range of columns and leaves the other columns alone", () => {
    const wrong = [5, 17, 20].flatMap((n) => {
      const c = makeCase(n, 10, 30), whole = competitors(c);
      const width = ceil4(n), m = place(c);
      exports().competitors(4, 8, n, 10, m.f, m.e, m.y, m.own, m.peak, m.sum);
      const sum = getF32(m.sum, width), e = getF32(m.e, 10 * width);
      return [
        ...violations(
          `n ${n} sum`,
          width,
          (i) => i >= 4 && i < 8 ? at(sum, i) === at(whole.sum, i) : at(sum, i) !== at(sum, i),
        ),
        ...violations(`n ${n} e`, 10 * n, (t) => {
          const index = panelIndex(10, n, Math.floor(t / n), t % n), i = t % n;
          return i >= 4 && i < 8 ? at(e, index) === at(whole.e, index) : Number.isNaN(at(e, index));
        }),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("sees logits of any finite size: ±3e38", () => {
    const c: Case = { n: 1, classes: 3, f: Float32Array.of(3e38, -3e38, 1), y: Uint32Array.of(2, 0, 0, 0) };
    const { own, peak, sum } = competitors(c);
    expect([at(own, 0), at(peak, 0), at(sum, 0)]).toEqual([1, Math.fround(3e38), 1]);
  });
});

type Scalars = { own: Float32Array; peak: Float32Array; sum: Float32Array; alpha: Float64Array };

function margins({ own, peak, sum, alpha }: Scalars, withSlope = true) {
  const n = alpha.length;
  const m = layout({
    own: 4 * n,
    peak: 4 * n,
    sum: 4 * n,
    alpha: 8 * n,
    margin: 8 * n,
    slope: 8 * n,
    weight: 8 * n,
    rhs: 8 * n,
  });
  putF32(m.own, own.subarray(0, n));
  putF32(m.peak, peak.subarray(0, n));
  putF32(m.sum, sum.subarray(0, n));
  putF64(m.alpha, alpha);
  const slope = withSlope ? m.slope : 0;
  const loss = exports().margins(n, m.own, m.peak, m.sum, m.alpha, m.margin, slope, m.weight, m.rhs);
  return {
    loss,
    margin: getF64(m.margin, n),
    slope: getF64(m.slope, n),
    weight: getF64(m.weight, n),
    rhs: getF64(m.rhs, n),
  };
}

/** Scalars whose margins are the given ones: m = m − 0 − log 1. */
function scalars(m: readonly number[], alpha?: Float64Array): Scalars {
  const n = m.length;
  return {
    own: Float32Array.from(m),
    peak: new Float32Array(n),
    sum: new Float32Array(n).fill(1),
    alpha: alpha ?? new Float64Array(n).fill(1 / n),
  };
}

/** log(1 + e^{−m}), stably. */
function softplus(m: number): number {
  return Math.max(-m, 0) + Math.log1p(Math.exp(-Math.abs(m)));
}

function sigmoid(m: number): number {
  return m >= 0 ? 1 / (1 + Math.exp(-m)) : Math.exp(m) / (1 + Math.exp(m));
}

/** √(σ(m)σ(−m)), also where the product underflows. */
function rootCurvature(m: number): number {
  return Math.exp(-Math.abs(m) / 2) / (1 + Math.exp(-Math.abs(m)));
}

function uniformAlpha(n: number): Float64Array {
  return new Float64Array(n).fill(1 / n);
}

/** Margins from far below the clamp to far beyond underflow, dense about 0 and about −30. */
const SWEEP: readonly number[] = [
  ...[-3e38, -1e10, -1e4, -1500, -746, -745, -100, -50, -31, -30.001, -30, -29.999, -29, -10, -1],
  ...[-1e-3, -1e-30, 0, 1e-30, 1e-3, 1, 10, 30, 36, 37, 50, 100, 700, 708, 740, 745, 746, 1400, 1490, 1500, 1e4, 3e38],
];

describe("margins after competitors", () => {
  it("give the margin f_y − log Σ e^{f_k}", () => {
    const wrong = forAll((c, tolerance) => {
      const { margin } = margins({ ...competitors(c), alpha: uniformAlpha(c.n) });
      return violations("margin", c.n, (i) => near(at(margin, i), reference(c, i).margin, tolerance));
    });
    expect(wrong).toEqual([]);
  });

  it("give the weighted cross-entropy", () => {
    const wrong = forAll((c, tolerance) => {
      const alpha = Float64Array.from({ length: c.n }, (_, i) => (1 + (i % 3)) / c.n);
      const { loss } = margins({ ...competitors(c), alpha });
      const exact = alpha.reduce((total, a, i) => total + a * softplus(reference(c, i).margin), 0);
      return near(loss, exact, tolerance * alpha.reduce((a, b) => a + b, 0)) ? [] : [`loss ${loss} for ${exact}`];
    });
    expect(wrong).toEqual([]);
  });

  it("give the slope α(1 − softmax probability), also where it is tiny", () => {
    const wrong = forAll((c, tolerance) => {
      const { slope } = margins({ ...competitors(c), alpha: uniformAlpha(c.n) });
      return violations("slope", c.n, (i) => {
        const exact = sigmoid(-reference(c, i).margin) / c.n;
        // Below 1e-300 the result leaves the normal numbers and with them its relative accuracy.
        return near(at(slope, i), exact, tolerance * exact + 1e-300);
      });
    });
    expect(wrong).toEqual([]);
  });

  it("give finite slope, weight and right-hand side whatever the logits", () => {
    const wrong = forAll((c) => {
      const { slope, weight, rhs } = margins({ ...competitors(c), alpha: uniformAlpha(c.n) });
      return violations("finite", c.n, (i) => [slope, weight, rhs].every((v) => Number.isFinite(at(v, i))));
    });
    expect(wrong).toEqual([]);
  });
});

describe("margins", () => {
  it("give s = σ(−m) and √(αps) over the whole range of margins", () => {
    const n = SWEEP.length, { slope, weight } = margins(scalars(SWEEP));
    const wrong = violations("margin", n, (i) => {
      const m = Math.fround(at(SWEEP, i)), clamped = Math.max(m, -30);
      const s = sigmoid(-m) / n, w = Math.sqrt(1 / n) * rootCurvature(clamped);
      return near(at(slope, i), s, 1e-12 * s + 1e-300) && near(at(weight, i), w, 1e-12 * w + 1e-300);
    });
    expect(wrong).toEqual([]);
  });

  it("give weight·rhs = slope, clamped margins included: the clamp changes the curvature, not the gradient", () => {
    const { slope, weight, rhs } = margins(scalars(SWEEP));
    const wrong = violations("margin", SWEEP.length, (i) => {
      return near(at(weight, i) * at(rhs, i), at(slope, i), 1e-12 * at(slope, i) + 1e-300);
    });
    expect(wrong).toEqual([]);
  });

  it("keep everything finite and not negative", () => {
    const { loss, slope, weight, rhs } = margins(scalars(SWEEP));
    expect(Number.isFinite(loss)).toBe(true);
    const wrong = violations("margin", SWEEP.length, (i) => {
      return [slope, weight, rhs].every((v) => at(v, i) >= 0 && at(v, i) < Infinity);
    });
    expect(wrong).toEqual([]);
  });

  it("hold the weight below margin −30 at its value there", () => {
    const { weight } = margins(scalars([-30, -30.5, -100, -1e4, -3e38]));
    expect([...weight]).toEqual(new Array(5).fill(at(weight, 0)));
  });

  it("give nothing for examples of weight zero, however wrong they are", () => {
    const alpha = Float64Array.of(0.5, 0, 0.5, 0);
    const { loss, slope, weight, rhs } = margins(scalars([1, -1e4, 2, 3], alpha));
    expect(Math.abs(loss - margins(scalars([1, 2], Float64Array.of(0.5, 0.5))).loss)).toBeLessThan(1e-15);
    for (const v of [slope, weight, rhs]) expect([at(v, 1), at(v, 3)]).toEqual([0, 0]);
    for (const v of [slope, weight, rhs]) expect(at(v, 0)).toBeGreaterThan(0);
  });

  it("without slope give the same loss and margins and write nothing else", () => {
    const whole = margins(scalars(SWEEP)), part = margins(scalars(SWEEP), false);
    expect(part.loss).toBe(whole.loss);
    expect([...part.margin]).toEqual([...whole.margin]);
    for (const v of [part.slope, part.weight, part.rhs]) expect(v.every((x) => Number.isNaN(x))).toBe(true);
  });

  it("give log 2, slope ½ and weight ½ at margin 0", () => {
    const { loss, slope, weight, rhs } = margins(scalars([0]));
    expect([loss, at(slope, 0), at(weight, 0), at(rhs, 0)]).toEqual([Math.LN2, 0.5, 0.5, 1]);
  });
});

function ranks(c: Case): Uint32Array {
  const m = place(c);
  exports().ranks(c.n, c.classes, m.f, m.y, m.sum);
  return getU32(m.sum, c.n);
}

function exactRank(c: Case, i: number): number {
  const label = at(c.y, i), own = logit(c, label, i);
  let rank = 0;
  for (let k = 0; k < c.classes; k++) {
    const v = logit(c, k, i);
    if (v > own || (v === own && k < label)) rank++;
  }
  return rank;
}

describe("ranks", () => {
  it("count the classes with larger logits", () => {
    const wrong = forAll((c) => {
      const rank = ranks(c);
      return violations("rank", c.n, (i) => at(rank, i) === exactRank(c, i));
    });
    expect(wrong).toEqual([]);
  });

  it("give ties to the lower class", () => {
    const wrong = forAll((c) => {
      // Logits rounded to −1, 0 and 1, so that most tie.
      const tied = { ...c, f: c.f.map((v) => Math.sign(v) * Math.min(1, Math.floor(Math.abs(2 * v)))) };
      const rank = ranks(tied);
      return violations("rank", c.n, (i) => at(rank, i) === exactRank(tied, i));
    });
    expect(wrong).toEqual([]);
  });

  it("are the class itself when all logits are equal, so that class 0 is predicted", () => {
    const c: Case = { n: 5, classes: 7, f: new Float32Array(35), y: Uint32Array.of(0, 1, 3, 6, 2, 0, 0, 0) };
    expect([...ranks(c)]).toEqual([0, 1, 3, 6, 2]);
  });
});
