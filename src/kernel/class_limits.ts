/**
 * How much of the memory the logits of a step take: where many classes begin.
 *
 * @module
 */

/** Shares of the memory that a dense last layer may take. */
export interface ClassLimits {
  /** Bytes of C × B panels up to which logits and exponentials lie side by side. */
  readonly apart: number;
  /** Bytes of C × B panels up to which the exponentials of all classes are kept. */
  readonly whole: number;
  /** Classes of a block. */
  readonly block: number;
}

/**
 * Logits and exponentials lie side by side up to 16 MiB, since a loss after the step in place takes a forward pass more;
 * all exponentials are kept up to 32 MiB, since blocks take nearly twice the time. The block's size does not matter
 * (docs/speed.md).
 */
export const CLASS_LIMITS: ClassLimits = { apart: 2 ** 24, whole: 2 ** 25, block: 512 };

/** Examples of one pass that predicts: as many as `whole` holds the logits of, in full panels, at most 256. */
export const rowsOfPass = (classes: number): number =>
  Math.max(16, Math.min(256, 16 * Math.floor(CLASS_LIMITS.whole / (64 * classes))));
