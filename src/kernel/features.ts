/**
 * Features in the kernel's memory: dense ones in panels, sparse ones with their columns numbered over those that
 * occur.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../error.ts";
import type { Network } from "../network/layer.ts";
import { type Features, isSparse, type SparseMatrix } from "../sparse.ts";
import { f32, type Layout, u32 } from "./arena.ts";
import type { Common } from "./ops/common.ts";
import type { SparseInput } from "./ops/sparse.ts";
import type { Slot } from "./tape.ts";

/** Sparse features of a compilation. */
export interface Sparse {
  readonly matrix: SparseMatrix;
  /** The columns that occur. */
  readonly active: Uint32Array;
  /** The place of each entry's column among them. */
  readonly numbers: Uint32Array;
  readonly input: SparseInput;
}

/** The columns that have entries (or all of them), ascending, and the number of each entry's column among them. */
function numberColumns(
  { cols, indices }: SparseMatrix,
  all: boolean,
): { readonly active: Uint32Array; readonly numbers: Uint32Array } {
  const place = new Uint32Array(cols).fill(all ? 1 : 0);
  for (let i = 0; i < indices.length; i++) place[indices[i] as number] = 1;
  const active = new Uint32Array(all ? cols : Math.min(cols, indices.length));
  let count = 0;
  for (let column = 0; column < cols; column++) {
    if (place[column] === 0) continue;
    active[count] = column;
    place[column] = count++;
  }
  const numbers = new Uint32Array(indices.length);
  for (let i = 0; i < indices.length; i++) numbers[i] = place[indices[i] as number] as number;
  return { active: active.subarray(0, count), numbers };
}

/** Reserves memory for sparse features. */
export function sparseInput(matrix: SparseMatrix, layout: Layout, all: boolean): Sparse {
  const { active, numbers } = numberColumns(matrix, all);
  const count = matrix.indices.length;
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

/** Copies features in: dense ones into panels, sparse ones with their columns renumbered. */
export function loadFeatures(
  { kernel, rows, scratch }: Common,
  features: Features,
  input: Slot | null,
  sparse: Sparse | null,
): void {
  if (sparse !== null) {
    const { matrix, numbers, input: at } = sparse;
    u32(kernel, at.offsets, matrix.offsets.length).set(matrix.offsets);
    u32(kernel, at.indices, numbers.length).set(numbers);
    f32(kernel, at.values, matrix.data.length).set(matrix.data);
  } else if (input !== null) {
    f32(kernel, scratch.panels, features.data.length).set(features.data);
    kernel.exports.packTransposed(scratch.panels, rows, features.cols, input.value);
  }
}

/** Features that the first layer can take. Errors: `InvalidLayer`. */
export function checkFirstLayer(model: Network, features: Features): E.Either<FgnError, void> {
  const first = model.layers[0];
  const wants = isSparse(features)
    ? first?._tag === "dense" || first?._tag === "embedding" || first?._tag === "adapter"
    : first?._tag !== "embedding";
  if (wants) return E.right(undefined);
  const reason = isSparse(features)
    ? "sparse features need a dense, embedding or adapter layer first"
    : "an embedding takes sparse features only";
  return fail(
    "InvalidLayer",
    { layer: "layers[0]", reason },
    `layers[0]: ${reason}`,
    "Change the layer or the features",
  );
}
