/**
 * Results that depend on the form of values alone, made once and used again while calls are on values of the same form.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";

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

interface Entry<A> {
  readonly form: Form;
  readonly result: A;
}

/**
 * Keeps the last result of each kernel: gives it back for a value of the same form, else makes another. Errors: those
 * of `make`.
 */
export function lastOfForm<A>() {
  const entries = new WeakMap<LoadedKernel, Entry<A>>();
  return (kernel: LoadedKernel, value: unknown, make: () => E.Either<FgnError, A>): E.Either<FgnError, A> => {
    const last = entries.get(kernel);
    if (last !== undefined && hasForm(value, last.form)) return E.right(last.result);
    const result = make();
    if (result._tag === "Right") entries.set(kernel, { form: formOf(value), result: result.right });
    return result;
  };
}
