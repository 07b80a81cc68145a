// Dampings as state machines: misfit against its golden table, Levenberg–Marquardt against single steps, the two
// that have no state, options out of range, and that a state is plain data which no step writes to. Backtracking has a
// file of its own.
//
// Tolerances: 1e-9 (relative) on multipliers of λ, which are float64 throughout; 1e-5 where the batch must be given by
// float32 logits. 1e-6 on the running mean of s, that of float32 logits. All else is exact.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type Backtracking,
  backtracking,
  type Batch,
  constant,
  type Damping,
  fgnStep,
  getOrThrow,
  levenbergMarquardt,
  linearHead,
  type Misfit,
  misfit,
  type Network,
  relative,
} from "../../mod.ts";
import { ruleOf, type TaggedDamping } from "../../src/damping/tagged.ts";
import { reference } from "../support/network_reference.ts";
import { examples } from "../support/random_network.ts";
import { flat, left, problem, relativeError } from "../support/reference.ts";

const BAD = [0, -1, NaN, Infinity];

/** A head that gives every example the same s = 1 − p_y, whatever its features. */
function even(s: number): { model: Network; data: Batch } {
  const model = getOrThrow(linearHead({ features: 3, classes: 2 }, new Float32Array(6), [Math.log((1 - s) / s), 0]));
  return { model, data: { ...examples(8, 3, 2), labels: new Uint32Array(8) } };
}

const refused = (damping: unknown): unknown => {
  const { head, data } = problem(8, 3, 4);
  return left(fgnStep(head, data, damping as Damping));
};

describe("misfit()", () => {
  const { model, data } = even(1e-4);
  const unit = getOrThrow(fgnStep(model, data, relative(1))).report.lambda;
  const after = (damping: Misfit, part = data, params = model): Misfit =>
    getOrThrow(fgnStep(params, part, damping)).damping as Misfit;
  const lambdaOf = (damping: Misfit): number => getOrThrow(fgnStep(model, data, damping)).report.lambda;
  const slope = after(misfit()).meanSlope;

  /** The state before the n-th step, n > 1, that this batch takes to a mean. */
  const before = (n: number, meanS: number, options = {}): Misfit => {
    const share = Math.max(0.02, 1 / n);
    return { ...misfit(options), steps: n - 1, meanSlope: (meanS - share * slope) / (1 - share) };
  };

  it("damps by the golden table of n and the running mean", () => {
    const rows = JSON.parse(readFileSync(new URL("../golden/robust_v3_damping.json", import.meta.url), "utf8"));
    expect(rows.length).toBe(54);
    for (const { n, meanS, muRel } of rows as { n: number; meanS: number; muRel: number }[]) {
      if (n === 1) {
        const one = even(meanS);
        const first = getOrThrow(fgnStep(one.model, one.data, misfit()));
        const whole = getOrThrow(fgnStep(one.model, one.data, relative(1))).report.lambda;
        expect(relativeError([(first.damping as Misfit).meanSlope], [meanS])).toBeLessThan(1e-5);
        expect(relativeError([first.report.lambda / whole], [muRel])).toBeLessThan(1e-5);
        continue;
      }
      const step = getOrThrow(fgnStep(model, data, before(n, meanS)));
      expect(step.damping).toMatchObject({ steps: n });
      expect(relativeError([(step.damping as Misfit).meanSlope], [meanS])).toBeLessThan(1e-9);
      expect(relativeError([step.report.lambda / unit], [muRel])).toBeLessThan(1e-9);
      const steady = lambdaOf(before(n, meanS, { rule: "steady" })) / unit;
      expect(relativeError([steady], [0.15 * meanS ** 0.7 * Math.sqrt(1 + n / 50)])).toBeLessThan(1e-9);
    }
  });

  it("hands on the number of steps and the running mean of s, and nothing else of it changes", () => {
    const { head, data } = problem(30, 6, 4, { spread: 3, weights: Array.from({ length: 30 }, (_, i) => i % 3) });
    let state: Damping = misfit({ caution: 3, rule: "steady" }), params = head, mean = 0;
    for (let n = 1; n <= 60; n++) {
      const { margins, alpha } = reference(params, data);
      const s = margins.reduce((sum, m, i) => sum + (alpha[i] as number) / (1 + Math.exp(m)), 0);
      mean += Math.max(0.02, 1 / n) * (s - mean);
      ({ params, damping: state } = getOrThrow(fgnStep(params, data, state)));
      expect(state).toMatchObject({ _tag: "misfit", caution: 3, rule: "steady", steps: n });
      expect(Math.abs((state as Misfit).meanSlope - mean)).toBeLessThan(1e-6);
    }
    expect(Object.keys(state).sort()).toEqual(["_tag", "caution", "meanSlope", "rule", "steps"]);
  });

  it("goes no lower than 1e-6 of the Gram matrix, where everything is explained", () => {
    const sure = getOrThrow(linearHead({ features: 3, classes: 2 }, new Float32Array(6), [2000, 0]));
    const step = getOrThrow(fgnStep(sure, data, misfit({ caution: 1e-3 })));
    expect(step.damping).toMatchObject({ steps: 1, meanSlope: 0 });
    expect(step.report.lambda).toBe(1e-6 * getOrThrow(fgnStep(sure, data, relative(1))).report.lambda);
  });

  it("is multiplied by the caution", () => {
    const of = (caution: number): number => lambdaOf(before(80, 0.3, { caution }));
    for (const caution of [0.01, 0.5, 2, 50]) {
      expect(relativeError([of(caution)], [caution * of(1)])).toBeLessThan(1e-12);
    }
    expect(after(misfit({ caution: 7 })).caution).toBe(7);
  });

  it("refuses what is out of range, by name", () => {
    const invalid = (option: string) => ({ _tag: "InvalidOption", option });
    for (const caution of BAD) expect(refused(misfit({ caution }))).toMatchObject(invalid("caution"));
    expect(refused({ ...misfit(), rule: "bold" })).toMatchObject(invalid("rule"));
    for (const steps of [-1, 0.5, NaN, 2 ** 53]) {
      expect(refused({ ...misfit(), steps })).toMatchObject(invalid("steps"));
    }
    for (const meanSlope of [-1e-9, NaN, Infinity]) {
      expect(refused({ ...misfit(), meanSlope })).toMatchObject(invalid("meanSlope"));
    }
  });
});

