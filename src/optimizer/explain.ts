/**
 * Descriptions of optimizers, for a person.
 *
 * @module
 */

import { showError } from "../check/error.ts";
import type { Model } from "../network/model.ts";
import { asInner } from "./inner.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * Describes an optimizer, what it does and why: its name, then a line for each part, the transforms of a chain last; and
 * what is wrong with it, where it was made of options or arguments that do not fit.
 *
 * @example
 * ```ts
 * import { explain, robust } from "fgn";
 *
 * console.log(explain(robust({ caution: 2 })));
 * ```
 */
export const explain = <M extends Model, S>(optimizer: Optimizer<M, S>): string => {
  const { name, notes, fault } = asInner(optimizer);
  return [name, ...notes.map((note) => `  - ${note}`), ...(fault ? [`  ! ${showError(fault)}`] : [])].join("\n");
};
