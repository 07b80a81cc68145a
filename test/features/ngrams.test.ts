// Texts as hashed n-grams: the CRC-32 of the field, small letters that every engine knows alike, texts of unit length.

import { crc32 as zlib } from "node:zlib";
import { describe, expect, it } from "vitest";
import { getOrThrow, makeFeatures, type TextRule } from "../../mod.ts";
import { crc32 } from "../../src/features/crc32.ts";
import { hashOf } from "../../src/math/hash.ts";
import { left } from "../support/reference.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const crc = (text: string, before = 0): number => crc32(bytes(text), 0, bytes(text).length, before);

const rule: TextRule = { kind: "text", buckets: 4096, longest: 3, lowerCase: true };
const features = (texts: readonly string[], more: Partial<TextRule> = {}) =>
  getOrThrow(makeFeatures({ ...rule, ...more }, texts));

describe("crc32", () => {
  it("has the check value of its kind", () => {
    expect(crc("123456789")).toBe(0xcbf43926);
    expect(crc("")).toBe(0);
  });

  it.skipIf(typeof zlib !== "function")("is that of zlib, in one piece and in several", () => {
    for (const text of ["a", "ä", "日本語", "🐺🐺", "\u0000\u0002", "x".repeat(1000)]) {
      expect(crc(text)).toBe(zlib(text));
      expect(crc(text, crc("before "))).toBe(zlib(`before ${text}`));
    }
  });
});

describe("features of texts", () => {
  it("are √(count/total) of the n-grams of characters, marks of both ends among them", () => {
    // The characters ␂ a b ␃: four 1-grams, three 2-grams, two 3-grams.
    const grams = ["\u0002", "a", "b", "\u0003", "\u0002a", "ab", "b\u0003", "\u0002ab", "ab\u0003"];
    const expected = new Float32Array(4096);
    for (const gram of grams) expected[crc(gram) % 4096] = Math.sqrt(1 / 9);
    expect(features(["ab"]).data).toEqual(expected);
  });

  it("count an n-gram as often as it is there", () => {
    const { data } = features(["aaa"], { longest: 1 });
    expect(data[crc("a") % 4096]).toBe(Math.fround(Math.sqrt(3 / 5)));
  });

  it("have length 1, for whatever text, the empty one too", () => {
    const { rows, cols, data } = features(["", " ", "a", "The quick brown fox", "日本語", "🐺", "x".repeat(5000)]);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (const value of data.subarray(row * cols, (row + 1) * cols)) sum += value * value;
      expect(Math.abs(sum - 1)).toBeLessThan(1e-5);
    }
  });

  it("are sparse beyond 4,096 buckets, with the same values", () => {
    const wide = features(["The quick brown fox", ""], { buckets: 2 ** 20 });
    if (!("offsets" in wide)) throw new Error("dense");
    expect(wide.cols).toBe(2 ** 20);
    for (let row = 0; row < 2; row++) {
      const at = wide.indices.slice(wide.offsets[row], wide.offsets[row + 1]);
      expect([...at].every((column, i) => i === 0 || column > (at[i - 1] as number))).toBe(true);
    }
  });

  it("see characters, not UTF-16 units, and half of a pair as U+FFFD", () => {
    expect(features(["🐺"]).data).not.toEqual(features(["🐶"]).data);
    expect(features(["\ud83d"]).data).toEqual(features(["\ufffd"]).data);
    expect([...features(["🐺"], { longest: 1 }).data].filter((v) => v > 0)).toHaveLength(3);
  });

  it("are the same in every runtime", () => {
    const texts = ["ΟΔΟΣ İSTANBUL Straße ǅ Ծով ЯБЛОКО Ａ ᲐᲑ Ꭰ", "\ud800 x", "e\u0301 é", "ﬃ", "\u{1e900}\u{16e40}"];
    expect(hashOf(features(texts).data)).toBe("b97534fea2f7ae61");
  });

  it("are refused where one is no text, with its row", () => {
    const texts = ["a", null, "b"] as unknown as string[];
    expect(left(makeFeatures(rule, texts))).toMatchObject({ _tag: "InvalidTable", row: 1, column: null });
    expect(left(makeFeatures(rule, []))).toMatchObject({ _tag: "EmptyBatch" });
    expect(left(makeFeatures(rule, [[1, 2]]))).toMatchObject({ _tag: "WrongKind" });
  });
});

describe("small letters", () => {
  const same = (a: string, b: string): boolean => hashOf(features([a]).data) === hashOf(features([b]).data);

  it("are made of Latin, Greek, Cyrillic and Armenian", () => {
    for (
      const [a, b] of [["ABC XYZ", "abc xyz"], ["ÄÖÜ ŠĐ", "äöü šđ"], ["ΑΒΓ", "αβγ"], ["ЯЖЁ", "яжё"], ["ԲԳ", "բգ"], [
        "Ẽ",
        "ẽ",
      ]]
    ) {
      expect([a, same(a as string, b as string)]).toEqual([a, true]);
    }
  });

  it("look at one character alone: no final sigma", () => expect(same("ΟΔΟΣ", "οδοσ")).toBe(true));

  it("leave other scripts, which versions of Unicode add to, as they are", () => {
    for (const [a, b] of [["Ა", "ა"], ["Ꭰ", "ꭰ"], ["\u{1e900}", "\u{1e922}"]]) {
      expect([a, same(a as string, b as string)]).toEqual([a, false]);
    }
  });

  it("are not made where the recipe says so", () => {
    expect(hashOf(features(["AB"], { lowerCase: false }).data)).not.toBe(
      hashOf(features(["ab"], { lowerCase: false }).data),
    );
  });
});
