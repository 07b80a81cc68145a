// Adapters and frozen layers: no change at the start, merging, choosing layers.

import { describe, expect, it } from "vitest";
import { getOrThrow } from "../../mod.ts";
import { freeze, mergeAdapters, unfreeze, withAdapters } from "../../src/network/adapter.ts";
import { parameterCount } from "../../src/network/flat.ts";
import { zeroHead } from "../../src/network/head.ts";
import type { Adapter, Dense, Layer, Network } from "../../src/network/layer.ts";
import { checkNetwork, network } from "../../src/network/network.ts";
import { left, uniform } from "../support/reference.ts";

const mat = (rows: number, cols: number) => ({ rows, cols, data: uniform(rows * cols, rows) });
const dense = (out: number, inputs: number): Dense => (
  { _tag: "dense", weight: mat(out, inputs), bias: uniform(out, 9), frozen: false }
);
const relu: Layer = { _tag: "activation", kind: "relu", slope: 0 };

describe("adapters", () => {
  const base = getOrThrow(
    network(4, [dense(4, 4), relu, { _tag: "residual", layers: [dense(6, 4), dense(4, 6)] }, dense(3, 4)]),
  );

  it("start as no change: merged, they give the base", () => {
    const before = structuredClone(base);
    const adapted = getOrThrow(withAdapters(base, { rank: 2, alpha: 8, seed: 1 }));
    expect(checkNetwork(adapted)._tag).toBe("Right");
    expect(adapted.layers[0]).toMatchObject({ _tag: "adapter", scale: 4, frozen: false, up: { rows: 4, cols: 2 } });
    expect(parameterCount(adapted)).toBe(2 * (8 + 10 + 10 + 7));
    expect(getOrThrow(mergeAdapters(adapted))).toEqual(base);
    expect(base).toEqual(before);
    expect(adapted).toEqual(getOrThrow(withAdapters(base, { rank: 2, alpha: 8, seed: 1 })));
  });

  it("draw V up to ±1/√in and share the base", () => {
    const wide = getOrThrow(zeroHead({ features: 100, classes: 3 }));
    const { down, weight } = getOrThrow(withAdapters(wide, { rank: 40 })).layers[0] as Adapter;
    const largest = Math.max(...down.data.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(0.1 + 1e-8);
    expect(largest).toBeGreaterThan(0.098);
    expect(weight).toBe((wide.layers[0] as Dense).weight);
  });

  it("merge to W + scale · U V", () => {
    const layer: Adapter = {
      _tag: "adapter",
      scale: 0.5,
      frozen: false,
      weight: { rows: 2, cols: 2, data: Float32Array.of(1, 2, 3, 4) },
      bias: null,
      down: { rows: 1, cols: 2, data: Float32Array.of(1, -1) },
      up: { rows: 2, cols: 1, data: Float32Array.of(2, 4) },
    };
    const merged = getOrThrow(mergeAdapters(getOrThrow(network(2, [layer]))));
    const weight = { rows: 2, cols: 2, data: Float32Array.of(2, 1, 5, 2) };
    expect(merged.layers).toEqual([{ _tag: "dense", weight, bias: null, frozen: false }]);
    const huge = { ...layer, scale: 1e300 };
    expect(left(mergeAdapters(getOrThrow(network(2, [huge]))))).toMatchObject({
      _tag: "Overflow",
      what: "layers[0].weight",
    });
  });

  it("go where they are told", () => {
    const tags = ({ layers }: Network) => layers.map((l) => l._tag === "residual" ? l.layers[0]?._tag : l._tag);
    expect(tags(getOrThrow(withAdapters(base, { rank: 1, layers: [2] })))).toEqual([
      "dense",
      "activation",
      "adapter",
      "dense",
    ]);
    const at = (layers: number[]) => left(withAdapters(base, { rank: 1, layers }));
    expect(at([0, 1])).toMatchObject({ _tag: "InvalidLayer", layer: "layers[1]" });
    for (const index of [4, -1, 0.5]) expect(at([index])).toMatchObject({ layer: `layers[${index}]` });
    expect(left(withAdapters(getOrThrow(network(4, [relu])), { rank: 1 }))).toMatchObject({ layer: "layers" });
  });

  it("refuse ranks and alphas out of range", () => {
    for (const rank of [0, 1.5, NaN]) expect(left(withAdapters(base, { rank }))).toMatchObject({ what: "rank" });
    expect(left(withAdapters(base, { rank: 1, alpha: NaN }))).toMatchObject({ _tag: "InvalidOption", option: "alpha" });
    expect(left(withAdapters(base, { rank: 2 ** 50 }))._tag).toBe("OutOfMemory");
  });

  it("freeze() and unfreeze() reach into residual blocks and leave the rest", () => {
    expect(parameterCount(getOrThrow(freeze(base)))).toBe(0);
    expect(getOrThrow(unfreeze(getOrThrow(freeze(base))))).toEqual(base);
    expect(parameterCount(getOrThrow(freeze(base, [0, 2])))).toBe(15);
    expect(getOrThrow(unfreeze(getOrThrow(freeze(base)), [2])).layers[2]).toEqual(base.layers[2]);
    expect(left(freeze(base, [9]))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[9]" });
  });
});
