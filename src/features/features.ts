/**
 * Features from rows, as a recipe says.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, hasLength, isFloats, isObject } from "../check/kind.ts";
import { failNumber, firstNotFinite, type Numbers } from "../check/numbers.ts";
import { show } from "../check/show.ts";
import { allocateFloats, checkLength } from "../check/size.ts";
import { guard } from "../check/total.ts";
import { isMatrix, matrix } from "../data/matrix.ts";
import { checkSparse, type Features, isFeatures, isSparse } from "../data/sparse.ts";
import { failWidth } from "../problem/session.ts";
import { textRow } from "./ngrams.ts";
import {
  checkRecipe,
  type ColumnRecipe,
  type ColumnsRecipe,
  type FeatureRecipe,
  isSparseRecipe,
  type TextRule,
  widthOf,
} from "./recipe.ts";
import { type Cell, checkTable, type Column, columnOf, failTable, isTable, placeOf, type Table } from "./table.ts";

/** Rows that features are made of: rows of numbers, a matrix, a sparse matrix, texts, or a table. */
export type Rows = ArrayLike<Numbers> | Features | readonly string[] | Table;

/** Takes the value of a feature of a row; columns ascend within a row. */
type Put = (column: number, value: number) => void;

/** Writes the features of row after row; what it fails with is the first fault. */
type Fill = (row: number, at: number, put: Put) => E.Either<FgnError, never> | undefined;

/** A matrix, dense or sparse, of rows that are filled one after the other. */
function gather(rows: number, cols: number, sparse: boolean, fills: readonly (readonly [Fill, number])[]) {
  const dense = allocateFloats("features", sparse ? 0 : rows * cols);
  if (dense._tag === "Left") return dense;
  const data = dense.right, offsets = [0], indices: number[] = [], values: number[] = [];
  let row = 0;
  const put: Put = sparse
    ? (column, value) => {
      if (value === 0) return;
      indices.push(column);
      values.push(value);
    }
    : (column, value) => data[row * cols + column] = value;
  for (; row < rows; row++) {
    for (const [fill, at] of fills) {
      const fault = fill(row, at, put);
      if (fault !== undefined) return fault;
    }
    offsets.push(indices.length);
  }
  const features: Features = sparse
    ? {
      rows,
      cols,
      offsets: Uint32Array.from(offsets),
      indices: Uint32Array.from(indices),
      data: Float32Array.from(values),
    }
    : { rows, cols, data };
  return E.right<FgnError, Features>(features);
}

/** Puts the features of a text. */
function putText(text: string, rule: TextRule, at: number, put: Put): void {
  const { indices, values } = textRow(text, rule);
  for (let i = 0; i < indices.length; i++) put(at + (indices[i] as number), values[i] as number);
}

const MISSING = 'Leave out such rows, or train with missing: "impute"';

/** A refusal of the cell of a row. */
const failCell = (table: Table, { name }: ColumnRecipe, row: number, cell: Cell, wanted: string) =>
  failTable(
    name,
    row,
    `${placeOf(table, row, name)} is ${cell === null || Number.isNaN(cell) ? "missing" : show(cell)}`,
    cell === null || Number.isNaN(cell) ? MISSING : `Give ${wanted}, as in the rows that were trained on`,
  );

/** How the features of a column are filled in, by its kind. */
function fillOf(table: Table, { cells }: Column, recipe: ColumnRecipe): Fill {
  const cellAt = (row: number): Cell => cells[row] ?? null;
  switch (recipe.kind) {
    case "number":
      return (row, at, put) => {
        const cell = cellAt(row), value = cell === null || Number.isNaN(cell) ? recipe.missing ?? cell : cell;
        const single = typeof value === "number" ? Math.fround(value) : NaN;
        if (!Number.isFinite(single)) return failCell(table, recipe, row, cell, "a finite number");
        put(at, single);
        return undefined;
      };
    case "category": {
      const places = new Map(recipe.values.map((value, index) => [value, index]));
      return (row, at, put) => {
        const cell = cellAt(row), isMissing = cell === null || Number.isNaN(cell);
        if (isMissing && recipe.missing === "zeros") return undefined;
        if (typeof cell !== "string" && (typeof cell !== "number" || isMissing)) {
          return failCell(table, recipe, row, cell, "a text");
        }
        const place = places.get(String(cell));
        if (place !== undefined) put(at + place, 1);
        return undefined;
      };
    }
    case "vector":
      return (row, at, put) => {
        const cell = cellAt(row), fits = isFloats(cell) && cell.length === recipe.length;
        if (!fits || firstNotFinite(cell, 0, cell.length) >= 0) {
          return failCell(table, recipe, row, cell, `${recipe.length} finite numbers`);
        }
        cell.forEach((value, index) => put(at + index, value));
        return undefined;
      };
    case "text":
      return (row, at, put) => {
        const cell = cellAt(row);
        if (typeof cell !== "string") return failCell(table, recipe, row, cell, "a text");
        putText(cell, recipe, at, put);
        return undefined;
      };
  }
}

