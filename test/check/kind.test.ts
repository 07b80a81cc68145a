// Values that types rule out, as plain JavaScript passes them: a typed error says what was given in whose place.

import { describe, expect, it } from "vitest";
import {
  adapt,
  batch,
  type Either,
  evaluate,
  type FgnError,
  fgnStep,
  freeze,
  fromRows,
  getOrThrow,
  growClasses,
  holdOut,
  linearHead,
  logits,
  lossAndGradient,
  matrix,
  observe,
  sparse,
  withParameters,
  zeroHead,
} from "../../mod.ts";
import { left } from "../support/reference.ts";

const features = getOrThrow(matrix(2, 2, [1, 0, 0, 1]));
const data = getOrThrow(batch({ features, labels: [0, 1] }));
const head = getOrThrow(zeroHead({ features: 2, classes: 2 }));

/** Neither arrays nor objects of any use; an Either is the commonest of all. */
const NOTHING: readonly unknown[] = [null, 1, "text", () => 1, matrix(1, 1, [1]), matrix(1, 1, [])];
const NO_ARRAY: readonly unknown[] = [...NOTHING, {}, new DataView(new ArrayBuffer(8))];
const NO_VALUE: readonly unknown[] = [...NO_ARRAY, undefined, []];

/** A function, without what types say of its arguments. */
// deno-lint-ignore no-explicit-any
type Untyped = (...given: any[]) => Either<FgnError, unknown>;
const untyped = (f: unknown): Untyped => f as Untyped;

interface Case {
  readonly what: string;
  readonly wrong: readonly unknown[];
  readonly call: (value: unknown) => Either<FgnError, unknown>;
}

const named = (
  what: string,
  wrong: readonly unknown[],
  ...calls: readonly ((value: unknown) => Either<FgnError, unknown>)[]
): Case[] => calls.map((call) => ({ what, wrong, call }));

const CASES: readonly Case[] = [
  ...named("matrix", NO_ARRAY, (v) => untyped(matrix)(2, 2, v)),
  ...named("sparse offsets", NO_ARRAY, (v) => untyped(sparse)(1, 2, v, [0], [1])),
  ...named("sparse indices", NO_ARRAY, (v) => untyped(sparse)(1, 2, [0, 1], v, [1])),
  ...named("sparse values", NO_ARRAY, (v) => untyped(sparse)(1, 2, [0, 1], [0], v)),
  ...named("rows", [...NO_ARRAY, [1]], (v) => untyped(fromRows)(2, v)),
  ...named("what batch takes", NOTHING, (v) => untyped(batch)(v)),
  ...named(
    "features",
    NO_VALUE,
    (v) => untyped(batch)({ features: v, labels: [0] }),
    (v) => untyped(logits)(head, v),
    (v) => untyped(observe)(head, null, v),
  ),
  ...named("targets", NO_ARRAY, (v) => untyped(batch)({ features, targets: v })),
  ...named("labels", NO_ARRAY, (v) => untyped(batch)({ features, labels: v })),
  ...named("weights", NO_ARRAY, (v) => untyped(batch)({ features, labels: [0, 1], weights: v })),
  ...named("the size", NOTHING, (v) => untyped(zeroHead)(v), (v) => untyped(linearHead)(v, [], null)),
  ...named("weight parameters", NO_ARRAY, (v) => untyped(linearHead)({ features: 2, classes: 2 }, v, null)),
  ...named("parameters", NO_ARRAY, (v) => untyped(withParameters)(head, v)),
  ...named(
    "the model",
    NO_VALUE,
    (v) => untyped(fgnStep)(v, data),
    (v) => untyped(logits)(v, features),
    (v) => untyped(growClasses)(v, 3),
    (v) => untyped(freeze)(v),
    (v) => untyped(withParameters)(v, []),
    (v) => untyped(adapt)(v, null, data),
  ),
  ...named(
    "the batch",
    NO_VALUE,
    (v) => untyped(fgnStep)(head, v),
    (v) => untyped(evaluate)(head, v),
    (v) => untyped(lossAndGradient)(head, v),
    (v) => untyped(adapt)(head, null, v),
    (v) => untyped(holdOut)(v, 0.5),
  ),
  ...named(
    "the state's layers",
    NO_ARRAY,
    (v) => untyped(observe)(head, { steps: 0, examples: 0, layers: v }, features),
  ),
];

describe("values of a wrong kind", () => {
  it.each(CASES)("in the place of $what are typed errors", ({ what, wrong, call }) => {
    for (const value of wrong) expect(left(call(value)), String(value)).toMatchObject({ _tag: "WrongKind", what });
  });

  it("are not what has a length and numbers", () => {
    for (const values of [[1, 2], Float64Array.of(1, 2), { length: 2, 0: 1, 1: 2 }]) {
      expect([...getOrThrow(matrix(1, 2, values)).data]).toEqual([1, 2]);
    }
  });

  it("as a batch say where one comes from, also where it only lacks what batch adds", () => {
    const bare = { features, labels: Uint32Array.of(0, 1) };
    expect(left(untyped(fgnStep)(head, bare))).toMatchObject({
      message: "the batch: an object {features, labels} is given, in the place of what batch made",
      remedy: "Give what batch made",
    });
  });

  it("that are an Either, right or left, are told from others", () => {
    for (const either of [zeroHead({ features: 2, classes: 2 }), zeroHead({ features: 2, classes: 1 })]) {
      const error = left(untyped(fgnStep)(either, data));
      expect(error.message).toBe("the model: an Either is given, in the place of a network or what customModel made");
      expect(error.remedy).toBe("Check its _tag and give its right");
    }
  });
});
