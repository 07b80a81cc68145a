/**
 * The arena: where buffers lie in the kernel's memory.
 *
 * Every public call is synchronous and lays out all its buffers from the start of the heap, so there is
 * nothing to free and nothing can leak; memory grows when a layout needs more. Addresses survive growth;
 * views do not, so they are made when needed and never kept.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { outOfMemory, withinMemory } from "../check/size.ts";
import type { LoadedKernel } from "./kernel.ts";

const PAGE = 65536;
/** Buffers start at cache lines. */
const ALIGN = 64;
/** WebAssembly's 32-bit address space. */
const LIMIT = 65536 * PAGE;

/** The address of nothing: every buffer starts above it, and functions of the kernel that can do without one take it. */
export const NONE = 0;

/** Buffers reserved one after another; the memory holds them after `commit`. */
export interface Layout {
  /** Reserves bytes and returns their address. */
  reserve(bytes: number): number;
  /** Grows the memory to hold what was reserved. Errors: `OutOfMemory`. */
  commit(): E.Either<FgnError, void>;
}

/** Starts a layout at the first free byte: what earlier layouts held is given up. */
export function startLayout(kernel: LoadedKernel): Layout {
  kernel.layouts++;
  let end = Math.ceil(kernel.exports.heapBase() / ALIGN) * ALIGN;
  return {
    reserve: (bytes) => {
      const address = end;
      end += Math.ceil(bytes / ALIGN) * ALIGN;
      return address;
    },
    commit: () => {
      const missing = Math.ceil((end + ALIGN) / PAGE) - kernel.exports.memory.buffer.byteLength / PAGE;
      if (missing <= 0) return E.right(undefined);
      const tooMuch = (): E.Either<FgnError, never> => outOfMemory("the working memory", end);
      if (end + ALIGN > LIMIT) return tooMuch();
      return withinMemory(() => E.right(void kernel.exports.memory.grow(missing)), tooMuch);
    },
  };
}

/**
 * Places buffers of the given sizes (bytes) one after another and grows the memory to hold them.
 * Returns the address of each. Errors: `OutOfMemory`.
 */
export function place<Name extends string>(
  kernel: LoadedKernel,
  sizes: Readonly<Record<Name, number>>,
): E.Either<FgnError, Readonly<Record<Name, number>>> {
  const layout = startLayout(kernel);
  const at = {} as Record<Name, number>;
  for (const name of Object.keys(sizes) as Name[]) at[name] = layout.reserve(sizes[name]);
  const grown = layout.commit();
  return grown._tag === "Left" ? grown : E.right(at);
}

/** A view of float32 values; stale after the memory grows. */
export function f32(kernel: LoadedKernel, address: number, length: number): Float32Array {
  return new Float32Array(kernel.exports.memory.buffer, address, length);
}

/** A view of float64 values; stale after the memory grows. */
export function f64(kernel: LoadedKernel, address: number, length: number): Float64Array {
  return new Float64Array(kernel.exports.memory.buffer, address, length);
}

/** A view of unsigned integers; stale after the memory grows. */
export function u32(kernel: LoadedKernel, address: number, length: number): Uint32Array {
  return new Uint32Array(kernel.exports.memory.buffer, address, length);
}
