// Networks as values: shapes and their errors, heads, flat vectors.

import { describe, expect, it } from "vitest";
import { getOrThrow } from "../../mod.ts";
import { drawFrom, seedRandom } from "../../src/math/random.ts";
import { freeze } from "../../src/network/adapter.ts";
import { arraysOf, mapTrainable, parameterCount, parameters } from "../../src/network/flat.ts";
import { linearHead, randomHead, zeroHead } from "../../src/network/head.ts";
import { withParameters } from "../../src/network/model.ts";
import type { Activation } from "../../src/network/activations.ts";
import type { Adapter, Dense, Embedding, Layer, LayerNorm, Network, Residual } from "../../src/network/layer.ts";
import { dense as denseSpec, initialise } from "../../src/network/layers.ts";
import { checkNetwork, network } from "../../src/network/network.ts";
import { left, uniform } from "../support/reference.ts";

const floats = (count: number): Float32Array => uniform(count, count + 1);
const mat = (rows: number, cols: number) => ({ rows, cols, data: floats(rows * cols) });
const affine = (rows: number, cols: number) => ({ weight: mat(rows, cols), bias: floats(rows), frozen: false });
const dense = (out: number, inputs: number): Dense => ({ _tag: "dense", ...affine(out, inputs) });
const relu: Activation = { _tag: "activation", kind: "relu", slope: 0 };
const norm: LayerNorm = { _tag: "layerNorm", gain: floats(4), shift: floats(4), epsilon: 1e-5, frozen: false };
const embedding: Embedding = { _tag: "embedding", weight: mat(6, 4), bias: floats(4), frozen: false };
const adapter: Adapter = { _tag: "adapter", ...affine(4, 4), down: mat(2, 4), up: mat(4, 2), scale: 0.5 };
const residual = (...layers: Layer[]): Layer => ({ _tag: "residual", layers });

/** Every kind of layer, 6 features, 3 classes. */
const all = (): Network => getOrThrow(network(6, [embedding, norm, residual(relu, adapter, norm), dense(3, 4)]));

