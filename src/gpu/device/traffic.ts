/**
 * What crosses the bus and what lies on the device, counted.
 *
 * @module
 */

/** Counts since a backend was made; all zero on the CPU. */
export interface Traffic {
  /** Writes to the device: parameters, batches, row coefficients, and the sizes that shaders read (once each). */
  readonly uploads: number;
  /** Bytes of them. */
  readonly bytesUp: number;
  /** Reads from the device. */
  readonly downloads: number;
  /** Bytes of them. */
  readonly bytesDown: number;
  /** Command buffers given to the device. */
  readonly submits: number;
  /** Buffers that exist now, those in the pool included. */
  readonly buffers: number;
  /** Bytes of them. */
  readonly bytes: number;
}

/** The same, to count in; internal. */
export type Counts = { -readonly [Name in keyof Traffic]: Traffic[Name] };

/** Nothing yet; internal. */
export const noTraffic = (): Counts => ({
  uploads: 0,
  bytesUp: 0,
  downloads: 0,
  bytesDown: 0,
  submits: 0,
  buffers: 0,
  bytes: 0,
});
