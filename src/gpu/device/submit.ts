/**
 * Giving commands to the device: what it refuses or has no memory for comes back as a value, and so do the bytes read.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../../check/error.ts";
import { causeOf } from "../../check/show.ts";
import { type Encoder, type Resources, startEncoder } from "./encoder.ts";
import { failRefused } from "./faults.ts";
import type { Pool } from "./pool.ts";
import type { Counts } from "./traffic.ts";
import type { Range } from "./view.ts";

/** GPUMapMode.READ, which runtimes without WebGPU lack. */
const READ = 1;

/** Takes down commands and says what to read when they are done. */
export type Encode = (encoder: Encoder) => readonly Range[];

/** Commands on their way. */
interface Submitted {
  readonly scopes: readonly Promise<GPUError | null>[];
  /** A buffer that is being mapped, or null: nothing to read. */
  readonly staged: GPUBuffer | null;
  readonly bytes: number;
  /** Why mapping failed, if it did. */
  readonly mapped: Promise<string | void>;
  readonly thrown: string | null;
}

/** Copies ranges one after another into a buffer that can be read. */
function stage(encoder: Encoder, ranges: readonly Range[], buffer: GPUBuffer): void {
  let at = 0;
  for (const range of ranges) {
    encoder.copy(range, buffer, at);
    at += range.size;
  }
}

/** Encodes and submits, all of it synchronously: the error scopes never catch the caller's own commands. */
function give(resources: Resources, staging: Pool, encode: Encode): Submitted {
  const { gpu } = resources;
  for (const filter of ["out-of-memory", "internal", "validation"] as const) gpu.pushErrorScope(filter);
  let staged: GPUBuffer | null = null, bytes = 0, thrown: string | null = null;
  let mapped: Promise<string | void> = Promise.resolve();
  try {
    const encoder = startEncoder(resources), ranges = encode(encoder);
    bytes = ranges.reduce((sum, { size }) => sum + size, 0);
    if (bytes > 0) {
      staged = staging.acquire(bytes);
      stage(encoder, ranges, staged);
    }
    gpu.queue.submit([encoder.finish()]);
    if (staged !== null) mapped = staged.mapAsync(READ, 0, bytes).catch(causeOf);
  } catch (cause) {
    thrown = causeOf(cause);
  }
  const scopes = [gpu.popErrorScope(), gpu.popErrorScope(), gpu.popErrorScope()];
  return { scopes, staged, bytes, mapped, thrown };
}

/** The error of submitted commands, memory first: other errors may follow from its lack. */
async function errorOf({ scopes, mapped, thrown }: Submitted): Promise<E.Either<FgnError, void>> {
  const [validation, internal, memory] = await Promise.all(scopes);
  if (memory) {
    return fail(
      "OutOfMemory",
      { bytes: 0 },
      `the GPU device is out of memory (${memory.message})`,
      "Use a smaller batch, release what is not needed, or use the CPU backend",
    );
  }
  const error = thrown ?? validation?.message ?? internal?.message ?? await mapped;
  return typeof error === "string" ? failRefused(error) : E.right(undefined);
}

/**
 * Submits commands; gives the bytes of the ranges that they want back, in order. Errors: `DeviceFailure`, `OutOfMemory`;
 * `staging` then has a buffer in use that is of no use.
 */
export async function submit(
  resources: Resources,
  staging: Pool,
  counts: Counts,
  encode: Encode,
): Promise<E.Either<FgnError, ArrayBuffer>> {
  const commands = give(resources, staging, encode), { staged, bytes } = commands;
  counts.submits++;
  const error = await errorOf(commands);
  if (error._tag === "Left") {
    if (staged !== null) staging.discard(staged);
    return error;
  }
  if (staged === null) return E.right(new ArrayBuffer(0));
  const data = staged.getMappedRange(0, bytes).slice(0);
  staged.unmap();
  staging.release(staged);
  counts.downloads++;
  counts.bytesDown += bytes;
  return E.right(data);
}
