/**
 * Networks as JSON.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { isDetached } from "../check/detached.ts";
import { fail, type FgnError } from "../check/error.ts";
import { orElse, thrownBy } from "../check/total.ts";
import { checkLength, checkSize } from "../check/size.ts";
import type { Matrix } from "../data/matrix.ts";
import { type ArrayField, type Field, type Layer, LAYERS, type Network } from "./layer.ts";
import { layerError, network } from "./network.ts";

/** A value with plain arrays of numbers in place of Float32Arrays. */
export type Plain<T> = T extends Float32Array ? readonly number[]
  : T extends object ? { readonly [Key in keyof T]: Plain<T[Key]> }
  : T;

/** A network as plain data for `JSON.stringify`: the fields of {@link Network}, arrays as arrays of numbers. */
export interface NetworkJson {
  /** The name of the format. */
  readonly format: "fgn-network";
  /** Which version of the format. */
  readonly version: 1;
  /** D, the number of features. */
  readonly inputs: number;
  /** C, the number of classes. */
  readonly outputs: number;
  /** The layers, in order. */
  readonly layers: readonly Plain<Layer>[];
}

/** A scalar as it is and an array as numbers; of everything else undefined, which no field is. */
function plainValue(value: unknown): unknown {
  if (!isFields(value)) return Array.isArray(value) ? undefined : value;
  // One that was given up cannot even be read.
  if (!ArrayBuffer.isView(value)) return undefined;
  return isDetached(value) ? [] : Array.from(value as unknown as Float32Array);
}

/** A field of a layer, which holds nothing but what such fields hold. */
function plainField(field: Field | undefined, value: unknown): unknown {
  if (field === "layers") return plainLayers(value);
  if (!isFields(value) || ArrayBuffer.isView(value)) return plainValue(value);
  return { rows: plainValue(value.rows), cols: plainValue(value.cols), data: plainValue(value.data) };
}

function plainLayer(layer: Layer): Plain<Layer> {
  const fields = LAYERS[layer._tag].fields as Readonly<Record<string, Field>>;
  const known = Object.entries(layer).filter(([name]) => name === "_tag" || Object.hasOwn(fields, name));
  return Object.fromEntries(known.map(([name, value]) => [name, plainField(fields[name], value)])) as Plain<Layer>;
}

const plainLayers = (layers: unknown): Plain<Layer>[] => Array.isArray(layers) ? layers.map(plainLayer) : [];

/**
 * A network as plain data for `JSON.stringify`. Every float32 comes back exactly (as text, −0 comes back as 0). Of
 * parameters that were given up (`donate`), and of what is no network, none are left: {@link fromJson} refuses such data.
 *
 * @example
 * ```ts
 * import { fromJson, toJson, zeroHead } from "fgn";
 *
 * const head = zeroHead({ features: 4, classes: 3 });
 * if (head._tag === "Right") {
 *   const text = JSON.stringify(toJson(head.right));
 *   console.log(fromJson(JSON.parse(text))._tag); // Right
 * }
 * ```
 */
export function toJson(network: Network): NetworkJson {
  const json = { format: "fgn-network", version: 1 } as const;
  return orElse<NetworkJson>(() => {
    const { inputs, outputs, layers } = network;
    const [D, C] = [inputs, outputs].map(plainValue) as [number, number];
    return { ...json, inputs: D, outputs: C, layers: plainLayers(layers) };
  }, { ...json, inputs: 0, outputs: 0, layers: [] });
}

