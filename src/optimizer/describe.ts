/**
 * Optimizers in words.
 *
 * @module
 */

import { showError } from "../check/error.ts";
import type { Model } from "../network/model.ts";
import { asInner } from "./inner.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * The name of an optimizer, a line for each part, and what is wrong with it; `more` are lines on what is around it.
 * @internal
 */
export function describe<M extends Model, S>(optimizer: Optimizer<M, S>, more: readonly string[] = []): string {
  const { name, notes, fault } = asInner(optimizer), lines = [...notes, ...more].map((note) => `  - ${note}`);
  return [name, ...lines, ...(fault ? [`  ! ${showError(fault)}`] : [])].join("\n");
}
