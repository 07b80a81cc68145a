// Bad input: each case its own typed error, with the place and a remedy.

import { describe, expect, it } from "vitest";
import {
  batch,
  evaluate,
  fgnStep,
  getOrThrow,
  levenbergMarquardt,
  linearHead,
  lossAndGradient,
  type Matrix,
  matrix,
  probabilities,
  randomHead,
  relative,
  showError,
  train,
  zeroHead,
} from "../../mod.ts";
import { place } from "../../src/kernel/arena.ts";
import { defaultKernel, instantiate } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { decode } from "../../src/kernel/compile.ts";
import { refusalOf } from "../../src/kernel/source.ts";
import { left, problem } from "../support/reference.ts";

const features: Matrix = getOrThrow(matrix(2, 2, [1, 0, 0, 1]));
const { head, data } = problem(4, 3, 5);

describe("matrix()", () => {
  it("refuses wrong lengths, sizes and values that are not finite, with their place", () => {
    expect(left(matrix(2, 2, [1, 2, 3]))).toMatchObject({ _tag: "ShapeMismatch", expected: 4, actual: 3 });
    expect(left(matrix(1.5, 2, [1, 2, 3]))).toMatchObject({ _tag: "InvalidSize", value: 1.5 });
    expect(left(matrix(1, 0, []))).toMatchObject({ _tag: "InvalidSize", value: 0 });
    const error = left(matrix(2, 2, [1, 2, 3, NaN]));
    expect(error).toMatchObject({ _tag: "NotFinite", index: 3 });
    expect(error.message).toContain("row 1, column 1");
    expect(left(matrix(1, 2, [-Infinity, 1]))).toMatchObject({ _tag: "NotFinite", index: 0 });
    expect(left(matrix(1, 2, [1, 1e300]))).toMatchObject({ _tag: "NotFinite", index: 1, value: 1e300 });
  });
});

describe("batch()", () => {
  it("refuses an empty batch, wrong lengths and labels", () => {
    expect(left(batch({ features: getOrThrow(matrix(0, 2, [])), labels: [] }))._tag).toBe("EmptyBatch");
    expect(left(batch({ features, labels: [0] }))).toMatchObject({ _tag: "ShapeMismatch", what: "labels" });
    for (const label of [-1, 0.5, NaN, 2 ** 32]) {
      expect(left(batch({ features, labels: [0, label] }))).toMatchObject({ _tag: "LabelOutOfRange", index: 1 });
    }
  });

  it("refuses weights that are negative, not finite, all zero or too few", () => {
    const labels = [0, 1];
    expect(left(batch({ features, labels, weights: [1, -2] }))).toMatchObject({ _tag: "NegativeWeight", index: 1 });
    expect(left(batch({ features, labels, weights: [NaN, 1] }))).toMatchObject({ _tag: "NotFinite", index: 0 });
    expect(left(batch({ features, labels, weights: [0, 0] }))._tag).toBe("ZeroWeights");
    expect(left(batch({ features, labels, weights: [1] }))).toMatchObject({ _tag: "ShapeMismatch", what: "weights" });
  });
});

describe("heads", () => {
  it("refuse bad sizes and parameters", () => {
    expect(left(zeroHead({ features: 3, classes: 1 }))).toMatchObject({ _tag: "InvalidSize", what: "classes" });
    expect(left(randomHead({ features: 0, classes: 3 }, 1))).toMatchObject({ _tag: "InvalidSize", what: "features" });
    expect(left(zeroHead({ features: 2 ** 30, classes: 2 ** 20 }))._tag).toBe("OutOfMemory");
    const size = { features: 2, classes: 2 };
    expect(left(linearHead(size, [1, 2, 3], null))._tag).toBe("ShapeMismatch");
    expect(left(linearHead(size, [1, 2, 3, 4], [1]))._tag).toBe("ShapeMismatch");
    expect(left(linearHead(size, [1, 2, NaN, 4], null))).toMatchObject({ _tag: "NotFinite", index: 2 });
    expect(left(linearHead(size, [1, 2, 3, 4], [0, Infinity]))).toMatchObject({
      _tag: "NotFinite",
      what: "bias parameters",
      index: 1,
    });
  });
});

