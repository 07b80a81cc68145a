/**
 * A pool of buffers by size: a loop of steps of one form allocates nothing after its first two.
 *
 * A buffer may be taken again as soon as it is given back: commands run in the order of their submission.
 *
 * @module
 */

import type { Counts } from "./traffic.ts";

/** Sweeps that a free buffer outlives before it is destroyed: operations of other forms come between. */
const KEPT = 64;

/** A pool of buffers of one usage. */
export interface Pool {
  /** A buffer of at least `bytes`; its content is anything. */
  readonly acquire: (bytes: number) => GPUBuffer;
  readonly release: (buffer: GPUBuffer) => void;
  /** Destroys a buffer in use. */
  readonly discard: (buffer: GPUBuffer) => void;
  /** Keeps none of the buffers that there are for another use. */
  readonly renew: () => void;
  /** Counts an operation, and destroys what was free for {@link KEPT} of them. */
  readonly sweep: () => void;
  /** Destroys all buffers, also those in use. */
  readonly destroy: () => void;
}

/** Buffers to be given back together. */
export interface Scope {
  readonly acquire: (bytes: number) => GPUBuffer;
  /** Leaves a buffer to somebody else. */
  readonly keep: (buffer: GPUBuffer) => void;
  readonly close: () => void;
}

/** `bytes` rounded up by at most an eighth, so that similar sizes share buffers. */
export function sizeClass(bytes: number, most: number): number {
  const unit = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(1, bytes))) - 3));
  const rounded = Math.ceil(bytes / unit) * unit;
  return rounded <= most ? rounded : Math.ceil(bytes / 4) * 4;
}

/** An empty pool. */
export function pool(device: GPUDevice, usage: number, counts: Counts): Pool {
  const free = new Map<number, { readonly buffer: GPUBuffer; readonly since: number }[]>();
  const all = new Set<GPUBuffer>();
  let stale = new WeakSet<GPUBuffer>(), sweeps = 0;
  const destroy = (buffer: GPUBuffer): void => {
    if (!all.delete(buffer)) return;
    counts.buffers--;
    counts.bytes -= buffer.size;
    buffer.destroy();
  };
  return {
    acquire: (bytes) => {
      const size = sizeClass(bytes, device.limits.maxBufferSize);
      const reused = free.get(size)?.pop();
      if (reused !== undefined) return reused.buffer;
      const buffer = device.createBuffer({ size, usage });
      all.add(buffer);
      counts.buffers++;
      counts.bytes += buffer.size;
      return buffer;
    },
    release: (buffer) => {
      if (!all.has(buffer)) return;
      if (stale.has(buffer)) return destroy(buffer);
      const list = free.get(buffer.size) ?? [];
      list.push({ buffer, since: sweeps });
      free.set(buffer.size, list);
    },
    discard: destroy,
    renew: () => {
      for (const list of free.values()) for (const { buffer } of list) destroy(buffer);
      free.clear();
      stale = new WeakSet(all);
    },
    sweep: () => {
      sweeps++;
      for (const [size, list] of free) {
        const recent = list.filter(({ buffer, since }) => sweeps - since <= KEPT || destroy(buffer));
        if (recent.length === 0) free.delete(size);
        else if (recent.length < list.length) free.set(size, recent);
      }
    },
    destroy: () => {
      free.clear();
      for (const buffer of [...all]) destroy(buffer);
    },
  };
}

/** A scope over a pool. */
export function scope(from: Pool): Scope {
  const inUse = new Set<GPUBuffer>();
  return {
    acquire: (bytes) => {
      const buffer = from.acquire(bytes);
      inUse.add(buffer);
      return buffer;
    },
    keep: (buffer) => void inUse.delete(buffer),
    close: () => {
      for (const buffer of inUse) from.release(buffer);
      inUse.clear();
    },
  };
}
