// Initial parameters: bounds, seeds, and descriptions that do not fit.

import { describe, expect, it } from "vitest";
import { getOrThrow } from "../../mod.ts";
import { arraysOf, parameterCount, parameters } from "../../src/network/flat.ts";
import * as spec from "../../mod.ts";
import { network } from "../../src/network/network.ts";
import { left } from "../support/reference.ts";

describe("initialise()", () => {
  const weightOf = (layers: spec.LayerSpec[]): Float32Array => {
    const made = getOrThrow(spec.initialise({ inputs: 100, layers, seed: 3 }));
    return arraysOf(made)[0] as Float32Array;
  };
  const he = Math.sqrt(6 / 100), glorot = Math.sqrt(6 / 140);

  it.each<[string, number, spec.LayerSpec[]]>([
    ["dense last", glorot, [spec.dense(40)]],
    ["dense, relu", he, [spec.dense(40), spec.relu()]],
    ["dense, gelu", he, [spec.dense(40), spec.gelu()]],
    ["dense, silu", he, [spec.dense(40), spec.silu()]],
    ["dense, tanh", glorot, [spec.dense(40), spec.tanh()]],
    ["dense, sigmoid", glorot, [spec.dense(40), spec.sigmoid()]],
    ["dense, layer norm, relu", he, [spec.dense(40), spec.layerNorm(), spec.relu()]],
    ["dense, dense, relu", glorot, [spec.dense(40), spec.dense(40), spec.relu()]],
    ["dense, leaky relu", he / Math.sqrt(1.25), [spec.dense(40), spec.leakyRelu(0.5)]],
    ["he", he, [spec.dense(40, { initial: "he" })]],
    ["glorot, relu", glorot, [spec.dense(40, { initial: "glorot" }), spec.relu()]],
    ["zero", 0, [spec.dense(40, { initial: "zero" }), spec.relu()]],
    ["embedding, relu", Math.sqrt(6 / 41), [spec.embedding(40), spec.relu()]],
    ["embedding, dense", Math.sqrt(6 / 41), [spec.embedding(40), spec.dense(2)]],
    ["embedding, layer norm, relu", he, [spec.embedding(40), spec.layerNorm(), spec.relu()]],
    ["embedding, he", he, [spec.embedding(40, { initial: "he" })]],
    ["inside a residual block", he, [spec.residual([spec.dense(100), spec.relu()])]],
  ])("draws weights within the bound, and up to it: %s", (_, bound, layers) => {
    const weight = weightOf(layers);
    const low = Math.min(...weight), high = Math.max(...weight);
    expect(high).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(low).toBeGreaterThanOrEqual(-bound * (1 + 1e-6));
    expect(high).toBeGreaterThanOrEqual(bound * 0.98);
    expect(low).toBeLessThanOrEqual(-bound * 0.98);
  });

  it("gives the same for the same seed, and other weights for another seed and layer", () => {
    const layers = [spec.embedding(8), spec.layerNorm(), spec.residual([spec.dense(8), spec.relu()]), spec.dense(8)];
    const seeded = (seed?: number) =>
      getOrThrow(spec.initialise({ inputs: 8, layers, ...(seed === undefined ? {} : { seed }) }));
    expect(seeded(7)).toEqual(seeded(7));
    expect(seeded()).toEqual(seeded(0));
    expect(parameters(seeded(7))).not.toEqual(parameters(seeded(8)));
    const [first, , , , second] = arraysOf(seeded(7));
    expect(first).not.toEqual(second);
  });

  it("starts biases and shifts at 0 and gains at 1, and keeps what each layer was told", () => {
    const made = getOrThrow(spec.initialise({
      inputs: 5,
      layers: [spec.dense(4, { bias: false, frozen: true }), spec.layerNorm({ epsilon: 1e-3 }), spec.dense(2)],
    }));
    expect(made.layers[0]).toMatchObject({ bias: null, frozen: true, weight: { rows: 4, cols: 5 } });
    expect(made.layers[1]).toMatchObject({
      gain: new Float32Array(4).fill(1),
      shift: new Float32Array(4),
      epsilon: 1e-3,
    });
    expect(made.layers[2]).toMatchObject({ bias: new Float32Array(2), frozen: false });
    expect(network(made.inputs, made.layers)._tag).toBe("Right");
  });

  it("refuses what does not fit, with the path", () => {
    const start = (...layers: spec.LayerSpec[]) => left(spec.initialise({ inputs: 4, layers }));
    expect(start(spec.dense(0))).toMatchObject({ _tag: "InvalidSize", what: "layers[0] outputs" });
    expect(start(spec.relu(), spec.dense(1.5))).toMatchObject({ _tag: "InvalidSize", what: "layers[1] outputs" });
    expect(start(spec.dense(1))).toMatchObject({ _tag: "InvalidSize", what: "classes" });
    expect(start(spec.dense(4), spec.embedding(3))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[1]" });
    expect(start(spec.relu(), spec.residual([spec.dense(3)]))).toMatchObject({ layer: "layers[1]" });
    expect(start(spec.residual([spec.residual([])]))).toMatchObject({ layer: "layers[0].layers[0].layers" });
    expect(start(spec.layerNorm({ epsilon: -1 }))).toMatchObject({ _tag: "InvalidOption", option: "epsilon" });
    expect(start(spec.leakyRelu(NaN))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[0]" });
    expect(start(spec.dense(4, { initial: "one" as "zero" }))).toMatchObject({ option: "initial" });
    expect(start({ ...spec.dense(4), initial: "one" as "zero" })).toMatchObject({ layer: "layers[0]" });
    expect(start({ ...spec.layerNorm(), epsilon: -1 })).toMatchObject({ _tag: "InvalidLayer", layer: "layers[0]" });
    expect(start({ _tag: "pool" } as unknown as spec.LayerSpec)).toMatchObject({ _tag: "InvalidLayer" });
    expect(start()).toMatchObject({ _tag: "InvalidLayer", layer: "layers" });
    expect(start(spec.dense(2 ** 50))).toMatchObject({ _tag: "OutOfMemory" });
    expect(left(spec.initialise({ inputs: -1, layers: [] }))).toMatchObject({ _tag: "InvalidSize", what: "inputs" });
  });
});

describe("mlp()", () => {
  it("puts dense layers and activations in turn", () => {
    const made = getOrThrow(spec.mlp({ inputs: 6, hidden: [5, 4], classes: 3, activation: "leakyRelu", seed: 2 }));
    expect(made.layers.map(({ _tag }) => _tag)).toEqual(["dense", "activation", "dense", "activation", "dense"]);
    expect(made.layers[1]).toEqual(spec.leakyRelu());
    expect(parameterCount(made)).toBe(35 + 24 + 15);
    expect(getOrThrow(spec.mlp({ inputs: 6, hidden: [], classes: 3, bias: false })).layers).toHaveLength(1);
    expect(left(spec.mlp({ inputs: 6, hidden: [0], classes: 3 }))).toMatchObject({ what: "layers[0] outputs" });
    expect(left(spec.mlp({ inputs: 6, hidden: [], classes: 1 }))).toMatchObject({ what: "classes" });
    const wrong = { inputs: 6, hidden: [2], classes: 3, activation: "elu" as "relu" };
    expect(left(spec.mlp(wrong))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[1]" });
  });
});
