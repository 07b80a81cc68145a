/**
 * How much of the memory the logits of a step take: where many classes begin.
 *
 * @module
 */

/** What a dense last layer may take of the memory. */
export interface ClassLimits {
  /** Bytes of C × B panels up to which logits and exponentials lie side by side. */
  readonly apart: number;
  /** Bytes of C × B panels up to which the exponentials of all classes are kept. */
  readonly whole: number;
  /** Classes of a block. */
  readonly block: number;
}

/**
 * Side by side up to 16 MiB, all exponentials up to 32 MiB: 65,536 classes for 128 examples. Measured, time of a step at
 * 128×768×10000 and 128×256×65536 over that side by side: in place the same without the loss after it, 1.3 and 1.1 with it
 * (a forward pass more); in blocks 1.9 and 1.8, with it 2.1 and 1.7, for blocks of 256 to 4096 classes alike.
 */
export const CLASS_LIMITS: ClassLimits = { apart: 2 ** 24, whole: 2 ** 25, block: 512 };

/** Examples of one pass that predicts: as many as `whole` holds the logits of, in full panels, at most 256. */
export const rowsOfPass = (classes: number): number =>
  Math.max(16, Math.min(256, 16 * Math.floor(CLASS_LIMITS.whole / (64 * classes))));
