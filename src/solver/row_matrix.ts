/**
 * The row system S = diag(w) J Jᵀ diag(w) behind one interface, explicit or matrix-free.
 *
 * @module
 */

/** Which form of the row system: the explicit B × B Gram matrix, or products with J and Jᵀ. */
export type RowSystemKind = "gram" | "matrixFree";

/** The system of an open workspace. Vectors are addresses of B float64 numbers. */
export interface RowMatrix {
  readonly kind: RowSystemKind;
  /** Σ α_i K_ii, K = J Jᵀ. */
  readonly meanDiagonal: number;
  /** out ← S u. */
  readonly multiply: (u: number, out: number) => void;
  /** uᵀS u = ‖Ĵᵀu‖². */
  readonly square: (u: number) => number;
}
