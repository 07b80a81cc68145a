// Files: safetensors and plain values, there and back.

import {
  decodePlain,
  encodePlain,
  fromJson,
  getOrThrow,
  mlp,
  readSafetensors,
  type Tensor,
  toJson,
  writeSafetensors,
} from "fgn";
import { type Cases, equal, refused } from "../check.ts";

export const files: Cases = {
  "safetensors: tensors of every dtype and metadata come back": () => {
    const tensors = new Map<string, Tensor>([
      ["u64", { shape: [1], data: BigUint64Array.of(2n ** 63n + 1n) }],
      ["i64", { shape: [2], data: BigInt64Array.of(-1n, 2n ** 60n) }],
      ["f64", { shape: [], data: Float64Array.of(0.1) }],
      ["f32", { shape: [2, 3], data: Float32Array.of(0, -0, 1.5, NaN, Infinity, 1e-45) }],
      ["u32", { shape: [1], data: Uint32Array.of(2 ** 32 - 1) }],
      ["i32", { shape: [1, 1], data: Int32Array.of(-7) }],
      ["bytes é", { shape: [3], data: Uint8Array.of(1, 2, 255) }],
    ]);
    const bytes = getOrThrow(writeSafetensors({ tensors, metadata: new Map([["von", "fgn"]]) }));
    const read = getOrThrow(readSafetensors(bytes));
    const texts = (all: ReadonlyMap<string, Tensor>): unknown[] =>
      Array.from(all, ([name, { shape, data }]) => [name, shape, data.constructor.name, Array.from(data, String)]);
    equal(texts(read.tensors), texts(tensors), "tensors");
    equal([...read.metadata], [["von", "fgn"]], "metadata");
    equal(getOrThrow(writeSafetensors(read)), bytes, "bytes");
    refused(readSafetensors(bytes.subarray(0, bytes.length - 1)), "InvalidFile", "cut off");
    return [Uint8Array.from(bytes)];
  },

  "plain values and networks come back": () => {
    const value = { a: [1, -0, NaN, -Infinity, null, "ü"], b: { c: Float32Array.of(1, 2), d: new Uint8Array(3) } };
    const bytes = getOrThrow(encodePlain("values", 3, value));
    equal(getOrThrow(decodePlain("values", 3, bytes)), value, "values");
    refused(decodePlain("values", 4, bytes), "InvalidFile", "another version");
    refused(encodePlain("values", 3, { f: () => 1 }), "NotPlain", "a function");
    const network = getOrThrow(mlp({ inputs: 3, hidden: [4], classes: 2, seed: 1 }));
    const text = JSON.stringify(toJson(network));
    equal(getOrThrow(fromJson(JSON.parse(text))), network, "network");
    return [Uint8Array.from(bytes), Uint8Array.from(new TextEncoder().encode(text))];
  },
};
