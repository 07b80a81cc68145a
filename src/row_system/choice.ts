/**
 * Which form of the row system is cheaper.
 *
 * @module
 */

import type { RowSystemKind } from "../solver/row_matrix.ts";
import { isExplicit, type Tape } from "../tape/tape.ts";

/** Up to here the explicit system is small and solved directly. */
const SMALL = 256;
/** Bytes of B × B buffers, and the most of them. */
const SQUARE_BYTES = 28, MOST_BYTES = 2 ** 30;
/** Iterations of conjugate gradient that the estimate assumes. */
const ITERATIONS = 20;

/** Whether the choice is clear without looking at the layers. */
export const isSmall = (rows: number): boolean => rows <= SMALL;

/**
 * The cheaper form by multiply-adds: B²/2 a Gram feature and B² an iteration for the explicit one; two products
 * of the tangent pass and one projection an iteration for the matrix-free one. The explicit one also has to fit
 * into a gigabyte. A model without a Gram matrix is matrix-free.
 */
export function chooseSystem(tape: Tape): RowSystemKind {
  const { ops, rows } = tape;
  if (!isExplicit(tape)) return "matrixFree";
  if (isSmall(rows)) return "gram";
  if (SQUARE_BYTES * rows * rows > MOST_BYTES) return "matrixFree";
  const sum = (work: "gramWork" | "productWork"): number => ops.reduce((sum, op) => sum + (op.rowPart?.[work] ?? 0), 0);
  const explicit = rows * rows * (sum("gramWork") / 2 + ITERATIONS);
  const matrixFree = ITERATIONS * 3 * rows * sum("productWork");
  return explicit <= matrixFree ? "gram" : "matrixFree";
}
