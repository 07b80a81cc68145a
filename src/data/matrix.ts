/**
 * Dense matrices as values.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkNumbers } from "../check/kind.ts";
import { guard } from "../check/total.ts";

/** A row-major float32 matrix. Made by {@link matrix}, which validates it; not to be written to afterwards. */
export interface Matrix {
  /** Number of rows. */
  readonly rows: number;
  /** Number of columns. */
  readonly cols: number;
  /** rows × cols values, row after row. */
  readonly data: Float32Array;
}

/**
 * A whole number from `minimum` up. Errors: `InvalidSize`.
 * @internal
 */
export function checkSize(what: string, value: number, minimum: number): E.Either<FgnError, number> {
  return Number.isSafeInteger(value) && value >= minimum ? E.right(value) : fail(
    "InvalidSize",
    { what, value },
    `${what} is ${value}`,
    `Give a whole number of at least ${minimum}`,
  );
}

/**
 * An array of the expected length. Errors: `ShapeMismatch`.
 * @internal
 */
export function checkLength(what: string, actual: number, expected: number): E.Either<FgnError, number> {
  return actual === expected ? E.right(actual) : fail(
    "ShapeMismatch",
    { what, expected, actual },
    `${what} has ${actual} values where ${expected} are needed`,
    "Check the sizes against the array",
  );
}

/**
 * A fresh array of zeros. Errors: `OutOfMemory`.
 * @internal
 */
export function allocateFloats(what: string, count: number): E.Either<FgnError, Float32Array> {
  try {
    return E.right(new Float32Array(count));
  } catch {
    return fail(
      "OutOfMemory",
      { bytes: count * 4 },
      `${what}: ${count} numbers take ${(count / 2 ** 18).toFixed(0)} MiB, more than this runtime gives one array`,
      "Use fewer examples at a time, fewer features, classes or hidden units",
    );
  }
}

/**
 * Float32 values, all finite: a Float32Array is kept as it is, anything else is converted.
 * Errors: `NotFinite` with the index (and with row and column for a matrix of `cols` columns).
 * @internal
 */
export function finiteFloats(what: string, values: ArrayLike<number>, cols = 0): E.Either<FgnError, Float32Array> {
  const data = values instanceof Float32Array ? values : Float32Array.from(values);
  for (let index = 0; index < data.length; index++) {
    const value = data[index] as number;
    if (value - value !== 0) {
      const place = cols > 0 ? `row ${Math.floor(index / cols)}, column ${index % cols}` : `index ${index}`;
      return fail(
        "NotFinite",
        { what, index, value: values[index] as number },
        `${what} holds ${values[index]} at ${place}`,
        "Remove or impute such values; float32 reaches ±3.4e38",
      );
    }
  }
  return E.right(data);
}

/**
 * A matrix of `rows` × `cols` from row-major values.
 *
 * A Float32Array is taken over without copying: do not write to it afterwards. Other arrays are converted.
 * Errors: `WrongKind`, `InvalidSize`, `ShapeMismatch`, `NotFinite` (with the index).
 *
 * @example
 * ```ts
 * import { matrix } from "fgn";
 *
 * console.log(matrix(2, 3, [1, 2, 3, 4, 5, 6])._tag); // Right
 * ```
 */
export function matrix(rows: number, cols: number, data: ArrayLike<number>): E.Either<FgnError, Matrix> {
  return guard("matrix", { rows, cols, data }, () => makeMatrix("matrix", rows, cols, data));
}

/**
 * {@link matrix} under the name that its errors give it.
 * @internal
 */
export function makeMatrix(
  what: string,
  rows: number,
  cols: number,
  data: ArrayLike<number>,
): E.Either<FgnError, Matrix> {
  const height = checkSize(`${what} rows`, rows, 0);
  if (height._tag === "Left") return height;
  const width = checkSize(`${what} columns`, cols, 1);
  if (width._tag === "Left") return width;
  const kind = checkNumbers(what, data);
  if (kind._tag === "Left") return kind;
  const length = checkLength(what, data.length, rows * cols);
  if (length._tag === "Left") return length;
  const values = finiteFloats(what, data, cols);
  return values._tag === "Left" ? values : E.right({ rows, cols, data: values.right });
}
