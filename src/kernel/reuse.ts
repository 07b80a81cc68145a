/**
 * Workspaces laid out once and used again: a kernel keeps the last one, for calls on problems of the same form.
 *
 * Every layout starts at the same address, so that a workspace stays right whatever was laid out since. It holds
 * addresses and operations, no parameter and no example.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../error.ts";
import { isObject } from "../kind.ts";
import type { CustomModel } from "../network/custom.ts";
import type { Network } from "../network/layer.ts";
import { type Features, isSparse } from "../sparse.ts";
import type { LoadedKernel } from "./kernel.ts";
import type { RowNeeds, Workspace } from "./rows.ts";

/** A value with every array of numbers replaced by its size. */
type Form = unknown;

/** The form of a value. */
function formOf(value: unknown): Form {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (Array.isArray(value)) return value.map(formOf);
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, formOf(part)]))
    : value;
}

/** Whether a value has a form; the arrays are not looked into. */
function hasForm(value: unknown, form: Form): boolean {
  if (ArrayBuffer.isView(value)) return value.byteLength === form;
  if (Array.isArray(value)) {
    return Array.isArray(form) && value.length === form.length && value.every((part, i) => hasForm(part, form[i]));
  }
  if (!isObject(value)) return Object.is(value, form);
  if (!isObject(form) || Array.isArray(form)) return false;
  let count = 0;
  for (const name in value) {
    if (!hasForm(value[name], form[name])) return false;
    count++;
  }
  for (const _ in form) count--;
  return count === 0;
}

interface Kept {
  readonly layers: Form;
  readonly rows: number;
  readonly needs: RowNeeds;
  readonly ws: Workspace;
}

const kept = new WeakMap<LoadedKernel, Kept>();

const layersOf = (model: Network | CustomModel): unknown => model._tag === "network" ? model.layers : null;

/** Whether a tape depends on no values: where it does on the columns of sparse features, and on a model's functions. */
const isPlain = (model: Network | CustomModel, features: Features): boolean =>
  model._tag === "network" && !isSparse(features);

/** The kept workspace if it is of this form, else one that `make` lays out, which is kept. Errors: those of `make`. */
export function reused(
  kernel: LoadedKernel,
  model: Network | CustomModel,
  features: Features,
  needs: RowNeeds,
  make: () => E.Either<FgnError, Workspace>,
): E.Either<FgnError, Workspace> {
  if (!isPlain(model, features)) return make();
  const last = kept.get(kernel);
  if (last?.rows === features.rows && hasForm(needs, last.needs) && hasForm(layersOf(model), last.layers)) {
    return E.right(last.ws);
  }
  const made = make();
  if (made._tag === "Right") {
    kept.set(kernel, { layers: formOf(layersOf(model)), rows: features.rows, needs, ws: made.right });
  }
  return made;
}
