/**
 * A device that answers in values: what it refuses, loses or cannot hold is an error, and nothing waits for ever.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../../check/error.ts";
import { watch } from "./device_loss.ts";
import { type Pool, pool } from "./pool.ts";
import { sharedResources } from "./resources.ts";
import { type Encode, submit } from "./submit.ts";
import { type Counts, noTraffic } from "./traffic.ts";
import type { Limits } from "./view.ts";

/** GPUBufferUsage, which runtimes without WebGPU lack. */
const MAP_READ = 1, COPY_SRC = 4, COPY_DST = 8, STORAGE = 128;

/**
 * Rows up to which a Gram matrix comes to the CPU to be solved there: beyond, its way down takes longer than the way of each
 * product there and back. By arithmetic, not measured on a GPU (docs/speed.md).
 */
export const DEVICE_ROWS = 1024;

/** Limits that tests lower: those of the device, and the rows beyond which it solves. */
export interface Lowered extends Partial<Limits> {
  readonly hostRows?: number;
}

/** An open device. */
export interface Device {
  readonly limits: Limits;
  /** Rows up to which Gram matrices come to the CPU. */
  readonly hostRows: number;
  readonly counts: Counts;
  /** Storage buffers. */
  readonly pool: Pool;
  /**
   * Encodes and submits commands; gives the bytes of the ranges that they want back, in order. Errors: `DeviceLost`,
   * `DeviceFailure`, `OutOfMemory`.
   */
  readonly submit: (encode: Encode) => Promise<E.Either<FgnError, ArrayBuffer>>;
  /** Runs tasks one after another, none of which rejects. Errors: `DeviceLost`, `DeviceFailure`. */
  readonly inTurn: <A>(task: () => Promise<E.Either<FgnError, A>>) => Promise<E.Either<FgnError, A>>;
  /** Gives everything back. */
  readonly close: () => void;
}

/** The limits of a device, or less where asked for. */
function limitsOf({ limits }: GPUDevice, { binding, buffer, groups }: Partial<Limits>): Limits {
  return {
    binding: Math.min(binding ?? Infinity, limits.maxStorageBufferBindingSize),
    buffer: Math.min(buffer ?? Infinity, limits.maxBufferSize),
    groups: Math.min(groups ?? Infinity, limits.maxComputeWorkgroupsPerDimension),
  };
}

/** Opens a device, the caller's or our own (`owned`: closing destroys it); `limits` lower those of the device. */
export function openDevice(gpu: GPUDevice, owned: boolean, limits: Lowered = {}): Device {
  const counts = noTraffic(), { error, end, guarded } = watch(gpu), resources = sharedResources(gpu, counts);
  const storage = pool(gpu, STORAGE | COPY_SRC | COPY_DST, counts), staging = pool(gpu, MAP_READ | COPY_DST, counts);
  let last: Promise<unknown> = Promise.resolve();
  return {
    limits: limitsOf(gpu, limits),
    hostRows: limits.hostRows ?? DEVICE_ROWS,
    counts,
    pool: storage,
    submit: (encode) =>
      guarded(async () => {
        const bytes = await submit(resources, staging, counts, encode);
        // A buffer or pipeline may be invalid: none of them is used again.
        if (bytes._tag === "Left") {
          storage.renew();
          resources.reset();
        }
        return bytes;
      }),
    inTurn: (task) => {
      const turn = last.then(() => guarded(task)).then((result) => {
        for (const shared of [resources, storage, staging]) shared.sweep();
        return result;
      });
      last = turn;
      return turn;
    },
    close: () => {
      if (error() !== null) return;
      end("the backend was closed");
      for (const { destroy } of [storage, staging]) destroy();
      resources.reset();
      if (owned) gpu.destroy();
    },
  };
}
