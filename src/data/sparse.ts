/**
 * Sparse features as values: compressed sparse rows (CSR).
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, checkNumbers, hasLength, isObject } from "../check/kind.ts";
import { checkCount, type Numbers, numbersOf, readNumbers, valueAt } from "../check/numbers.ts";
import { show, typedName } from "../check/show.ts";
import { guard, orElse } from "../check/total.ts";
import { checkSize } from "../check/size.ts";
import { isMatrix, type Matrix } from "./matrix.ts";

/** A sparse float32 matrix, row after row. Made by {@link sparse}, which validates it; not to be written to. */
export interface SparseMatrix {
  /** Number of rows. */
  readonly rows: number;
  /** Number of columns. */
  readonly cols: number;
  /** rows + 1 positions: row i has the entries from offsets[i] up to offsets[i + 1]. */
  readonly offsets: Uint32Array;
  /** The column of each entry, ascending within a row. */
  readonly indices: Uint32Array;
  /** The value of each entry. */
  readonly data: Float32Array;
}

/**
 * Whether a value is a sparse matrix or a dense one by its fields, whose sizes and values are not looked at.
 * @internal
 */
export const isFeatures = (value: unknown): boolean => {
  if (!isMatrix(value)) return false;
  const { offsets, indices } = value as Matrix & Partial<SparseMatrix>;
  return !("offsets" in value) || (ArrayBuffer.isView(offsets) && ArrayBuffer.isView(indices));
};

/** Features of a batch, one example a row. */
export type Features = Matrix | SparseMatrix;

/** Whether features are sparse. */
export function isSparse(features: Features): features is SparseMatrix {
  return orElse(() => "offsets" in features, false);
}

/** A whole number in [minimum, maximum]. */
function isWithin(value: number, minimum: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= minimum && value <= maximum;
}

function checkOffsets(given: Numbers, rows: number, entries: number): E.Either<FgnError, Uint32Array> {
  const length = checkCount("sparse offsets", given, rows + 1);
  if (length._tag === "Left") return length;
  const offsets = numbersOf(given, rows + 1);
  for (let index = 0, before = 0; index <= rows; index++) {
    const value = offsets[index] as number;
    if (!isWithin(value, index === rows ? entries : before, index === 0 ? 0 : entries)) {
      return fail(
        "InvalidSparse",
        { what: "offsets", row: Math.max(index - 1, 0), index },
        `sparse offset ${index} is ${show(valueAt(given, index))}`,
        `Offsets start at 0, do not fall, and end at ${entries}`,
      );
    }
    before = value;
  }
  return E.right(offsets instanceof Uint32Array ? offsets : Uint32Array.from(offsets));
}

function checkIndices(given: Numbers, cols: number, offsets: Uint32Array): E.Either<FgnError, Uint32Array> {
  const indices = numbersOf(given, offsets[offsets.length - 1] as number);
  for (let row = 0; row + 1 < offsets.length; row++) {
    let minimum = 0;
    for (let index = offsets[row] as number; index < (offsets[row + 1] as number); index++) {
      const column = indices[index] as number;
      if (!isWithin(column, minimum, cols - 1)) {
        return fail(
          "InvalidSparse",
          { what: "indices", row, index },
          `row ${row} of the sparse matrix has column ${show(valueAt(given, index))} at entry ${index}`,
          `Columns are whole numbers below ${cols}, ascending in a row`,
        );
      }
      minimum = column + 1;
    }
  }
  return E.right(indices instanceof Uint32Array ? indices : Uint32Array.from(indices));
}

/**
 * Features in an object of the library's own, every field read once; what is no object as it is.
 * @internal
 */
export function ownFeatures<A extends Features | null>(given: A): A {
  if (!isObject(given)) return given;
  const { rows, cols, data } = given as Features;
  const entries = "offsets" in given && { offsets: given.offsets, indices: given.indices };
  return { rows, cols, data, ...entries } as Features as A;
}

/**
 * Features, dense or sparse, by their fields, whose values are not looked at: read once. Errors: `WrongKind`.
 * @internal
 */
export function checkFeaturesKind(what: string, value: Features): E.Either<FgnError, Features> {
  const own = ownFeatures(value);
  return isFeatures(own) ? E.right(own) : checkKind(what, value, false, "what matrix, sparse or fromRows made");
}

/**
 * The structure of a matrix that was perhaps not made here, without its values. Errors: as {@link sparse}.
 * @internal
 */
export function checkSparse({ rows, cols, offsets, indices, data }: SparseMatrix): E.Either<FgnError, void> {
  const length = checkCount("sparse values", data, indices.length);
  if (length._tag === "Left") return length;
  const starts = checkOffsets(offsets, rows, indices.length);
  if (starts._tag === "Left") return starts;
  const columns = checkIndices(indices, cols, starts.right);
  return columns._tag === "Left" ? columns : E.right(undefined);
}

