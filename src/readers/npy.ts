/**
 * Arrays in NumPy's own format (NEP 1): a header that is a Python dictionary, and the values.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { show } from "../check/show.ts";
import { outOfMemory, withinMemory } from "../check/size.ts";
import type { Table } from "../features/table.ts";
import { widenHalf } from "../io/half.ts";
import { valueCount } from "../io/header.ts";
import { type NamedArray, slicesOf, tableOfArrays } from "./array.ts";
import { failFile, failSize } from "./fault.ts";
import { gatherStream, type Opened } from "./opened.ts";
import type { Reading } from "./options.ts";

/** What the header says. */
export interface NpyHeader {
  /** The kind of the values: b i u f, texts S U. */
  readonly kind: string;
  /** Bytes of a value. */
  readonly size: number;
  readonly bigEndian: boolean;
  /** Whether the first index is the fastest. */
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Number of values. */
  readonly count: number;
  /** The first byte of the values. */
  readonly start: number;
}

/** The most bytes of a header. */
const MAX_HEADER = 2 ** 16;

/** Sizes of kinds of numbers. */
const SIZES: Readonly<Record<string, readonly number[]>> = { b: [1], i: [1, 2, 4, 8], u: [1, 2, 4, 8], f: [2, 4, 8] };

const WRITE = "Write it by numpy.save, as an array of numbers or texts";

/** Reads a header at the beginning of bytes. Errors: `InvalidFile`. */
export function readNpyHeader(file: string, bytes: Uint8Array): E.Either<FgnError, NpyHeader> {
  const refuse = (reason: string, remedy = WRITE) => failFile("npy", file, reason, remedy);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 12) return refuse(`ends within its first 12 bytes`);
  if (view.getUint32(0) !== 0x934e554d || view.getUint16(4) !== 0x5059) {
    return refuse("is no .npy: its first bytes are others");
  }
  const version = bytes[6] as number;
  if (version < 1 || version > 3) return refuse(`is of version ${version} of the format, beyond 3`);
  const from = version === 1 ? 10 : 12, length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = from + length;
  if (length > MAX_HEADER) return refuse(`has a header of ${length} bytes`);
  if (start > bytes.length) return refuse(`ends within its header, at byte ${bytes.length}`);
  const text = new TextDecoder("utf-8").decode(bytes.slice(from, start));
  const fields = /^\{\s*'descr':\s*(.+?),\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d, ]*)\),?\s*\}\s*$/
    .exec(text);
  if (fields === null) return refuse(`has a header that says ${show(text.trim())}`);
  const [, descr = "", order, sizes = ""] = fields;
  const parts = /^'([<>|=]?)([a-zA-Z])(\d*)'$/.exec(descr), [, endian, kind = "", digits = ""] = parts ?? [];
  if (kind === "O") {
    return refuse("holds Python objects, which are not read", "Convert it by astype(float) or astype(str)");
  }
  const size = Number(digits) * (kind === "U" ? 4 : 1), isText = kind === "U" || kind === "S";
  if (digits === "" || !(isText || SIZES[kind]?.includes(size))) {
    return refuse(
      `holds values of type ${descr.slice(0, 80)}, which are not read`,
      "Convert it by astype(float) or astype(str)",
    );
  }
  const shape = sizes.split(",").map((part) => part.trim()).filter((part) => part !== "").map(Number);
  const count = valueCount(shape);
  if (!shape.every(Number.isSafeInteger) || !Number.isSafeInteger(count * size)) {
    return refuse(`has the shape (${sizes})`);
  }
  return E.right({ kind, size, bigEndian: endian === ">", fortran: order === "True", shape, count, start });
}

/** Bytes of values in their own memory, the least significant first. */
function ordered(bytes: Uint8Array, unit: number, bigEndian: boolean): ArrayBuffer {
  const own = new Uint8Array(bytes);
  if (bigEndian) { for (let at = 0; at < own.length; at += unit) own.subarray(at, at + unit).reverse(); }
  return own.buffer;
}

/** Texts of so many characters each, without the zeros behind them; undefined: a code that is no character. */
function readWords({ kind, size, bigEndian, count }: NpyHeader, bytes: Uint8Array): string[] | undefined {
  const words: string[] = [];
  if (kind === "S") {
    const decoder = new TextDecoder("utf-8");
    for (let i = 0; i < count; i++) {
      words.push(decoder.decode(bytes.slice(i * size, (i + 1) * size)).replace(/\0+$/, ""));
    }
    return words;
  }
  const codes = new Uint32Array(ordered(bytes, 4, bigEndian)), width = size / 4;
  for (let i = 0; i < count; i++) {
    let word = "";
    for (const code of codes.subarray(i * width, (i + 1) * width)) {
      if (code > 0x10ffff) return undefined;
      word += String.fromCodePoint(code);
    }
    words.push(word.replace(/\0+$/, ""));
  }
  return words;
}