describe("levenbergMarquardt() as a state", () => {
  const { head, data } = problem(30, 10, 5, { spread: 3 });
  const unit = getOrThrow(fgnStep(head, data, relative(1))).report.lambda;

  it("starts at K̄/Σω, and no lower than 1e-6 of it", () => {
    expect(getOrThrow(fgnStep(head, data, levenbergMarquardt())).report.lambda).toBe(unit);
    const { report } = getOrThrow(fgnStep(head, data, levenbergMarquardt({ lambda: 1e-30, raise: 8 })));
    expect(report.rejections).toBeGreaterThan(0);
    expect(report.lambda).toBe(1e-6 * unit * 8 ** report.rejections);
  });

  it("takes the step of the λ that it ends at, and hands on that λ lowered", () => {
    const step = getOrThrow(fgnStep(head, data, levenbergMarquardt({ lambda: unit / 64, raise: 4, lower: 0.5 })));
    const { rejections, lambda } = step.report;
    expect(rejections).toBeGreaterThan(0);
    expect(lambda).toBe(unit / 64 * 4 ** rejections);
    expect(step.damping).toEqual({ ...levenbergMarquardt({ lambda: lambda / 2, raise: 4, lower: 0.5 }) });
    expect(flat(step.params)).toEqual(flat(getOrThrow(fgnStep(head, data, lambda)).params));
  });

  it("refuses what is out of range, by name", () => {
    for (const raise of [1, 0, NaN, Infinity]) {
      expect(refused(levenbergMarquardt({ raise }))).toMatchObject({ _tag: "InvalidOption", option: "raise" });
    }
    for (const lower of [0, 1.5, NaN]) {
      expect(refused(levenbergMarquardt({ lower }))).toMatchObject({ _tag: "InvalidOption", option: "lower" });
    }
    for (const attempts of [0, 1.5, NaN, Infinity]) {
      expect(refused(levenbergMarquardt({ attempts }))).toMatchObject({ _tag: "InvalidOption", option: "attempts" });
    }
    for (const lambda of BAD) {
      expect(refused(levenbergMarquardt({ lambda }))).toMatchObject({ _tag: "InvalidDamping", value: lambda });
    }
  });
});

