// Values as words of error messages: never an exception, at most 80 characters, kinds by name.

import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { cureOf, show } from "../../src/check/show.ts";
import { fit, matrix } from "../../mod.ts";

const throwing = new Proxy({}, {
  get: () => {
    throw new Error("no");
  },
  ownKeys: () => {
    throw new Error("no");
  },
  getPrototypeOf: () => {
    throw new Error("no");
  },
});
const revoked = Proxy.revocable([], {});
revoked.revoke();
const cyclic: Record<string, unknown> = { name: "ring" };
cyclic.self = cyclic;
const getter = {
  get _tag(): string {
    throw new Error("no");
  },
};

const CASES: readonly (readonly [unknown, string])[] = [
  [1, "1"],
  [-0, "0"],
  [NaN, "NaN"],
  [undefined, "undefined"],
  [null, "null"],
  [true, "true"],
  ["3", '"3"'],
  ['say "no"', '"say \\"no\\""'],
  [12n, "12n"],
  [Symbol("s"), "Symbol(s)"],
  [() => 1, "a function that was not called"],
  [Map, "a function that was not called"],
  [[1, 2], "an Array of 2"],
  [new Float32Array(3), "a Float32Array of 3"],
  [new Uint8Array(2), "a Uint8Array of 2"],
  [new Int8Array(1), "an Int8Array of 1"],
  [new BigInt64Array(4), "a BigInt64Array of 4"],
  [runInNewContext("new Float64Array(5)"), "a Float64Array of 5"],
  [new DataView(new ArrayBuffer(4)), "a DataView"],
  [new ArrayBuffer(4), "an ArrayBuffer"],
  [new Date(0), "a Date"],
  [/a/, "a RegExp"],
  [new Map(), "a Map"],
  [new TypeError("x"), "an Error"],
  [Promise.resolve(1), "a Promise"],
  [{}, "an object {}"],
  [Object.create(null), "an object {}"],
  [{ lambda: 1, _tag: "x" }, "an object {lambda, _tag}"],
  [cyclic, "an object {name, self}"],
  [matrix(1, 1, [1]), "an Either"],
  [matrix(1, 1, []), "an Either"],
  [throwing, "something that cannot be read"],
  [getter, "something that cannot be read"],
  [revoked.proxy, "something that cannot be read"],
];

describe("show", () => {
  it.each(CASES.map(([value, words]) => ({ value, words })))("gives $words", ({ value, words }) => {
    expect(show(value)).toBe(words);
  });

  it("cuts at 80 characters, not within one", () => {
    const fields = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`field number ${i}`, i]));
    for (const value of [1n << 30_000n, "x".repeat(1e6), "\u{1f600}".repeat(90), fields, Symbol("y".repeat(200))]) {
      const words = show(value);
      expect(words.length).toBeLessThanOrEqual(80);
      expect(words.endsWith("…")).toBe(true);
      expect(words).not.toMatch(/[\ud800-\udbff]…$/);
    }
  });
});

describe("cureOf", () => {
  it("says how to open, call or await what only needs that", () => {
    const head = undefined as never;
    expect(cureOf(matrix(1, 1, [1]))).toContain("_tag");
    expect(cureOf(fit(head, head))).toContain("Call it");
    expect(cureOf(Promise.resolve(1))).toBe("Await it");
    for (const other of [1, null, "an Either", {}, throwing]) expect(cureOf(other)).toBeUndefined();
  });
});
