/**
 * Rows with labels, as they are given: apart, or as the columns of a table.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkKind, isObject } from "../check/kind.ts";
import { show } from "../check/show.ts";
import { checkLength } from "../check/size.ts";
import type { Features } from "../data/sparse.ts";
import type { Rows } from "../features/features.ts";
import { checkTable, columnOf, placeOf, type Table } from "../features/table.ts";
import { atIndex, type Label, type Labels, type PlaceOf, readLabels } from "./labels.ts";

/** Rows with their labels; or a table, and the name of the column that the labels are in. */
export type LabelledRows =
  | { readonly features: Rows; readonly labels: Labels }
  | { readonly table: Table; readonly label: string };

/** Rows with labels that may name classes. */
export interface Given {
  readonly rows: Rows;
  readonly labels: readonly Label[];
  /** The place of a row's label, for messages. */
  readonly place: PlaceOf;
  /** The column of the labels; null: they lie apart. */
  readonly column: string | null;
}

/**
 * The number of rows, once it is known, is that of the labels. Errors: `ShapeMismatch`.
 * @internal
 */
export const checkCounts = ({ labels }: Given, features: Features): E.Either<FgnError, Features> =>
  E.map(() => features)(checkLength("labels", labels.length, features.rows));

/**
 * Rows with labels of one kind, none missing. Errors: `WrongKind`, `InvalidTable`, `InvalidLabels`.
 * @internal
 */
export function readData(data: LabelledRows): E.Either<FgnError, Given> {
  const wanted = "{ features, labels }, or { table, label }";
  const isOne = isObject(data) && ("features" in data || "table" in data);
  const kind = checkKind("the data", data, isOne, wanted);
  if (kind._tag === "Left") return kind;
  if (!("table" in data)) {
    const labels = readLabels(data.labels);
    return E.map((all: readonly Label[]) => ({ rows: data.features, labels: all, place: atIndex, column: null }))(
      labels,
    );
  }
  const { table, label } = data, checked = checkTable(table);
  if (checked._tag === "Left") return checked;
  const name = checkKind("label", label, typeof label === "string", "the name of the column of the labels");
  if (name._tag === "Left") return name;
  const column = columnOf(table, label);
  if (column._tag === "Left") return column;
  const place: PlaceOf = (row) => `the label at ${placeOf(table, row, label)}`;
  const labels = readLabels(column.right.cells as Labels, place);
  return E.map((all: readonly Label[]) => ({ rows: table, labels: all, place, column: label }))(labels);
}

/** Labels in a message: the first few. */
export const showSome = (labels: readonly Label[]): string =>
  `${labels.slice(0, 5).map(show).join(", ")}${labels.length > 5 ? " …" : ""}`;