describe("fgnStep()", () => {
  it("refuses damping that is not a positive finite number", () => {
    const bad = [0, -1, NaN, Infinity, relative(0), relative(NaN), levenbergMarquardt({ lambda: -1 })];
    for (const damping of bad) expect(left(fgnStep(head, data, damping))._tag).toBe("InvalidDamping");
    for (const options of [{ raise: 1 }, { lower: 0 }, { attempts: 0 }]) {
      expect(left(fgnStep(head, data, levenbergMarquardt(options)))._tag).toBe("InvalidOption");
    }
  });

  it("refuses options out of range, by name", () => {
    const wrong = { solver: "lu" } as unknown as { solver: "cg" };
    expect(left(fgnStep(head, data, 1, wrong))).toMatchObject({ _tag: "InvalidOption", option: "solver" });
    expect(left(fgnStep(head, data, 1, { tolerance: 0 }))).toMatchObject({ option: "tolerance" });
    expect(left(fgnStep(head, data, 1, { maxIterations: 0.5 }))).toMatchObject({ option: "maxIterations" });
  });

  it("refuses a batch that does not fit the head", () => {
    const narrow = getOrThrow(batch({ features, labels: [0, 1] }));
    expect(left(fgnStep(head, narrow))).toMatchObject({ _tag: "FeatureMismatch", expected: 3, actual: 2 });
    const many = getOrThrow(batch({ features: data.features, labels: [0, 1, 5, 0] }));
    expect(left(fgnStep(head, many))).toMatchObject({ _tag: "LabelOutOfRange", index: 2, label: 5, classes: 5 });
    expect(left(evaluate(head, many))._tag).toBe("LabelOutOfRange");
    expect(left(lossAndGradient(head, narrow))._tag).toBe("FeatureMismatch");
    expect(left(probabilities(head, features))._tag).toBe("FeatureMismatch");
    const broken = { ...data, labels: data.labels.subarray(1) };
    expect(left(fgnStep(head, broken))).toMatchObject({ _tag: "ShapeMismatch", what: "labels" });
  });

  it("says when float32 overflows, and when the system is singular", () => {
    const huge = getOrThrow(batch({
      features: getOrThrow(matrix(2, 2, [1e30, 0, 0, 1e30])),
      labels: [0, 1],
    }));
    expect(left(fgnStep(getOrThrow(zeroHead({ features: 2, classes: 2 })), huge))._tag).toBe("Overflow");
    const flat = getOrThrow(batch({ features: getOrThrow(matrix(3, 1, [1, 2, 3])), labels: [0, 1, 0] }));
    const zero = getOrThrow(zeroHead({ features: 1, classes: 2 }));
    expect(left(fgnStep(zero, flat, 1e-300))).toMatchObject({ _tag: "NotPositiveDefinite" });
  });
});

describe("train()", () => {
  it("yields the error and ends", async () => {
    const seen = [];
    for await (const record of train(head, data, { epochs: 0 })) seen.push(record);
    expect(seen.map(left)).toMatchObject([{ _tag: "InvalidOption", option: "epochs" }]);
    const narrow = getOrThrow(batch({ features, labels: [0, 1] }));
    for await (const record of train(head, data, { validation: narrow })) {
      expect(left(record)._tag).toBe("FeatureMismatch");
    }
  });
});

describe("the kernel", () => {
  it("says when memory is beyond what WebAssembly holds, and still works after", () => {
    const kernel = getOrThrow(defaultKernel());
    expect(left(place(kernel, { all: 2 ** 33 }))).toMatchObject({ _tag: "OutOfMemory" });
    expect(fgnStep(head, data)._tag).toBe("Right");
  });

  it.each([
    ["the engine", { Uint8Array: { fromHex: (text: string) => Uint8Array.from(Buffer.from(text, "hex")) } }],
    ["Node", { Uint8Array: {}, Buffer }],
    ["a loop", { Uint8Array: {} }],
  ])("is decoded by %s", (_, decoders) => {
    const bytes = decode(simd.code as string, decoders);
    expect(Buffer.from(bytes).toString("hex")).toBe(simd.code);
    expect(WebAssembly.validate(bytes)).toBe(true);
  });

  it("tells missing support from a forbidding policy, with the remedy for each", () => {
    expect(left(instantiate({ name: "simd128", hash: "", code: "0000" }))._tag).toBe("UnsupportedRuntime");
    const csp = new Error("Refused to compile or instantiate WebAssembly module because 'unsafe-eval' is not allowed");
    expect(left(refusalOf(csp))).toMatchObject({ _tag: "CompilationForbidden" });
    expect(showError(left(refusalOf(csp)))).toContain("wasm-unsafe-eval");
    expect(left(refusalOf(new Error("Wasm code generation disallowed by embedder")))._tag).toBe("CompilationForbidden");
    expect(left(refusalOf(new Error("Wasm SIMD unsupported")))._tag).toBe("UnsupportedRuntime");
  });
});
