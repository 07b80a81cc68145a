// Networks that get more classes.

import { describe, expect, it } from "vitest";
import {
  adapt,
  type Batch,
  batch,
  dense,
  embedding,
  freeze,
  fromJson,
  fromRows,
  getOrThrow,
  growClasses,
  initialise,
  layerNorm,
  logits,
  matrix,
  mlp,
  type Network,
  randomHead,
  relu,
  residual,
  tanh,
  toJson,
  withAdapters,
} from "../../mod.ts";
import { left, uniform } from "../support/reference.ts";

/** Rows of features. */
const rows = (count: number, columns: number, seed = 7) =>
  getOrThrow(matrix(count, columns, uniform(count * columns, seed)));

const sparseRows = () => getOrThrow(fromRows(6, [[[0, 1], [3, -2]], [[1, 0.5], [5, 1]], [[2, 2]]]));

/** Labelled features. */
const labelled = (features: Batch["features"], labels: number[]): Batch => getOrThrow(batch({ features, labels }));

/** A hidden layer and a head that reads it. */
const small = (): Network => getOrThrow(mlp({ inputs: 6, hidden: [8], classes: 4, activation: "tanh", seed: 3 }));

describe("growClasses()", () => {
  const embedded = getOrThrow(initialise({ inputs: 6, layers: [embedding(4)], seed: 2 }));
  const unbiased = getOrThrow(
    initialise({ inputs: 6, layers: [dense(5), relu(), dense(4, { bias: false })], seed: 2 }),
  );
  const adapted = getOrThrow(withAdapters(small(), { rank: 2, layers: [2] }));
  const trained = ((): Network => {
    const last = adapted.layers[2];
    if (last?._tag !== "adapter") throw new Error("no adapter");
    const up = { ...last.up, data: uniform(last.up.data.length, 9) };
    return { ...adapted, layers: [...adapted.layers.slice(0, 2), { ...last, up }] };
  })();
  const kinds: readonly (readonly [string, Network, Batch["features"]])[] = [
    ["a dense layer", small(), rows(3, 6)],
    ["a layer without biases", unbiased, rows(3, 6)],
    ["a frozen layer", getOrThrow(freeze(small(), [2])), rows(3, 6)],
    ["an embedding", embedded, sparseRows()],
    ["a dense layer over sparse features", getOrThrow(randomHead({ features: 6, classes: 4 }, 1)), sparseRows()],
    ["an adapter", trained, rows(3, 6)],
  ];
  for (const [what, network, features] of kinds) {
    it(`grows ${what}: old logits stay, new ones are their mean`, () => {
      const before = JSON.stringify(toJson(network));
      const grown = getOrThrow(growClasses(network, 7));
      const old = getOrThrow(logits(network, features)).data, now = getOrThrow(logits(grown, features)).data;
      for (let i = 0; i < features.rows; i++) {
        const was = old.subarray(4 * i, 4 * i + 4), is = now.subarray(7 * i, 7 * i + 7);
        expect(is.subarray(0, 4)).toEqual(was);
        const mean = was.reduce((sum, v) => sum + v, 0) / 4;
        for (const v of is.subarray(4)) expect(Math.abs(v - mean)).toBeLessThan(1e-6);
      }
      expect(JSON.stringify(toJson(network))).toBe(before);
      expect(getOrThrow(fromJson(JSON.parse(JSON.stringify(toJson(grown)))))).toEqual(grown);
      expect(grown.outputs).toBe(7);
      grown.layers.slice(0, -1).forEach((layer, l) => expect(layer).toBe(network.layers[l]));
      const step = adapt(grown, "forget", labelled(features, [6, 5, 4].slice(0, features.rows)));
      if (what !== "a frozen layer") expect(getOrThrow(step).report.accepted).toBe(true);
    });
  }

  it("shares what does not grow, and gives back a network that has the classes", () => {
    const grown = getOrThrow(growClasses(trained, 6)), last = grown.layers[2], first = trained.layers[2];
    if (last?._tag !== "adapter" || first?._tag !== "adapter") throw new Error("no adapter");
    expect(last.down).toBe(first.down);
    expect([last.weight.rows, last.up.rows, last.bias?.length]).toEqual([6, 6, 6]);
    expect(getOrThrow(growClasses(trained, 4))).toBe(trained);
    expect(getOrThrow(growClasses(getOrThrow(growClasses(small(), 5)), 7)).outputs).toBe(7);
  });

  it("refuses fewer classes, no numbers, and layers that give no logits by a weight", () => {
    for (const classes of [3, 0, -1, 4.5, NaN, Infinity, "7" as unknown as number]) {
      expect(left(growClasses(small(), classes))).toMatchObject({
        _tag: "InvalidSize",
        what: "classes",
        value: classes,
      });
    }
    for (const last of [tanh(), layerNorm(), residual([dense(5)])]) {
      const network = getOrThrow(initialise({ inputs: 6, layers: [dense(5), last] }));
      expect(left(growClasses(network, 9))).toMatchObject({ _tag: "InvalidLayer", layer: "layers[1]" });
    }
    const torn = { ...small(), outputs: 5 };
    expect(left(growClasses(torn, 9))).toMatchObject({ _tag: "ShapeMismatch" });
    const most = left(growClasses(small(), 2 ** 52));
    expect(["OutOfMemory", "InvalidSize"]).toContain(most._tag);
  });
});
