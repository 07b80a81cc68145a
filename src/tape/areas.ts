/**
 * The areas that the rows of a batch have in the kernel's memory, named for what they hold.
 *
 * Areas of which never two hold something at the same time may share memory; which do, and why they can, is declared
 * here and nowhere else.
 *
 * @module
 */

import type { Layout } from "../kernel/arena.ts";
import type { TapeNeeds } from "./builder.ts";
import { strideOf, type Tape, up4 } from "./tape.ts";

/** Uses of the rows that need memory, beside those of the tape. */
export interface RowNeeds extends TapeNeeds {
  /** The B × B row system. */
  readonly gram: boolean;
  /** Exponentials that survive another backward pass. */
  readonly curvature: boolean;
  /** Parameter vectors beside θ. */
  readonly vectors: number;
  /** C × B panels beside those of the logits. */
  readonly panels: number;
}

/** Bytes an example of the areas over all rows. */
const ROWS = {
  alpha: 8,
  margin: 8,
  slope: 8,
  rowWeight: 8,
  rhs: 8,
  /** The diagonal of K. */
  diagonal: 8,
  /** u of the damped system. */
  solution: 8,
  /** Ĵ of a vector, or J of it. */
  image: 8,
  /** Ĵv of the remainder, and Ĵβd₋ of momentum. */
  shift: 8,
  carried: 8,
  /** The right-hand side of the damped system. */
  rightSide: 8,
  /** w ∘ u in a product of the matrix-free system. */
  weighted: 8,
  /** The dual numbers a of a vector Jᵀa. */
  dual: 8,
} as const;

/**
 * Phases of a call that share memory, with the bytes an example of their areas: what a phase leaves behind is read before
 * the next one begins.
 */
const ROW_PHASES = [
  // Metrics are set before K is summed: α and α s²/Σ² of the unnormalised signals, float32.
  { shares: 4, slopeSquares: 4 },
  // A Gram matrix is whitened before anything is solved: the scale of its rows and columns, and where the weights are not
  // those of the rows, ones, or the weights of the last layer's own system, whose diagonal nobody reads.
  { whitening: 8, unitWeight: 8, stageWeight: 8, stageDiagonal: 8 },
  // Conjugate gradient has solved before a step is tried: its four vectors.
  { krylov: 32 },
  // One product with the full Gauss-Newton matrix, between solutions of the row system: α p s.
  { curvature: 8 },
  // Dots of the columns of two panels become a sum at once.
  { columnDots: 8 },
  // Ranks of the true classes are counted before the loss.
  { rank: 4 },
  // The margin pass of a loss, which is a number afterwards; those at θ stay as they are.
  { trialTrueLogit: 4, trialPeak: 4, trialSum: 4, trialMargin: 8 },
] as const;

/** Bytes an example of the areas over the rows that lie in the slots of the tape. */
const SLOT_ROWS = {
  labels: 4,
  trueLogit: 4,
  peak: 4,
  sum: 4,
  /** Factors that turn the exponentials' signals into those of a projection. */
  coefficient: 4,
} as const;

/** B × B float32 matrices of a row system. */
const SQUARES = { gram: 1 } as const;

/** Phases of a row system that share B × B float32 matrices. */
const SQUARE_PHASES = [
  // K is summed: the Gram matrices of a layer's inputs and signals.
  { left: 1, right: 1 },
  // A Gram matrix row by row, on its way into panels.
  { byRow: 1 },
  // K is corrected for the last layer: what that leaves of the Gram matrix of its inputs.
  { remaining: 1 },
] as const;

/** B × B float32 matrices of the two-stage system. */
const STAGE_SQUARES = {
  /** K of all layers but the last. */
  hidden: 1,
  /** The Gram matrix of the last layer's signals. */
  signals: 1,
} as const;

/** The same where it is solved over the rows. */
const ROW_STAGE_SQUARES = {
  /** The Gram matrix of the last layer's inputs. */
  inputs: 1,
  /** I − N. */
  mixing: 1,
} as const;