describe("an attempt is kept", () => {
  const kept = (damping: TaggedDamping, actual: number, predicted = 0.5, linear = 1): boolean =>
    ruleOf(damping).accepts(damping, { lossBefore: 2, actual, predicted, linear });
  const bold = backtracking({ decrease: 0.3 }), free = backtracking({ decrease: 0 }), lm = levenbergMarquardt();

  it("by backtracking where the loss falls by the share asked for of −gᵀd, and falls at all", () => {
    expect([0.31, 0.3, 0.29, 0, -0.1].map((actual) => kept(bold, actual))).toEqual([true, true, false, false, false]);
    expect([1e-9, 0, -1e-9].map((actual) => kept(free, actual))).toEqual([true, false, false]);
    // Uphill, where every rise is above a share of −gᵀd.
    expect([0.1, 0, -0.1, -0.4].map((actual) => kept(bold, actual, -1, -1))).toEqual([true, true, false, false]);
  });

  it("by Levenberg–Marquardt where the loss falls", () => {
    expect([1e-9, 0, -1e-9].map((actual) => kept(lm, actual))).toEqual([true, false, false]);
  });

  it("by both where the loss cannot show what was predicted, and by others always", () => {
    for (const damping of [bold, lm]) {
      expect(kept(damping, 0, 2 ** -51)).toBe(true);
      expect(kept(damping, 0, 2 ** -50)).toBe(false);
      expect(kept(damping, NaN)).toBe(false);
    }
    for (const damping of [constant(1), relative(1), misfit()]) expect(kept(damping, -1)).toBe(true);
  });
});

describe("dampings", () => {
  const DAMPINGS: Readonly<Record<string, Damping>> = {
    constant: constant(0.1),
    relative: relative(0.5),
    levenbergMarquardt: levenbergMarquardt({ lambda: 1e-4 }),
    backtracking: backtracking({ ratio: 1e-3 }),
    misfit: { ...misfit(), steps: 5, meanSlope: 0.3 },
  };

  it("without a state come back as they were given", () => {
    const { head, data } = problem(12, 4, 3);
    for (const damping of [0.1, constant(0.1), relative(0.5), backtracking()]) {
      expect(getOrThrow(fgnStep(head, data, damping)).damping).toBe(damping);
    }
    expect(flat(getOrThrow(fgnStep(head, data, 0.1)).params)).toEqual(
      flat(getOrThrow(fgnStep(head, data, constant(0.1))).params),
    );
  });

  for (const [name, damping] of Object.entries(DAMPINGS)) {
    it(`${name}: a clone, or what JSON leaves of it, gives the same step and the same next state`, () => {
      const { head, data } = problem(30, 6, 4, { spread: 2 });
      const first = getOrThrow(fgnStep(head, data, damping));
      const once = first.damping as Exclude<Damping, number>;
      const second = getOrThrow(fgnStep(first.params, data, once));
      for (const copy of [structuredClone(once), JSON.parse(JSON.stringify(once)) as Damping]) {
        expect(copy).toEqual(once);
        const again = getOrThrow(fgnStep(first.params, data, copy));
        expect(flat(again.params)).toEqual(flat(second.params));
        expect(again.damping).toEqual(second.damping);
        expect(again.report).toEqual(second.report);
      }
    });

    it(`${name}: one state serves two batches and is not written to`, () => {
      const { head, data } = problem(30, 6, 4, { spread: 2 }), other = problem(7, 6, 4, { seed: 9 }).data;
      const state = Object.freeze(structuredClone(damping)), kept = structuredClone(damping);
      const one = getOrThrow(fgnStep(head, data, state)), two = getOrThrow(fgnStep(head, other, state));
      expect(state).toEqual(kept);
      expect(flat(getOrThrow(fgnStep(head, data, state)).params)).toEqual(flat(one.params));
      expect(getOrThrow(fgnStep(head, data, state)).damping).toEqual(one.damping);
      expect(getOrThrow(fgnStep(head, other, state)).damping).toEqual(two.damping);
    });
  }

  it("are refused where they are none", () => {
    for (const damping of [null, {}, { _tag: "adaptive" }, "1"]) {
      expect(refused(damping)).toMatchObject({ _tag: "InvalidOption", option: "damping" });
    }
    for (const value of BAD) {
      for (const damping of [value, constant(value), relative(value), backtracking({ ratio: value })]) {
        expect(refused(damping)).toMatchObject({ _tag: "InvalidDamping", value });
      }
    }
    const options: readonly (readonly [keyof Backtracking, readonly number[]])[] = [
      ["shrink", [0, 1, -0.5, NaN]],
      ["decrease", [-0.1, 1, NaN]],
      ["attempts", [0, 2.5, NaN, Infinity]],
    ];
    for (const [option, values] of options) {
      for (const value of values) {
        expect(refused(backtracking({ [option]: value }))).toMatchObject({ _tag: "InvalidOption", option, value });
      }
    }
  });
});
