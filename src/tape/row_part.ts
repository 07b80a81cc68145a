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

/**
 * The two-stage system over the columns of the last layer's inputs: with Ã = [Ā, √b 1] and FᵀF = Ãᵀ diag(h²) Ã + λI,
 * Z = √λ Ã F⁻¹ takes the place of Ã in the row system, and steps are R Z (√λ F⁻ᵀ).
 */
export interface ColumnStage {
  /** Columns of Ã: D, and one for the bias. */
  readonly width: number;
  /** Doubles from one row of `system` and `factor` to the next. */
  readonly stride: number;
  /** Ãᵀ diag(h²) Ã, once it is gathered, and what whoever factorizes it leaves: width rows each. */
  readonly system: number;
  readonly factor: number;
  /** Clears the system, before the inputs are gathered. */
  readonly clear: () => void;
  /** Adds examples [from, to) to the system, from a multiple of 16 on, for B weights h (float64) at an address. */
  readonly gather: (from: number, to: number, h: number) => void;
  /** Makes Z of examples [from, to), from a multiple of 16 on, by the factor at λ. */
  readonly reduce: (from: number, to: number, lambda: number) => void;
  /** Puts Z, made for all examples at λ, in the place of Ã, for products, projections and the diagonal. */
  readonly take: (lambda: number) => void;
  /** Fills n₄ × B panels with Z Zᵀ; upper part. */
  readonly gram: (out: number) => void;
}

/** The part of the last layer in the two-stage system. */
export interface TwoStagePart {
  /** Fills n₄ × B panels with the Gram matrix of its inputs; upper part. */
  readonly inputGram: (out: number) => void;
  /** Fills n₄ × B panels with the Gram matrix of its signals; upper part. */
  readonly signalGram: (out: number) => void;
  /** Multiplies the scaled signals of later projections by a packed B × B matrix. */
  readonly mix: (panels: number) => void;
  /** The system over the columns of its inputs; null: it is solved over the rows. */
  readonly columns: ColumnStage | null;
  /** Projections, products and diagonal without the system again, before other examples. */
  readonly reset: () => void;
}

/** The part of the row system of one operation. */
export interface RowPart {
  /** Adds its part of K, the Gram matrix of its parameter derivatives. */
  readonly gram: (buffers: GramBuffers) => void;
  /** Adds its part of the diagonal of K, squared norms of its parameter derivatives, to B numbers. */
  readonly squares: (out: Float64Array) => void;
  /** Adds its part of K times B coefficients (float32) at an address to B numbers. */
  readonly multiply: (coefficient: number, out: Float64Array) => void;
  /** Null: it is not opened as the last layer of a two-stage system. */
  readonly twoStage: TwoStagePart | null;
  /** Whether a dual step moves its output, so that a trial needs no trial parameters here. */
  readonly moves: boolean;
  /** Inputs that an output sums over, of a layer that trains. */
  readonly inputs: number;
  /** Multiply-adds of a projection or a forward pass, one example. */
  readonly productWork: number;
  /** Multiply-adds of `gram`, one pair of examples. */
  readonly gramWork: number;
}

/** The part of an operation whose parameters are frozen: it costs products, and adds nothing to K. */
export const frozenPart = (productWork: number): RowPart => ({
  gram: () => {},
  squares: () => {},
  multiply: () => {},
  twoStage: null,
  moves: false,
  inputs: 0,
  productWork,
  gramWork: 0,
});
