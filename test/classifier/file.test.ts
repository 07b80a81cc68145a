// Classifiers as files: the same bytes for the same classifier, names that other programs read, and files that are none.

import { describe, expect, it } from "vitest";
import {
  type Classifier,
  classifierOf,
  classify,
  decodeClassifier,
  dense,
  encodeClassifier,
  freeze,
  fromRows,
  gelu,
  getOrThrow,
  initialise,
  layerNorm,
  mlp,
  type Network,
  readSafetensors,
  residual,
  table,
  withAdapters,
  writeSafetensors,
} from "../../mod.ts";
import { hashOf } from "../../src/math/hash.ts";
import { dice, mutateFile } from "../support/mutate.ts";
import { left } from "../support/reference.ts";
import { same } from "../support/same.ts";
import { changed, corners, train } from "./given.ts";

const SEED = Number(process.env.FGN_SEED ?? 1), FILES = Math.ceil(Number(process.env.FGN_FILES ?? 100_000) / 20);

const deep = getOrThrow(initialise({
  inputs: 3,
  layers: [dense(4), layerNorm(), residual([layerNorm(), dense(4, { bias: false }), gelu()]), dense(3)],
  seed: 3,
}));
const adapted = getOrThrow(withAdapters(getOrThrow(mlp({ inputs: 3, hidden: [4], classes: 3 })), { rank: 2 }));
const known = [[1, 0, 2], [0, 1, 1], [2, 2, 2]];
const of = (network: Network): Classifier => getOrThrow(classifierOf(network, ["ä", "日本", "\ud800"], { known }));

const people = getOrThrow(table({ age: [30, 5, 54, 7], town: ["Ulm", "Graz", "Ulm", "ß"], note: ["a", "b", "", "d"] }));
const labels = ["yes", "no", "yes", "no"], columns = { text: ["note"], buckets: 64, missing: "impute" } as const;
const sparse = getOrThrow(fromRows(9, [[[0, 1]], [[1, 1]], [[0, 2]], [[1, 2]]]));
const trained = [
  (await train(corners([3, 2, 1], 120), { threshold: 0.4, hidden: [4] })).classifier,
  (await train(
    { table: { ...people, columns: [...people.columns, { name: "l", cells: labels }] }, label: "l" },
    columns,
  ))
    .classifier,
  (await train({ features: sparse, labels }, { hidden: [3] })).classifier,
  (await train({ features: ["a", "b", "aa", "bb"], labels }, { buckets: 16 })).classifier,
];
const all = [of(deep), of(adapted), of(getOrThrow(freeze(deep))), ...trained];

/** The file with other metadata. */
function withMetadata(
  bytes: Uint8Array,
  change: (fgn: Record<string, unknown>) => unknown,
  labels?: string,
): Uint8Array {
  const { tensors, metadata } = getOrThrow(readSafetensors(bytes)), texts = new Map(metadata);
  texts.set("fgn", JSON.stringify(change(JSON.parse(texts.get("fgn") as string))));
  if (labels !== undefined) texts.set("labels", labels);
  return getOrThrow(writeSafetensors({ tensors, metadata: texts }));
}

