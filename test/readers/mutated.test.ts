// Files that were changed anywhere: a table, or an error of a known kind, and neither an exception nor a wait. FGN_FILES
// says how many, FGN_SEED which.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type FgnErrorTag, getOrThrow, writeSafetensors } from "../../mod.ts";
import { type Format, readTable, readTables } from "../../src/readers/readers.ts";
import { dice, mutateBytes } from "../support/mutate.ts";
import { bytesOf, fixture, smallParquet } from "./support.ts";

const SEED = Number(process.env.FGN_SEED ?? 1), FILES = Number(process.env.FGN_FILES ?? 2000);

/** What a malformed file may be. */
const TAGS: readonly FgnErrorTag[] = ["InvalidFile", "InvalidTable", "TooLarge", "OutOfMemory", "NotFinite"];

/** Reads mutated files of a format. */
async function attack(
  format: Format,
  bytes: Uint8Array,
  share: number,
  more: readonly FgnErrorTag[] = [],
): Promise<void> {
  const tags: Record<string, number> = {};
  for (let index = 0; index < FILES * share; index++) {
    const changed = mutateBytes(bytes, dice(SEED, index)), where = `${format}, seed ${SEED}, file ${index}`;
    const begun = performance.now(), table = await readTable(changed, { format, deadline: 5 })();
    const isOurs = table._tag === "Right" || [...TAGS, ...more].includes(table.left._tag);
    if (!isOurs) expect.fail(`${where}: ${JSON.stringify(table)}`);
    if (performance.now() - begun > 20_000) expect.fail(`${where} took too long`);
    const tag = table._tag === "Left" ? table.left._tag : "Right";
    tags[tag] = (tags[tag] ?? 0) + 1;
    if (index % 10 !== 0) continue;
    // In parts it ends with the same fault, or has as many rows.
    let rows = 0, last = "Right";
    for await (const part of readTables(changed, { format, rows: 2, deadline: 5 })) {
      expect([where, last]).toEqual([where, "Right"]);
      if (part._tag === "Right") rows += part.right.rows;
      else last = part.left._tag;
    }
    if (table._tag === "Right") expect([where, rows, last]).toEqual([where, table.right.rows, "Right"]);
    else expect([where, last]).not.toEqual([where, "Right"]);
  }
  expect(tags.Right ?? 0).toBeLessThan(FILES * share);
  if (process.env.FGN_FILES !== undefined) console.log(format, JSON.stringify(tags));
}

const CSV = bytesOf(
  '\ufeffid,name,"v",x\r\n1,"a ""b""\r\n","[1,2,3]",0.5\r\n2,"ä, 日本","[4,5,6]",\r\n3,c,[7],-1e3\r\n',
);
const LINES = bytesOf('{"id":1,"name":"a \\"b\\"","v":[1,2,3]}\n{"id":2,"name":"日本","v":[4,5,6],"x":null}\n');
const LIST = bytesOf('[\n {"id":1,"name":"a] }","v":[1,2,3]},\n {"id":2,"name":"日\\\\","b":true}\n]\n');

describe("mutated files", () => {
  it("csv", () => attack("csv", CSV, 1));
  it("jsonl", () => attack("jsonl", LINES, 1));
  it("json", () => attack("json", LIST, 1));
  it("npy", () => attack("npy", new Uint8Array(readFileSync(fixture("fortran_3d.npy"))), 1));
  it("npz", () => attack("npz", new Uint8Array(readFileSync(fixture("deflated.npz"))), 1));
  it("stored npz", () => attack("npz", new Uint8Array(readFileSync(fixture("stored.npz"))), 0.25));
  it("safetensors", () => {
    const tensors = new Map([
      ["X", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
      ["y", { shape: [2], data: BigInt64Array.of(1n, 0n) }],
    ]);
    return attack("safetensors", getOrThrow(writeSafetensors({ tensors })), 0.25);
  });
  // A worker a file, some tenths of a second.
  it("parquet", () => attack("parquet", smallParquet(), 0.01, ["TimedOut"]), 120_000);
});

describe("a Parquet file that the decoder never ends with", () => {
  it("is refused when its time is over", async () => {
    // smallParquet(), with a byte changed so that a page lies before itself.
    const table = await readTable(fixture("endless.parquet"), { deadline: 0.5 })();
    expect(table._tag === "Left" && table.left).toMatchObject({ _tag: "TimedOut", seconds: 0.5 });
  });
});
