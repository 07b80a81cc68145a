// Input that no constructor let through, and results beyond float32: typed errors, and a kernel that still works.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  customModel,
  dense,
  evaluate,
  fgnStep,
  fromRows,
  getOrThrow,
  ggnProduct,
  initialise,
  jvp,
  type Kernel,
  type Layer,
  layerNorm,
  type LayerSpec,
  levenbergMarquardt,
  linearHead,
  logits,
  lossAndGradient,
  matrix,
  network,
  parameterCount,
  parameters,
  probabilities,
  residual,
  rowSystem,
  type SparseMatrix,
  vjp,
  withParameters,
  zeroHead,
} from "../../mod.ts";
import { flat, left, problem } from "../support/reference.ts";

const dense1 = (rows: number, cols: number, values: number[], bias: number[]): Layer => ({
  _tag: "dense",
  weight: { rows, cols, data: Float32Array.from(values) },
  bias: Float32Array.from(bias),
  frozen: false,
});

describe("results beyond float32", () => {
  it("are errors of every function, not zeros or NaN", () => {
    const layers = [
      dense1(1, 1, [0], [0]),
      dense1(2, 1, [3e38, -3e38], [0, 0]),
      dense1(3, 2, [1e10, 1e10, 0, 0, 1, 1], [0, 0, 0]),
    ];
    const model = getOrThrow(network(1, layers));
    const features = getOrThrow(matrix(1, 1, [1])), data = getOrThrow(batch({ features, labels: [0] }));
    expect(left(lossAndGradient(model, data))._tag).toBe("Overflow");
    expect(left(vjp(model, features, getOrThrow(matrix(1, 3, [1, -1, 0]))))._tag).toBe("Overflow");
    expect(left(ggnProduct(model, data, new Float32Array(parameterCount(model)).fill(1)))._tag).toBe("Overflow");
    expect(left(fgnStep(model, data))._tag).toBe("Overflow");
    const steep = getOrThrow(linearHead({ features: 1, classes: 2 }, [3e38, 1], null)),
      ten = getOrThrow(matrix(1, 1, [10]));
    const far = getOrThrow(batch({ features: ten, labels: [1] }));
    expect(left(logits(steep, ten))._tag).toBe("Overflow");
    expect(left(rowSystem(steep, far))._tag).toBe("Overflow");
    expect(left(jvp(steep, ten, [3e38, 0]))._tag).toBe("Overflow");
    expect(left(evaluate(steep, far))._tag).toBe("Overflow");
  });

  it("of probabilities keep their digits where they are small", () => {
    const head = getOrThrow(linearHead({ features: 1, classes: 3 }, [-20, 0, 0.5], null));
    const p = getOrThrow(probabilities(head, getOrThrow(matrix(1, 1, [1])))).data;
    const sum = Math.exp(-20) + 1 + Math.exp(0.5);
    [-20, 0, 0.5].forEach((f, k) => expect(Math.abs((p[k] as number) / (Math.exp(f) / sum) - 1)).toBeLessThan(1e-5));
  });
});

