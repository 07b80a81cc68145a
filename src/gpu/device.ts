/**
 * A device that answers in values: what it refuses, loses or cannot hold is an error, and nothing waits for ever.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../error.ts";
import { type Encoder, type Resources, startEncoder } from "./encoder.ts";
import { causeOf, lost, refused } from "./faults.ts";
import { type Pool, pool } from "./pool.ts";
import type { Shader } from "./shaders/shader.ts";
import { type Counts, noTraffic } from "./traffic.ts";
import type { Limits, Range } from "./view.ts";

/** GPUBufferUsage and GPUMapMode, which runtimes without WebGPU lack. */
const MAP_READ = 1, COPY_SRC = 4, COPY_DST = 8, UNIFORM = 64, STORAGE = 128, READ = 1;

/** Uniform buffers that are kept: one for each size of a problem that a shader meets. */
const UNIFORMS = 4096;

/** An open device. */
export interface Device {
  readonly limits: Limits;
  readonly counts: Counts;
  /** Storage buffers. */
  readonly pool: Pool;
  /**
   * Encodes and submits commands; gives the bytes of the ranges that they want back, in order. Errors: `DeviceLost`,
   * `DeviceFailure`, `OutOfMemory`.
   */
  readonly submit: (encode: (encoder: Encoder) => readonly Range[]) => Promise<E.Either<FgnError, ArrayBuffer>>;
  /** Runs tasks one after another, none of which rejects. Errors: `DeviceLost`, `DeviceFailure`. */
  readonly inTurn: <A>(task: () => Promise<E.Either<FgnError, A>>) => Promise<E.Either<FgnError, A>>;
  /** Gives everything back. */
  readonly close: () => void;
}

const NOTHING = new ArrayBuffer(0);

/** Errors that the scopes caught, the one of memory first. */
async function scoped(scopes: readonly Promise<GPUError | null>[]): Promise<E.Either<FgnError, void>> {
  const [validation, internal, memory] = await Promise.all(scopes);
  if (memory) {
    return fail(
      "OutOfMemory",
      { bytes: 0 },
      `the GPU device is out of memory (${memory.message})`,
      "Use a smaller batch, release what is not needed, or use the CPU backend",
    );
  }
  const error = validation ?? internal;
  return error ? refused(error.message) : E.right(undefined);
}

/** The uniform buffers by their words. */
function uniforms(gpu: GPUDevice, counts: Counts): { of: (words: readonly number[]) => GPUBuffer; clear: () => void } {
  const made = new Map<string, GPUBuffer>();
  return {
    of: (words) => {
      const key = words.join(), found = made.get(key);
      if (found !== undefined) return found;
      const size = Math.ceil(4 * words.length / 16) * 16;
      const buffer = gpu.createBuffer({ size, usage: UNIFORM, mappedAtCreation: true });
      new Uint32Array(buffer.getMappedRange()).set(words);
      buffer.unmap();
      made.set(key, buffer);
      counts.uploads++;
      counts.bytesUp += size;
      counts.buffers++;
      counts.bytes += size;
      return buffer;
    },
    clear: () => {
      if (made.size <= UNIFORMS) return;
      for (const buffer of made.values()) {
        counts.buffers--;
        counts.bytes -= buffer.size;
        buffer.destroy();
      }
      made.clear();
    },
  };
}

function resources(gpu: GPUDevice, counts: Counts, uniform: Resources["uniform"]): Resources {
  const pipelines = new Map<string, GPUComputePipeline>();
  return {
    gpu,
    uniform,
    pipeline: ({ name, source }: Shader) => {
      const found = pipelines.get(name);
      if (found !== undefined) return found;
      const module = gpu.createShaderModule({ label: name, code: source });
      const made = gpu.createComputePipeline({ label: name, layout: "auto", compute: { module, entryPoint: "main" } });
      pipelines.set(name, made);
      return made;
    },
    write: (buffer, data) => {
      gpu.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
      counts.uploads++;
      counts.bytesUp += data.byteLength;
    },
  };
}

/** Copies ranges into a buffer that can be read. */
function stage(encoder: Encoder, wanted: readonly Range[], staging: Pool): { buffer: GPUBuffer; bytes: number } | null {
  const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
  if (bytes === 0) return null;
  const buffer = staging.acquire(bytes);
  let at = 0;
  for (const range of wanted) {
    encoder.copy(range, buffer, at);
    at += range.size;
  }
  return { buffer, bytes };
}

