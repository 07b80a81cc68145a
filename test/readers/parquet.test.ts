import { describe, expect, it } from "vitest";
import { parts, read, refusal, smallParquet, vega } from "./support.ts";

describe("a Parquet file", () => {
  it("becomes columns of numbers and texts; rows count from 1", async () => {
    const { by, source } = await read(smallParquet());
    expect(by).toEqual({
      town: ["Ulm", "Graz", "Ulm", "Wien", "Ulm"],
      age: [31, 54, 12, 8, 77],
      id: ["1", "2", "1152921504606846976", "4", "5"],
      share: [0.5, NaN, 1.5, -2, 1e300],
      member: ["true", "false", "true", "true", "false"],
      since: [1, 2, 3, 4, 5].map((day) => `1970-01-0${day}T00:00:00.000Z`),
    });
    expect([source?.unit, ...source?.lines ?? []]).toEqual(["row", 1, 2, 3, 4, 5]);
  });

  it("comes in parts over its groups, of the columns that are asked for", async () => {
    const all = await parts(smallParquet(), { rows: 2, columns: ["age"] });
    expect(all.map((one) => one._tag === "Right" && Array.from(one.right.columns[0]?.cells as Float64Array)))
      .toEqual([[31, 54], [12, 8], [77]]);
    expect(await refusal(smallParquet(), { columns: ["x"] })).toMatchObject({ _tag: "InvalidTable", column: "x" });
  });

  it("that was cut off is refused", async () => {
    const bytes = smallParquet();
    for (const cut of [10, 100, bytes.length - 1]) {
      expect(await refusal(bytes.subarray(0, cut))).toMatchObject({ _tag: "InvalidFile" });
    }
  });

  it("beyond its limit is refused", async () => {
    expect(await refusal(smallParquet(), { maxBytes: 20 })).toMatchObject({ _tag: "TooLarge", option: "maxBytes" });
  });

  it("flights-3m.parquet: the first part of three million rows, and then it is closed", async () => {
    const { readTables } = await import("../../src/readers/readers.ts");
    for await (const part of readTables(vega("flights-3m.parquet"), { columns: ["delay", "origin"], rows: 1000 })) {
      if (part._tag === "Left") throw new Error(part.left.message);
      expect(part.right.rows).toBe(1000);
      expect(part.right.columns[0]?.cells[0]).toBe(33);
      expect(part.right.columns[1]?.cells[0]).toBe("LAS");
      break;
    }
  });
});