/** Layers read so far and at most: a bound on what shared or self-containing input can unfold to. */
interface Budget {
  left: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads one field of a layer. */
type Read<A> = (value: unknown, path: string) => E.Either<FgnError, A>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const readNumber: Read<number> = (value, path) =>
  typeof value === "number" ? E.right(value) : layerError(path, "is not a number");

const readBoolean: Read<boolean> = (value, path) =>
  typeof value === "boolean" ? E.right(value) : layerError(path, "is not true or false");

const readKind: Read<string> = (value, path) =>
  typeof value === "string" ? E.right(value) : layerError(path, "is not a string");

/** All entries are read before memory is taken: a length alone costs nothing. */
const readNumbers: Read<Float32Array> = (value, path) => {
  if (!Array.isArray(value)) return layerError(path, "is not an array of numbers");
  for (let index = 0; index < value.length; index++) {
    if (typeof value[index] !== "number") return layerError(`${path}[${index}]`, "is not a number");
  }
  return E.right(Float32Array.from(value as readonly number[]));
};

const readMatrix: Read<Matrix> = (value, path) => {
  if (!isFields(value)) return layerError(path, "is not an object of rows, cols and data");
  const rows = readNumber(value.rows, `${path}.rows`);
  if (rows._tag === "Left") return rows;
  const cols = readNumber(value.cols, `${path}.cols`);
  if (cols._tag === "Left") return cols;
  const length = checkLength(path, Array.isArray(value.data) ? value.data.length : 0, rows.right * cols.right);
  if (length._tag === "Left") return length;
  const data = readNumbers(value.data, path);
  return data._tag === "Left" ? data : E.right({ rows: rows.right, cols: cols.right, data: data.right });
};

/**
 * How arrays of layers are read.
 * @internal
 */
export type ArrayReaders = Readonly<Record<Exclude<ArrayField["shape"], "vector or null">, Read<unknown>>>;

const PLAIN_ARRAYS: ArrayReaders = { matrix: readMatrix, vector: readNumbers };

/** How the other fields of a layer are read; layers are read one by one. */
const READERS: Readonly<Record<Exclude<Field, ArrayField | "layers">, Read<unknown>>> = {
  number: readNumber,
  boolean: readBoolean,
  activation: readKind,
};

/** Layers being read: what their arrays are read by, and how many more there may be. */
interface Reading extends Budget {
  readonly arrays: ArrayReaders;
}

function readField(field: Field, value: unknown, path: string, reading: Reading): E.Either<FgnError, unknown> {
  if (field === "layers") return readLayers(value, path, reading);
  if (typeof field !== "object") return READERS[field](value, path);
  if (field.shape === "vector or null") return value === null ? E.right(null) : reading.arrays.vector(value, path);
  return reading.arrays[field.shape](value, path);
}

function readLayer(value: unknown, path: string, reading: Reading): E.Either<FgnError, Layer> {
  if (reading.left-- <= 0) return layerError(path, "is one layer too many, or contains itself");
  if (!isFields(value)) return layerError(path, "is not an object");
  if (typeof value._tag !== "string" || !Object.hasOwn(LAYERS, value._tag)) {
    return layerError(path, "is of unknown kind");
  }
  const layer: Record<string, unknown> = { _tag: value._tag };
  for (const [name, field] of Object.entries<Field>(LAYERS[value._tag as Layer["_tag"]].fields)) {
    const result = readField(field, value[name], `${path}.${name}`, reading);
    if (result._tag === "Left") return result;
    layer[name] = result.right;
  }
  return E.right(layer as unknown as Layer);
}

function readLayers(value: unknown, path: string, reading: Reading): E.Either<FgnError, readonly Layer[]> {
  if (!Array.isArray(value)) return layerError(path, "is not an array");
  const layers: Layer[] = [];
  for (let index = 0; index < value.length; index++) {
    const layer = readLayer(value[index], `${path}[${index}]`, reading);
    if (layer._tag === "Left") return layer;
    layers.push(layer.right);
  }
  return E.right(layers);
}

/**
 * A network of `inputs` features from values of any kind for its layers, and what reads their arrays. Errors: those of the
 * function `network`; it may throw where values nest beyond the stack.
 * @internal
 */
export function readNetwork(inputs: number, layers: unknown, arrays: ArrayReaders): E.Either<FgnError, Network> {
  const read = readLayers(layers, "layers", { left: 10_000, arrays });
  return read._tag === "Left" ? read : network(inputs, read.right);
}

function failUnreadable(option: string, value: unknown): E.Either<FgnError, never> {
  return fail(
    "InvalidOption",
    { option, value },
    `the ${option} of the network is not what toJson writes`,
    'Give what toJson made: format "fgn-network", version 1',
  );
}

function read(value: unknown): E.Either<FgnError, Network> {
  if (!isFields(value)) return failUnreadable("value", value);
  if (value.format !== "fgn-network") return failUnreadable("format", value.format);
  if (value.version !== 1) return failUnreadable("version", value.version);
  const { inputs, outputs } = value;
  const features = typeof inputs === "number" ? checkSize("inputs", inputs, 1) : failUnreadable("inputs", inputs);
  if (features._tag === "Left") return features;
  if (typeof outputs !== "number") return failUnreadable("outputs", outputs);
  const result = readNetwork(features.right, value.layers, PLAIN_ARRAYS);
  if (result._tag === "Left") return result;
  const count = checkLength("the last layer", result.right.outputs, outputs);
  return count._tag === "Left" ? count : result;
}

/**
 * A network from what {@link toJson} made, perhaps by way of text. Takes any value whatever, never throws, and
 * takes no more memory than the numbers that are there. Errors: `InvalidOption` (not such a value), and all errors
 * of the function `network`, with the path of the layer.
 *
 * @example
 * ```ts
 * import { fromJson } from "fgn";
 *
 * const result = fromJson({ format: "fgn-network", version: 2 });
 * if (result._tag === "Left") console.log(result.left.message); // the version of the network is not what toJson writes
 * ```
 */
export function fromJson(value: unknown): E.Either<FgnError, Network> {
  try {
    return read(value);
  } catch (cause) {
    const error = thrownBy("fromJson", { value }, cause);
    // A getter or proxy that throws, nesting beyond the stack, or more numbers than memory.
    const isTheirs = cause instanceof RangeError || (error._tag === "Left" && error.left._tag === "WrongKind");
    return isTheirs ? failUnreadable("value", undefined) : error;
  }
}
