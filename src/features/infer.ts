/**
 * Recipes from rows: what each column is, found from its cells.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, hasLength, isFloats } from "../check/kind.ts";
import { checkOptions, COUNT, FLAG, oneOf, type Rule, type Rules } from "../check/rule.ts";
import { valueAt } from "../check/numbers.ts";
import { show } from "../check/show.ts";
import { guard } from "../check/total.ts";
import { isMatrix } from "../data/matrix.ts";
import type { Features } from "../data/sparse.ts";
import { kindOfRows, type Rows } from "./features.ts";
import { checkRecipe, type ColumnRecipe, type FeatureRecipe, LONGEST, type TextRule } from "./recipe.ts";
import { type Cell, checkTable, type Column, columnOf, failTable, placeOf, type Table } from "./table.ts";

/** Options of {@link inferRecipe}. */
export interface RecipeOptions {
  /** Columns of a table to make features of, by name (default: all but the label's). */
  readonly columns?: readonly string[];
  /** The column of the labels, which no feature is made of. */
  readonly label?: string;
  /** Columns whose texts become n-grams, by name (default: none; columns of texts have a feature for each value). */
  readonly text?: readonly string[];
  /**
   * What to do about missing cells: refuse them (the default), or impute the mean for numbers and zeros for texts of a few
   * values. Vectors and texts to be hashed are refused where they are missing.
   */
  readonly missing?: "refuse" | "impute";
  /** The most values of a column of texts that has a feature for each (default 50). */
  readonly maxValues?: number;
  /** Features of a text (default 2,048). Up to 4,096 they are dense, from which classifiers learn best; beyond, sparse. */
  readonly buckets?: number;
  /** The most characters of an n-gram, up to 16 (default 3). */
  readonly longest?: number;
  /** Whether texts are put into small letters (default true). */
  readonly lowerCase?: boolean;
}

/** Whether a value is a list of texts. */
const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
const NAMES: Rule = [isTexts, "a list of names of columns"];

/**
 * Rules of {@link RecipeOptions}.
 * @internal
 */
