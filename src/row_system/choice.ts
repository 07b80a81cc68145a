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
 * Multiply-adds that a two-stage system takes in the explicit form and in the matrix-free one beyond what it takes in both,
 * float64 counting twice: it is over the columns of the last layer's inputs where no matrix is formed, or these are fewer
 * than the rows.
 */
function stageWork({ ops, rows }: Tape): readonly [explicit: number, matrixFree: number] {
  const width = ops.at(-1)?.rowPart?.inputs ?? 0;
  return width < rows ? [0, 0] : [rows ** 3, 2 * rows * width ** 2 + 2 / 3 * width ** 3];
}

/**
 * The cheaper form by multiply-adds: B²/2 a Gram feature and B² an iteration for the explicit one; two products an
 * iteration for the matrix-free one. The explicit one also has to fit into a gigabyte. A model without a Gram matrix is
 * matrix-free.
 */
export function chooseSystem(tape: Tape, twoStage: boolean): RowSystemKind {
  const { ops, rows } = tape;
  if (!isExplicit(tape)) return "matrixFree";
  if (isSmall(rows)) return "gram";
  if (SQUARE_BYTES * rows * rows > MOST_BYTES) return "matrixFree";
  const sum = (work: "gramWork" | "productWork"): number => ops.reduce((sum, op) => sum + (op.rowPart?.[work] ?? 0), 0);
  const [ofRows, ofColumns] = twoStage ? stageWork(tape) : [0, 0];
  const explicit = rows * rows * (sum("gramWork") / 2 + ITERATIONS) + ofRows;
  const matrixFree = ITERATIONS * 2 * rows * sum("productWork") + ofColumns;
  return explicit <= matrixFree ? "gram" : "matrixFree";
}
