/**
 * Features in the kernel's memory: dense ones in panels, sparse ones with their columns numbered over those that
 * occur.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { type Features, isSparse, type SparseMatrix } from "../data/sparse.ts";
import { f32, type Layout, NONE, u32 } from "../kernel/arena.ts";
import { type Network, takesFeatures } from "../network/layer.ts";
import type { Context } from "./ops/signals.ts";
import type { SparseInput } from "./ops/sparse_spec.ts";
import type { Slot } from "./tape.ts";

/** Sparse features of several micro-batches, their columns numbered alike. */
export interface Numbering {
  /** The columns that occur in any of them; those of the features given are numbers of these. */
  readonly active: Uint32Array;
  /** The most entries of one. */
  readonly entries: number;
}

/** Sparse features of a compilation. */
export interface Sparse {
  readonly matrix: SparseMatrix;
  /** The columns that occur, in the order of their first entry. */
  readonly active: Uint32Array;
  /** The place of each entry's column among them. */
  readonly numbers: Uint32Array;
  readonly input: SparseInput;
}

/**
 * Scratch of the numbering, kept between calls: a fresh array as long as the table and a scan of it would be a large part
 * of a step (docs/speed.md). A column has the number `places[column] − base` when that is not negative; each call moves the
 * base on.
 */
let places = new Uint32Array(0), base = 1;

/** The columns that have entries, in the order of their first, or all; and the number of each entry's column. */
export function numberColumns(
  { cols, indices }: SparseMatrix,
  all: boolean,
): { readonly active: Uint32Array; readonly numbers: Uint32Array } {
  if (all) return { active: Uint32Array.from({ length: cols }, (_, i) => i), numbers: indices };
  if (places.length < cols || base + indices.length >= 2 ** 32) {
    places = new Uint32Array(Math.max(cols, places.length));
    base = 1;
  }
  const active = new Uint32Array(Math.min(cols, indices.length)), numbers = new Uint32Array(indices.length);
  let count = 0;
  for (let i = 0; i < indices.length; i++) {
    const column = indices[i] as number;
    let place = places[column] as number;
    if (place < base) {
      place = base + count;
      places[column] = place;
      active[count++] = column;
    }
    numbers[i] = place - base;
  }
  base += count;
  return { active: active.subarray(0, count), numbers };
}

/** Reserves memory for sparse features. */
export function sparseInput(matrix: SparseMatrix, layout: Layout, all: boolean, given: Numbering | null): Sparse {
  const { active, numbers } = given === null
    ? numberColumns(matrix, all)
    : { active: given.active, numbers: matrix.indices };
  const count = given === null ? matrix.indices.length : given.entries;
  const input: SparseInput = {
    cols: active.length,
    count,
    offsets: layout.reserve(4 * (matrix.rows + 1)),
    indices: layout.reserve(4 * count),
    values: layout.reserve(4 * count),
    work: layout.reserve(4 * (active.length + 1 + 2 * count)),
  };
  return { matrix, active, numbers, input };
}

/**
 * Copies features in: dense ones into panels, sparse ones with their columns numbered. Where there are fewer than B rows
 * the others get zeros.
 */
export function loadFeatures(
  { kernel, rows, scratch }: Context,
  features: Features,
  input: Slot | null,
  sparse: Sparse | null,
): void {
  if (sparse !== null && isSparse(features)) {
    const { matrix, numbers, input: at } = sparse;
    const { offsets, data, indices } = features;
    u32(kernel, at.offsets, rows + 1).fill(data.length).set(offsets);
    u32(kernel, at.indices, data.length).set(features === matrix ? numbers : indices);
    f32(kernel, at.values, data.length).set(data);
  } else if (input !== null) {
    const packed = f32(kernel, scratch.panels, rows * features.cols);
    packed.fill(0, features.data.length).set(features.data);
    kernel.exports.packTransposed(scratch.panels, rows, features.cols, input.value);
    if (input.packed !== NONE) kernel.exports.packRows(scratch.panels, rows, features.cols, input.packed);
  }
}

/** Features that the first layer can take. Errors: `InvalidLayer`. */
export function checkFirstLayer(model: Network, features: Features): E.Either<FgnError, void> {
  const takes = takesFeatures(model);
  if (takes === "either" || takes === (isSparse(features) ? "sparse" : "dense")) return E.right(undefined);
  const reason = isSparse(features)
    ? "sparse features need a dense, embedding or adapter layer first"
    : "an embedding takes sparse features only";
  return fail(
    "InvalidLayer",
    { layer: "layers[0]", reason },
    `layers[0]: ${reason}`,
    "Change the first layer, or the features",
  );
}
