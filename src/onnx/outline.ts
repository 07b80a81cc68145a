/**
 * The outline of an ONNX file: its version, what goes in and comes out, and the names that are taken.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { typedName } from "../check/show.ts";
import { decode } from "./message.ts";
import type { Size } from "./model.ts";

/** An input or output of a graph. */
export interface OutlineValue {
  readonly name: string;
  /** The type of its elements (TensorProto.DataType); 0: not said. */
  readonly type: number;
  /** Its sizes, those that are not said as ""; null: it does not even say how many. */
  readonly shape: readonly Size[] | null;
}

/** What is asked of a file. */
export interface Outline {
  /** The version of the standard operators. */
  readonly opset: number;
  readonly inputs: readonly OutlineValue[];
  readonly outputs: readonly OutlineValue[];
  /** All names of values and tensors. */
  readonly names: ReadonlySet<string>;
}

type Message = Uint8Array;

const textOf = (bytes: Message): string => new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));

/** The messages or bytes of a field. */
function* all(message: Message, field: number): Generator<Message> {
  for (const [no, value] of decode(message)) if (no === field && typeof value !== "number") yield value;
}

/** The last text of a field; "" where there is none. */
function nameIn(message: Message, field: number): string {
  let name = "";
  for (const value of all(message, field)) name = textOf(value);
  return name;
}

/** A TensorShapeProto.Dimension. */
function readSize(dimension: Message): Size {
  let size: Size = "";
  for (const [no, value] of decode(dimension)) {
    if (no === 1 && typeof value === "number") size = value;
    if (no === 2 && typeof value !== "number") size = textOf(value);
  }
  return size;
}

/** A ValueInfoProto. */
function readValue(message: Message): OutlineValue {
  let type = 0, shape: Size[] | null = null;
  for (const form of all(message, 2)) {
    for (const tensor of all(form, 1)) {
      for (const [no, value] of decode(tensor)) {
        if (no === 1 && typeof value === "number") type = value;
        if (no === 2 && typeof value !== "number") shape = [...all(value, 1)].map(readSize);
      }
    }
  }
  return { name: nameIn(message, 1), type, shape };
}

/** The version of the standard operators that an OperatorSetIdProto gives, or 0 for one of others. */
function readOpset(message: Message): number {
  let version = 0;
  for (const [no, value] of decode(message)) if (no === 2 && typeof value === "number") version = value;
  return ["", "ai.onnx"].includes(nameIn(message, 1)) ? version : 0;
}

/** Reads the fields of a ModelProto. */
function read(file: Message): Outline {
  const inputs: OutlineValue[] = [], outputs: OutlineValue[] = [], names = new Set<string>();
  for (const graph of all(file, 7)) {
    for (const [no, value] of decode(graph)) {
      if (typeof value === "number") continue;
      if (no === 1) { for (const output of all(value, 2)) names.add(textOf(output)); }
      else if (no === 5) names.add(nameIn(value, 8));
      else if (no === 11) inputs.push(readValue(value));
      else if (no === 12) outputs.push(readValue(value));
    }
  }
  for (const { name } of [...inputs, ...outputs]) names.add(name);
  return { opset: Math.max(0, ...[...all(file, 8)].map(readOpset)), inputs, outputs, names };
}

function refuse(reason: string): E.Either<FgnError, never> {
  return fail(
    "InvalidFile",
    { what: "onnx", reason },
    `the bytes are no ONNX file: ${reason}`,
    "Give the whole file of an encoder, such as onnx/model.onnx",
  );
}

/** The outline of a file: any bytes whatever are taken. Errors: `InvalidFile`. */
export function readOutline(file: Uint8Array): E.Either<FgnError, Outline> {
  if (typedName(file) !== "Uint8Array") return refuse("it is no Uint8Array");
  let outline: Outline;
  try {
    outline = read(file);
  } catch {
    return refuse("it is no protocol buffer of a model");
  }
  if (outline.opset === 0) return refuse("it does not say the version of its operators");
  return outline.outputs.length > 0 ? E.right(outline) : refuse("it has no outputs");
}
