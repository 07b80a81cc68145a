/**
 * Plain data as files: any tree of objects, arrays, texts, numbers and typed arrays in a safetensors file. Its typed
 * arrays are the file's tensors, so other programs read them too; the rest is JSON in the file's metadata.
 *
 * JSON has no undefined, −0, NaN and infinities, nor typed arrays: `{"$":"undefined"}`, `{"$":"-0"}`, `{"$":"NaN"}`,
 * `{"$":"Infinity"}`, `{"$":"-Infinity"}` and `{"$":"tensor"}` stand for them, and a field of the tree whose name
 * begins with $ gets another one.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { checkAttached } from "../check/detached.ts";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind } from "../check/kind.ts";
import { withinMemory } from "../check/size.ts";
import { guard } from "../check/total.ts";
import { parseJson, quote } from "./header.ts";
import { readSafetensors, type Tensor, type TensorData, writeSafetensors } from "./safetensors.ts";

/** How deep a tree may nest; what reads JSON or walks a tree needs stack for each level. */
const MAX_DEPTH = 500;

/** How many values a tree may have outside its typed arrays: what contains itself many times unfolds without end. */
const MAX_VALUES = 10_000_000;

const ARRAYS = [Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array] as const;

type PlainArray = InstanceType<(typeof ARRAYS)[number]>;

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

type Fields = Readonly<Record<string, unknown>>;

/** The values that JSON has no form for, by the text that stands for them. */
const SPECIAL: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  ["undefined", undefined],
  ["-0", -0],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

function mark(what: string): Json {
  return { $: what };
}

