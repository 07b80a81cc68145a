/**
 * Donation: arrays that are given up, and whose memory new ones take over without copying.
 *
 * The arrays that are given up are empty from then on, as is every other view of their memory: nothing that was handed
 * out is ever overwritten.
 *
 * @module
 */

import { allArrays, arraysOf } from "./flat.ts";
import { type Model, withArrays } from "./model.ts";

/** A buffer, with what newer runtimes have. */
interface Buffer extends ArrayBuffer {
  readonly resizable?: boolean;
  readonly transfer?: () => ArrayBuffer;
}

/** Whether an array is all that its buffer holds, and that buffer one of fixed size. */
const ownsBuffer = ({ buffer, byteLength }: Float32Array): boolean =>
  buffer.byteLength === byteLength && (buffer as Buffer).resizable !== true;

/** The memory of an array in a new one. */
function take(array: Float32Array): Float32Array {
  const buffer = array.buffer as Buffer;
  try {
    return new Float32Array(buffer.transfer?.() ?? structuredClone(buffer, { transfer: [buffer] }));
  } catch {
    // Memory that does not let itself be taken: shared between threads, or that of a WebAssembly instance.
    return array.slice();
  }
}

/**
 * The same values in new arrays, which take over the memory where an array alone holds its buffer; else a copy.
 *
 * @param all the arrays whose buffers are looked at, the given ones among them
 * @internal
 */
export function takeArrays(
  arrays: readonly Float32Array[],
  all: readonly Float32Array[] = arrays,
): readonly Float32Array[] {
  const users = new Map<ArrayBufferLike, number>();
  for (const { buffer } of all) users.set(buffer, (users.get(buffer) ?? 0) + 1);
  const isFree = (array: Float32Array): boolean => users.get(array.buffer) === 1 && ownsBuffer(array);
  // Copies first: where there is no memory for one, nothing has been given up yet.
  const copies = arrays.map((array) => isFree(array) ? null : array.slice());
  return arrays.map((array, index) => copies[index] ?? take(array));
}

/**
 * A model like this one that takes over its trainable arrays; frozen ones are shared.
 * @internal
 */
export const donateModel = <M extends Model>(model: M): M =>
  withArrays(model, takeArrays(arraysOf(model), allArrays(model)));
