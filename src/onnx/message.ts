/**
 * Protocol buffers as lists of fields, written and read.
 *
 * @module
 */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Writes a field of a message. */
export type Field = (writer: BinaryWriter) => unknown;

/** A whole number. */
export const int = (no: number, value: number): Field => (writer) => writer.tag(no, WireType.Varint).int64(value);

/** A float32. */
export const float = (no: number, value: number): Field => (writer) =>
  writer.tag(no, WireType.Bit32).float(Math.fround(value));

/** A text. */
export const text = (no: number, value: string): Field => (writer) =>
  writer.tag(no, WireType.LengthDelimited).string(value);

/** Bytes as they are. */
export const bytes = (no: number, value: Uint8Array): Field => (writer) =>
  writer.tag(no, WireType.LengthDelimited).bytes(value);

/** A message within a message. */
export const nested = (no: number, fields: readonly Field[]): Field => (writer) => {
  writer.tag(no, WireType.LengthDelimited).fork();
  for (const field of fields) field(writer);
  writer.join();
};

/** The bytes of a message. */
export function encode(fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of fields) field(writer);
  return writer.finish();
}

/** A field as it was read: a number for a varint, and bytes, not copied, for what has a length. */
export type Read = readonly [no: number, value: number | Uint8Array];

/** The fields of a message, but for fixed-width numbers and groups, which are passed over. Throws at malformed bytes. */
export function* decode(message: Uint8Array): Generator<Read> {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [no, type] = reader.tag();
    if (type === WireType.Varint) yield [no, Number(reader.int64())];
    else if (type === WireType.LengthDelimited) yield [no, reader.bytes()];
    else reader.skip(type, no);
  }
}
