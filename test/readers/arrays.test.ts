// Files as NumPy wrote them: fixtures/make.py.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { getOrThrow, writeSafetensors } from "../../mod.ts";
import { fixture, parts, read, refusal } from "./support.ts";

/** The rows that make.py writes in most of its files. */
const ROWS = Array.from({ length: 5 }, (_, row) => [0, 1, 2].map((column) => (3 * row + column) / 8 - 1));

describe("an .npy", () => {
  it("becomes a column of vectors, whatever its order, bytes and precision", async () => {
    for (const name of ["c_order", "fortran", "big_endian", "half"]) {
      const { by, rows } = await read(fixture(`${name}.npy`));
      expect([name, rows, by]).toEqual([name, 5, { arr_0: ROWS }]);
    }
  });

  it("of more dimensions becomes a vector a row, the last index the fastest", async () => {
    const wanted = [0, 1].map((row) => Array.from({ length: 12 }, (_, i) => 12 * row + i));
    expect((await read(fixture("fortran_3d.npy"))).by).toEqual({ arr_0: wanted });
  });

  it("comes in parts, of a path and of its bytes; a fault says the row", async () => {
    for (const source of [fixture("c_order.npy"), new Uint8Array(readFileSync(fixture("c_order.npy")))]) {
      const all = await parts(source, { rows: 2 });
      expect(all.map((one) => one._tag === "Right" && [one.right.rows, [...one.right.source?.lines ?? []]]))
        .toEqual([[2, [1, 2]], [2, [3, 4]], [1, [5]]].map(([rows, lines], i) => i === 0 ? [rows, []] : [rows, lines]));
    }
  });

  it("without rows is a table without rows", async () => {
    expect((await read(fixture("no_rows.npy"))).rows).toBe(0);
  });

  it("that cannot be read is refused with what it holds", async () => {
    expect((await refusal(fixture("objects.npy"))).message).toContain("holds Python objects");
    expect((await refusal(fixture("complex.npy"))).message).toContain("holds values of type '<c16'");
    expect((await refusal(fixture("single.npy"))).message).toContain("a single value");
  });

  it("that was cut off, or has more, is refused", async () => {
    const bytes = new Uint8Array(readFileSync(fixture("c_order.npy")));
    for (const cut of [8, 11, 60, 130, bytes.length - 1]) {
      expect(await refusal(bytes.subarray(0, cut), { format: "npy" })).toMatchObject({ _tag: "InvalidFile" });
    }
    expect((await refusal(bytes.subarray(0, bytes.length - 8))).message)
      .toBe("data has 112 bytes of values where its shape (5, 3) needs 120");
    expect((await refusal(Uint8Array.of(...bytes, 0))).message).toContain("has 121 bytes of values");
    expect(await refusal(bytes, { maxBytes: 100 })).toMatchObject({ _tag: "TooLarge" });
  });
});

describe("an .npz", () => {
  it("becomes a column an array, stored or deflated", async () => {
    for (const name of ["stored.npz", "deflated.npz"]) {
      expect((await read(fixture(name))).by).toEqual({
        X: ROWS,
        images: Array.from({ length: 5 }, (_, row) => [0, 1, 2, 3].map((i) => 4 * row + i)),
        y: [2, 0, 1, -1, 2],
        flag: [1, 0, 1, 1, 0],
        label: ["Ulm", "日本", null, "naïve", "😀"],
        short: ["a", "bc", null, "d", "e"],
        big: [1, 2, 3, 4, 500],
      });
    }
  });

  it("of arrays with other rows is read by the columns that are named", async () => {
    expect((await refusal(fixture("split.npz"))).message).toContain(
      '"x_test" of shape (2, 3), and "x_train" of 5 rows',
    );
    expect((await read(fixture("split.npz"), { columns: ["x_test", "y_test"] })).by).toEqual({
      x_test: ROWS.slice(0, 2),
      y_test: [0, 1],
    });
    expect((await refusal(fixture("split.npz"), { columns: ["z"] })).remedy).toContain('"x_train"');
  });

  it("with integers that a number does not hold is refused, or gives them as texts", async () => {
    expect((await refusal(fixture("beyond.npz"))).message).toContain('row 1 of "id" is 9007199254740993');
    expect((await read(fixture("beyond.npz"), { texts: ["id"] })).by).toEqual({ id: ["9007199254740993", "2"] });
  });

  it("with a changed byte in an array is refused: each has its CRC-32", async () => {
    const bytes = new Uint8Array(readFileSync(fixture("stored.npz")));
    for (let at = 56; at < 240; at += 7) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect((await refusal(changed))._tag).toBe("InvalidFile");
    }
  });

  it("comes in parts, and is refused beyond its limit before anything is unpacked", async () => {
    const all = await parts(fixture("deflated.npz"), { rows: 3 });
    expect(all.map((one) => one._tag === "Right" && one.right.rows)).toEqual([3, 2]);
    expect(await refusal(fixture("deflated.npz"), { maxBytes: 500 })).toMatchObject({ _tag: "TooLarge" });
  });
});

describe("a safetensors file", () => {
  it("becomes a column a tensor", async () => {
    const tensors = new Map([
      ["X", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
      ["y", { shape: [2], data: BigInt64Array.of(1n, 0n) }],
    ]);
    const bytes = getOrThrow(writeSafetensors({ tensors }));
    expect((await read(bytes)).by).toEqual({ y: [1, 0], X: [[1, 2], [3, 4]] });
  });
});