/** B × B float64 matrices of a row system. */
const DOUBLES = {
  /** The Cholesky factor. */
  factor: 1,
} as const;

/** Phases of a row system that share a B × B float64 matrix. */
const DOUBLE_PHASES = [
  // S, that of the rows or of the last layer.
  { whitened: 1 },
  // The factor of the last layer's S is inverted once there is one, and before the S of the rows is: U takes its place then.
  { inversion: 1 },
] as const;

/** The names of each of several objects. */
type NamesOf<A> = A extends unknown ? keyof A : never;

type RowArea = keyof typeof ROWS | NamesOf<(typeof ROW_PHASES)[number]>;

type SquareArea =
  | keyof typeof SQUARES
  | NamesOf<(typeof SQUARE_PHASES)[number]>
  | keyof typeof STAGE_SQUARES
  | keyof typeof ROW_STAGE_SQUARES
  | keyof typeof DOUBLES
  | NamesOf<(typeof DOUBLE_PHASES)[number]>;

/** Addresses of the areas over all rows. */
export type RowAreas = Readonly<Record<RowArea, number>>;

/** Addresses of all areas. */
export interface Areas extends RowAreas, Readonly<Record<keyof typeof SLOT_ROWS | SquareArea, number>> {
  /** The exponentials of the logits, C × B panels. */
  readonly exponentials: number;
  /** α_i (e_y − t_i) of soft targets, C × B panels. */
  readonly rest: number;
}

type Sizes = Readonly<Record<string, number>>;
type Places = Record<string, number>;

/** Reserves memory for the largest of several phases, and places the areas of each from its start on. */
function reserve(layout: Layout, at: Places, unit: number, phases: readonly Sizes[]): void {
  const start = layout.reserve(0);
  let largest = 0;
  for (const sizes of phases) {
    let length = 0;
    for (const name in sizes) {
      at[name] = start + length;
      length += unit * (sizes[name] as number);
    }
    largest = Math.max(largest, length);
  }
  layout.reserve(largest);
}

/** Reserves the areas over `rows` rows. */
export function reserveRows(layout: Layout, rows: number): RowAreas {
  const at: Places = {}, n = up4(rows);
  reserve(layout, at, n, [ROWS]);
  reserve(layout, at, n, ROW_PHASES);
  return at as RowAreas;
}

/** Reserves what the rows of a tape need. */
export function reserveAreas(
  layout: Layout,
  { rows, logits, ops }: Pick<Tape, "rows" | "logits" | "ops">,
  needs: RowNeeds,
): Areas {
  const at: Places = { ...reserveRows(layout, rows) }, n = up4(rows), panels = 4 * n * logits.width;
  const square = needs.gram ? 4 * n * n : 0, doubles = needs.gram ? 8 * n * strideOf(n) : 0;
  reserve(layout, at, n, [SLOT_ROWS]);
  reserve(layout, at, square, [SQUARES]);
  reserve(layout, at, square, SQUARE_PHASES);
  const overRows = needs.mixed && ops.at(-1)?.rowPart?.twoStage?.columns === null;
  reserve(layout, at, needs.mixed ? square : 0, [STAGE_SQUARES]);
  reserve(layout, at, overRows ? square : 0, [ROW_STAGE_SQUARES]);
  reserve(layout, at, doubles, [DOUBLES]);
  reserve(layout, at, doubles, DOUBLE_PHASES);
  // Signals of the logits start as their exponentials, which lie there unless they have to outlive another backward pass;
  // where there are no signals nothing reads the logits any more.
  const exponentials = needs.curvature ? layout.reserve(panels) : logits.signal || logits.value;
  return {
    ...at as Omit<Areas, "exponentials" | "rest">,
    exponentials,
    rest: layout.reserve(needs.targets ? panels : 0),
  };
}