/** Opens a device, the caller's or our own (`owned`: closing destroys it); `binding` lowers the limit of a binding. */
export function openDevice(gpu: GPUDevice, owned: boolean, binding = Infinity): Device {
  const counts = noTraffic();
  const storage = pool(gpu, STORAGE | COPY_SRC | COPY_DST, counts), staging = pool(gpu, MAP_READ | COPY_DST, counts);
  const uniform = uniforms(gpu, counts), shared = resources(gpu, counts, uniform.of);
  let gone: E.Either<FgnError, never> | null = null;
  // What waits for the device; a race against `lost` itself would keep every result for as long as the device lives.
  const waiting = new Set<(error: E.Either<FgnError, never>) => void>();
  const end = (cause: string): void => {
    const error = gone ??= lost(cause);
    for (const stop of waiting) stop(error);
    waiting.clear();
  };
  gpu.lost.then(({ message, reason }) => end(message || reason || "lost"), () => end("lost"));
  let last: Promise<unknown> = Promise.resolve();

  /** Everything between the scopes is synchronous, so that they never catch the caller's own commands. */
  const give = (encode: (encoder: Encoder) => readonly Range[]): Promise<E.Either<FgnError, ArrayBuffer>> => {
    for (const filter of ["out-of-memory", "internal", "validation"] as const) gpu.pushErrorScope(filter);
    let staged: ReturnType<typeof stage> = null, thrown: E.Either<FgnError, never> | null = null;
    let mapped: Promise<string | void> = Promise.resolve();
    try {
      const encoder = startEncoder(shared);
      staged = stage(encoder, encode(encoder), staging);
      gpu.queue.submit([encoder.finish()]);
      counts.submits++;
      if (staged !== null) mapped = staged.buffer.mapAsync(READ, 0, staged.bytes).catch(causeOf);
    } catch (cause) {
      thrown = refused(causeOf(cause));
    }
    const scopes = [gpu.popErrorScope(), gpu.popErrorScope(), gpu.popErrorScope()];
    return collect(scopes, mapped, staged, thrown);
  };

  const collect = async (
    scopes: readonly Promise<GPUError | null>[],
    mapped: Promise<string | void>,
    staged: ReturnType<typeof stage>,
    thrown: E.Either<FgnError, never> | null,
  ): Promise<E.Either<FgnError, ArrayBuffer>> => {
    const errors = await scoped(scopes), failure = await mapped;
    if (gone !== null) return gone;
    if (errors._tag === "Left") return errors;
    if (thrown !== null) return thrown;
    if (typeof failure === "string") return refused(failure);
    if (staged === null) return E.right(NOTHING);
    const data = staged.buffer.getMappedRange(0, staged.bytes).slice(0);
    staged.buffer.unmap();
    staging.release(staged.buffer);
    counts.downloads++;
    counts.bytesDown += staged.bytes;
    return E.right(data);
  };

  /** Lets a lost device say so first: its other errors are consequences. */
  const guarded = <A>(task: () => Promise<E.Either<FgnError, A>>): Promise<E.Either<FgnError, A>> => {
    if (gone !== null) return Promise.resolve(gone);
    return new Promise((resolve) => {
      waiting.add(resolve);
      const finish = (result: E.Either<FgnError, A>): void => {
        waiting.delete(resolve);
        resolve(result._tag === "Left" && gone !== null ? gone : result);
      };
      task().then(finish, (cause: unknown) => finish(refused(causeOf(cause))));
    });
  };

  return {
    limits: {
      binding: Math.min(binding, gpu.limits.maxStorageBufferBindingSize),
      buffer: gpu.limits.maxBufferSize,
      groups: gpu.limits.maxComputeWorkgroupsPerDimension,
    },
    counts,
    pool: storage,
    submit: (encode) => guarded(async () => await give(encode)),
    inTurn: (task) => {
      const turn = last.then(() => guarded(task)).then((result) => {
        uniform.clear();
        storage.sweep();
        staging.sweep();
        return result;
      });
      last = turn;
      return turn;
    },
    close: () => {
      if (gone !== null) return;
      end("the backend was closed");
      storage.destroy();
      staging.destroy();
      if (owned) gpu.destroy();
    },
  };
}
