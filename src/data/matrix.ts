/**
 * Dense matrices as values.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, hasLength, isFloats, isObject } from "../check/kind.ts";
import { copyNumbers, failNumber, type Numbers, readNumbers, valueAt } from "../check/numbers.ts";
import { show } from "../check/show.ts";
import { allocateFloats, checkSize } from "../check/size.ts";
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
 * Whether a value is a matrix by its fields, whose sizes and values are not looked at.
 * @internal
 */
export const isMatrix = (value: unknown): value is Matrix =>
  isObject(value) && typeof value.rows === "number" && typeof value.cols === "number" && isFloats(value.data);

/** A matrix from its rows, copied. Errors: as {@link matrix}. */
function stackRows(rows: ArrayLike<Numbers>): E.Either<FgnError, Matrix> {
  const kind = checkKind("matrix", rows, hasLength(rows), "an array of rows");
  if (kind._tag === "Left") return kind;
  const height = rows.length, sized = checkSize("matrix rows", height, 1);
  if (sized._tag === "Left") return sized;
  let matrix: Matrix = { rows: height, cols: 0, data: new Float32Array(0) };
  for (let row = 0; row < height; row++) {
    const values = valueAt(rows, row);
    if (!hasLength(values)) return failRow(row, values);
    if (row === 0) {
      const cols = checkSize("matrix columns", values.length, 1);
      if (cols._tag === "Left") return cols;
      const data = allocateFloats("matrix", height * values.length);
      if (data._tag === "Left") return data;
      matrix = { rows: height, cols: values.length, data: data.right };
    }
    const { cols, data } = matrix, at = row * cols;
    if (values.length !== cols) return failRagged(row, cols, values.length);
    const index = copyNumbers(values, cols, data, at);
    if (index >= 0) return failNumber("matrix", valueAt(values, index - at), index, cols);
  }
  return E.right(matrix);
}

function failRow(row: number, value: unknown): E.Either<FgnError, never> {
  return fail(
    "WrongKind",
    { what: "matrix" },
    `row ${row} of the matrix is ${show(value)}`,
    "Give an array of rows, each an array of numbers, or matrix(rows, columns, values) for one flat array",
  );
}

function failRagged(row: number, expected: number, actual: number): E.Either<FgnError, never> {
  return fail(
    "ShapeMismatch",
    { what: `matrix row ${row}`, expected, actual },
    `row ${row} of the matrix has ${actual} values, row 0 has ${expected}`,
    "Give rows of one length",
  );
}

/**
 * A matrix from its rows, or of `rows` × `cols` from row-major values.
 *
 * Values are numbers, in arrays or typed arrays of any kind; of bigints, those within ±2⁵³. Rows are copied, and so are
 * values, but for a Float32Array of all values, which is taken over: do not write to it afterwards. Errors: `WrongKind`
 * (with the place of what is no number), `InvalidSize`, `ShapeMismatch` (with the row whose length is another),
 * `NotFinite` (with the index), `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { matrix } from "fgn";
 *
 * console.log(matrix([[1, 2, 3], [4, 5, 6]])._tag); // Right
 * console.log(matrix(2, 3, [1, 2, 3, 4, 5, 6])._tag); // Right
 * ```
 */
export function matrix(rows: ArrayLike<Numbers>): E.Either<FgnError, Matrix>;
/** A matrix of `rows` × `cols` from row-major values. */
export function matrix(rows: number, cols: number, data: Numbers): E.Either<FgnError, Matrix>;
export function matrix(
  rows: number | ArrayLike<Numbers>,
  cols?: number,
  data?: Numbers,
): E.Either<FgnError, Matrix> {
  return guard(
    "matrix",
    { rows, cols, data },
    () =>
      isObject(rows) && cols === undefined && data === undefined
        ? stackRows(rows as ArrayLike<Numbers>)
        : makeMatrix("matrix", rows as number, cols as number, data as Numbers),
  );
}

/**
 * {@link matrix} of row-major values, under the name that its errors give it.
 * @internal
 */
export function makeMatrix(what: string, rows: number, cols: number, data: Numbers): E.Either<FgnError, Matrix> {
  const height = checkSize(`${what} rows`, rows, 0);
  if (height._tag === "Left") return height;
  const width = checkSize(`${what} columns`, cols, 1);
  if (width._tag === "Left") return width;
  const values = readNumbers(what, data, rows * cols, cols);
  return values._tag === "Left" ? values : E.right({ rows, cols, data: values.right });
}
