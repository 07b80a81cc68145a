import { describe, expect, it } from "vitest";
import { bytesOf, parts, read, refusal, vega } from "./support.ts";

describe("JSON Lines", () => {
  it("become columns in the order in which their names come", async () => {
    const { by, source, columns } = await read(
      bytesOf('\ufeff{"a":1,"b":"x"}\r\n\r\n{"b":"y","c":[1,2.5]}\n{"a":null,"d":true,"c":null}'),
    );
    expect(by).toEqual({ a: [1, NaN, NaN], b: ["x", "y", null], c: [null, [1, 2.5], null], d: [null, null, "true"] });
    expect(columns.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
    expect([...source?.lines ?? []]).toEqual([1, 3, 4]);
  });

  it("keep texts that look like numbers, and have vectors in brackets", async () => {
    const { by } = await read(bytesOf('{"zip":"10115","v":"[1,2]","m":1}\n{"zip":"NA","v":"[3,4]","m":"x"}'));
    expect(by).toEqual({ zip: ["10115", "NA"], v: [[1, 2], [3, 4]], m: ["1", "x"] });
  });

  it("are refused with line and column", async () => {
    const message = async (text: string): Promise<string> =>
      (await refusal(bytesOf(text), { format: "jsonl" })).message;
    expect(await message('{"a":1}\n{"a":}')).toBe('data:2 is no JSON: "{\\"a\\":}"');
    expect(await message('{"a":1}\n[1,2]')).toBe("data:2 is an Array of 2, no object");
    expect(await message('{"a":1,"b":2}\n{"b":{"c":1}}')).toBe("data:2:2 (b) holds no number, text or list of numbers");
    expect(await message('{"a":[1,"x"]}')).toBe("data:1:1 (a) holds no number, text or list of numbers");
    expect(await message('{"a":[1,2]}\n{"a":3}')).toBe("data:2:1 (a) is 3, in a column of vectors");
  });

  it("may hold anything in columns that do not count", async () => {
    const bytes = bytesOf('{"a":1,"more":{"x":[]}}\n{"a":2}');
    expect((await read(bytes, { columns: ["a"] })).by).toEqual({ a: [1, 2] });
  });

  it("with names like those of every object's properties are rows like others", async () => {
    const { columns } = await read(bytesOf('{"__proto__":1,"constructor":2,"toString":3}'));
    expect(columns.map(({ name }) => name)).toEqual(["__proto__", "constructor", "toString"]);
  });

  it("beyond their limits are refused", async () => {
    const error = await refusal(bytesOf(`{"a":"${"x".repeat(100)}`), { maxRowLength: 50, format: "jsonl" });
    expect(error).toMatchObject({ _tag: "TooLarge", option: "maxRowLength" });
    expect(await refusal(bytesOf('{"a":1,"b":2}'), { maxColumns: 1 })).toMatchObject({
      _tag: "TooLarge",
      option: "maxColumns",
    });
  });
});

describe("a JSON list", () => {
  const list = '[\n  {"a": 1, "b": "],[{\\"}"},\n  {"a": 2,\n   "b": "ä\\\\"}\n]\n';

  it("becomes a table whose rows keep their lines", async () => {
    const { by, source } = await read(bytesOf(list));
    expect(by).toEqual({ a: [1, 2], b: ['],[{"}', "ä\\"] });
    expect([...source?.lines ?? []]).toEqual([2, 3]);
  });

  it("is the same however its bytes are divided", async () => {
    const bytes = bytesOf(list), { by, source } = await read(bytes);
    for (let size = 1; size < 12; size++) {
      const pieces = async function* () {
        await Promise.resolve();
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      };
      const again = await read(pieces(), { format: "json" });
      expect([again.by, again.source?.lines]).toEqual([by, source?.lines]);
    }
  });

  it("may be empty", async () => {
    expect((await read(bytesOf(" [ ] "))).rows).toBe(0);
  });

  it("that is malformed is refused with its line", async () => {
    const message = async (text: string): Promise<string> => (await refusal(bytesOf(text), { format: "json" })).message;
    expect(await message('{"a":[1]}')).toBe("data:1 does not begin with a list");
    expect(await message('[{"a":1},\n]')).toBe('data:1 is no JSON: ""');
    expect(await message('[,{"a":1}]')).toBe('data:1 is no JSON: ""');
    expect(await message('[{"a":1}\n{"a":2}]')).toContain("data:1 is no JSON");
    expect(await message('[{"a":1},\n{"a":2}\n')).toBe("data:3 ends within the list");
    expect(await message('[{"a":1}]\n\n x')).toBe("data:3 has more behind the list");
    expect(await message('[{"a":1}}')).toBe("data:1 closes the list with }");
    expect(await message("[1,2]")).toBe("data:1 is 1, no object");
  });

  it("comes in parts", async () => {
    const rows = Array.from({ length: 10 }, (_, a) => ({ a }));
    const all = await parts(bytesOf(JSON.stringify(rows)), { rows: 3 });
    expect(all.map((one) => one._tag === "Right" && one.right.rows)).toEqual([3, 3, 3, 1]);
  });

  it("penguins.json: nulls are missing", async () => {
    const { rows, by } = await read(vega("penguins.json"));
    expect(rows).toBe(344);
    expect(by["Body Mass (g)"]?.[3]).toBeNaN();
    expect(by.Sex?.slice(0, 4)).toEqual(["MALE", "FEMALE", "FEMALE", null]);
  });
});
