// The seven parts of each rule, by themselves: what they give, that they write to no state, and which steps they judge.
// All exact, but for the misfit's multiplier, whose golden table is in damping.test.ts.

import { describe, expect, it } from "vitest";
import { backtracking, constant, type Damping, getOrThrow, levenbergMarquardt, misfit, relative } from "../../mod.ts";
import rules from "../../src/damping/damping.ts";
import { checkDamping, judges, ruleOf, type TaggedDamping } from "../../src/damping/tagged.ts";

const BATCH = { unit: 8, slope: 0.5, power: Math.pow };
const FALL = { lossBefore: 2, actual: 1, predicted: 1, linear: 2 }, RISE = { ...FALL, actual: -1 };

interface Case {
  readonly state: TaggedDamping;
  readonly observed?: TaggedDamping;
  readonly first: number;
  readonly attempts: number | null;
  readonly retry: { readonly lambda: number; readonly share: number };
  readonly next: { readonly accepted: TaggedDamping; readonly rejected: TaggedDamping };
}

/** What a rule whose state stays, and which judges nothing, gives at λ = 3. */
const steady = (state: TaggedDamping, first: number): Case => ({
  state,
  first,
  attempts: null,
  retry: { lambda: 3, share: 1 },
  next: { accepted: state, rejected: state },
});

const seen = { ...misfit({ rule: "steady" }), steps: 1, meanSlope: 0.5 };
const lm = levenbergMarquardt({ lambda: 2, raise: 4, lower: 0.5, attempts: 5 });
const short = backtracking({ ratio: 0.25, shrink: 0.3, attempts: 7 });

const CASES: { readonly [tag in TaggedDamping["_tag"]]: Case } = {
  constant: steady(constant(0.1), 0.1),
  relative: steady(relative(0.25), 2),
  misfit: {
    ...steady(misfit({ rule: "steady" }), 8 * (0.15 * 0.5 ** 0.7 * Math.sqrt(1 + 1 / 50))),
    observed: seen,
    next: { accepted: seen, rejected: seen },
  },
  levenbergMarquardt: {
    state: lm,
    first: 2,
    attempts: 5,
    retry: { lambda: 12, share: 1 },
    next: { accepted: { ...lm, lambda: 1.5 }, rejected: { ...lm, lambda: 12 } },
  },
  backtracking: {
    state: short,
    first: 2,
    attempts: 7,
    retry: { lambda: 3, share: 0.3 },
    next: { accepted: short, rejected: short },
  },
};

/** Fails on a write, which strict mode throws for. */
const frozen = (state: TaggedDamping): TaggedDamping => Object.freeze({ ...state });

describe("the rule of", () => {
  for (const [tag, { state, observed = state, first, attempts, retry, next }] of Object.entries(CASES)) {
    it(`${tag} decides all seven parts, and writes to no state`, () => {
      const rule = ruleOf(state), before = frozen(state), after = frozen(observed);
      expect(getOrThrow(rule.check(before))).toBe(before);
      expect(rule.observe(before, BATCH)).toEqual(observed);
      expect(rule.first(after, BATCH)).toBeCloseTo(first, 12);
      expect(rule.attempts(after)).toBe(attempts);
      expect(judges(after)).toBe(attempts !== null);
      expect(rule.accepts(after, FALL)).toBe(true);
      expect(rule.accepts(after, RISE)).toBe(attempts === null);
      expect(rule.retry(after, 3)).toEqual(retry);
      expect(rule.next(after, 3, true)).toEqual(next.accepted);
      expect(rule.next(after, 3, false)).toEqual(next.rejected);
    });
  }

  it("Levenberg–Marquardt starts at K̄/Σω, stays above what float32 resolves, and within float64", () => {
    const { levenbergMarquardt: rule } = rules;
    expect(rule.first(levenbergMarquardt(), BATCH)).toBe(8);
    expect(rule.first(levenbergMarquardt({ lambda: 1e-30 }), BATCH)).toBe(8e-6);
    expect(rule.next(lm, Number.MAX_VALUE, false).lambda).toBe(Number.MAX_VALUE);
  });

  it("no damping is asked: what is none is refused, with the names of those that there are", () => {
    for (const none of [null, undefined, {}, { _tag: "toString" }, { _tag: "default" }, "1"]) {
      const checked = checkDamping(none as unknown as Damping);
      if (checked._tag === "Right") throw new Error("it was taken");
      for (const tag of Object.keys(CASES)) expect(checked.left.remedy).toContain(tag);
    }
    expect(getOrThrow(checkDamping(0.5))).toEqual(constant(0.5));
  });
});

describe("the table of rules", () => {
  it("is no part of the library's surface, but what people write is", async () => {
    const surface = await import("../../mod.ts");
    expect(surface).not.toHaveProperty("default");
    expect(Object.keys(surface)).toEqual(expect.arrayContaining(Object.keys(rules)));
  });
});
