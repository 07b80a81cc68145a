/**
 * The messages of ONNX files that are written here (onnx.proto: ModelProto and what is in it).
 *
 * @module
 */

import { bytes, encode, type Field, float, int, nested, text } from "./message.ts";

/** Types of elements (TensorProto.DataType). */
export const TYPE = { float: 1, int64: 7, string: 8, double: 11 } as const;

/** The name of a type of elements. */
export type ElementType = keyof typeof TYPE;

/** The values of a tensor. */
export type Values = Float32Array | Float64Array | BigInt64Array | readonly string[];

/** A size of a value: a number, or the name of one that is known when the model runs. */
export type Size = number | string;

/** Attributes of a node by their names; whole numbers and floats are told apart by the form. */
export type Attributes = Readonly<
  Record<string, { readonly int: number } | { readonly float: number } | { readonly ints: readonly number[] }>
>;

/** The type of the elements of some values. */
function typeOf(values: Values): ElementType {
  if (values instanceof Float32Array) return "float";
  if (values instanceof Float64Array) return "double";
  return values instanceof BigInt64Array ? "int64" : "string";
}

/** A TensorProto. */
export function tensor(name: string, shape: readonly number[], values: Values): Field[] {
  const elements = "buffer" in values
    ? [bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))]
    : values.map((value) => text(6, value));
  return [...shape.map((size) => int(1, size)), int(2, TYPE[typeOf(values)]), text(8, name), ...elements];
}

function attribute([name, value]: [string, Attributes[string]]): Field {
  const [type, fields] = "int" in value
    ? [2, [int(3, value.int)]]
    : "float" in value
    ? [1, [float(2, value.float)]]
    : [7, value.ints.map((one) => int(8, one))];
  return nested(5, [text(1, name), ...fields, int(20, type)]);
}

/** A NodeProto of one output, after which it is named. */
export const node = (
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
): Field[] => [
  ...inputs.map((input) => text(1, input)),
  text(2, output),
  text(3, output),
  text(4, operator),
  ...Object.entries(attributes).map(attribute),
];

/** A ValueInfoProto: an input or output of a graph. */
export function valueInfo(name: string, type: ElementType, shape: readonly Size[], says = ""): Field[] {
  const dimensions = shape.map((size) => nested(1, [typeof size === "number" ? int(1, size) : text(2, size)]));
  const form = nested(2, [nested(1, [int(1, TYPE[type]), nested(2, dimensions)])]);
  return [text(1, name), form, ...(says === "" ? [] : [text(3, says)])];
}

/** What a graph holds, each thing as the fields of its message. */
export interface GraphParts {
  readonly nodes: readonly (readonly Field[])[];
  readonly tensors: readonly (readonly Field[])[];
  readonly inputs: readonly (readonly Field[])[];
  readonly outputs: readonly (readonly Field[])[];
}

/** The field of a ModelProto with a graph; appended to a model, its parts are added to those of the model's graph. */
export const graphField = ({ nodes, tensors, inputs, outputs }: GraphParts, name: string | null): Field =>
  nested(7, [
    ...nodes.map((one) => nested(1, one)),
    ...(name === null ? [] : [text(2, name)]),
    ...tensors.map((one) => nested(5, one)),
    ...inputs.map((one) => nested(11, one)),
    ...outputs.map((one) => nested(12, one)),
  ]);

/** Entries of the metadata of a ModelProto. */
export const metadataFields = (metadata: Readonly<Record<string, string>>): Field[] =>
  Object.entries(metadata).map(([key, value]) => nested(14, [text(1, key), text(2, value)]));

/** A ModelProto of the operators of one version of the standard set. */
export const encodeModel = (graph: GraphParts, opset: number, metadata: readonly Field[]): Uint8Array =>
  encode([
    // The version of the format: 8 came with operators of version 15.
    int(1, opset < 15 ? 7 : 8),
    text(2, "fgn"),
    graphField(graph, "fgn"),
    nested(8, [text(1, ""), int(2, opset)]),
    ...metadata,
  ]);