describe("what was made by hand", () => {
  const { head, data } = problem(6, 4, 3);

  it("labels that are no class indices are refused, and leave the kernel as it was", () => {
    const before = getOrThrow(evaluate(head, data)).loss;
    for (const wrong of [[-1], [-205], [NaN], [0.5]]) {
      const labels = Float64Array.from([...wrong, 0, 0, 0, 0, 0]) as unknown as Uint32Array;
      expect(left(fgnStep(head, { ...data, labels }))._tag).toBe("LabelOutOfRange");
      expect(left(evaluate(head, { ...data, labels }))._tag).toBe("LabelOutOfRange");
    }
    expect(getOrThrow(evaluate(head, data)).loss).toBe(before);
  });

  it("sparse matrices are checked", () => {
    const good = getOrThrow(fromRows(4, [[[0, 1]], [[2, 1], [3, 2]]]));
    const wrong: Partial<SparseMatrix>[] = [
      { offsets: Uint32Array.of(0, 1, 4e6) },
      { indices: Uint32Array.of(0, 77, 3) },
      { data: new Float32Array(9) },
    ];
    for (const part of wrong) {
      const bad: Batch = { features: { ...good, ...part }, labels: Uint32Array.of(0, 1), targets: null, weights: null };
      expect(["InvalidSparse", "ShapeMismatch"]).toContain(left(fgnStep(head, bad))._tag);
    }
  });

  it("more sparse rows than a system is chosen for without looking meet the same check", () => {
    const model = getOrThrow(initialise({ inputs: 4, layers: [layerNorm(), dense(3)] }));
    const features = getOrThrow(fromRows(4, Array.from({ length: 300 }, () => [[0, 1] as const])));
    const many = getOrThrow(batch({ features, labels: new Uint32Array(300) }));
    expect(left(fgnStep(model, many))._tag).toBe("InvalidLayer");
  });

  it("kernels, warm starts and weights are checked", () => {
    const kernel: Kernel = { name: "simd128" };
    expect(left(fgnStep(head, data, 1, { kernel }))).toMatchObject({ _tag: "InvalidOption", option: "kernel" });
    const warmStart = new Float64Array(6).fill(NaN);
    expect(left(fgnStep(head, data, 1, { warmStart }))).toMatchObject({ _tag: "NotFinite", what: "warmStart" });
    expect(left(evaluate(head, { ...data, weights: new Float32Array(6) }))._tag).toBe("ZeroWeights");
    const damping = { lambda: 1 } as unknown as number;
    expect(left(fgnStep(head, data, damping))).toMatchObject({ _tag: "InvalidOption", option: "damping" });
  });

  it("sizes beyond one array, and blocks beyond the stack, are errors", () => {
    const wide = getOrThrow(fromRows(1, Array.from({ length: 2 ** 20 }, () => [])));
    const model = getOrThrow(zeroHead({ features: 1, classes: 2 ** 16 }));
    expect(left(logits(model, wide))._tag).toBe("OutOfMemory");
    let spec: LayerSpec = dense(4);
    for (let i = 0; i < 20_000; i++) spec = residual([spec]);
    expect(left(initialise({ inputs: 4, layers: [spec] }))._tag).toBe("InvalidLayer");
  });
});

describe("options", () => {
  it("that are undefined are left out", () => {
    const undefinedBias = { bias: undefined } as unknown as { bias: boolean };
    expect(getOrThrow(initialise({ inputs: 2, layers: [dense(3, undefinedBias)] })).layers[0]).toMatchObject({
      bias: expect.anything(),
    });
  });

  it("of the solver are kept: Cholesky for many rows asks for the Gram matrix", () => {
    const { head, data } = problem(400, 3, 3);
    expect(getOrThrow(fgnStep(head, data, 1, { solver: "cholesky" })).report).toMatchObject({
      solver: "cholesky",
      system: "gram",
    });
  });

  it("of Levenberg–Marquardt stay finite when the loss cannot fall any more", () => {
    const features = getOrThrow(matrix(6, 2, [1, 0, 0.9, 0.1, 0, 1, 0.2, 0.8, -1, -1, -0.9, -1.1]));
    const data = getOrThrow(batch({ features, labels: [0, 1, 1, 0, 2, 0] }));
    let params = getOrThrow(zeroHead({ features: 2, classes: 3 })),
      damping: Parameters<typeof fgnStep>[2] = levenbergMarquardt();
    for (let i = 0; i < 1000; i++) ({ params, damping } = getOrThrow(fgnStep(params, data, damping)));
    expect(flat(params).every(Number.isFinite)).toBe(true);
    expect((damping as { lambda: number }).lambda).toBeLessThan(1e300);
  });
});

describe("parameters() and withParameters()", () => {
  it("take models of one's own, too", () => {
    const model = getOrThrow(customModel({
      parameters: [1, 2],
      classes: 2,
      forward: (_, x) => new Float32Array(2 * x.rows),
      jvp: (_, x) => new Float32Array(2 * x.rows),
      vjp: () => [0, 0],
    }));
    expect(parameterCount(model)).toBe(2);
    expect([...parameters(getOrThrow(withParameters(model, [3, 4])))]).toEqual([3, 4]);
  });
});