function fromTable(recipe: ColumnsRecipe, given: Table): E.Either<FgnError, Features> {
  const table = checkTable(given);
  if (table._tag === "Left") return table;
  const fills: [Fill, number][] = [];
  let at = 0;
  for (const one of recipe.columns) {
    const column = columnOf(given, one.name);
    if (column._tag === "Left") return column;
    fills.push([fillOf(given, column.right, one), at]);
    at += widthOf({ kind: "columns", columns: [one] });
  }
  return gather(given.rows, at, isSparseRecipe(recipe), fills);
}

function fromTexts(rule: TextRule, texts: readonly string[]): E.Either<FgnError, Features> {
  const fill: Fill = (row, at, put) => {
    const text = texts[row];
    if (typeof text !== "string") {
      return failTable(
        null,
        row,
        `row ${row} is ${show(text)}, and no text`,
        "Give texts; leave out those that are missing",
      );
    }
    putText(text, rule, at, put);
    return undefined;
  };
  return gather(texts.length, rule.buckets, isSparseRecipe(rule), [[fill, 0]]);
}

/** What a recipe takes, in words. */
const TAKES: Readonly<Record<FeatureRecipe["kind"], string>> = {
  vector: "rows of numbers, or a matrix",
  sparse: "a sparse matrix",
  text: "a list of texts",
  columns: "a table",
};

/** A matrix that was perhaps not made here, all of whose values are finite. */
function checkWhole(features: Features): E.Either<FgnError, Features> {
  const length = isSparse(features)
    ? checkSparse(features)
    : checkLength("features", features.data.length, features.rows * features.cols);
  if (length._tag === "Left") return length;
  const index = firstNotFinite(features.data, 0, features.data.length);
  return index < 0 ? E.right(features) : failNumber("features", features.data[index], index, features.cols);
}

/** Features that rows are as they are. */
function asTheyAre(rows: ArrayLike<Numbers> | Features, isSparseWanted: boolean): E.Either<FgnError, Features> {
  const features = isMatrix(rows) ? checkWhole(rows) : matrix(rows as ArrayLike<Numbers>);
  return features._tag === "Left" || isSparse(features.right) === isSparseWanted ? features : checkKind(
    "rows",
    rows as Features,
    false,
    TAKES[isSparseWanted ? "sparse" : "vector"],
  );
}

/**
 * The kind of rows, by a look.
 * @internal
 */
export function kindOfRows(rows: Rows): FeatureRecipe["kind"] {
  if (isTable(rows)) return "columns";
  if (isFeatures(rows)) return isSparse(rows as Features) ? "sparse" : "vector";
  return hasLength(rows) && typeof rows[0] === "string" ? "text" : "vector";
}

/** Whether there are no rows, as far as a look tells. */
const isEmpty = (rows: Rows): boolean =>
  isObject(rows) && (isTable(rows) || isMatrix(rows) ? (rows as Table).rows : (rows as readonly string[]).length) === 0;

/**
 * {@link makeFeatures} by a recipe that was checked.
 * @internal
 */
export function featuresOf(recipe: FeatureRecipe, rows: Rows): E.Either<FgnError, Features> {
  if (isEmpty(rows)) return fail("EmptyBatch", {}, "there are no rows", "Give at least one row");
  const wanted = TAKES[recipe.kind];
  switch (recipe.kind) {
    case "columns":
      return isTable(rows) ? fromTable(recipe, rows) : checkKind("rows", rows as never, false, wanted);
    case "text": {
      const areTexts = Array.isArray(rows) && typeof rows[0] === "string";
      return areTexts ? fromTexts(recipe, rows as readonly string[]) : checkKind("rows", rows as never, false, wanted);
    }
    case "vector":
    case "sparse": {
      if (kindOfRows(rows) === "columns") return checkKind("rows", rows as never, false, wanted);
      const features = asTheyAre(rows as ArrayLike<Numbers> | Features, recipe.kind === "sparse");
      return features._tag === "Left" || features.right.cols === recipe.length
        ? features
        : failWidth(recipe.length, features.right.cols, "predict");
    }
  }
}

/**
 * The features of rows, as a recipe says: a matrix, dense or sparse, with a row for each. A table may have columns that
 * the recipe does not name; they are not looked at.
 *
 * Errors: `WrongKind` (rows of another kind than the recipe takes), `EmptyBatch`, `FeatureMismatch`, `InvalidTable` (a
 * column that is missing, a cell that is, or that is of another kind, with its place in the file), `InvalidOption` (the
 * recipe), `OutOfMemory`; those of `matrix` and `sparse`.
 *
 * @example
 * ```ts
 * import { getOrThrow, makeFeatures, table } from "fgn";
 *
 * const town = { kind: "category", name: "town", values: ["Graz", "Ulm"], missing: "refuse" } as const;
 * const rows = getOrThrow(table({ town: ["Ulm", "Graz", "Wien"] }));
 * const features = getOrThrow(makeFeatures({ kind: "columns", columns: [town] }, rows));
 * console.log(features.data); // [0, 1, 1, 0, 0, 0]: Wien is none of them
 * ```
 */
export function makeFeatures(recipe: FeatureRecipe, rows: Rows): E.Either<FgnError, Features> {
  return guard("makeFeatures", { recipe, rows }, () => {
    const checked = checkRecipe(recipe);
    return checked._tag === "Left" ? checked : featuresOf(checked.right, rows);
  });
}