export const RECIPE: Rules<RecipeOptions> = {
  columns: NAMES,
  label: [(value) => typeof value === "string", "the name of a column"],
  text: NAMES,
  missing: /* @__PURE__ */ oneOf("refuse", "impute"),
  maxValues: COUNT,
  buckets: [
    (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 2 ** 30,
    "a whole number from 1 to 2³⁰",
  ],
  longest: [
    (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= LONGEST,
    "a whole number from 1 to 16",
  ],
  lowerCase: FLAG,
};

const textRule = ({ buckets = 2048, longest = 3, lowerCase = true }: RecipeOptions): TextRule => ({
  kind: "text",
  buckets,
  longest,
  lowerCase,
});

/** The cells of a column that are not missing, and the row of the first that is; −1: none is. */
function presentCells({ cells }: Column): { readonly present: Cell[]; readonly firstMissing: number } {
  const present: Cell[] = [];
  let firstMissing = -1;
  for (let row = 0; row < cells.length; row++) {
    const cell = cells[row] ?? null;
    if (cell !== null && !Number.isNaN(cell)) present.push(cell);
    else if (firstMissing < 0) firstMissing = row;
  }
  return { present, firstMissing };
}

/** The mean of finite numbers; others have a fault of their own. */
function meanOf(numbers: readonly number[]): number {
  let sum = 0, count = 0;
  for (const number of numbers) {
    if (!Number.isFinite(number)) continue;
    sum += number;
    count++;
  }
  return count === 0 ? 0 : sum / count;
}

/** A column of texts, or of texts and numbers, as a feature for each value, in order. */
function categories(
  column: Column,
  present: readonly Cell[],
  options: RecipeOptions,
): E.Either<FgnError, ColumnRecipe> {
  const { name } = column, { maxValues = 50, missing = "refuse" } = options;
  const values = [...new Set(present.map(String))].sort();
  if (values.length > maxValues) {
    return failTable(
      name,
      null,
      `the column ${
        show(name)
      } has ${values.length} different texts, more than the ${maxValues} that get a feature each`,
      `Name it in text: [${show(name)}] where it is to be read, leave it out of columns, or raise maxValues`,
    );
  }
  return E.right({ kind: "category", name, values, missing: missing === "impute" ? "zeros" : "refuse" });
}

function columnRecipe(table: Table, column: Column, options: RecipeOptions): E.Either<FgnError, ColumnRecipe> {
  const { name } = column, { present, firstMissing } = presentCells(column);
  if (options.text?.includes(name)) return E.right({ ...textRule(options), name });
  const [first] = present;
  if (first === undefined) {
    return failTable(name, null, `the column ${show(name)} has no values`, "Leave it out of columns");
  }
  const isImputed = options.missing === "impute";
  if (firstMissing >= 0 && !isImputed) {
    const message = `${placeOf(table, firstMissing, name)} is missing`;
    return failTable(name, firstMissing, message, 'Leave out such rows or the column, or say missing: "impute"');
  }
  if (present.every((cell) => typeof cell === "number")) {
    return E.right({ kind: "number", name, missing: isImputed ? meanOf(present) : null });
  }
  if (isFloats(first)) return E.right({ kind: "vector", name, length: first.length });
  const strange = column.cells.findIndex((cell: Cell) =>
    cell !== null && typeof cell !== "string" && typeof cell !== "number"
  );
  if (strange < 0) return categories(column, present, options);
  const message = `${placeOf(table, strange, name)} is ${show(column.cells[strange])}, in a column that begins with ${
    show(first)
  }`;
  return failTable(name, strange, message, "Give a column cells of one kind");
}

function inferColumns(table: Table, options: RecipeOptions): E.Either<FgnError, FeatureRecipe> {
  const checked = checkTable(table);
  if (checked._tag === "Left") return checked;
  const { columns = table.columns.map(({ name }) => name), label, text = [] } = options, recipes: ColumnRecipe[] = [];
  if (table.rows === 0) return fail("EmptyBatch", {}, "the table has no rows", "Give at least one row");
  for (const name of text) {
    const known = columnOf(table, name);
    if (known._tag === "Left") return known;
  }
  for (const name of columns) {
    if (name === label) continue;
    const column = columnOf(table, name);
    if (column._tag === "Left") return column;
    const recipe = columnRecipe(table, column.right, options);
    if (recipe._tag === "Left") return recipe;
    recipes.push(recipe.right);
  }
  return recipes.length > 0 ? E.right({ kind: "columns", columns: recipes }) : failTable(
    null,
    null,
    "the table has no column to make features of",
    "Give a table with columns beside the label",
  );
}

/**
 * {@link inferRecipe} with options that were checked.
 * @internal
 */
export function recipeOf(rows: Rows, options: RecipeOptions): E.Either<FgnError, FeatureRecipe> {
  const kind = kindOfRows(rows);
  if (kind === "columns") return inferColumns(rows as Table, options);
  if (kind === "text") return E.right(textRule(options));
  if (isMatrix(rows)) return E.right({ kind, length: (rows as Features).cols });
  const first = hasLength(rows) ? valueAt(rows as ArrayLike<unknown>, 0) : undefined;
  const isRow = hasLength(first) && first.length > 0;
  const known = checkKind("rows", rows, isRow, "rows of numbers, a matrix, texts or a table");
  return known._tag === "Left" ? known : checkRecipe({ kind, length: (first as ArrayLike<unknown>).length });
}

/**
 * The recipe of the features of rows, to be kept and used for other rows like them. Rows of numbers and matrices are
 * features as they are, texts become n-grams. In a table a column of numbers is a feature, a column of vectors as many as
 * they have numbers, and a column of texts, or of texts and numbers, one for each value, up to 50; columns named in `text`
 * become n-grams. Nothing is scaled: `fit` does that.
 *
 * Errors: `WrongKind`, `EmptyBatch`, `InvalidOption`, `InvalidTable` (a column that is not there, has no values or too many,
 * or a cell that is missing, with its place).
 *
 * @example
 * ```ts
 * import { getOrThrow, inferRecipe, table } from "fgn";
 *
 * const people = getOrThrow(table({ age: [30, null, 54], town: ["Ulm", "Graz", "Ulm"], pays: ["yes", "no", "yes"] }));
 * const { columns } = getOrThrow(inferRecipe(people, { label: "pays", missing: "impute" })) as import("fgn").ColumnsRecipe;
 * console.log(columns[0]); // { kind: "number", name: "age", missing: 42 }
 * console.log(columns[1]); // { kind: "category", name: "town", values: ["Graz", "Ulm"], missing: "zeros" }
 * ```
 */
export function inferRecipe(rows: Rows, options: RecipeOptions = {}): E.Either<FgnError, FeatureRecipe> {
  return guard("inferRecipe", { rows, options }, () => {
    const checked = checkOptions(options, RECIPE);
    return checked._tag === "Left" ? checked : recipeOf(rows, checked.right);
  });
}
