/**
 * Files within a zip file, by its directory; those beyond 4 GiB (Zip64), too.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { inflateSync } from "fflate";
import type { FgnError } from "../check/error.ts";
import { show } from "../check/show.ts";
import { outOfMemory, withinMemory } from "../check/size.ts";
import { crc32 } from "../features/crc32.ts";
import { failFile, failSize } from "./fault.ts";
import type { Opened } from "./opened.ts";

/** A file in a zip file, as the directory names it. */
export interface Member {
  readonly name: string;
  /** How it is packed: 0, not at all, or 8, deflated. */
  readonly method: number;
  readonly crc: number;
  /** Bytes as it is packed. */
  readonly packed: number;
  /** Bytes as it is. */
  readonly size: number;
  /** Where its own header lies. */
  readonly offset: number;
}

type Read = (start: number, end: number) => Promise<E.Either<FgnError, Uint8Array>>;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

const long = (view: DataView, at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;

const refuse = (file: string, reason: string) =>
  failFile("npz", file, reason, "Give the whole file, as numpy.savez wrote it");

/** The largest 32-bit number, which stands for a larger one elsewhere. */
const ELSEWHERE = 0xffffffff;

/** Where the directory lies. Errors: `InvalidFile`, those of reading. */
async function findDirectory(
  file: string,
  size: number,
  read: Read,
): Promise<E.Either<FgnError, readonly [start: number, end: number, count: number]>> {
  const from = Math.max(0, size - 22 - 0xffff - 20), tail = await read(from, size);
  if (tail._tag === "Left") return tail;
  const view = viewOf(tail.right);
  let at = view.byteLength - 22;
  while (at >= 0 && view.getUint32(at, true) !== 0x06054b50) at--;
  if (at < 0) return refuse(file, "is no zip file, or its end is missing");
  let count = view.getUint16(at + 10, true),
    length = view.getUint32(at + 12, true),
    start = view.getUint32(at + 16, true);
  if ((count === 0xffff || length === ELSEWHERE || start === ELSEWHERE) && at >= 20) {
    const where = long(view, at - 12);
    const end = view.getUint32(at - 20, true) === 0x07064b50 && where + 56 <= size
      ? await read(where, where + 56)
      : null;
    if (end === null) return refuse(file, "has no Zip64 directory where it says so");
    if (end._tag === "Left") return end;
    const wide = viewOf(end.right);
    if (wide.getUint32(0, true) !== 0x06064b50) return refuse(file, `has no Zip64 directory at byte ${where}`);
    [count, length, start] = [long(wide, 32), long(wide, 40), long(wide, 48)];
  }
  if (start + length > size) return refuse(file, `has its directory at byte ${start}, beyond its end`);
  return E.right([start, start + length, count]);
}

/** The sizes and the place of a member whose numbers are in the Zip64 field of its extra bytes. */
function widen(extra: DataView, numbers: readonly number[]): readonly number[] | undefined {
  if (!numbers.includes(ELSEWHERE)) return numbers;
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const id = extra.getUint16(at, true), end = at + 4 + extra.getUint16(at + 2, true);
    if (id === 1 && end <= extra.byteLength) {
      let next = at + 4;
      return numbers.map((value) => {
        if (value !== ELSEWHERE) return value;
        next += 8;
        return next <= end ? long(extra, next - 8) : NaN;
      });
    }
    at = end;
  }
  return undefined;
}

/** The files of a zip file. Errors: `InvalidFile`, those of reading. */
export async function listMembers(
  { name: file, size, read }: Opened,
  maxBytes: number,
): Promise<E.Either<FgnError, readonly Member[]>> {
  const directory = await findDirectory(file, size as number, read);
  if (directory._tag === "Left") return directory;
  const [start, end, count] = directory.right;
  if (end - start > maxBytes) return failSize(`${file}: a directory of ${end - start} bytes`, "maxBytes", maxBytes);
  const bytes = await read(start, end);
  if (bytes._tag === "Left") return bytes;
  const view = viewOf(bytes.right), members: Member[] = [];
  for (let at = 0; members.length < count;) {
    const isWhole = at + 46 <= view.byteLength && view.getUint32(at, true) === 0x02014b50;
    if (!isWhole) return refuse(file, `has no entry of its directory at byte ${start + at}`);
    const [named, extra, comment] = [28, 30, 32].map((from) => view.getUint16(at + from, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + named + extra + comment;
    if (next > view.byteLength) return refuse(file, `has a directory that ends within an entry, at byte ${start + at}`);
    const name = new TextDecoder("utf-8").decode(bytes.right.slice(at + 46, at + 46 + named));
    if ((view.getUint16(at + 8, true) & 1) === 1) return refuse(file, `holds ${show(name)}, which is encrypted`);
    const fields = new DataView(view.buffer, view.byteOffset + at + 46 + named, extra);
    const numbers = widen(fields, [24, 20, 42].map((from) => view.getUint32(at + from, true)));
    const [length = NaN, packed = NaN, offset = NaN] = numbers ?? [];
    if (![length, packed, offset].every(Number.isSafeInteger)) {
      return refuse(file, `holds ${show(name)} of no known size`);
    }
    members.push({
      name,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed,
      size: length,
      offset,
    });
    at = next;
  }
  return E.right(members);
}

/** The bytes that a member is, or null where they are not what was packed. */
function unpack({ method, size, crc }: Member, packed: Uint8Array): Uint8Array | null {
  let bytes = packed;
  if (method === 8) {
    const out = new Uint8Array(size);
    try {
      bytes = inflateSync(packed, { out });
    } catch {
      return null;
    }
  }
  return bytes.length === size && crc32(bytes, 0, size, 0) === crc ? bytes : null;
}

/** The bytes of a member. Errors: `InvalidFile`, `TooLarge`, `OutOfMemory`, those of reading. */
export async function readMember(
  { name: file, size, read }: Opened,
  member: Member,
  maxBytes: number,
): Promise<E.Either<FgnError, Uint8Array>> {
  const { name, method, packed, offset } = member, shown = show(name);
  if (method !== 0 && method !== 8) return refuse(file, `holds ${shown}, packed by method ${method}`);
  if (member.size > maxBytes) return failSize(`${file}: ${shown} has ${member.size} bytes`, "maxBytes", maxBytes);
  if (offset + 30 > (size as number)) return refuse(file, `has ${shown} at byte ${offset}, beyond its end`);
  const header = await read(offset, offset + 30);
  if (header._tag === "Left") return header;
  const view = viewOf(header.right);
  if (view.getUint32(0, true) !== 0x04034b50) return refuse(file, `has no header of ${shown} at byte ${offset}`);
  const start = offset + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + packed > (size as number)) return refuse(file, `ends within ${shown}`);
  const bytes = await read(start, start + packed);
  if (bytes._tag === "Left") return bytes;
  return withinMemory(() => {
    const whole = unpack(member, bytes.right);
    return whole === null
      ? refuse(file, `holds ${shown}, which is damaged at or behind byte ${start}`)
      : E.right(whole);
  }, () => outOfMemory(file, member.size, "Write fewer rows a file"));
}