/**
 * A sparse matrix of `rows` × `cols` from compressed sparse rows: row i has the entries from offsets[i] up to
 * offsets[i + 1], each with a column and a value.
 *
 * Typed arrays (Uint32Array, Float32Array for the values) are taken over without copying: do not write to them
 * afterwards. Other arrays are converted. Errors: `WrongKind` (with the place of a value that is no number),
 * `InvalidSize`, `ShapeMismatch`, `InvalidSparse` (offsets that fall, columns out of range, out of order or twice in a
 * row), `NotFinite`.
 *
 * @example
 * ```ts
 * import { sparse } from "fgn";
 *
 * // (0 5 0)
 * // (7 0 9)
 * console.log(sparse(2, 3, [0, 1, 3], [1, 0, 2], [5, 7, 9])._tag); // Right
 * ```
 */
export function sparse(
  rows: number,
  cols: number,
  offsets: Numbers,
  indices: Numbers,
  values: Numbers,
): E.Either<FgnError, SparseMatrix> {
  return guard(
    "sparse",
    { rows, cols, offsets, indices, values },
    () => makeSparse(rows, cols, offsets, indices, values),
  );
}

/** A sparse matrix from its parts. */
function makeSparse(
  rows: number,
  cols: number,
  offsets: Numbers,
  indices: Numbers,
  values: Numbers,
): E.Either<FgnError, SparseMatrix> {
  const height = checkSize("sparse rows", rows, 0);
  if (height._tag === "Left") return height;
  const width = checkSize("sparse columns", cols, 1);
  if (width._tag === "Left") return width;
  if (cols > 2 ** 32) {
    const what = "sparse columns";
    return fail(
      "InvalidSize",
      { what, value: cols },
      `${what} is ${show(cols)}`,
      "Column numbers have 32 bits: give at most 2³²",
    );
  }
  for (const [what, array] of Object.entries({ offsets, indices, values })) {
    const kind = checkNumbers(`sparse ${what}`, array as Numbers);
    if (kind._tag === "Left") return kind;
  }
  const length = checkCount("sparse values", values, indices.length);
  if (length._tag === "Left") return length;
  const starts = checkOffsets(offsets, rows, indices.length);
  if (starts._tag === "Left") return starts;
  const columns = checkIndices(indices, cols, starts.right);
  if (columns._tag === "Left") return columns;
  const data = readNumbers("sparse values", values, indices.length);
  if (data._tag === "Left") return data;
  return E.right({ rows, cols, offsets: starts.right, indices: columns.right, data: data.right });
}

/** An entry of a row as numbers. Errors: `WrongKind`. */
function readEntry(row: number, entry: unknown): E.Either<FgnError, Float64Array> {
  const isDense = typeof entry === "number";
  if (!hasLength(entry) || entry.length !== 2) {
    return fail(
      "WrongKind",
      { what: "rows" },
      `row ${row} holds ${show(entry)} in the place of an entry [column, value]`,
      isDense ? "For rows with a number in every column use matrix(rows)" : "Give entries such as [[0, 5], [2, 7]]",
    );
  }
  const numbers = Float64Array.from(numbersOf(entry as Numbers, 2));
  const wrong = numbers.findIndex((number, i) => Number.isNaN(number) && typeof valueAt(entry, i) !== "number");
  return wrong < 0 ? E.right(numbers) : fail(
    "WrongKind",
    { what: "rows" },
    `row ${row} has an entry with the ${wrong === 0 ? "column" : "value"} ${show(valueAt(entry, wrong))}`,
    "Give finite numbers as [column, value]",
  );
}

/**
 * A sparse matrix from the entries of each row as [column, value], in any order; entries of the same column are
 * added up. Errors: `WrongKind` (also: rows of numbers, which `matrix` takes), `InvalidSize`, `InvalidSparse`
 * (its `index` counts the entries in order), `NotFinite`.
 *
 * @example
 * ```ts
 * import { fromRows } from "fgn";
 *
 * // (0 5 0)
 * // (7 0 9)
 * console.log(fromRows(3, [[[1, 5]], [[2, 4], [0, 7], [2, 5]]])._tag); // Right
 * ```
 */
export function fromRows(
  cols: number,
  rows: readonly (readonly (readonly [number | bigint, number | bigint])[])[],
): E.Either<FgnError, SparseMatrix> {
  return guard("fromRows", { cols, rows }, () => gatherRows(cols, rows));
}

/** A sparse matrix from the entries of its rows. */
function gatherRows(
  cols: number,
  rows: readonly (readonly (readonly [number | bigint, number | bigint])[])[],
): E.Either<FgnError, SparseMatrix> {
  const isRight = Array.isArray(rows) && rows.every((row) => Array.isArray(row) || typedName(row) !== undefined);
  const kind = checkKind("rows", rows, isRight, "a list of rows, each a list of entries [column, value]");
  if (kind._tag === "Left") return kind;
  const offsets = [0], indices: number[] = [], values: number[] = [];
  for (const [at, row] of rows.entries()) {
    const start = indices.length, entries: Float64Array[] = [];
    for (const entry of row) {
      const numbers = readEntry(at, entry);
      if (numbers._tag === "Left") return numbers;
      entries.push(numbers.right);
    }
    for (const [column = 0, value = 0] of entries.sort(([a = 0], [b = 0]) => a - b)) {
      const last = indices.length - 1;
      if (last >= start && indices[last] === column) values[last] = (values[last] as number) + value;
      else {
        indices.push(column);
        values.push(value);
      }
    }
    offsets.push(indices.length);
  }
  return sparse(rows.length, cols, offsets, indices, values);
}
