import { mkdtempSync, openAsBlob, rmSync, writeFileSync } from "node:fs";
import { createReadStream } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DataSource, readTables } from "../../src/readers/readers.ts";
import { bytesOf, fixture, parts, read, refusal, smallParquet } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "fgn-readers-")), TEXT = "a,b\n1,x\n2,y\n";
const path = join(folder, "table.csv");
beforeAll(() => writeFileSync(path, TEXT));
afterAll(() => rmSync(folder, { recursive: true }));

const stream = (bytes: Uint8Array, onCancel: () => void = () => undefined): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes.subarray(0, 3));
      controller.enqueue(bytes.subarray(3));
      controller.close();
    },
    cancel: onCancel,
  });

describe("a table", () => {
  it("is the same of a path, a URL, a Blob, a File, bytes and streams", async () => {
    const bytes = bytesOf(TEXT);
    const sources: readonly (readonly [DataSource, string])[] = [
      [path, path],
      [pathToFileURL(path), path],
      [new Blob([TEXT]), "data"],
      [new File([TEXT], "people.csv"), "people.csv"],
      [bytes, "data"],
      [bytes.buffer as ArrayBuffer, "data"],
      [stream(bytes), "data"],
      [createReadStream(path, { highWaterMark: 2 }), "data"],
    ];
    for (const [source, name] of sources) {
      const { by, source: from } = await read(source);
      expect([by, from?.name]).toEqual([{ a: [1, 2], b: ["x", "y"] }, name]);
    }
    expect((await read(bytes, { name: "mine.csv" })).source?.name).toBe("mine.csv");
  });

  it("is read of a stream whatever the format", async () => {
    const { by } = await read(stream(smallParquet()));
    expect(by.age).toEqual([31, 54, 12, 8, 77]);
    expect((await read(createReadStream(fixture("deflated.npz")))).by.y).toEqual([2, 0, 1, -1, 2]);
    expect((await read(createReadStream(fixture("c_order.npy")))).rows).toBe(5);
  });

  it("is of the format that is given, that of its name, or that of its first bytes", async () => {
    expect((await read(bytesOf('{"a":1}'))).by).toEqual({ a: [1] });
    expect((await read(bytesOf(' [ {"a":1}]'))).by).toEqual({ a: [1] });
    expect((await read(bytesOf("a\tb\n1\t2"), { name: "x.TSV" })).by).toEqual({ a: [1], b: [2] });
    expect((await read(bytesOf('{"a":1}'), { name: "x.ndjson" })).by).toEqual({ a: [1] });
    expect((await read(bytesOf('{"a"\n1'), { format: "tsv", delimiter: "~" }).catch(() => null))?.rows).toBe(1);
    expect((await refusal(Uint8Array.of(0x1f, 0x8b, 8, 0))).remedy).toContain("DecompressionStream");
  });

  it("that cannot be read is an error that says why", async () => {
    expect(await refusal(join(folder, "none.csv"))).toMatchObject({ _tag: "StorageFailed", what: "load" });
    expect((await refusal(folder)).message).toContain("could not be read");
    expect(await refusal(new URL("https://example.com/x.csv"))).toMatchObject({ _tag: "WrongKind" });
    for (
      const wrong of ["", null, undefined, 3, {}, [], new Date(), Float32Array.of(1), { _tag: "Right", right: path }]
    ) {
      expect([wrong, (await refusal(wrong as never))._tag]).toEqual([wrong, "WrongKind"]);
    }
    const texts = async function* () {
      yield await Promise.resolve("a,b");
    };
    expect(await refusal(texts() as never)).toMatchObject({ _tag: "WrongKind", what: "a piece of data" });
    const broken = async function* () {
      yield await Promise.resolve(bytesOf("a,b\n1,2\n"));
      throw new Error("the line was cut");
    };
    expect((await refusal(broken())).message).toBe("data could not be read: the line was cut");
    const taken = stream(bytesOf(TEXT));
    taken.getReader();
    expect((await refusal(taken)).message).toContain("another reader has its stream");
  });

  it("is refused with options that are none", async () => {
    for (const options of [{ format: "xls" }, { delimiter: ";;" }, { rows: 0 }, { columns: "a" }, { delimeter: ";" }]) {
      expect((await refusal(path, options as never))._tag).toBe("InvalidOption");
    }
    expect((await parts(path, null as never)).map((one) => one._tag === "Left" && one.left._tag)).toEqual([
      "WrongKind",
    ]);
  });
});

describe("tables in parts", () => {
  it("close their source at a break, after which nothing is read", async () => {
    let isCancelled = false;
    const many = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(bytesOf("1,2\n".repeat(1000))),
      cancel: () => void (isCancelled = true),
    });
    for await (const part of readTables(many, { rows: 10, header: false })) {
      expect(part._tag === "Right" && part.right.rows).toBe(10);
      break;
    }
    expect(isCancelled).toBe(true);
  });

  it("of a Blob are read piece by piece", async () => {
    const blob = typeof openAsBlob === "function" ? await openAsBlob(path) : new Blob([TEXT]);
    expect((await parts(blob, { rows: 1 })).map(({ _tag }) => _tag)).toEqual(["Right", "Right"]);
  });
});
