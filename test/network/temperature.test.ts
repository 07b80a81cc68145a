import { describe, expect, it } from "vitest";
import {
  dense,
  embedding,
  foldTemperature,
  fromRows,
  getOrThrow,
  initialise,
  layerNorm,
  type LayerSpec,
  logits,
  matrix,
  mergeAdapters,
  mlp,
  type Network,
  parameters,
  residual,
  withAdapters,
  zeroHead,
} from "../../mod.ts";
import { left, uniform } from "../support/reference.ts";

const features = getOrThrow(matrix(6, 3, uniform(18, 1)));
const sparse = getOrThrow(fromRows(3, [[[0, 1]], [[1, 2], [2, -1]]]));

/** The network with an adapter that does something. */
function adapted(network: Network): Network {
  const { layers, ...rest } = getOrThrow(withAdapters(network, { rank: 2, alpha: 3, seed: 1 }));
  return {
    ...rest,
    layers: layers.map((layer) =>
      layer._tag === "adapter" ? { ...layer, up: { ...layer.up, data: uniform(layer.up.data.length, 5) } } : layer
    ),
  };
}

const plain = getOrThrow(mlp({ inputs: 3, hidden: [4], classes: 5, seed: 2 }));
const of = (layers: readonly LayerSpec[]): Network => getOrThrow(initialise({ inputs: 3, layers, seed: 3 }));

describe("foldTemperature()", () => {
  it.each([
    ["a dense layer", plain, features],
    ["a dense layer without biases", of([dense(4, { bias: false })]), features],
    ["an embedding", of([embedding(4)]), sparse],
    ["an adapter", adapted(plain), features],
  ])("divides the logits of %s by T", (_, network, x) => {
    const before = parameters(network);
    for (const T of [0.25, 1, 3]) {
      const want = getOrThrow(logits(network, x)).data, got = getOrThrow(foldTemperature(network, T));
      const scale = Math.max(...want.map(Math.abs)) / T;
      // Weights are rounded once more; by powers of two nothing is.
      const tolerance = T === 3 ? 3e-7 * scale : 0;
      getOrThrow(logits(got, x)).data.forEach((f, i) =>
        expect(Math.abs(f - (want[i] as number) / T)).toBeLessThanOrEqual(tolerance)
      );
      expect(got.layers.slice(0, -1)).toEqual(network.layers.slice(0, -1));
      expect(got.layers[0] === network.layers[0]).toBe(network.layers.length > 1);
    }
    expect(parameters(network)).toEqual(before);
  });

  it("of an adapter can be merged, which gives the same", () => {
    const network = adapted(plain), folded = getOrThrow(foldTemperature(network, 4));
    const merged = getOrThrow(foldTemperature(getOrThrow(mergeAdapters(network)), 4));
    const want = getOrThrow(logits(merged, features)).data;
    getOrThrow(logits(folded, features)).data.forEach((f, i) => expect(f).toBeCloseTo(want[i] as number, 6));
  });

  it("refuses a last layer without weights, temperatures that are none, and weights beyond float32", () => {
    const block = of([dense(4), residual([dense(4)])]), norm = of([dense(4), layerNorm()]);
    expect(left(foldTemperature(block, 2))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[1]" });
    expect(left(foldTemperature(norm, 2))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[1]" });
    for (const T of [0, -1, NaN, Infinity, "2" as never]) {
      expect(left(foldTemperature(plain, T))).toMatchObject({ _tag: "InvalidOption", option: "temperature" });
    }
    expect(left(foldTemperature(plain, 1e-40))).toMatchObject({ _tag: "Overflow" });
    expect(foldTemperature(getOrThrow(zeroHead({ features: 2, classes: 2 })), 1e-40)._tag).toBe("Right");
  });
});
