// Safetensors files: bytes by hand, exact round trips, and every kind of garbage refused.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { getOrThrow } from "../../mod.ts";
import { readSafetensors, type Safetensors, type Tensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { left } from "../support/reference.ts";

/** A file of this header, its length in front of it, and data. */
function file(header: string | readonly number[], data: readonly number[] = [], length?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : Uint8Array.from(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

function reason(bytes: Uint8Array): string {
  const error = left(readSafetensors(bytes));
  expect(error).toMatchObject({ _tag: "InvalidFile", what: "safetensors" });
  expect(error.message && error.remedy).toBeTruthy();
  return error._tag === "InvalidFile" ? error.reason : "";
}

/** The only tensor of a file of 16-bit numbers. */
function widened(dtype: "F16" | "BF16", halves: readonly number[]): Float32Array {
  const info = { dtype, shape: [halves.length], data_offsets: [0, 2 * halves.length] };
  const data = [...new Uint8Array(Uint16Array.from(halves).buffer)];
  return getOrThrow(readSafetensors(file(JSON.stringify({ x: info }), data))).tensors.get("x")?.data as Float32Array;
}

describe("a safetensors file", () => {
  it("has the bytes of the specification", () => {
    const header = '{"__metadata__":{"by":"hand"},"bé":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},' +
      '"a":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}';
    const padding = " ".repeat(6);
    const bytes = file(header + padding, [0, 0, 128, 63, 0, 0, 0, 192, 7]);
    expect((bytes.length - 9) % 8).toBe(0);
    const made: Safetensors = {
      tensors: new Map<string, Tensor>([
        ["a", { shape: [], data: Uint8Array.of(7) }],
        ["bé", { shape: [2, 1], data: Float32Array.of(1, -2) }],
      ]),
      metadata: new Map([["by", "hand"]]),
    };
    expect(getOrThrow(writeSafetensors(made))).toEqual(bytes);
    expect(getOrThrow(readSafetensors(bytes))).toEqual({ ...made, skipped: [] });
    expect(getOrThrow(writeSafetensors({ tensors: new Map() }))).toEqual(file("{}      "));
  });

  it("is read as other writers lay it out: unpadded, unaligned, in another order, empty tensors", () => {
    const header = `{ "s":{"shape":[1],"dtype":"U8","data_offsets":[0,1]},
      "n":{"dtype":"F64","shape":[0,9007199254740991,2],"data_offsets":[1,1]},
      "d":{"dtype":"F64", "data_offsets" : [ 1,9 ],"shape":[1]} }`;
    const bytes = file(header, [5, ...new Uint8Array(Float64Array.of(0.1).buffer)]);
    const { tensors, metadata } = getOrThrow(readSafetensors(bytes));
    expect([...tensors.keys()]).toEqual(["s", "n", "d"]);
    expect(tensors.get("d")).toEqual({ shape: [1], data: Float64Array.of(0.1) });
    expect(tensors.get("n")?.data).toEqual(new Float64Array(0));
    expect(metadata.size).toBe(0);
  });

  it("gives copies, aligned, from any part of a buffer, shared memory and subclasses", () => {
    const made = getOrThrow(
      writeSafetensors({ tensors: new Map([["x", { shape: [2], data: Float32Array.of(1, 2) }]]) }),
    );
    const memory = new SharedArrayBuffer(made.length + 3);
    class Bytes extends Uint8Array {
      override slice(): never {
        throw new Error("not a copy in subclasses such as Buffer");
      }
    }
    for (const bytes of [new Uint8Array(memory, 3), new Bytes(made.length)]) {
      bytes.set(made);
      const { data } = getOrThrow(readSafetensors(bytes)).tensors.get("x") as Tensor;
      bytes.fill(0);
      expect(data).toEqual(Float32Array.of(1, 2));
      expect(data.buffer.byteLength).toBe(8);
    }
  });

  const bits32 = fc.array(fc.nat(2 ** 32 - 1), { maxLength: 5 }).map((words) => Uint32Array.from(words));
  const data = fc.oneof(
    bits32,
    bits32.map((bits) => new Float32Array(bits.buffer)),
    bits32.map((bits) => new Int32Array(bits.buffer)),
    bits32.map((bits) => new Uint8Array(bits.buffer).subarray(0, 3)),
    fc.float64Array({ maxLength: 4 }),
    fc.bigInt64Array({ maxLength: 3 }),
    fc.bigUint64Array({ maxLength: 3 }),
  );
  const tensor = fc.tuple(data, fc.constantFrom("list", "row", "column")).map(([values, form]): Tensor => ({
    data: values,
    shape: form === "list" ? [values.length] : form === "row" ? [1, values.length] : [values.length, 1, 1],
  }));
  const name = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor", "0", "", '"\\'));

  it("brings all tensors and texts back, bit for bit, the same bytes in any order", () => {
    const pairs = fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 });
    const texts = fc.uniqueArray(fc.tuple(name, name), { selector: ([key]) => key, maxLength: 4 });
    fc.assert(fc.property(pairs, texts, (tensors, metadata) => {
      const bytes = getOrThrow(writeSafetensors({ tensors: new Map(tensors), metadata: new Map(metadata) }));
      const back = getOrThrow(readSafetensors(bytes));
      expect(new Map(back.metadata)).toEqual(new Map(metadata));
      expect(back.tensors.size).toBe(tensors.length);
      for (const [key, { shape, data: values }] of tensors) {
        const read = back.tensors.get(key) as Tensor;
        expect(read.shape).toEqual(shape);
        expect(read.data.constructor).toBe(values.constructor);
        const raw = (array: typeof values) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
        expect(raw(read.data)).toEqual(raw(values));
      }
      expect(getOrThrow(writeSafetensors(back))).toEqual(bytes);
      const reversed = { tensors: new Map(tensors.toReversed()), metadata: new Map(metadata.toReversed()) };
      expect(getOrThrow(writeSafetensors(reversed))).toEqual(bytes);
    }));
  });

  it("has every value of F16 and BF16 as float32", () => {
    const known = [0x0000, 0x0001, 0x03ff, 0x0400, 0x3555, 0x3c00, 0x3c01, 0x7bff, 0x7c00, 0xc000, 0xfc00];
    const values = [0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 0.333251953125, 1, 1 + 2 ** -10, 65504, Infinity, -2];
    expect([...widened("F16", known)]).toEqual([...values, -Infinity]);
    const all = widened("F16", Array.from({ length: 2 ** 16 }, (_, half) => half));
    for (let half = 0; half < 2 ** 16; half++) {
      const exponent = (half >> 10) & 31, fraction = half & 1023, sign = half < 2 ** 15 ? 1 : -1;
      const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
      const special = fraction === 0 ? Infinity : NaN;
      if (!Object.is(all[half], sign * (exponent === 31 ? special : size))) expect(half).toBe("exact");
    }
    const brain = widened("BF16", [0x0000, 0x8000, 0x0001, 0x3f80, 0x3fc0, 0xc049, 0x7f7f, 0x7f80, 0xff80, 0x7fc0]);
    const largest = 255 * 2 ** 120;
    expect([...brain]).toEqual([0, -0, 2 ** -133, 1, 1.5, -3.140625, largest, Infinity, -Infinity, NaN]);
  });
});

describe("writing refuses", () => {
  const written = (key: unknown, shape: unknown, data: unknown) =>
    left(writeSafetensors({ tensors: new Map([[key, { shape, data }]]) } as unknown as Safetensors));

  it("shapes that do not fit, names and values that the format has not", () => {
    const four = new Float32Array(4);
    expect(written("x", [2, 3], four)).toMatchObject({ _tag: "ShapeMismatch", expected: 6, actual: 4 });
    expect(written("x", [-2, -2], four)).toMatchObject({ _tag: "InvalidSize", value: -2 });
    expect(written("x", [2 ** 27, 2 ** 27, 0], new Float32Array(0))._tag).toBe("ShapeMismatch");
    expect(written("x", [4], [1, 2, 3, 4])).toMatchObject({ _tag: "InvalidOption", option: "tensors" });
    expect(written("x", [4], new Uint8ClampedArray(4))._tag).toBe("InvalidOption");
    for (const key of ["__metadata__", "\ud800", 1, Symbol("x")]) {
      expect(written(key, [4], four)._tag).toBe("InvalidOption");
    }
    const metadata = (value: unknown) => new Map([["x", value]]) as ReadonlyMap<string, string>;
    for (const value of [1, "\udc00x", null]) {
      expect(left(writeSafetensors({ tensors: new Map(), metadata: metadata(value) }))._tag).toBe("InvalidOption");
    }
    for (const value of [undefined, null, 1, {}, { tensors: {} }, { tensors: new Map([["x", null]]) }]) {
      expect(left(writeSafetensors(value as unknown as Safetensors))._tag).toBe("InvalidOption");
    }
  });

  it("a header beyond what the format allows", () => {
    const metadata = new Map([["x", "x".repeat(1e8)]]);
    expect(left(writeSafetensors({ tensors: new Map(), metadata }))._tag).toBe("InvalidOption");
  });
});

describe("reading refuses", () => {
  const info = (fields: object = {}) => ({ dtype: "U8", shape: [2], data_offsets: [0, 2], ...fields });
  const one = (fields: object, data = [1, 2]) => reason(file(JSON.stringify({ x: info(fields) }), data));

  it("lengths that the bytes do not have", () => {
    expect(reason(new Uint8Array(7))).toContain("first 8 bytes");
    expect(reason(file("{}", [], 2n ** 64n - 1n))).toContain("beyond 100000000");
    expect(reason(file("{}", [], 100_000_001n))).toContain("beyond 100000000");
    expect(reason(file("{}", [], 3n))).toContain("within its header");
    expect(reason(file("", [1, 2]))).toContain("begin with {");
    for (const value of [undefined, null, 3, "x", [1], {}, new ArrayBuffer(16)]) {
      expect(reason(value as unknown as Uint8Array)).toContain("Uint8Array");
    }
  });

  it("headers that are not JSON of the form", () => {
    for (const header of ["{", "{}{}", "{a:1}", `{"a":${"[".repeat(1e5)}`]) {
      expect(reason(file(header))).toContain("JSON object");
    }
    for (const header of [" {}", "[]", "null", "\ufeff{}", "1"]) {
      expect(reason(file(header))).toContain("begin with {");
    }
    expect(reason(file([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toContain("UTF-8");
    for (const value of [null, [], "x", 1, { a: 1 }, { a: null }, { "\ud800": "x" }, { a: { b: "c" } }]) {
      expect(reason(file(JSON.stringify({ __metadata__: value })))).toContain("__metadata__");
    }
    for (const value of [null, [], "U8", 1, {}, { ...info(), extra: 1 }]) {
      expect(reason(file(JSON.stringify({ x: value })))).toContain("is not dtype, shape");
    }
    expect(reason(file(JSON.stringify({ "\ud800": info() }), [1, 2]))).toContain("Unicode");
    expect(reason(file('{"x":{"__proto__":1,"toString":2,"shape":[]}}'))).toContain("dtype");
    expect(one({ dtype: "__proto__" })).toContain('"__proto__", which the format does not have');
    expect(one({ dtype: "F4" }) && one({ dtype: 1 }) && one({ dtype: null })).toBeTruthy();
  });

  it("fields that come twice", () => {
    const x = JSON.stringify(info());
    for (
      const header of [
        `{"x":${x},"x":${x}}`,
        `{"x":${x}, "\\u0078" : ${x}}`,
        `{"x":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}`,
        `{"__metadata__":{"a":"\\"b\\":","a":"c"},"x":${x}}`,
        `{"__metadata__":{},"__metadata__":{},"x":${x}}`,
        `{"__proto__":${x},"__proto__":${x}}`,
        `{"x":{"y":1,"z":{"w":2}},"x":${x}}`,
      ]
    ) expect(reason(file(header, [1, 2]))).toContain("twice");
    const tricky = getOrThrow(
      readSafetensors(file(`{"__metadata__":{"\\\\":"\\"a\\":1","a":"\\\\"},"x":${x}}`, [1, 2])),
    );
    expect(tricky.metadata).toEqual(new Map([["\\", '"a":1'], ["a", "\\"]]));
  });

  it("shapes that are no sizes, too large to count, or of other bytes", () => {
    for (const shape of [null, {}, "2", [-2], [1.5], ["2"], [null], [2 ** 53], [[2]]]) {
      expect(one({ shape })).toContain("shape");
    }
    expect(one({ shape: [2 ** 53 - 1, 2 ** 53 - 1] })).toContain("counted");
    expect(one({ shape: [2 ** 27, 2 ** 27, 0] })).toContain("counted");
    expect(one({ shape: [2 ** 52], dtype: "F64" })).toContain("other bytes");
    expect(one({ shape: [1] }) && one({ dtype: "F16" }) && one({ shape: [] })).toContain("other bytes");
    expect(reason(file('{"x":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'))).toContain("shape");
  });

  it("offsets that leave holes, overlap, go back, or do not end the file", () => {
    for (const data_offsets of [null, [0], [0, 1, 2], [-1, 1], [0.5, 2.5], ["0", "2"], [0, 1e300], [0, 2 ** 53], {}]) {
      expect(one({ data_offsets })).toContain("two positions");
    }
    expect(one({ data_offsets: [1, 3] }, [1, 2, 3])).toContain("begins at 1 where 0 is next");
    expect(one({ data_offsets: [2, 0] })).toContain("begins at 2");
    expect(one({ data_offsets: [0, 2 ** 53 - 1], shape: [2 ** 53 - 1] })).toContain("2 bytes of data");
    expect(one({}, [1, 2, 3])).toContain("3 bytes of data where the tensors have 2");
    expect(one({}, [1])).toContain("1 bytes of data");
    const two = (a: number[], b: number[], size: number) =>
      reason(file(JSON.stringify({ a: info({ data_offsets: a }), b: info({ data_offsets: b }) }), zeros(size)));
    expect(two([0, 2], [1, 3], 4)).toContain("begins at 1 where 2");
    expect(two([0, 2], [0, 2], 4)).toContain("begins at 0 where 2");
    expect(two([3, 5], [0, 2], 5)).toContain("begins at 3 where 2");
  });

  it("a file cut anywhere; changed bytes give an error or another file, and never throw", () => {
    const tensors = new Map<string, Tensor>([
      ["weight", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["seen", { shape: [3], data: Uint32Array.of(3, 1, 2) }],
      ["bytes", { shape: [5], data: new Uint8Array(5) }],
    ]);
    const bytes = getOrThrow(writeSafetensors({ tensors, metadata: new Map([["note", 'a "note": b']]) }));
    for (let end = 0; end < bytes.length; end++) reason(bytes.subarray(0, end));
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, (places) => {
        const changed = bytes.slice();
        for (const [at, value] of places) changed[at] = value;
        const back = readSafetensors(changed);
        if (back._tag === "Left") return back.left._tag === "InvalidFile";
        return writeSafetensors(back.right)._tag === "Right";
      }),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (garbage) => reason(garbage) !== ""));
    fc.assert(fc.property(fc.json(), (json) => ["Left", "Right"].includes(readSafetensors(file(json))._tag)));
  });
});
