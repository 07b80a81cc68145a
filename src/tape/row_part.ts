/**
 * Parts of the row system S = diag(w) K diag(w), K = J Jᵀ, which is a sum over the operations with parameters.
 *
 * @module
 */

/** The B × B sums that explicit Gram matrices go to, and scratch for their factors; n₄ × B panels each. */
export interface GramBuffers {
  /** K, summed over layers, of the unnormalised signals; upper part. */
  readonly sum: number;
  readonly left: number;
  readonly right: number;
}

/** The part of the last layer in the two-stage system. */
export interface TwoStagePart {
  /** Fills n₄ × B panels with the Gram matrix of its inputs; upper part. */
  readonly inputGram: (out: number) => void;
  /** Fills n₄ × B panels with the Gram matrix of its signals; upper part. */
  readonly signalGram: (out: number) => void;
  /** Multiplies the scaled signals of later projections by a packed B × B matrix, or no longer by one. */
  readonly mix: (panels: number) => void;
}

/** The part of the row system of one operation. */
export interface RowPart {
  /** Adds its part of K, the Gram matrix of its parameter derivatives. */
  readonly gram: (buffers: GramBuffers) => void;
  /** Adds its part of the diagonal of K, squared norms of its parameter derivatives, to B numbers. */
  readonly squares: (out: Float64Array) => void;
  /** Null: it is not opened as the last layer of a two-stage system. */
  readonly twoStage: TwoStagePart | null;
  /** Whether a dual step moves its output, so that a trial needs no trial parameters here. */
  readonly moves: boolean;
  /** Multiply-adds of a projection or a forward pass, one example. */
  readonly productWork: number;
  /** Multiply-adds of `gram`, one pair of examples. */
  readonly gramWork: number;
}

/** The part of an operation whose parameters are frozen: it costs products, and adds nothing to K. */
export const frozenPart = (productWork: number): RowPart => ({
  gram: () => {},
  squares: () => {},
  twoStage: null,
  moves: false,
  productWork,
  gramWork: 0,
});