/** The place of a field or element, as JavaScript would write it. */
function placeIn(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  // As the name of a tensor, __metadata__ is taken.
  if (!/^[A-Za-z_$][\w$]*$/.test(key) || key === "__metadata__") return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The name of the tensor at a place; a tree that is nothing but an array has no other names. */
function tensorName(path: string): string {
  return path === "" ? "value" : path;
}

/** The state of an encoding under way. */
interface Encoding {
  readonly tensors: Map<string, Tensor>;
  /** The objects and arrays around the present one. */
  readonly around: Set<unknown>;
  /** How many values may still come. */
  left: number;
}

function refuse(path: string, reason: string): E.Either<FgnError, never> {
  return fail(
    "NotPlain",
    { path, reason },
    `${path === "" ? "the value" : path} ${reason}`,
    "Keep objects, arrays, texts, numbers, true, false, null, undefined and typed arrays alone",
  );
}

function isPlainArray(value: unknown): value is PlainArray {
  return ARRAYS.some((Kind) => value instanceof Kind && Object.getPrototypeOf(value) === Kind.prototype);
}

/** Whether an array is the `data` of an object such as a Matrix. */
function isMatrix({ rows, cols, data }: Fields): boolean {
  return isPlainArray(data) && Number.isSafeInteger(rows) && Number.isSafeInteger(cols) && (rows as number) >= 0 &&
    (cols as number) >= 0 && (rows as number) * (cols as number) === data.length;
}

/** The JSON of a value that is no object; undefined where it is one. */
function encodeScalar(value: unknown, path: () => string): E.Either<FgnError, Json> | undefined {
  switch (typeof value) {
    case "boolean":
    case "string":
      return E.right(value);
    case "number":
      return E.right(Number.isFinite(value) && !Object.is(value, -0) ? value : mark(value === 0 ? "-0" : `${value}`));
    case "undefined":
      return E.right(mark("undefined"));
    case "object":
      return value === null ? E.right(null) : undefined;
    default:
      return refuse(path(), `is a ${typeof value}`);
  }
}

function encodeItems(items: readonly unknown[], path: string, encoding: Encoding): E.Either<FgnError, Json> {
  if (Object.keys(items).length !== items.length) return refuse(path, "is an array with holes or fields");
  const list: Json[] = [];
  for (let index = 0; index < items.length; index++) {
    if (!Object.hasOwn(items, index)) return refuse(path, "is an array with holes or fields");
    const item = encodeChild(items[index], path, index, encoding);
    if (item._tag === "Left") return item;
    list.push(item.right);
  }
  return E.right(list);
}

function encodeFields(fields: Fields, path: string, encoding: Encoding): E.Either<FgnError, Json> {
  const matrix = isMatrix(fields);
  const pairs: [string, Json][] = [];
  for (const [name, value] of Object.entries(fields)) {
    const inner = matrix && name === "data"
      ? encodeArray(value as PlainArray, [fields.rows as number, fields.cols as number], placeIn(path, name), encoding)
      : encodeChild(value, path, name, encoding);
    if (inner._tag === "Left") return inner;
    pairs.push([name.startsWith("$") ? `$${name}` : name, inner.right]);
  }
  return E.right(Object.fromEntries(pairs));
}

function encodeArray(
  data: PlainArray,
  shape: readonly number[],
  path: string,
  { tensors }: Encoding,
): E.Either<FgnError, Json> {
  const checked = checkAttached(tensorName(path), data);
  if (checked._tag === "Left") return checked;
  tensors.set(tensorName(path), { shape, data });
  return E.right(mark("tensor"));
}

function encodeObject(value: object, path: string, encoding: Encoding): E.Either<FgnError, Json> {
  if (isPlainArray(value)) return encodeArray(value, [value.length], path, encoding);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isArray = Array.isArray(value) && prototype === Array.prototype;
  if (!isArray && prototype !== Object.prototype && prototype !== null) {
    return refuse(path, "is the instance of a class");
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return refuse(path, "has a symbol for a name");
  if (encoding.around.has(value)) return refuse(path, "contains itself");
  if (encoding.around.size >= MAX_DEPTH) return refuse(path, `is more than ${MAX_DEPTH} levels deep`);
  encoding.around.add(value);
  const json = isArray ? encodeItems(value, path, encoding) : encodeFields(value as Fields, path, encoding);
  encoding.around.delete(value);
  return json;
}

function encodeChild(
  value: unknown,
  path: string,
  key: string | number,
  encoding: Encoding,
): E.Either<FgnError, Json> {
  if (encoding.left-- <= 0) return refuse(path, `brings the values to more than ${MAX_VALUES}`);
  const place = () => placeIn(path, key);
  return encodeScalar(value, place) ?? encodeObject(value as object, place(), encoding);
}

/**
 * The bytes of a plain value, under the name and version of its format; a safetensors file whose tensors are the
 * typed arrays by their place, such as "params.layers[0].weight.data", those of a matrix with its rows and columns.
 *
 * Takes objects, arrays, texts, booleans, null, undefined, all numbers (−0, NaN and infinities too) and arrays of type
 * Float32Array, Float64Array, Int32Array, Uint32Array and Uint8Array. The same value gives the same bytes.
 * Errors: `NotPlain` (functions, symbols, bigints, instances of classes, arrays with holes, what contains itself, more
 * than 500 levels or 10 million values), `WrongKind` (a getter that throws), `DonatedParameters`, and those of `writeSafetensors`.
 *
 * @example
 * ```ts
 * import { decodePlain, encodePlain } from "fgn";
 *
 * const bytes = encodePlain("my-state", 1, { best: -Infinity, seen: Uint32Array.of(3, 1, 2) });
 * if (bytes._tag === "Right") console.log(decodePlain("my-state", 1, bytes.right)._tag); // Right
 * ```
 */
export function encodePlain(format: string, version: number, value: unknown): E.Either<FgnError, Uint8Array> {
  return guard(
    "encodePlain",
    { format, version, value },
    () => E.chain(() => encodeTree(format, version, value))(checkNames(format, version)),
  );
}

/** A format and its version, as they stand in a file. Errors: `WrongKind`. */
const checkNames = (format: string, version: number): E.Either<FgnError, unknown> =>
  E.chain(() => checkKind("the version", version, typeof version === "number", "a number"))(
    checkKind<unknown>("the format", format, typeof format === "string", "a text"),
  );

/** A tree as a file. */
function encodeTree(format: string, version: number, value: unknown): E.Either<FgnError, Uint8Array> {
  const encoding: Encoding = { tensors: new Map(), around: new Set(), left: MAX_VALUES };
  const json = encodeScalar(value, () => "") ?? encodeObject(value as object, "", encoding);
  if (json._tag === "Left") return json;
  const text = withinMemory(() => JSON.stringify(json.right), () => undefined);
  if (text === undefined) return refuse("", "has more text than this runtime has memory for");
  const metadata = new Map(Object.entries({ format, version: `${version}`, value: text }));
  return writeSafetensors({ tensors: encoding.tensors, metadata });
}

/** The state of a decoding: the file it reads, and how far. */
interface Decoding {
  readonly format: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** How many tensors were read. */
  used: number;
}

function unreadable(what: string, reason: string): E.Either<FgnError, never> {
  return fail(
    "InvalidFile",
    { what, reason },
    `the bytes are no ${what}: ${reason}`,
    "Give the whole file, as this version of the library made it",
  );
}

const OTHER_VERSION = "version ";

function otherVersion(format: string, written: string | undefined, version: number): E.Either<FgnError, never> {
  const reason = `${OTHER_VERSION}${written} where ${version} is read`;
  return fail(
    "InvalidFile",
    { what: format, reason },
    `the bytes are no ${format}: ${reason}`,
    "Read it with the program that wrote it, or give the version that was written",
  );
}

/**
 * Whether the reason of an `InvalidFile` is that the file is of another version.
 * @internal
 */
export const isOtherVersion = (reason: string): boolean => reason.startsWith(OTHER_VERSION);

function decodeSpecial(what: unknown, path: string, decoding: Decoding): E.Either<FgnError, unknown> {
  if (SPECIAL.has(what)) return E.right(SPECIAL.get(what));
  const data: TensorData | undefined = decoding.tensors.get(tensorName(path))?.data;
  decoding.used++;
  return what === "tensor" && isPlainArray(data)
    ? E.right(data)
    : unreadable(decoding.format, `nothing that can be read stands at ${quote(path)}`);
}

function decode(json: object, path: string, depth: number, decoding: Decoding): E.Either<FgnError, unknown> {
  if (depth > MAX_DEPTH) return unreadable(decoding.format, `it is more than ${MAX_DEPTH} levels deep`);
  if (Array.isArray(json)) {
    const list: unknown[] = [];
    for (let index = 0; index < json.length; index++) {
      const value = decodeChild(json[index], path, index, depth, decoding);
      if (value._tag === "Left") return value;
      list.push(value.right);
    }
    return E.right(list);
  }
  const pairs: [string, unknown][] = [], fields = Object.entries(json);
  for (const [key, inner] of fields) {
    if (key === "$" && fields.length === 1) return decodeSpecial(inner, path, decoding);
    const name = key.startsWith("$") ? key.slice(1) : key;
    if (key.startsWith("$") && !name.startsWith("$")) {
      return unreadable(decoding.format, `the field ${quote(key)} is none that is written`);
    }
    const value = decodeChild(inner, path, name, depth, decoding);
    if (value._tag === "Left") return value;
    pairs.push([name, value.right]);
  }
  return E.right(Object.fromEntries(pairs));
}

function decodeChild(
  json: unknown,
  path: string,
  key: string | number,
  depth: number,
  decoding: Decoding,
): E.Either<FgnError, unknown> {
  if (typeof json !== "object" || json === null) return E.right(json);
  return decode(json, placeIn(path, key), depth + 1, decoding);
}

/**
 * The value that {@link encodePlain} made bytes of, in arrays of its own. Takes any bytes whatever, never throws, and
 * takes no more memory than a small multiple of them. Errors: `InvalidFile` (no such file, or one of another format or
 * version; `what` is the format), `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { decodePlain, encodePlain } from "fgn";
 *
 * const bytes = encodePlain("my-state", 1, [1, 2]);
 * const value = bytes._tag === "Right" ? decodePlain("my-state", 2, bytes.right) : bytes;
 * if (value._tag === "Left") console.log(value.left.message); // the bytes are no my-state: version 1 where 2 is read
 * ```
 */
export function decodePlain(format: string, version: number, bytes: Uint8Array): E.Either<FgnError, unknown> {
  return guard(
    "decodePlain",
    { format, version, bytes },
    () => E.chain(() => decodeTree(format, version, bytes))(checkNames(format, version)),
  );
}

/** The tree in a file. */
function decodeTree(format: string, version: number, bytes: Uint8Array): E.Either<FgnError, unknown> {
  const file = readSafetensors(bytes);
  if (file._tag === "Left") {
    return file.left._tag === "InvalidFile" ? unreadable(format, file.left.reason) : file;
  }
  const { tensors, metadata } = file.right;
  if (metadata.get("format") !== format) return unreadable(format, "it is of another format");
  const written = metadata.get("version");
  if (written !== `${version}`) return otherVersion(format, written, version);
  if (file.right.skipped.length > 0) return unreadable(format, "it has tensors of a dtype that is not written");
  const decoding: Decoding = { format, tensors, used: 0 };
  const json = parseJson(metadata.get("value") ?? "");
  if (json === undefined) return unreadable(format, "its value cannot be read as JSON");
  const value = typeof json === "object" && json !== null ? decode(json, "", 0, decoding) : E.right(json);
  if (value._tag === "Left") return value;
  return decoding.used === tensors.size ? value : unreadable(format, "it has tensors beyond its value");
}
