/**
 * Files of arrays by name: .npz and safetensors.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Table } from "../features/table.ts";
import { readSafetensors } from "../io/safetensors.ts";
import { type NamedArray, slicesOf, tableOfArrays } from "./array.ts";
import { failFile, failSize } from "./fault.ts";
import { readNpyHeader, readValues } from "./npy.ts";
import { gatherStream, type Opened, readWhole } from "./opened.ts";
import type { Reading } from "./options.ts";
import { listMembers, readMember } from "./zip.ts";

type Arrays = Promise<E.Either<FgnError, readonly NamedArray[]>>;

/** The arrays of an .npz that count. Errors: `InvalidFile`, `TooLarge`, `OutOfMemory`, those of the source. */
export async function arraysOfNpz(opened: Opened, { columns, maxBytes }: Reading): Arrays {
  const gathered = await gatherStream(opened, maxBytes);
  if (gathered._tag === "Left") return gathered;
  const members = await listMembers(gathered.right, maxBytes);
  if (members._tag === "Left") return members;
  const arrays: NamedArray[] = [], { name: file } = opened;
  let bytes = 0;
  for (const member of members.right) {
    const name = member.name.replace(/\.npy$/, "");
    if (name === member.name) return failFile("npz", file, `holds ${name}, no .npy`, "Write it by numpy.savez");
    if (columns !== null && !columns.includes(name)) {
      // Known by its name alone.
      arrays.push({ name, shape: [0], data: [] });
      continue;
    }
    bytes += member.size;
    if (bytes > maxBytes) return failSize(`${file}: arrays of more than ${maxBytes} bytes`, "maxBytes", maxBytes);
    const unpacked = await readMember(gathered.right, member, maxBytes);
    if (unpacked._tag === "Left") return unpacked;
    const where = `${file}: ${member.name}`, header = readNpyHeader(where, unpacked.right);
    if (header._tag === "Left") return header;
    const array = readValues(where, name, header.right, unpacked.right.subarray(header.right.start));
    if (array._tag === "Left") return array;
    arrays.push(array.right);
  }
  return E.right(arrays);
}

/** The tensors of a safetensors file. Errors: `InvalidFile`, `TooLarge`, `OutOfMemory`, those of the source. */
export async function arraysOfTensors(opened: Opened, { maxBytes }: Reading): Arrays {
  const bytes = await readWhole(opened, maxBytes);
  if (bytes._tag === "Left") return bytes;
  return E.map(({ tensors }: { readonly tensors: ReadonlyMap<string, Omit<NamedArray, "name">> }) =>
    Array.from(tensors, ([name, { shape, data }]): NamedArray => ({ name, shape, data }))
  )(readSafetensors(bytes.right));
}

/** How tables are read of files of arrays, each of which is a column. A fault is the last item. */
const tables = (arraysOf: (opened: Opened, reading: Reading) => Arrays) =>
  async function* (opened: Opened, reading: Reading): AsyncGenerator<E.Either<FgnError, Table>, void, undefined> {
    const arrays = await arraysOf(opened, reading);
    if (arrays._tag === "Left") return yield arrays;
    const table = tableOfArrays(opened.name, arrays.right, reading, 0);
    if (table._tag === "Left") return yield table;
    for (const slice of slicesOf(table.right, reading.rows)) yield E.right(slice);
  };

/** Tables of an .npz. */
export const readNpz = tables(arraysOfNpz);

/** Tables of a safetensors file. */
export const readTensors = tables(arraysOfTensors);
