/**
 * A damping in its tagged form, and the rule that it goes by.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { faultIn } from "../check/rule.ts";
import rules, { constant, type Damping } from "./damping.ts";
import type { Rule } from "./rule.ts";

/** A damping in its tagged form. */
export type TaggedDamping = Exclude<Damping, number>;

/** The rule of a damping, to be asked with states of that damping alone. */
export const ruleOf = ({ _tag }: TaggedDamping): Rule<TaggedDamping> => rules[_tag] as Rule<TaggedDamping>;

/** The tagged form of a damping, checked. Errors: `InvalidDamping`, `InvalidOption`. */
export function checkDamping(damping: Damping): E.Either<FgnError, TaggedDamping> {
  const tagged = typeof damping === "number" ? constant(damping) : damping;
  if (typeof tagged?._tag !== "string" || !Object.hasOwn(rules, tagged._tag)) {
    return invalid("damping", damping, `a number or one of ${Object.keys(rules).join(", ")}`);
  }
  const fault = faultIn(tagged);
  return fault ? E.left(fault) : ruleOf(tagged).check(tagged);
}

/** Whether the steps of a damping are judged by their loss, so that there may be another attempt. */
export const judges = (damping: TaggedDamping): boolean => ruleOf(damping).attempts(damping) !== null;