describe("network()", () => {
  it("takes layers that fit, and finds the number of classes", () => {
    const layers = [dense(4, 6), relu, residual(residual(dense(5, 4), dense(4, 5)), norm), dense(3, 4)];
    const made = getOrThrow(network(6, layers));
    expect(made).toMatchObject({ _tag: "network", inputs: 6, outputs: 3 });
    expect(made.layers).toBe(layers);
    expect(getOrThrow(checkNetwork(made))).toBe(made);
    expect(all().outputs).toBe(3);
  });

  it.each<[string, string, Layer[]]>([
    ["layers[0]", "takes 5 features and gets 4", [dense(4, 5)]],
    ["layers[1]", "takes 4 features and gets 3", [dense(3, 4), norm]],
    ["layers[2].layers[1]", "takes 4 features and gets 5", [relu, relu, residual(dense(5, 4), adapter)]],
    ["layers[1]", "its layers give 3", [relu, residual(dense(3, 4))]],
    ["layers[0].layers", "is empty", [residual()]],
    ["layers", "is empty", []],
    ["layers[1]", "is an embedding", [relu, embedding]],
    ["layers[0].layers[0]", "is an embedding", [residual({ ...embedding, weight: mat(4, 4) })]],
    ["layers[0]", 'unknown kind "elu"', [{ ...relu, kind: "elu" as "relu" }]],
    ["layers[0]", "slope NaN", [{ ...relu, slope: NaN }]],
    ["layers[0]", "unknown kind", [{ _tag: "conv" } as unknown as Layer]],
    ["layers[0]", "epsilon 0", [{ ...norm, epsilon: 0 }]],
    ["layers[0]", "epsilon Infinity", [{ ...norm, epsilon: Infinity }]],
    ["layers[0]", "scale Infinity", [{ ...adapter, scale: Infinity }]],
    ["layers[0]", "factors 4 × 2 and 3 × 4", [{ ...adapter, down: mat(3, 4) }]],
    ["layers[0]", "factors 5 × 2 and 2 × 4", [{ ...adapter, up: mat(5, 2) }]],
    ["layers[0].bias", "not a Float32Array", [{ ...dense(4, 4), bias: [1, 2, 3, 4] as unknown as Float32Array }]],
  ])("refuses layers that do not fit: %s %s", (layer, reason, layers) => {
    const error = left(network(4, layers));
    expect(error).toMatchObject({ _tag: "InvalidLayer", layer });
    expect(error.message).toContain(reason);
  });

  it.each<[string, Layer]>([
    ["layers[0].weight", { ...dense(4, 4), weight: { ...mat(4, 4), data: floats(15) } }],
    ["layers[0].bias", { ...dense(4, 4), bias: floats(3) }],
    ["layers[0].shift", { ...norm, shift: floats(3) }],
    ["layers[0].bias", { ...embedding, weight: mat(4, 3), bias: floats(4) }],
    ["layers[0].up", { ...adapter, up: { ...mat(4, 2), data: floats(7) } }],
    ["layers[0].layers[0].bias", residual({ ...dense(4, 4), bias: floats(5) })],
  ])("refuses arrays of the wrong length: %s", (what, layer) => {
    expect(left(network(4, [layer]))).toMatchObject({ _tag: "ShapeMismatch", what });
  });

  it.each<[string, number, Layer]>([
    ["layers[0].weight", 5, { ...dense(4, 4), weight: { ...mat(4, 4), data: floats(16).fill(NaN, 5) } }],
    ["layers[0].bias", 3, { ...embedding, weight: mat(4, 4), bias: floats(4).fill(Infinity, 3) }],
    ["layers[0].gain", 0, { ...norm, gain: floats(4).fill(NaN) }],
    ["layers[0].shift", 0, { ...norm, shift: floats(4).fill(NaN) }],
    ["layers[0].down", 7, { ...adapter, down: { ...mat(2, 4), data: floats(8).fill(NaN, 7) } }],
    ["layers[0].layers[1].up", 0, residual(relu, { ...adapter, up: { ...mat(4, 2), data: floats(8).fill(NaN) } })],
  ])("refuses values that are not finite: %s", (what, index, layer) => {
    expect(left(network(4, [layer]))).toMatchObject({ _tag: "NotFinite", what, index });
    expect(checkNetwork({ _tag: "network", inputs: 4, outputs: 4, layers: [layer] })._tag).toBe("Right");
  });

  it("refuses sizes out of range", () => {
    expect(left(network(0, [relu]))).toMatchObject({ _tag: "InvalidSize", what: "inputs" });
    expect(left(network(4, [dense(1, 4)]))).toMatchObject({ _tag: "InvalidSize", what: "classes", value: 1 });
    const none = { ...adapter, down: mat(0, 4), up: mat(4, 0) };
    expect(left(network(4, [none]))).toMatchObject({ _tag: "InvalidSize", what: "layers[0].down rows" });
    expect(left(checkNetwork({ ...all(), outputs: 4 }))).toMatchObject({ _tag: "ShapeMismatch", actual: 3 });
    const loop: { _tag: "residual"; layers: Layer[] } = { _tag: "residual", layers: [] };
    loop.layers.push(loop);
    expect(left(network(4, [loop]))._tag).toBe("InvalidLayer");
  });
});

describe("heads", () => {
  it("are networks of one dense layer", () => {
    const weight = Float32Array.of(1, 2, 3, 4, 5, 6), bias = Float32Array.of(7, 8);
    const head = getOrThrow(linearHead({ features: 3, classes: 2 }, weight, bias));
    const layer = { _tag: "dense", weight: { rows: 2, cols: 3, data: weight }, bias, frozen: false };
    expect(head).toEqual({ _tag: "network", inputs: 3, outputs: 2, layers: [layer] });
    expect(arraysOf(head)[0]).toBe(weight);
    expect(parameters(getOrThrow(zeroHead({ features: 3, classes: 2 })))).toEqual(new Float32Array(8));
    expect(parameterCount(getOrThrow(zeroHead({ features: 3, classes: 2, bias: false })))).toBe(6);
    for (const made of [head, getOrThrow(randomHead({ features: 3, classes: 2 }, 1))]) {
      expect(checkNetwork(made)._tag).toBe("Right");
    }
  });

  it("draw Glorot weights in order from the seed", () => {
    const head = getOrThrow(randomHead({ features: 3, classes: 2 }, 5));
    const expected = Float32Array.from(drawn(6, 5), (v) => v * Math.sqrt(6 / 5));
    expect(arraysOf(head)).toEqual([expected, new Float32Array(2)]);
    expect(head).toEqual(getOrThrow(initialise({ inputs: 3, layers: [denseSpec(2)], seed: 5 })));
  });

  it("refuse bad sizes and parameters", () => {
    expect(left(zeroHead({ features: 3, classes: 1 }))).toMatchObject({ _tag: "InvalidSize", what: "classes" });
    expect(left(randomHead({ features: 0, classes: 3 }, 1))).toMatchObject({ _tag: "InvalidSize", what: "features" });
    expect(left(zeroHead({ features: 2 ** 30, classes: 2 ** 20 }))._tag).toBe("OutOfMemory");
    expect(left(linearHead({ features: 2, classes: 2 }, [1, 2, 3], null))._tag).toBe("ShapeMismatch");
    expect(left(linearHead({ features: 2, classes: 2 }, [1, 2, 3, NaN], null))._tag).toBe("NotFinite");
    expect(left(linearHead({ features: 2, classes: 2 }, [1, 2, 3, 4], [0]))._tag).toBe("ShapeMismatch");
  });
});

