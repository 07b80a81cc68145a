/**
 * Counts of what crosses the bus and of what lies on the device.
 *
 * @module
 */

/** Counts since a backend was made; all zero on the CPU. */
export interface Traffic {
  /** Writes to the device: parameters, batches, row coefficients, and the sizes that shaders read (once each). */
  readonly uploads: number;
  /** Bytes of the uploads. */
  readonly bytesUp: number;
  /** Reads from the device. */
  readonly downloads: number;
  /** Bytes of the downloads. */
  readonly bytesDown: number;
  /** Command buffers given to the device. */
  readonly submits: number;
  /** Buffers that exist now, those in the pool included. */
  readonly buffers: number;
  /** Bytes of these buffers. */
  readonly bytes: number;
}

/**
 * {@link Traffic} to count in.
 * @internal
 */
export type Counts = { -readonly [Name in keyof Traffic]: Traffic[Name] };

/**
 * Counts of a new backend.
 * @internal
 */
export const noTraffic = (): Counts => ({
  uploads: 0,
  bytesUp: 0,
  downloads: 0,
  bytesDown: 0,
  submits: 0,
  buffers: 0,
  bytes: 0,
});
