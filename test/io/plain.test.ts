// Plain values as files: exact round trips, tensors by name, and every kind of garbage refused.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dense, fgn, getOrThrow, initialise, layerNorm, relu, residual } from "../../mod.ts";
import { decodePlain, encodePlain } from "../../src/io/plain.ts";
import { readSafetensors, type Tensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { left } from "../support/reference.ts";
import { same } from "../support/same.ts";

const through = (value: unknown) => getOrThrow(decodePlain("test", 1, getOrThrow(encodePlain("test", 1, value))));

const words = fc.array(fc.nat(2 ** 32 - 1), { maxLength: 4 }).map((list) => Uint32Array.from(list));
const leaf = fc.oneof(
  fc.constantFrom(null, undefined, true, false, -0, NaN, Infinity, -Infinity, 5e-324, "", "\ud800"),
  fc.double(),
  fc.string({ unit: "binary" }),
  words,
  words.map((bits) => new Int32Array(bits.buffer)),
  words.map((bits) => new Float32Array(bits.buffer)),
  words.map((bits) => new Uint8Array(bits.buffer).subarray(0, 3)),
  fc.float64Array({ maxLength: 3 }),
);
const key = fc.oneof(
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom(
    "$",
    "$$",
    "$a",
    "__proto__",
    "__metadata__",
    "data",
    "rows",
    "a.b",
    "a",
    "b",
    "0",
    "toJSON",
    "\udc00",
  ),
);
const fields = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(key, value), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs) as unknown);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("tree"), { maxLength: 4 }),
    fields(tie("tree")),
    fc.record({ rows: fc.nat(2), cols: fc.nat(2), data: words }, { noNullPrototype: true }),
  ),
}));

describe("plain values", () => {
  it("come back exactly, the same bytes every time", () => {
    fc.assert(
      fc.property(tree, (value) => {
        const bytes = getOrThrow(encodePlain("test", 1, value));
        const back = getOrThrow(decodePlain("test", 1, bytes));
        return same(back, value) && same(getOrThrow(encodePlain("test", 1, back)), bytes);
      }),
      { numRuns: 500 },
    );
  });

  it("of marks, names and places that could be taken for others come back too", () => {
    const array = Float32Array.of(1), other = Float32Array.of(2);
    for (
      const value of [
        array,
        { value: array },
        { $: "tensor" },
        { $: "undefined", $$: { $: array } },
        [{ $: 1 }, { $: undefined, a: 1 }],
        { "a.b": array, a: { b: other } },
        { "a[0]": array, a: [other] },
        { '["a"]': array, "": other },
        { __metadata__: array, '["__metadata__"]': other },
        JSON.parse('{"__proto__":{"a":1},"constructor":null}'),
        { rows: 1, cols: 2, data: array },
        { rows: -1, cols: -1, data: array },
        { rows: 1, cols: 1, data: [1] },
      ]
    ) expect(same(through(value), value)).toBe(true);
    const shared = { array };
    expect(through([shared, shared, array])).toEqual([shared, shared, array]);
    expect(through(Object.assign(Object.create(null), { a: 1 }))).toEqual({ a: 1 });
  });

  it("of a model and the state of an optimizer come back; their arrays are tensors by place and shape", () => {
    const block = residual([dense(4), relu(), layerNorm()]);
    const params = getOrThrow(initialise({ inputs: 4, layers: [block, dense(3)] }));
    const value = { params, state: fgn().init(params), step: 7, best: -Infinity, note: undefined };
    const bytes = getOrThrow(encodePlain("test", 1, value));
    expect(same(getOrThrow(decodePlain("test", 1, bytes)), value)).toBe(true);
    const { tensors, metadata } = getOrThrow(readSafetensors(bytes));
    expect(tensors.get("params.layers[1].weight.data")?.shape).toEqual([3, 4]);
    expect(tensors.get("params.layers[0].layers[0].bias")?.shape).toEqual([4]);
    expect([...metadata.keys()]).toEqual(["format", "value", "version"]);
  });

  it("have arrays of their own", () => {
    const array = Float32Array.of(1, 2), bytes = getOrThrow(encodePlain("test", 1, { array }));
    const back = getOrThrow(decodePlain("test", 1, bytes)) as { array: Float32Array };
    bytes.fill(0);
    array.fill(0);
    expect(back.array).toEqual(Float32Array.of(1, 2));
  });
});