describe("encodeClassifier and decodeClassifier", () => {
  it("give back what was there, every byte of it", () => {
    for (const classifier of all) {
      const bytes = getOrThrow(encodeClassifier(classifier)), back = getOrThrow(decodeClassifier(bytes));
      expect(same(back, classifier)).toBe(true);
      expect(getOrThrow(encodeClassifier(back))).toEqual(bytes);
    }
  });

  it("give the same bytes whatever the order of fields, and without fields of others", () => {
    const turn = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(turn)
        : typeof value === "object" && value !== null && !ArrayBuffer.isView(value)
        ? Object.fromEntries(
          Object.entries({ extra: 1, ...value }).reverse().map(([name, inner]) => [name, turn(inner)]),
        )
        : value;
    for (const classifier of all) {
      expect(getOrThrow(encodeClassifier(turn(classifier) as Classifier))).toEqual(
        getOrThrow(encodeClassifier(classifier)),
      );
    }
  });

  it("are the same bytes in every runtime", () => {
    expect(hashOf(getOrThrow(encodeClassifier(of(deep))))).toBe("e3b8c9af8026eaf5");
  });

  it("name the tensors as other programs read them", () => {
    const { tensors, metadata } = getOrThrow(readSafetensors(getOrThrow(encodeClassifier(of(deep)))));
    expect([...tensors].map(([name, { shape }]) => [name, shape]).sort()).toEqual([
      ["layers.0.bias", [4]],
      ["layers.0.weight", [4, 3]],
      ["layers.1.gain", [4]],
      ["layers.1.shift", [4]],
      ["layers.2.layers.0.gain", [4]],
      ["layers.2.layers.0.shift", [4]],
      ["layers.2.layers.1.weight", [4, 4]],
      ["layers.3.bias", [3]],
      ["layers.3.weight", [3, 4]],
      ["moments.0.mean", [3]],
      ["moments.0.variance", [3]],
      ["moments.1.mean", [4]],
      ["moments.1.variance", [4]],
    ]);
    expect([...metadata.keys()].sort()).toEqual(["fgn", "labels"]);
    expect(JSON.parse(metadata.get("labels") as string)).toEqual(["ä", "日本", "\ud800"]);
    expect(JSON.parse(metadata.get("fgn") as string)).toMatchObject({
      format: "fgn-classifier",
      version: 1,
      layers: [{ _tag: "dense", frozen: false }, { _tag: "layerNorm", epsilon: 1e-5 }, {
        _tag: "residual",
        layers: [{ _tag: "layerNorm" }, { _tag: "dense", bias: null }, { _tag: "activation", kind: "gelu" }],
      }, { _tag: "dense" }],
      recipe: { kind: "vector", length: 3 },
      temperature: 1,
    });
  });

  it("predict the same before and after", () => {
    for (const classifier of trained.slice(1, 2)) {
      const back = getOrThrow(decodeClassifier(getOrThrow(encodeClassifier(classifier))));
      expect(getOrThrow(classify(back, people, { top: 2 }))).toEqual(
        getOrThrow(classify(classifier, people, { top: 2 })),
      );
    }
  });
});

describe("encodeClassifier", () => {
  it("refuses what is no classifier, and says which field", () => {
    const [one] = trained as [Classifier];
    const moments = one.moments as NonNullable<Classifier["moments"]>;
    const wrong: readonly (readonly [object, string])[] = [
      [{ _tag: "network" }, "WrongKind"],
      [{ network: null }, "WrongKind"],
      [{ network: { ...one.network, inputs: 4 } }, "InvalidLayer"],
      [{ network: { ...one.network, layers: [] } }, "InvalidLayer"],
      [{ recipe: null }, "InvalidOption"],
      [{ recipe: { kind: "vector", length: 4 } }, "FeatureMismatch"],
      [{ labels: [1, 2] }, "InvalidLabels"],
      [{ labels: [1, 2, "3"] }, "InvalidLabels"],
      [{ labels: "abc" }, "WrongKind"],
      [{ moments: {} }, "InvalidState"],
      [{ moments: { ...moments, steps: -1 } }, "InvalidState"],
      [{ moments: { ...moments, examples: NaN } }, "InvalidState"],
      [{ moments: { ...moments, layers: moments.layers.slice(1) } }, "ShapeMismatch"],
      [{ temperature: 0 }, "InvalidOption"],
      [{ temperature: null }, "InvalidOption"],
      [{ threshold: 1.5 }, "InvalidOption"],
      [{ measured: { rows: 1 } }, "InvalidOption"],
      [{ fingerprint: 7 }, "InvalidOption"],
      [{ version: 2 }, "InvalidOption"],
    ];
    for (const [fields, tag] of wrong) {
      expect([Object.keys(fields), left(encodeClassifier(changed(one, fields)))._tag]).toEqual([
        Object.keys(fields),
        tag,
      ]);
    }
    const weight = { rows: 2, cols: 3, data: new Float32Array(6).fill(NaN) };
    const layers = [{ _tag: "dense", weight, bias: null, frozen: false }] as const;
    const broken = {
      ...one,
      network: { _tag: "network", inputs: 3, outputs: 2, layers },
      labels: [1, 2],
      moments: null,
    };
    expect(left(encodeClassifier(broken as Classifier))._tag).toBe("NotFinite");
  });
});