/** Numbers as they lie. */
function readNumbers(
  { kind, size, bigEndian }: NpyHeader,
  bytes: Uint8Array,
): Exclude<NamedArray["data"], readonly string[]> {
  const own = ordered(bytes, size, bigEndian);
  switch (kind + size) {
    case "i1":
      return new Int8Array(own);
    case "i2":
      return new Int16Array(own);
    case "i4":
      return new Int32Array(own);
    case "i8":
      return new BigInt64Array(own);
    case "u2":
      return new Uint16Array(own);
    case "u4":
      return new Uint32Array(own);
    case "u8":
      return new BigUint64Array(own);
    case "f2":
      return widenHalf(new Uint16Array(own));
    case "f4":
      return new Float32Array(own);
    case "f8":
      return new Float64Array(own);
    default:
      return new Uint8Array(own);
  }
}

/** For each value of an array, row-major, its place where the first index is the fastest. */
function fortranPlaces(shape: readonly number[], count: number): Float64Array {
  const places = new Float64Array(count), index = shape.map(() => 0), strides: number[] = [];
  let stride = 1, place = 0;
  for (const size of shape) {
    strides.push(stride);
    stride *= size;
  }
  for (let i = 0; i < count; i++) {
    places[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis] as number;
      if (++(index[axis] as number) < (shape[axis] as number)) break;
      place -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return places;
}

/** Values row-major. */
function rowMajor({ shape, count, fortran }: NpyHeader, data: NamedArray["data"]): NamedArray["data"] {
  if (!fortran || shape.length < 2) return data;
  const places = fortranPlaces(shape, count);
  if (Array.isArray(data)) return Array.from(places, (place) => (data as readonly string[])[place] as string);
  const numbers = data as Float64Array, sorted = numbers.slice();
  for (let i = 0; i < count; i++) sorted[i] = numbers[places[i] as number] as number;
  return sorted;
}

/** The values that a header tells of. Errors: `InvalidFile` (fewer or more bytes than they need), `OutOfMemory`. */
export function readValues(
  file: string,
  name: string,
  header: NpyHeader,
  bytes: Uint8Array,
): E.Either<FgnError, NamedArray> {
  const { kind, size, count, shape } = header, isText = kind === "U" || kind === "S";
  if (bytes.length !== count * size) {
    const reason = `has ${bytes.length} bytes of values where its shape (${shape.join(", ")}) needs ${count * size}`;
    return failFile("npy", file, reason, "Give the whole file");
  }
  const data = withinMemory(() => {
    const values = isText ? readWords(header, bytes) : readNumbers(header, bytes);
    return values && rowMajor(header, values);
  }, () => null);
  if (data === undefined) return failFile("npy", file, "holds texts of other than characters", WRITE);
  return data === null ? outOfMemory(file, bytes.length, "Give fewer rows") : E.right({ name, shape, data });
}

/** The name of an array without one, as numpy.savez gives it. */
const UNNAMED = "arr_0";

/** Tables of one array, with the column "arr_0"; row-major ones are read in parts. Errors: as `readCsv`. */
export async function* readNpy(
  opened: Opened,
  reading: Reading,
): AsyncGenerator<E.Either<FgnError, Table>, void, undefined> {
  const gathered = await gatherStream(opened, reading.maxBytes);
  if (gathered._tag === "Left") return yield gathered;
  const { name, size, read } = gathered.right, length = size as number;
  const first = await read(0, Math.min(length, MAX_HEADER + 12));
  if (first._tag === "Left") return yield first;
  const header = readNpyHeader(name, first.right);
  if (header._tag === "Left") return yield header;
  const { shape, start, count, fortran, size: width } = header.right, [rows = 1] = shape;
  if (start + count * width !== length) {
    return yield readValues(name, UNNAMED, header.right, new Uint8Array(0))._tag === "Left"
      ? failFile(
        "npy",
        name,
        `has ${length - start} bytes of values where its shape (${shape.join(", ")}) needs ${count * width}`,
        "Give the whole file",
      )
      : failFile("npy", name, `has ${length - start} bytes behind an array without values`, "Give the file alone");
  }
  const together = fortran || shape.length === 0 || reading.rows >= rows ? Math.max(rows, 1) : reading.rows;
  const bytes = rows === 0 ? 0 : (count * width) / rows;
  for (let row = 0; row === 0 || row < rows; row += together) {
    const end = Math.min(row + together, rows);
    if ((end - row) * bytes > reading.maxBytes) {
      return yield failSize(`${name}: ${(end - row) * bytes} bytes at once`, "maxBytes", reading.maxBytes);
    }
    const values = await read(start + row * bytes, start + end * bytes);
    if (values._tag === "Left") return yield values;
    const part = {
      ...header.right,
      shape: shape.length === 0 ? shape : [end - row, ...shape.slice(1)],
      count: (count / Math.max(rows, 1)) * (end - row),
    };
    const array = readValues(name, UNNAMED, part, values.right);
    if (array._tag === "Left") return yield array;
    const table = tableOfArrays(name, [array.right], reading, row);
    if (table._tag === "Left") return yield table;
    for (const slice of slicesOf(table.right, reading.rows)) yield E.right(slice);
  }
}
