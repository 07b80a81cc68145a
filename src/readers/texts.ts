/**
 * Bytes as text, in pieces.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { failFile, failSize } from "./fault.ts";
import type { Opened } from "./opened.ts";
import type { Reading } from "./options.ts";

/** How many line ends a text has. */
export function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** The encoding that the first bytes tell. */
function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
}

function decoderOf(encoding: string, fatal: boolean): E.Either<FgnError, TextDecoder> {
  try {
    return E.right(new TextDecoder(encoding, { fatal }));
  } catch {
    return invalid("encoding", encoding, 'an encoding that this runtime knows, such as "utf-8" or "windows-1252"');
  }
}

/** The refusal of bytes that are no text of an encoding, which a decoder met after so many lines. */
function failText(name: string, encoding: string, piece: Uint8Array, lines: number): E.Either<FgnError, never> {
  const lenient = decoderOf(encoding, false), text = lenient._tag === "Left" ? "" : lenient.right.decode(piece);
  const line = lines + countLines(text.slice(0, Math.max(text.indexOf("\ufffd"), 0))) + 1;
  return failFile(
    "text",
    `${name}:${line}`,
    `is not ${encoding.toUpperCase()}`,
    encoding === "utf-8" ? 'Save the file as UTF-8, or give encoding, such as "windows-1252"' : "Give another encoding",
  );
}

/**
 * The text of a source: without byte order mark, every line end as "\n". A fault is the last item. Errors: `InvalidFile`,
 * `InvalidOption` (an encoding), `TooLarge` (more bytes than may be kept, where all rows become one table), those of the
 * source.
 */
export async function* textsOf(
  { name, pieces }: Opened,
  { encoding: given, rows, maxBytes }: Reading,
): AsyncGenerator<E.Either<FgnError, string>, void, undefined> {
  let decoder: TextDecoder | null = null, encoding = "", bytes = 0, lines = 0, held = "";
  for await (const piece of pieces()) {
    if (piece._tag === "Left") return yield piece;
    if (piece.right.length === 0) continue;
    bytes += piece.right.length;
    if (rows === Infinity && bytes > maxBytes) {
      return yield failSize(
        `${name} has more than ${maxBytes} bytes`,
        "maxBytes",
        maxBytes,
        "Read it in parts by readTables, or raise maxBytes",
      );
    }
    if (decoder === null) {
      encoding = given ?? encodingOf(piece.right);
      const made = decoderOf(encoding, true);
      if (made._tag === "Left") return yield made;
      decoder = made.right;
      const binary = encoding === "utf-8" ? piece.right.subarray(0, 4096).indexOf(0) : -1;
      if (binary >= 0) {
        const remedy = 'Say its format, such as "parquet", or its encoding, such as "utf-16le"';
        return yield failFile("text", name, `is no text: byte ${binary} is 0`, remedy);
      }
    }
    let text: string;
    try {
      text = held + decoder.decode(piece.right, { stream: true });
    } catch {
      return yield failText(name, encoding, piece.right, lines);
    }
    held = text.endsWith("\r") ? "\r" : "";
    if (held !== "") text = text.slice(0, -1);
    if (text.includes("\r")) text = text.replace(/\r\n?/g, "\n");
    lines += countLines(text);
    if (text !== "") yield E.right(text);
  }
  try {
    const end = held.replace("\r", "\n") + (decoder?.decode() ?? "");
    if (end !== "") yield E.right(end);
  } catch {
    yield failText(name, encoding, new Uint8Array(0), lines);
  }
}
