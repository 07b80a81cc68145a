/**
 * Labels: the names of classes, all texts or all numbers, and their numbers.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, hasLength } from "../check/kind.ts";
import { show } from "../check/show.ts";
import type { Column } from "../features/table.ts";

/** The name of a class. */
export type Label = string | number;

/** A label for each row: texts or numbers, of one kind. */
export type Labels = ArrayLike<Label>;

/** The place of a label in words. */
export type PlaceOf = (row: number) => string;

/**
 * The place of a label in a list.
 * @internal
 */
export const atIndex: PlaceOf = (row) => `label ${row}`;

/**
 * An `InvalidLabels`.
 * @internal
 */
export const failLabels = (index: number | null, message: string, remedy: string): E.Either<FgnError, never> =>
  fail("InvalidLabels", { index }, message, remedy);

/** What is wrong with a value as a label; undefined: nothing. */
function faultOf(value: unknown): string | undefined {
  if (value === null || value === undefined || Number.isNaN(value)) return "is missing";
  if (value === "") return "is an empty text";
  if (typeof value === "string" || Number.isFinite(value)) return undefined;
  return `is ${show(value)}`;
}

const MISSING = 'Leave out rows without a label, or give them one of its own, such as "unknown"';

/**
 * Labels that may name classes, all of one kind, in a list of their own; −0 is 0. Errors: `WrongKind`, `InvalidLabels`.
 * @internal
 */
export function readLabels(given: Labels, place: PlaceOf = atIndex): E.Either<FgnError, readonly Label[]> {
  const kind = checkKind("labels", given, hasLength(given), "a list of texts or of numbers");
  if (kind._tag === "Left") return kind;
  const labels: Label[] = [], isText = typeof given[0] === "string";
  for (let row = 0; row < given.length; row++) {
    const label = given[row] as Label, fault = faultOf(label);
    if (fault !== undefined) {
      const remedy = fault.startsWith("is missing") || label === "" ? MISSING : "Give texts, or finite numbers";
      return failLabels(row, `${place(row)} ${fault}`, remedy);
    }
    if ((typeof label === "string") !== isText) {
      const message = `${place(row)} is ${show(label)}, while ${place(0)} is ${show(given[0])}`;
      return failLabels(row, message, "Give labels that are all texts, or all numbers: String(label) makes texts");
    }
    labels.push(typeof label === "number" ? label + 0 : label);
  }
  return E.right(labels);
}

/**
 * The different labels in order: numbers by size, texts by their UTF-16 units.
 * @internal
 */
export function namesOf(labels: readonly Label[]): readonly Label[] {
  const names = [...new Set(labels)];
  return typeof names[0] === "number" ? names.sort((a, b) => (a as number) - (b as number)) : names.sort();
}

/** A text without what often differs by mistake: case, and space about and within it. */
const loosely = (label: Label): string => String(label).trim().replace(/\s+/g, " ").toLowerCase();

/**
 * The label that differs from another by case or space alone, if there is one.
 * @internal
 */
export function similarTo(label: Label, names: readonly Label[]): Label | undefined {
  const loose = loosely(label);
  return names.find((name) => name !== label && loosely(name) === loose);
}

/**
 * Labels, in their order, of which some differ by case or space alone: each group of them.
 * @internal
 */
export function similarLabels(names: readonly Label[]): readonly (readonly Label[])[] {
  const groups = new Map<string, Label[]>();
  for (const name of names) {
    const loose = loosely(name), group = groups.get(loose);
    if (group === undefined) groups.set(loose, [name]);
    else group.push(name);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

/**
 * The number of each label among names. Errors: `InvalidLabels`, for one that is not among them.
 * @internal
 */
export function numberLabels(
  labels: readonly Label[],
  names: readonly Label[],
  place: PlaceOf = atIndex,
): E.Either<FgnError, Uint32Array> {
  const numbers = new Map(names.map((name, index) => [name, index])), classes = new Uint32Array(labels.length);
  for (const [row, label] of labels.entries()) {
    const number = numbers.get(label);
    if (number !== undefined) {
      classes[row] = number;
      continue;
    }
    const similar = similarTo(label, names), known = names.slice(0, 10).map(show).join(", ");
    return failLabels(
      row,
      `${place(row)} is ${show(label)}, which is no class of the classifier`,
      similar !== undefined
        ? `There is ${show(similar)}: write labels alike`
        : `Its classes are ${known}${names.length > 10 ? " …" : ""}: leave out such rows, or learn the class`,
    );
  }
  return E.right(classes);
}

/** The labels that a column of a table holds. */
export const labelsOf = ({ cells }: Column): Labels => cells as Labels;

/**
 * Names of as many classes as a network has, in the order of its classes. Errors: `WrongKind`, `InvalidLabels`.
 * @internal
 */
export function checkNames(given: unknown, classes: number): E.Either<FgnError, readonly Label[]> {
  const names = readLabels(given as Labels);
  if (names._tag === "Left") return names;
  if (names.right.length !== classes) {
    const message = `there are ${names.right.length} labels for ${classes} classes`;
    return failLabels(null, message, "Give a label for each class of the network, in their order");
  }
  const seen = new Set<Label>();
  for (const [index, name] of names.right.entries()) {
    if (seen.has(name)) return failLabels(index, `${show(name)} is there twice`, "Give each class its own label");
    seen.add(name);
  }
  return names;
}