describe("decodeClassifier", () => {
  const [one] = trained as [Classifier], bytes = getOrThrow(encodeClassifier(one));

  it("refuses files with one thing wrong, and says which", () => {
    const nested = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    const wrong: readonly (readonly [string, Uint8Array, RegExp])[] = [
      ["nothing", new Uint8Array(0), /ends/],
      ["no file", new TextEncoder().encode("no classifier at all"), /header/],
      ["another format", getOrThrow(writeSafetensors({ tensors: new Map() })), /format/],
      ["no metadata", withMetadata(bytes, () => null), /format/],
      ["another version", withMetadata(bytes, (fgn) => ({ ...fgn, version: 2 })), /version 2/],
      ["no layers", withMetadata(bytes, (fgn) => ({ ...fgn, layers: [] })), /empty/],
      ["layers of nothing", withMetadata(bytes, (fgn) => ({ ...fgn, layers: [{}, null] })), /unknown kind/],
      [
        "a layer of another kind",
        withMetadata(bytes, (fgn) => ({ ...fgn, layers: [{ _tag: "__proto__" }] })),
        /unknown/,
      ],
      [
        "a layer too many",
        withMetadata(bytes, (fgn) => ({ ...fgn, layers: [...fgn.layers as [], { _tag: "dense", frozen: false }] })),
        /missing/,
      ],
      [
        "a layer too few",
        withMetadata(bytes, (fgn) => ({ ...fgn, layers: (fgn.layers as []).slice(0, 2) })),
        /beyond its layers/,
      ],
      [
        "a recipe of another width",
        withMetadata(bytes, (fgn) => ({ ...fgn, recipe: { kind: "vector", length: 4 } })),
        /features/,
      ],
      ["no recipe", withMetadata(bytes, (fgn) => ({ ...fgn, recipe: undefined })), /recipe/],
      ["moments that are less", withMetadata(bytes, (fgn) => ({ ...fgn, moments: null })), /beyond/],
      [
        "moments that are more",
        withMetadata(bytes, (fgn) => ({ ...fgn, moments: { steps: 0, examples: 1, layers: 1e9 } })),
        /moments/,
      ],
      [
        "moments without examples",
        withMetadata(bytes, (fgn) => ({ ...fgn, moments: { steps: 0, layers: 2 } })),
        /examples/,
      ],
      ["no temperature", withMetadata(bytes, (fgn) => ({ ...fgn, temperature: "1" })), /temperature/],
      ["a threshold below 0", withMetadata(bytes, (fgn) => ({ ...fgn, threshold: -1 })), /threshold/],
      ["no measurement", withMetadata(bytes, (fgn) => ({ ...fgn, measured: [] })), /measured/],
      ["no fingerprint", withMetadata(bytes, (fgn) => ({ ...fgn, fingerprint: undefined })), /fingerprint/],
      ["labels that are fewer", withMetadata(bytes, (fgn) => fgn, "[1, 2]"), /labels/],
      ["labels twice", withMetadata(bytes, (fgn) => fgn, "[1, 2, 2]"), /twice/],
      ["labels of mixed kinds", withMetadata(bytes, (fgn) => fgn, '[1, 2, "3"]'), /label 2/],
      ["labels that are none", withMetadata(bytes, (fgn) => fgn, "{"), /labels/],
      ["labels that nest", withMetadata(bytes, (fgn) => fgn, nested), /label/],
      ["layers that nest", withMetadata(bytes, (fgn) => ({ ...fgn, layers: nestedLayers(1000) })), /deep|nest/],
    ];
    for (const [name, file, reason] of wrong) {
      const error = left(decodeClassifier(file));
      expect([name, error._tag]).toEqual([name, "InvalidFile"]);
      if (error._tag === "InvalidFile") {
        expect([name, error.what, error.reason]).toEqual([name, "fgn-classifier", expect.stringMatching(reason)]);
      }
    }
  });

  it("refuses mutated files, or gives classifiers that can be written and asked", () => {
    let accepted = 0, slowest = 0;
    const files = all.map((classifier) => getOrThrow(encodeClassifier(classifier)));
    for (let index = 0; index < FILES; index++) {
      const { bytes: file } = mutateFile(files[index % files.length] as Uint8Array, dice(SEED, index));
      const begun = performance.now(), result = decodeClassifier(file);
      slowest = Math.max(slowest, performance.now() - begun);
      if (result._tag === "Left") {
        expect([index, result.left._tag]).toEqual([index, "InvalidFile"]);
        continue;
      }
      accepted++;
      const again = getOrThrow(encodeClassifier(result.right));
      expect([index, same(getOrThrow(decodeClassifier(again)), result.right)]).toEqual([index, true]);
    }
    expect(accepted).toBeGreaterThan(FILES / 100);
    expect(accepted).toBeLessThan(FILES / 2);
    expect(slowest).toBeLessThan(1000);
  }, 600_000);
});

/** A residual block in a residual block, and so on. */
function nestedLayers(depth: number): unknown {
  let layers: unknown = [];
  for (let level = 0; level < depth; level++) layers = [{ _tag: "residual", layers }];
  return layers;
}
