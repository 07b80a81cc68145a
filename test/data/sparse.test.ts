// Sparse matrices: what is taken over, and every refusal with its place.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { getOrThrow } from "../../mod.ts";
import { matrix } from "../../src/data/matrix.ts";
import { fromRows, isSparse, sparse } from "../../src/data/sparse.ts";
import { left } from "../support/reference.ts";

describe("sparse()", () => {
  it("takes typed arrays over and converts others", () => {
    const offsets = Uint32Array.of(0, 1, 3), indices = Uint32Array.of(1, 0, 2), data = Float32Array.of(5, 7, 9);
    const taken = getOrThrow(sparse(2, 3, offsets, indices, data));
    expect(taken.offsets).toBe(offsets);
    expect(taken.indices).toBe(indices);
    expect(taken.data).toBe(data);
    const converted = getOrThrow(sparse(2, 3, [0, 1, 3], [1, 0, 2], [5, 7, 9]));
    expect(converted).toEqual({ rows: 2, cols: 3, offsets, indices, data });
  });

  it("holds no rows, and rows without entries", () => {
    expect(getOrThrow(sparse(0, 3, [0], [], [])).rows).toBe(0);
    expect(getOrThrow(sparse(3, 3, [0, 0, 1, 1], [2], [4])).data).toHaveLength(1);
    expect(getOrThrow(sparse(1, 2 ** 32, [0, 1], [2 ** 32 - 1], [4])).indices[0]).toBe(2 ** 32 - 1);
  });

  it("refuses sizes that are not whole numbers in range", () => {
    for (const rows of [-1, 0.5, NaN]) {
      expect(left(sparse(rows, 3, [0], [], []))).toMatchObject({ _tag: "InvalidSize", what: "sparse rows" });
    }
    for (const cols of [0, -1, 1.5, Infinity, 2 ** 32 + 1]) {
      expect(left(sparse(0, cols, [0], [], []))).toMatchObject({ _tag: "InvalidSize", what: "sparse columns" });
    }
  });

  it("refuses arrays of the wrong length", () => {
    const mismatch = { _tag: "ShapeMismatch" };
    expect(left(sparse(2, 3, [0, 1], [0], [1]))).toMatchObject({ ...mismatch, what: "sparse offsets", expected: 3 });
    expect(left(sparse(1, 3, [0, 2], [0, 1], [1]))).toMatchObject({ ...mismatch, what: "sparse values", expected: 2 });
  });

  it.each([
    ["start above 0", [1, 1, 2], 0, 0],
    ["fall", [0, 2, 1], 1, 2],
    ["pass the end", [0, 3, 2], 0, 1],
    ["end early", [0, 1, 1], 1, 2],
    ["are fractions", [0, 0.5, 2], 0, 1],
    ["are NaN", [0, NaN, 2], 0, 1],
    ["are negative", [0, -1, 2], 0, 1],
  ])("refuses offsets that %s", (_, offsets, row, index) => {
    const error = left(sparse(2, 3, offsets, [0, 1], [1, 2]));
    expect(error).toMatchObject({ _tag: "InvalidSparse", what: "offsets", row, index });
  });

  it.each([
    ["too high", [0, 3, 0], 0, 1],
    ["twice in a row", [1, 1, 0], 0, 1],
    ["out of order", [2, 0, 0], 0, 1],
    ["negative", [0, 1, -1], 1, 2],
    ["a fraction", [0.5, 1, 0], 0, 0],
    ["NaN", [0, 1, NaN], 1, 2],
  ])("refuses a column that is %s", (_, indices, row, index) => {
    const error = left(sparse(2, 3, [0, 2, 3], indices, [1, 2, 3]));
    expect(error).toMatchObject({ _tag: "InvalidSparse", what: "indices", row, index });
    expect(error.message).toContain(`row ${row}`);
  });

  it("refuses values that are not finite", () => {
    for (const value of [NaN, Infinity, 1e300]) {
      expect(left(sparse(1, 3, [0, 2], [0, 1], [1, value]))).toMatchObject({ _tag: "NotFinite", index: 1, value });
    }
  });
});

describe("fromRows()", () => {
  it("sorts the entries and adds up duplicates, leaving its argument alone", () => {
    const rows = [[[2, 1], [0, 5], [2, 3]], [], [[1, 4]]] as const;
    const before = structuredClone(rows);
    expect(getOrThrow(fromRows(3, rows))).toEqual(getOrThrow(sparse(3, 3, [0, 2, 2, 3], [0, 2, 1], [5, 4, 4])));
    expect(rows).toEqual(before);
  });

  it("keeps the same column in neighbouring rows apart", () => {
    expect(getOrThrow(fromRows(3, [[[2, 1]], [[2, 3]]])).data).toEqual(Float32Array.of(1, 3));
  });

  it("refuses columns and values out of range", () => {
    for (const column of [3, -1, 0.5, NaN]) {
      expect(left(fromRows(3, [[], [[column, 1]]]))).toMatchObject({ _tag: "InvalidSparse", row: 1, index: 0 });
    }
    expect(left(fromRows(3, [[[0, 3e38], [0, 3e38]]]))).toMatchObject({ _tag: "NotFinite", index: 0 });
    expect(left(fromRows(0, []))).toMatchObject({ _tag: "InvalidSize" });
  });

  it("gives every entry back", () => {
    const entry = fc.tuple(fc.nat(9), fc.integer({ min: -8, max: 8 }));
    fc.assert(fc.property(fc.array(fc.array(entry)), (rows) => {
      const made = getOrThrow(fromRows(10, rows));
      const dense = new Float32Array(rows.length * 10), expected = new Float32Array(rows.length * 10);
      rows.forEach((row, i) => row.forEach(([c, v]) => expected[i * 10 + c]! += v));
      for (let i = 0; i < rows.length; i++) {
        for (let e = made.offsets[i]!; e < made.offsets[i + 1]!; e++) dense[i * 10 + made.indices[e]!] = made.data[e]!;
      }
      expect(dense).toEqual(expected);
    }));
  });
});

describe("isSparse()", () => {
  it("tells sparse from dense", () => {
    expect(isSparse(getOrThrow(sparse(0, 3, [0], [], [])))).toBe(true);
    expect(isSparse(getOrThrow(matrix(0, 3, [])))).toBe(false);
  });
});
