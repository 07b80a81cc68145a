// Networks as JSON: exact round trips, and every kind of garbage refused.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { getOrThrow } from "../../mod.ts";
import { withAdapters } from "../../src/network/adapter.ts";
import { parameters } from "../../src/network/flat.ts";
import { linearHead, zeroHead } from "../../src/network/head.ts";
import { fromJson, toJson } from "../../src/network/json.ts";
import type { Network } from "../../src/network/layer.ts";
import { withParameters } from "../../src/network/model.ts";
import * as spec from "../../mod.ts";
import { left, uniform } from "../support/reference.ts";

const block = spec.residual([spec.dense(4), spec.leakyRelu(0.1), spec.layerNorm()]);
const plain = getOrThrow(spec.initialise({
  inputs: 6,
  layers: [spec.embedding(4), spec.layerNorm({ frozen: true }), block, spec.dense(3)],
}));
const adapted = getOrThrow(withAdapters(plain, { rank: 2, layers: [2] }));

/** Every kind of layer, 6 features, 3 classes. */
const all = (): Network => getOrThrow(withParameters(adapted, uniform(parameters(adapted).length, 1)));

describe("JSON", () => {
  it("holds what layers hold, at once, whatever is put into them", () => {
    const { layers } = all();
    for (const odd of [globalThis, new Map(), [globalThis], { rows: globalThis, cols: 1, data: globalThis }]) {
      for (const name of ["weight", "bias", "frozen", "more"]) {
        const began = performance.now();
        const json = toJson({ ...all(), layers: [{ ...layers[0], [name]: odd } as never, ...layers.slice(1)] });
        expect(JSON.stringify(json).length).toBeLessThan(10_000);
        expect(performance.now() - began).toBeLessThan(1000);
        expect(fromJson(json)._tag).toBe(name === "more" ? "Right" : "Left");
      }
    }
  });

  const through = (value: Network) => getOrThrow(fromJson(JSON.parse(JSON.stringify(toJson(value)))));

  it("brings every kind of layer back exactly, as structuredClone does", () => {
    const made = all();
    const before = structuredClone(made);
    expect(before).toEqual(made);
    expect(through(made)).toEqual(made);
    expect(getOrThrow(fromJson(toJson(made)))).toEqual(made);
    expect(made).toEqual(before);
    expect(through(getOrThrow(zeroHead({ features: 2, classes: 2, bias: false })))).toMatchObject({ outputs: 2 });
  });

  it("brings every float32 back exactly", () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(fc.property(fc.array(value, { minLength: 4, maxLength: 4 }), (values) => {
      const head = getOrThrow(linearHead({ features: 2, classes: 2 }, values, null));
      const back = parameters(through(head));
      for (let i = 0; i < 4; i++) expect(back[i] === Math.fround(values[i] as number)).toBe(true);
    }));
  });

  it("refuses what is not such a value", () => {
    const good = toJson(all());
    for (const value of [null, undefined, 1, "x", [], {}, () => 0, Symbol("x"), 1n, new Map()]) {
      expect(left(fromJson(value))._tag).toBe("InvalidOption");
    }
    expect(left(fromJson({ ...good, version: 2 }))).toMatchObject({ option: "version", value: 2 });
    expect(left(fromJson({ ...good, inputs: "6" }))).toMatchObject({ option: "inputs" });
    expect(left(fromJson({ ...good, inputs: 7 }))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[0]" });
    expect(left(fromJson({ ...good, outputs: 4 }))).toMatchObject({ _tag: "ShapeMismatch" });
    expect(left(fromJson({ ...good, outputs: null }))).toMatchObject({ option: "outputs" });
    expect(left(fromJson({ ...good, layers: {} }))).toMatchObject({ _tag: "InvalidLayer", layer: "layers" });
    expect(left(fromJson({ ...good, layers: [{ _tag: "__proto__" }] }))).toMatchObject({ layer: "layers[0]" });
  });

  it("refuses any field of any layer that is missing or of another type, and never throws", () => {
    const garbage = [undefined, null, 7.5, "7", true, [], ["1"], {}, Symbol("x"), { rows: 2, cols: 2, data: [1] }];
    const visit = (at: unknown, path: (string | number)[]): void => {
      for (const [key, inner] of Object.entries(at as object)) {
        for (const value of garbage) replaced([...path, key], value);
        if (typeof inner === "object" && inner !== null && !Array.isArray((at as { data?: unknown }).data)) {
          visit(inner, [...path, key]);
        }
      }
    };
    const replaced = (path: (string | number)[], value: unknown): void => {
      const copy = structuredClone(toJson(all())) as unknown as Record<string | number, unknown>;
      let inner = copy;
      for (const key of path.slice(0, -1)) inner = inner[key] as typeof inner;
      inner[path.at(-1) as string] = value;
      expect(["Left", "Right"]).toContain(fromJson(copy)._tag);
      if (value === undefined || typeof value === "symbol") expect(left(fromJson(copy)).message).toBeTruthy();
    };
    visit(toJson(all()), []);
    fc.assert(fc.property(fc.anything(), (value) => {
      expect(fromJson(value)._tag).toBe("Left");
      expect(fromJson({ ...toJson(all()), layers: [value] })._tag).toBe("Left");
    }));
  });

  it("takes no memory for sizes that are only claimed, and survives hostile objects", () => {
    const claim = (data: unknown) => ({ rows: 2 ** 26, cols: 2 ** 26, data });
    const made = (layer: unknown) => fromJson({ ...toJson(all()), layers: [layer] });
    const layer = { _tag: "dense", bias: null, frozen: false };
    expect(left(made({ ...layer, weight: claim([1]) }))._tag).toBe("ShapeMismatch");
    const holes = { rows: 2 ** 16 - 1, cols: 2 ** 16 + 1, data: new Array(2 ** 32 - 1) };
    expect(left(made({ ...layer, weight: holes }))).toMatchObject({ layer: "layers[0].weight[0]" });
    expect(left(fromJson({ ...toJson(all()), layers: new Array(2 ** 32 - 1) }))._tag).toBe("InvalidLayer");
    const loop = { _tag: "residual", layers: [] as unknown[] };
    loop.layers.push(loop, loop);
    expect(left(made(loop)).message).toBeTruthy();
    let deep: unknown = spec.relu();
    for (let i = 0; i < 1e5; i++) deep = { _tag: "residual", layers: [deep] };
    expect(left(made(deep)).message).toBeTruthy();
    const trap = new Proxy({}, {
      get: () => {
        throw new Error("no");
      },
    });
    expect(left(fromJson(trap))._tag).toBe("InvalidOption");
    expect(left(made(trap))._tag).toBe("InvalidOption");
  });
});
