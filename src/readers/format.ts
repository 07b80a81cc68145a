/**
 * What kind of file it is: by its name, or by its first bytes.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { failFile } from "./fault.ts";
import { type Format, FORMATS } from "./options.ts";

/** Extensions beside the names of the formats. */
const EXTENSIONS: Readonly<Record<string, Format>> = { ndjson: "jsonl", tab: "tsv", txt: "csv", pq: "parquet" };

/** Bytes that formats begin with. */
const BEGINNINGS: readonly (readonly [Format, readonly number[]])[] = [
  ["parquet", [0x50, 0x41, 0x52, 0x31]],
  ["npz", [0x50, 0x4b, 0x03, 0x04]],
  ["npz", [0x50, 0x4b, 0x05, 0x06]],
  ["npy", [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]],
];

/** As many of the first bytes as the format is told by. */
export const SNIFFED = 1024;

/** The format that a name's extension tells. */
function byName(name: string): Format | undefined {
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return FORMATS.find((format) => format === extension) ?? EXTENSIONS[extension];
}

/**
 * The format of a file. What is no text, and of no format that begins with its bytes, is refused. Errors: `InvalidFile`.
 */
export function formatOf(name: string, first: Uint8Array): E.Either<FgnError, Format> {
  const named = byName(name);
  if (named !== undefined) return E.right(named);
  const begun = BEGINNINGS.find(([, bytes]) => bytes.every((byte, index) => first[index] === byte))?.[0];
  if (begun !== undefined) return E.right(begun);
  // A header's length, eight bytes, and its brace.
  if (first[8] === 0x7b && first[5] === 0 && first[6] === 0 && first[7] === 0) return E.right("safetensors");
  const text = new TextDecoder("utf-8").decode(first.slice());
  if (/^\s*\[\s*[{\]]/.test(text)) return E.right("json");
  if (/^\s*\{/.test(text)) return E.right("jsonl");
  if (first[0] === 0x1f && first[1] === 0x8b) {
    const remedy = 'Unpack it first: pipe a stream through new DecompressionStream("gzip")';
    return failFile("data", name, "is packed by gzip", remedy);
  }
  const isUtf16 = (first[0] === 0xff && first[1] === 0xfe) || (first[0] === 0xfe && first[1] === 0xff);
  if (!isUtf16 && first.includes(0)) {
    return failFile("data", name, "is no file of a kind that is read", `Give one of ${FORMATS.join(", ")}`);
  }
  // With a tab in its first line and no comma, the delimiter that is found is the tab.
  return E.right("csv");
}
