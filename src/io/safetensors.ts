/**
 * Files of named tensors in the safetensors format, which PyTorch, JAX and others read and write as well: the length
 * of a JSON header, the header, and the values as they lie in memory.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { show, typedName } from "../check/show.ts";
import { checkLength, checkSize, outOfMemory, withinMemory } from "../check/size.ts";
import { guard, orElse } from "../check/total.ts";
import { widenBrain, widenHalf } from "./half.ts";
import { type Entry, isWellFormed, malformed, MAX_HEADER, METADATA, quote, readHeader, valueCount } from "./header.ts";

/** The values of a tensor: dtype F32, F64, I8 to I64 or U8 to U64. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor. */
export interface Tensor {
  /** The dimensions, outermost first; none for a single value. */
  readonly shape: readonly number[];
  /** As many values as the product of the dimensions, row-major. */
  readonly data: TensorData;
}

/** A tensor of a file that is not read. */
export interface SkippedTensor {
  /** Its name. */
  readonly name: string;
  /** The kind of its values, such as "F8_E4M3". */
  readonly dtype: string;
}

/** The content of a file. */
export interface Safetensors {
  /** The tensors by name: any text but "__metadata__". */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Texts by name (default none). */
  readonly metadata?: ReadonlyMap<string, string>;
  /** Tensors that the file has, too, of dtypes that are not read; none can be written. */
  readonly skipped?: readonly SkippedTensor[];
}

