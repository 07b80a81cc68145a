/**
 * Recipes: how features are made, as plain data that travels with a classifier.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { orElse } from "../check/total.ts";

/** Rows of numbers, of one length, or a matrix: they are features as they are. */
export interface VectorRecipe {
  /** A row is a vector. */
  readonly kind: "vector";
  /** How many numbers it has. */
  readonly length: number;
}

/** A sparse matrix: features as they are. */
export interface SparseRecipe {
  /** A row is that of a sparse matrix. */
  readonly kind: "sparse";
  /** How many columns the matrix has. */
  readonly length: number;
}

/** How a text becomes counts of its character n-grams, hashed into buckets. */
export interface TextRule {
  /** A text. */
  readonly kind: "text";
  /** Number of buckets: features. */
  readonly buckets: number;
  /** The most characters of an n-gram; the least is one. */
  readonly longest: number;
  /** Whether letters become small ones first, of the alphabets that {@link FeatureRecipe} names. */
  readonly lowerCase: boolean;
}

/** Columns of a table, their features one behind the other. */
export interface ColumnsRecipe {
  /** A row is that of a table. */
  readonly kind: "columns";
  /** The columns that count, in this order; a table may have others. */
  readonly columns: readonly ColumnRecipe[];
}

/**
 * How features are made of rows. Texts become counts of n-grams: those of 1 to `longest` characters, the marks of both
 * ends among them, are hashed by CRC-32 of their UTF-8 into buckets; a feature is √(count/total), so that each text has
 * length 1. Small letters are made for Latin, Greek, Cyrillic and Armenian alone, character by character: of these
 * alphabets every engine knows the same, whatever its version of Unicode.
 */
export type FeatureRecipe = VectorRecipe | SparseRecipe | TextRule | ColumnsRecipe;

/** How a column of numbers becomes a feature. */
export interface NumberColumn {
  /** A number. */
  readonly kind: "number";
  /** The column's name. */
  readonly name: string;
  /** What a missing value is imputed with, or null: it is refused. */
  readonly missing: number | null;
}

/** How a column of a few values becomes features: one for each value, 1 where the cell has it and else 0 (one-hot). */
export interface CategoryColumn {
  /** One of a few values. */
  readonly kind: "category";
  /** The column's name. */
  readonly name: string;
  /** The values, as texts; a cell with another one has zeros. */
  readonly values: readonly string[];
  /** Whether a missing value is refused, or has zeros. */
  readonly missing: "refuse" | "zeros";
}

/** A column of vectors, all of one length: features as they are. */
export interface VectorColumn extends VectorRecipe {
  /** The column's name. */
  readonly name: string;
}

/** A column of texts, each of which becomes counts of n-grams. */
export interface TextColumn extends TextRule {
  /** The column's name. */
  readonly name: string;
}

/** How a column becomes features. */
export type ColumnRecipe = NumberColumn | CategoryColumn | VectorColumn | TextColumn;

/** Number of features of one column. */
function columnWidth(column: ColumnRecipe): number {
  switch (column.kind) {
    case "number":
      return 1;
    case "category":
      return column.values.length;
    case "vector":
      return column.length;
    case "text":
      return column.buckets;
  }
}

/** {@link widthOf} for a recipe that was checked. */
function width(recipe: FeatureRecipe): number {
  switch (recipe.kind) {
    case "vector":
    case "sparse":
      return recipe.length;
    case "text":
      return recipe.buckets;
    case "columns":
      return recipe.columns.reduce((sum, column) => sum + columnWidth(column), 0);
  }
}

/**
 * Number of features that a recipe makes; 0 of what is no recipe.
 *
 * @example
 * ```ts
 * import { widthOf } from "fgn";
 *
 * console.log(widthOf({ kind: "vector", length: 384 })); // 384
 * ```
 */
export function widthOf(recipe: FeatureRecipe): number {
  const checked = orElse(() => checkRecipe(recipe), null);
  return checked?._tag === "Right" ? width(checked.right) : 0;
}

/** The widest text or table whose features are dense. */
const WIDEST_DENSE = 4096;

/**
 * Whether a recipe makes a sparse matrix: of one, and of texts and tables with more than 4,096 features.
 * @internal
 */
export const isSparseRecipe = (recipe: FeatureRecipe): boolean =>
  recipe.kind === "sparse" || (recipe.kind !== "vector" && width(recipe) > WIDEST_DENSE);

type Fields = Readonly<Record<string, unknown>>;

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 2 ** 32;

/** The longest n-grams that a recipe may have. */
export const LONGEST = 16;

const isText = (value: unknown): value is string => typeof value === "string";

/** The fields of what is made of a text, or undefined where one does not fit. */
function readText({ buckets, longest, lowerCase }: Fields): TextRule | undefined {
  const fits = isSize(buckets) && isSize(longest) && longest <= LONGEST && typeof lowerCase === "boolean";
  return fits ? { kind: "text", buckets, longest, lowerCase } : undefined;
}

/** A column by its fields, or undefined where one does not fit. */
function readColumn(value: unknown): ColumnRecipe | undefined {
  if (!isObject(value) || !isText(value.name)) return undefined;
  const { kind, name, missing, values, length } = value;
  if (kind === "number" && (missing === null || Number.isFinite(missing))) {
    return { kind, name, missing: missing as number | null };
  }
  if (kind === "category" && (missing === "refuse" || missing === "zeros") && Array.isArray(values)) {
    const texts = values.every(isText) && values.length > 0 && new Set(values).size === values.length;
    return texts ? { kind, name, values: [...values as string[]], missing } : undefined;
  }
  if (kind === "vector") return isSize(length) ? { kind, name, length } : undefined;
  const rule = kind === "text" ? readText(value) : undefined;
  return rule && { ...rule, name };
}

/** A recipe by its fields, or undefined where one does not fit. */
function readRecipe(value: Fields): FeatureRecipe | undefined {
  const { kind, length } = value;
  if (kind === "vector" || kind === "sparse") return isSize(length) ? { kind, length } : undefined;
  if (kind === "text") return readText(value);
  if (kind !== "columns" || !Array.isArray(value.columns) || value.columns.length === 0) return undefined;
  const columns: ColumnRecipe[] = [];
  for (const one of value.columns) {
    const column = readColumn(one);
    if (column === undefined) return undefined;
    columns.push(column);
  }
  return new Set(columns.map(({ name }) => name)).size === columns.length ? { kind, columns } : undefined;
}

/**
 * A recipe from a value of any kind, with its fields in their order and no others. Errors: `InvalidOption`.
 * @internal
 */
export function checkRecipe(value: unknown): E.Either<FgnError, FeatureRecipe> {
  const recipe = isObject(value) ? readRecipe(value) : undefined;
  return recipe !== undefined && isSize(width(recipe))
    ? E.right(recipe)
    : invalid("recipe", value, "a recipe of features, as inferRecipe makes it");
}