describe("encoding refuses", () => {
  const path = (value: unknown): string => {
    const error = left(encodePlain("test", 1, value));
    expect(error._tag).toBe("NotPlain");
    expect(error.message && error.remedy).toBeTruthy();
    return error._tag === "NotPlain" ? error.path : "";
  };

  it("what is not plain data, with its place", () => {
    class Point {}
    const odd: unknown[] = [() => 0, Symbol("x"), 1n, new Point(), new Map(), new Date(), /x/, new ArrayBuffer(8)];
    odd.push(BigInt64Array.of(1n), Int8Array.of(1), new Uint8ClampedArray(1), new DataView(new ArrayBuffer(1)));
    odd.push(new (class extends Float32Array {})(1), new (class extends Array {})(1), Object.create({}), new Set());
    odd.push([, 1], Object.assign([1], { a: 1 }), Object.assign([, 1], { a: 1 }), new Array(2 ** 32 - 1));
    odd.push({ [Symbol("x")]: 1 }, Promise.resolve(), new Number(1));
    for (const value of odd) {
      expect(path(value)).toBe("");
      expect(path({ a: [1, { "b c": value }] })).toBe('a[1]["b c"]');
    }
  });

  it("what contains itself, nests too deep, unfolds without end, or throws", () => {
    const loop: Record<string, unknown> = { a: 1 };
    loop.inner = [loop];
    expect(path(loop)).toBe("inner[0]");
    const nest = (levels: number) => {
      let value: unknown = 1;
      for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
      return value;
    };
    expect(same(through(nest(500)), nest(500))).toBe(true);
    expect(path(nest(501)).length).toBeGreaterThan(500);
    expect(path(nest(1e5)).length).toBeGreaterThan(500);
    const trap = {
      get a() {
        throw new Error("no");
      },
    };
    const hiding = new Proxy({}, {
      ownKeys: () => {
        throw new Error("no");
      },
    });
    for (const [value, what] of [[trap, "value.a"], [[hiding], "value[0]"]] as const) {
      const message = `${what}: reading it throws Error: no`;
      expect(left(encodePlain("test", 1, value))).toMatchObject({ _tag: "WrongKind", what, message });
    }
  });
});

describe("decoding refuses", () => {
  const reason = (bytes: Uint8Array): string => {
    const error = left(decodePlain("test", 1, bytes));
    expect(error).toMatchObject({ _tag: "InvalidFile", what: "test" });
    return error._tag === "InvalidFile" ? error.reason : "";
  };
  /** A file with this text for its value. */
  const file = (value: string, tensors: ReadonlyMap<string, Tensor> = new Map()) =>
    getOrThrow(
      writeSafetensors({ tensors, metadata: new Map(Object.entries({ format: "test", version: "1", value })) }),
    );
  const tensor: Tensor = { shape: [1], data: Float32Array.of(1) };

  it("files of another format or version, and no such files", () => {
    expect(reason(getOrThrow(encodePlain("other", 1, null)))).toContain("another format");
    expect(reason(getOrThrow(encodePlain("test", 2, null)))).toBe("version 2 where 1 is read");
    expect(reason(getOrThrow(writeSafetensors({ tensors: new Map([["x", tensor]]) })))).toContain("another format");
    expect(reason(new Uint8Array(3))).toContain("first 8 bytes");
    expect(left(decodePlain("test", 1, null as unknown as Uint8Array))._tag).toBe("InvalidFile");
  });

  it("values that are not what is written", () => {
    expect(reason(file("")) && reason(file("{"))).toContain("JSON");
    expect(reason(file('{"$x":1}')) && reason(file('{"$":"NaN","a":1}'))).toContain("none that is written");
    for (const mark of ["null", '"x"', "{}", '"__proto__"', '["tensor"]', '"tensor"']) {
      expect(reason(file(`[{"$":${mark}}]`))).toContain("nothing that can be read");
    }
    expect(reason(file(`{"a":{"$":"tensor"}}`, new Map([["b", tensor]])))).toContain('"a"');
    expect(reason(file("[]", new Map([["b", tensor]])))).toContain("beyond its value");
    const long = new Map([["a", { shape: [1], data: BigInt64Array.of(1n) }]]);
    expect(reason(file(`{"a":{"$":"tensor"}}`, long))).toContain("nothing that can be read");
    for (const depth of [501, 1e5]) {
      expect(reason(file("[".repeat(depth + 1) + "]".repeat(depth + 1)))).toBeTruthy();
      expect(reason(file('{"a":'.repeat(depth + 1) + "1" + "}".repeat(depth + 1)))).toBeTruthy();
    }
    expect(getOrThrow(decodePlain("test", 1, file('{"__proto__":{"polluted":1}}')))).not.toHaveProperty("polluted");
  });

  it("files that are cut or changed, and never throws", () => {
    const value = { a: [Float32Array.of(1, 2), -0, undefined, { $: 1 }], b: { rows: 1, cols: 1, data: tensor.data } };
    const bytes = getOrThrow(encodePlain("test", 1, value));
    for (let end = 0; end < bytes.length; end++) reason(bytes.subarray(0, end));
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, (places) => {
        const changed = bytes.slice();
        for (const [at, byte] of places) changed[at] = byte;
        const back = decodePlain("test", 1, changed);
        return back._tag === "Right" || (back.left._tag === "InvalidFile" && back.left.what === "test");
      }),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(fc.json(), (json) => ["Left", "Right"].includes(decodePlain("test", 1, file(json))._tag)));
  });
});