interface Kind {
  new (buffer: ArrayBuffer): TensorData;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

/** The dtypes that are arrays of their own, in the order of their data in a file: the widest first, so all are aligned. */
const KINDS: readonly (readonly [string, Kind])[] = [
  ["U64", BigUint64Array],
  ["I64", BigInt64Array],
  ["F64", Float64Array],
  ["F32", Float32Array],
  ["U32", Uint32Array],
  ["I32", Int32Array],
  ["U16", Uint16Array],
  ["I16", Int16Array],
  ["I8", Int8Array],
  ["U8", Uint8Array],
];

/** The dtypes of the format that are not read, and the bits of a value. */
const SKIPPED: ReadonlyMap<string, number> = new Map([
  ["C64", 64],
  ["F8_E5M2", 8],
  ["F8_E4M3", 8],
  ["F8_E8M0", 8],
  ["F8_E4M3FNUZ", 8],
  ["F8_E5M2FNUZ", 8],
  ["F6_E3M2", 6],
  ["F6_E2M3", 6],
  ["F4", 4],
]);

/** The reading of a dtype: bytes for each value, and the array of what the bytes hold. */
interface Reader {
  readonly size: number;
  readonly read: (buffer: ArrayBuffer) => TensorData;
}

const READERS: ReadonlyMap<string, Reader> = /* @__PURE__ */ (() =>
  new Map<string, Reader>([
    ...KINDS.map(([dtype, Kind]): [string, Reader] => [
      dtype,
      { size: Kind.BYTES_PER_ELEMENT, read: (buffer) => new Kind(buffer) },
    ]),
    ["F16", { size: 2, read: (buffer) => widenHalf(new Uint16Array(buffer)) }],
    ["BF16", { size: 2, read: (buffer) => widenBrain(new Uint16Array(buffer)) }],
    ["BOOL", { size: 1, read: (buffer) => new Uint8Array(buffer) }],
  ]))();

function refuseToWrite(value: unknown, reason: string, remedy: string): E.Either<FgnError, never> {
  return fail("InvalidOption", { option: "tensors", value }, reason, remedy);
}

const tooLarge = (bytes: number): E.Either<FgnError, never> =>
  outOfMemory("the tensors", bytes, "Keep the tensors in several files");

/** A tensor on its way into a file. */
interface Outgoing extends Tensor {
  readonly name: string;
  /** The index in {@link KINDS}. */
  readonly kind: number;
}

function checkEntry(name: string, tensor: Tensor): E.Either<FgnError, Outgoing> {
  if (typeof name !== "string" || name === METADATA || !isWellFormed(name)) {
    return refuseToWrite(name, `${show(name)} is no name for a tensor`, `Give any Unicode text but "${METADATA}"`);
  }
  const fields = orElse<Tensor | undefined>(() => ({ shape: [...tensor.shape], data: tensor.data }), undefined);
  if (fields === undefined) {
    return refuseToWrite(tensor, `tensor ${quote(name)} has no shape and data`, "Give what Tensor says");
  }
  const { shape, data } = fields, kind = KINDS.findIndex(([, Kind]) => Kind.name === typedName(data));
  if (kind < 0) {
    return refuseToWrite(
      data,
      `tensor ${quote(name)} has values of another kind`,
      "Give a typed array that Tensor allows",
    );
  }
  for (const size of shape) {
    const checked = checkSize(`a dimension of ${quote(name)}`, size, 0);
    if (checked._tag === "Left") return checked;
  }
  const length = checkLength(`tensor ${quote(name)}`, data.length, valueCount(shape));
  return length._tag === "Left" ? length : E.right({ name, kind, shape, data });
}

function fieldText(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

function refuseLength(bytes: number): E.Either<FgnError, never> {
  return refuseToWrite(bytes, `names, shapes and metadata take ${bytes} bytes`, `Keep them within ${MAX_HEADER}`);
}

/** The fields of the metadata, in the order of their names; none where there are no texts. */
function metadataFields(metadata: ReadonlyMap<string, string>): E.Either<FgnError, readonly string[]> {
  const texts = [...metadata].sort(([a], [b]) => a < b ? -1 : 1);
  let length = 0;
  for (const text of texts.flat()) {
    if (typeof text !== "string" || !isWellFormed(text)) {
      return fail("InvalidOption", { option: "metadata", value: text }, "metadata is no Unicode text", "Give texts");
    }
    length += text.length;
    if (length > MAX_HEADER) return refuseLength(length);
  }
  return E.right(texts.length === 0 ? [] : [`"${METADATA}":{${texts.map(([k, v]) => fieldText(k, v)).join(",")}}`]);
}

/** Whether a value is a map, of whatever realm. */
const isMap = (value: unknown): boolean => isObject(value) && Object.prototype.toString.call(value) === "[object Map]";

function write(file: Safetensors): E.Either<FgnError, Uint8Array> {
  const { tensors, metadata = new Map(), skipped = [] }: Partial<Safetensors> = isObject(file) ? file : {};
  if (tensors === undefined || !isMap(tensors) || !isMap(metadata) || !Array.isArray(skipped)) {
    return refuseToWrite(
      undefined,
      "tensors and metadata are no maps of tensors and texts",
      "Give what Safetensors says",
    );
  }
  const [lost] = skipped as Safetensors["skipped"] & readonly unknown[];
  if (lost !== undefined) {
    const { name, dtype } = Object(lost) as SkippedTensor;
    return refuseToWrite(
      lost,
      `tensor ${show(name)} is of dtype ${show(dtype)}, whose values were not read`,
      "Leave out skipped to write a file without it",
    );
  }
  const entries: Outgoing[] = [];
  for (const [name, tensor] of tensors) {
    const checked = checkEntry(name, tensor);
    if (checked._tag === "Left") return checked;
    entries.push(checked.right);
  }
  entries.sort((a, b) => a.kind - b.kind || (a.name < b.name ? -1 : 1));
  const texts = metadataFields(metadata);
  if (texts._tag === "Left") return texts;
  let end = 0;
  const fields = entries.map(({ name, kind, shape, data }) => {
    const start = end;
    end += data.byteLength;
    return fieldText(name, { dtype: KINDS[kind]?.[0], shape, data_offsets: [start, end] });
  });
  const header = new TextEncoder().encode(`{${[...texts.right, ...fields].join(",")}}`);
  const padded = Math.ceil(header.length / 8) * 8;
  if (padded > MAX_HEADER) return refuseLength(padded);
  return assemble(header, 8 + padded, entries, 8 + padded + end);
}

function assemble(header: Uint8Array, from: number, entries: readonly Outgoing[], size: number) {
  const file = withinMemory(() => new Uint8Array(size), () => null);
  if (file === null) return tooLarge(size);
  new DataView(file.buffer).setUint32(0, from - 8, true);
  file.fill(0x20, 8, from).set(header, 8);
  let at = from;
  for (const { data } of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return E.right(file);
}

/**
 * The bytes of a safetensors file. The same tensors and metadata give the same bytes, whatever their order: tensors
 * lie by the width of their values, then by name, as the format's own library lays them, each at a multiple of its
 * width.
 *
 * Errors: `InvalidSize` (a dimension), `ShapeMismatch` (not as many values as the shape says), `InvalidOption` (a name
 * or text that is no Unicode text, values of another kind, or names and metadata beyond 100 MB), `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { writeSafetensors } from "fgn";
 *
 * const weight = { shape: [2, 3], data: new Float32Array(6) };
 * const file = writeSafetensors({ tensors: new Map([["weight", weight]]) });
 * if (file._tag === "Right") console.log(file.right.length); // 96
 * ```
 */
export function writeSafetensors(file: Safetensors): E.Either<FgnError, Uint8Array> {
  const tooLong = "names, shapes and metadata are more text than this runtime has memory for";
  return guard(
    "writeSafetensors",
    { file },
    () =>
      withinMemory(() => write(file), () => refuseToWrite(undefined, tooLong, `Keep them within ${MAX_HEADER} bytes`)),
  );
}

/** Each tensor begins where the one before it ends, has the bytes that its shape needs, and the last ends the file. */
function checkPlaces(entries: readonly Entry[], length: number): E.Either<FgnError, number> {
  let at = 0;
  for (const { name, dtype, count, start, end } of entries) {
    const size = READERS.get(dtype)?.size ?? (SKIPPED.get(dtype) ?? NaN) / 8;
    if (Number.isNaN(size)) {
      return malformed(`tensor ${quote(name)} is of dtype ${quote(dtype)}, which the format does not have`);
    }
    if (start !== at) return malformed(`tensor ${quote(name)} begins at ${start} where ${at} is next`);
    if (end - start !== count * size) return malformed(`tensor ${quote(name)} has other bytes than its shape`);
    at = end;
  }
  return at === length ? E.right(at) : malformed(`${length} bytes of data where the tensors have ${at}`);
}

function headerText(bytes: Uint8Array): E.Either<FgnError, string> {
  try {
    // A copy, since a decoder refuses shared memory.
    return E.right(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes)));
  } catch {
    return malformed("the header is not UTF-8");
  }
}

function read(bytes: Uint8Array): E.Either<FgnError, Required<Safetensors>> {
  if (bytes.length < 8) return malformed("it ends within its first 8 bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > MAX_HEADER) return malformed(`its header has ${length} bytes, beyond ${MAX_HEADER}`);
  if (length > bytes.length - 8) return malformed("it ends within its header");
  const body = bytes.subarray(8 + length);
  if (length === 0 || bytes[8] !== 0x7b) return malformed("its header does not begin with {");
  const text = headerText(bytes.subarray(8, 8 + length));
  if (text._tag === "Left") return text;
  const header = readHeader(text.right);
  if (header._tag === "Left") return header;
  const { entries, metadata } = header.right;
  const places = checkPlaces(entries, body.length);
  if (places._tag === "Left") return places;
  const tensors = new Map<string, Tensor>(), skipped: SkippedTensor[] = [];
  for (const { name, dtype, shape, start, end } of entries) {
    const reader = READERS.get(dtype);
    if (reader === undefined) skipped.push({ name, dtype });
    else tensors.set(name, { shape, data: reader.read(new Uint8Array(body.subarray(start, end)).buffer) });
  }
  return E.right({ tensors, metadata, skipped });
}

/**
 * The tensors and metadata of a safetensors file, the tensors in the order of their data. Reads F64, F32 and integers of
 * 8 to 64 bits as they are, F16 and BF16 as float32, which holds all their values, and BOOL as bytes. Tensors of the other
 * dtypes, such as F8_E4M3, are not read; `skipped` names them. Everything is copied: the bytes may be overwritten
 * afterwards.
 *
 * Takes any bytes whatever, and no more memory than a small multiple of them. As the format demands, the tensors fill
 * the data without holes or overlap and no name comes twice. Errors: `InvalidFile`, `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from "fgn";
 *
 * const scale = { shape: [], data: Float64Array.of(0.5) };
 * const file = writeSafetensors({ tensors: new Map([["scale", scale]]), metadata: new Map([["by", "me"]]) });
 * if (file._tag === "Right") {
 *   const back = readSafetensors(file.right);
 *   if (back._tag === "Right") console.log(back.right.tensors.get("scale")?.data[0]); // 0.5
 * }
 * ```
 */
export function readSafetensors(bytes: Uint8Array): E.Either<FgnError, Required<Safetensors>> {
  return guard(
    "readSafetensors",
    { bytes },
    () =>
      typedName(bytes) === "Uint8Array"
        ? withinMemory(() => read(bytes), () => tooLarge(bytes.length))
        : malformed("it is no Uint8Array"),
  );
}
