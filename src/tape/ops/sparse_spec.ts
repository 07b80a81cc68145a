// What a dense product over sparse features and its metric lie on: addresses in the kernel's memory.

import type { Slot, Tensor } from "../tape.ts";
import type { Context } from "./signals.ts";

/** CSR features in the kernel's memory, columns renumbered over those that occur. */
export interface SparseInput {
  /** Columns that occur. */
  readonly cols: number;
  readonly offsets: number;
  readonly indices: number;
  readonly values: number;
  /** (cols + 1 + 2 · entries) · 4 bytes. */
  readonly work: number;
  /** Entries. */
  readonly count: number;
}

/** Where the centring of a layer lies. */
export interface CentringPlaces {
  /** μ: a float a column that occurs. */
  readonly mean: number;
  /** X μ: a float an example. */
  readonly scores: number;
  /** An example's coefficient times its score: n₄ floats. */
  readonly weighted: number;
  /** μ as a row of a sparse matrix: two offsets, and the number of every column. */
  readonly offsets: number;
  readonly indices: number;
  /** Two rows of floats, as wide as the outputs. */
  readonly sums: number;
}

/** A dense product over sparse features to be. */
export interface SparseProductSpec extends Context {
  readonly input: SparseInput;
  readonly output: Slot;
  /** cols × out, one feature a row. */
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  /** B × out, row-major. */
  readonly dense: number;
  /** Where X Xᵀ + 1 is kept for moving the output, or NONE. */
  readonly kept: number;
  /** Where the metric of the damping lies, or null: the Euclidean one. */
  readonly places: CentringPlaces | null;
}
