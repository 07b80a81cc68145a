// Models whose functions are wrong: errors as values, each with its text, and no step; the model is never changed.
//
// `ModelMismatch` compares ⟨Jv, a⟩ with ⟨v, Jᵀa⟩ along the gradient and random signs, so that a vjp which leaves
// parameters out is seen, too. Comparisons are exact.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  type CustomModel,
  customModel,
  evaluate,
  type Features,
  fgnStep,
  getOrThrow,
  ggnProduct,
  ggnStep,
  isSparse,
  jvp,
  levenbergMarquardt,
  logits,
  lossAndGradient,
  matrix,
  type ModelFunctions,
  relative,
  rowSystem,
  sparse,
  train,
  vjp,
} from "../../mod.ts";
import { at, B1, B2, C, D, PAIRS, TANH } from "../support/custom_models.ts";
import { flat, left, problem, uniform } from "../support/reference.ts";

type Numbers = ArrayLike<number>;
const { data } = problem(20, D, C);

describe("functions that are wrong", () => {
  const [, , model] = PAIRS[1] as (typeof PAIRS)[number];
  const broken = (functions: Partial<ModelFunctions>): CustomModel => ({
    ...model,
    functions: { ...model.functions, ...functions },
  });
  const scaled = (values: Numbers, factor: number): number[] => Array.from(values, (v) => factor * v);

  it("disagree: ModelMismatch and no step", async () => {
    const wrong = {
      "jvp doubled": broken({ jvp: (p, x, v) => scaled(TANH.jvp(p, x, v), 2) }),
      "vjp negated": broken({ vjp: (p, x, c) => scaled(TANH.vjp(p, x, c), -1) }),
      "vjp a percent off": broken({ vjp: (p, x, c) => scaled(TANH.vjp(p, x, c), 1.01) }),
      "vjp reversed": broken({ vjp: (p, x, c) => Array.from(TANH.vjp(p, x, c)).reverse() }),
      "jvp of zeros": broken({ jvp: (_p, x) => new Float32Array(x.rows * C) }),
      "vjp without b₂": broken({ vjp: (p, x, c) => Float32Array.from(TANH.vjp(p, x, c)).fill(0, B2) }),
      "vjp without W₁": broken({ vjp: (p, x, c) => Float32Array.from(TANH.vjp(p, x, c)).fill(0, 0, B1) }),
      "jvp without b₂": broken({ jvp: (p, x, v) => TANH.jvp(p, x, v.slice().fill(0, B2)) }),
    };
    for (const bad of Object.values(wrong)) {
      const before = bad.parameters.slice();
      const results = [
        fgnStep(bad, data),
        fgnStep(bad, data, levenbergMarquardt()),
        fgnStep(bad, data, 1, { l2: 0.1, labelSmoothing: 0.1 }),
        fgnStep(bad, data, 1, { refine: 2 }),
        ggnStep(bad, data),
      ];
      for await (const record of train(bad, data)) results.push(record as never);
      expect(results.length).toBe(6);
      for (const result of results) expect(left(result)._tag).toBe("ModelMismatch");
      expect(bad.parameters).toEqual(before);
    }
    const error = left(fgnStep(wrong["jvp doubled"], data));
    if (error._tag === "ModelMismatch") expect(error.forward / error.backward).toBeCloseTo(2, 3);
  });

  it("return the wrong number of values, or values that are not finite: ModelFailure", () => {
    const cases: readonly (readonly [keyof ModelFunctions, Numbers, string])[] = [
      ["forward", [1, 2], "returned 2 values where 60 are needed"],
      ["jvp", new Float32Array(61), "returned 61 values where 60 are needed"],
      ["vjp", [], `returned 0 values where ${flat(model).length} are needed`],
      ["forward", new Float32Array(60).fill(NaN, 7), "returned NaN at index 7"],
      ["jvp", new Float32Array(60).fill(-Infinity, 59), "returned -Infinity at index 59"],
      ["vjp", Array.from(flat(model), () => 1e39), "returned 1e+39 at index 0"], // beyond float32
    ];
    for (const [what, values, cause] of cases) {
      const bad = broken({ [what]: () => values });
      for (const result of [fgnStep(bad, data), fgnStep(bad, data, levenbergMarquardt()), ggnStep(bad, data, 1)]) {
        expect(left(result)).toMatchObject({
          _tag: "ModelFailure",
          what,
          cause,
          message: `${what} of the model ${cause}`,
        });
      }
    }
    const nothing = broken({ forward: () => undefined as unknown as number[] });
    expect(left(logits(nothing, data.features))).toMatchObject({ _tag: "ModelFailure", what: "forward" });
  });

  it("throw: ModelFailure with the text, also in the middle of a step", async () => {
    for (const what of ["forward", "jvp", "vjp"] as const) {
      for (const thrown of [new RangeError(`no ${what} today`), `no ${what} today`]) {
        for (const after of [0, 1, 2, 3]) {
          let calls = 0;
          const bad = broken({
            [what]: (...given: Parameters<ModelFunctions["jvp"]>) => {
              if (calls++ >= after) throw thrown;
              return TANH[what](...given);
            },
          });
          const run = () => fgnStep(bad, data, levenbergMarquardt({ lambda: 1e-6 }), { refine: 1 });
          expect(left(run())).toMatchObject({ _tag: "ModelFailure", what });
          expect(left(run()).message).toContain(`no ${what} today`);
        }
      }
    }
    const throws = (): never => {
      throw new Error("out of order");
    };
    const bad = broken({ forward: throws });
    for (const f of [evaluate(bad, data), logits(bad, data.features), lossAndGradient(bad, data)]) {
      expect(left(f)).toMatchObject({ _tag: "ModelFailure", what: "forward", cause: "threw Error: out of order" });
    }
    for await (const record of train(bad, data)) expect(left(record)._tag).toBe("ModelFailure");
    const v = uniform(flat(model).length, 1), c = getOrThrow(matrix(20, C, uniform(20 * C, 2)));
    expect(left(jvp(broken({ jvp: throws }), data.features, v))).toMatchObject({ what: "jvp" });
    expect(left(vjp(broken({ vjp: throws }), data.features, c))).toMatchObject({ what: "vjp" });
    expect(left(ggnProduct(broken({ vjp: throws }), data, v))).toMatchObject({ what: "vjp" });
    expect(fgnStep(model, data)._tag).toBe("Right"); // and the kernel goes on
  });

  it("cannot change the model or the step by writing to what they are given", () => {
    const spoil = <A>(result: A, ...arrays: Float32Array[]): A => {
      for (const array of arrays) array.fill(NaN);
      return result;
    };
    const bad = broken({
      forward: (p, x) => spoil(Array.from(TANH.forward(p, x)), p),
      jvp: (p, x, v) => spoil(TANH.jvp(p, x, v), p, v),
      vjp: (p, x, c) => spoil(TANH.vjp(p, x, c), p, c),
    });
    const before = bad.parameters.slice();
    for (const damping of [0.1, relative(1), levenbergMarquardt({ lambda: 1e-5 })]) {
      const given = { l2: 0.1, refine: 2 };
      const a = getOrThrow(fgnStep(bad, data, damping, given)), b = getOrThrow(fgnStep(model, data, damping, given));
      expect(a.params.parameters).toEqual(b.params.parameters);
      expect(a.report).toEqual(b.report);
      expect(bad.parameters).toEqual(before);
    }
    // One buffer handed out again and again is copied each time.
    const buffer = new Float32Array(60);
    const reused = broken({ jvp: (p, x, v) => (buffer.set(TANH.jvp(p, x, v)), buffer) });
    expect(flat(getOrThrow(fgnStep(reused, data)).params)).toEqual(flat(getOrThrow(fgnStep(model, data)).params));
  });

  it("have no Gram matrix: InvalidOption", () => {
    const refused = { _tag: "InvalidOption", option: "system", value: "gram" };
    expect(left(fgnStep(model, data, 1, { system: "gram" }))).toMatchObject(refused);
    expect(left(ggnStep(model, data, 1, { system: "gram" }))).toMatchObject(refused);
    expect(left(rowSystem(model, data))).toMatchObject(refused);
    expect(left(fgnStep(model, data, 1, { solver: "cholesky", system: "matrixFree" }))).toMatchObject({
      option: "solver",
    });
  });

  it("are given the features as they are, sparse ones too", () => {
    const x = getOrThrow(sparse(3, 7, [0, 1, 3, 3], [6, 0, 2], [1, 2, 3]));
    const given: Batch = getOrThrow(batch({ features: x, labels: [0, 1, 1] }));
    const total = (features: Features, i: number): number => {
      if (!isSparse(features)) throw new Error("not sparse");
      return features.data.subarray(features.offsets[i], features.offsets[i + 1]).reduce((s, v) => s + v, 0);
    };
    const counting = getOrThrow(customModel({
      parameters: [0.5],
      classes: 2,
      forward: (p, f) => Array.from({ length: 6 }, (_, n) => n % 2 === 0 ? at(p, 0) * total(f, n >> 1) : 0),
      jvp: (_, f, v) => Array.from({ length: 6 }, (_, n) => n % 2 === 0 ? at(v, 0) * total(f, n >> 1) : 0),
      vjp: (_, f, c) => [[0, 1, 2].reduce((sum, i) => sum + at(c, 2 * i) * total(f, i), 0)],
    }));
    expect(getOrThrow(logits(counting, x)).data).toEqual(Float32Array.of(0.5, 0, 2.5, 0, 0, 0));
    expect(getOrThrow(fgnStep(counting, given, 0.1)).report.accepted).toBe(true);
  });
});