/** Numbers in [−1, 1) before rounding to float32. */
function drawn(count: number, seed: number): number[] {
  const source = drawFrom(seedRandom(seed));
  return Array.from({ length: count }, () => source.next() / 2 ** 31 - 1);
}

describe("flat parameters", () => {
  it("come in order, layer by layer", () => {
    const what: string[] = [];
    mapTrainable(all(), ({ path, data }) => (what.push(path), data));
    expect(what.map((name) => name.replaceAll("layers", ""))).toEqual([
      ...["[0].weight", "[0].bias", "[1].gain", "[1].shift", "[2].[1].down", "[2].[1].up"],
      ...["[2].[2].gain", "[2].[2].shift", "[3].weight", "[3].bias"],
    ]);
    const flat = parameters(all());
    expect(flat).toEqual(Float32Array.from(arraysOf(all()).flatMap((array) => [...array])));
    expect(parameterCount(all())).toBe(24 + 4 + 8 + 8 + 8 + 8 + 12 + 3);
  });

  it("round-trip, frozen layers or not, and write to nothing", () => {
    const kinds = [
      embedding,
      norm,
      relu,
      adapter,
      dense(4, 4),
      { ...dense(4, 4), bias: null },
      residual(adapter, norm),
    ];
    for (const frozen of [[], [0], [0, 1, 2], [3]]) {
      for (const kind of kinds) {
        const first = kind._tag === "embedding" ? kind : dense(4, 6);
        const made = getOrThrow(
          freeze(getOrThrow(network(6, [first, kind === first ? relu : kind, norm, dense(3, 4)])), frozen),
        );
        const before = structuredClone(made);
        const values = floats(parameterCount(made));
        const other = getOrThrow(withParameters(made, values));
        expect(parameters(other)).toEqual(values);
        expect(made).toEqual(before);
        expect(getOrThrow(withParameters(other, parameters(made)))).toEqual(made);
        for (const index of frozen) expect(other.layers[index]).toEqual(made.layers[index]);
      }
    }
  });

  it("are copied both ways, and frozen arrays are shared", () => {
    const made = getOrThrow(freeze(all(), [0]));
    const flat = parameters(made);
    const other = getOrThrow(withParameters(made, flat));
    flat.fill(9);
    expect(parameters(other)).toEqual(parameters(made));
    expect(other.layers[0]).toBe(made.layers[0]);
    const [base, copy] = [made, other].map(({ layers }) => (layers[2] as Residual).layers[1] as Adapter);
    expect(copy?.weight).toBe(base?.weight);
  });

  it("refuse the wrong length and values that are not finite", () => {
    const [first, ...rest] = all().layers;
    // Names of Object.prototype are no kinds either.
    for (const _tag of ["__proto__", "constructor", "toString", "none"]) {
      const odd = { ...all(), layers: [{ ...first, _tag } as unknown as Layer, ...rest] };
      expect(left(withParameters(odd, parameters(all())))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[0]" });
    }
    expect(left(withParameters(all(), [1]))).toMatchObject({ _tag: "ShapeMismatch", what: "parameters", actual: 1 });
    const flat = parameters(all()).fill(NaN, 7, 8);
    expect(left(withParameters(all(), flat))).toMatchObject({ _tag: "NotFinite", index: 7 });
  });
});
