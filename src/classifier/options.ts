/**
 * Options of training a classifier, and their rules.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { checkOptions, FLAG, type Rule, type Rules, SHARE, TWO_OR_MORE, union, without } from "../check/rule.ts";
import type { Batch } from "../data/batch.ts";
import { RECIPE, type RecipeOptions } from "../features/infer.ts";
import type { Network } from "../network/layer.ts";
import type { RobustState } from "../optimizer/robust.ts";
import type { FitOptions } from "../train/fit.ts";
import { ELSEWHERE, FIT } from "../train/options.ts";
import type { LabelledRows } from "./data.ts";

/** Options of {@link trainClassifier}: those of `fit`, of `inferRecipe`, and these. */
export interface ClassifierOptions<S = RobustState>
  extends Omit<FitOptions<Network, S>, "validation" | "classWeights">, Omit<RecipeOptions, "label"> {
  /** Sizes of hidden layers, such as [128] (default: none, a linear head). */
  readonly hidden?: readonly number[];
  /**
   * What to measure on: a share of the rows to hold out, labelled rows of their own, or false: nothing. Default: a tenth,
   * drawn by class, from a hundred rows and ten a class on; else nothing.
   */
  readonly validation?: number | false | LabelledRows;
  /** Whether to fit the temperature on the validation rows, from fifty of them on (default true). */
  readonly temperature?: boolean;
  /** The least probability of a prediction that is not "unsure", or the precision that it is to have. Default: none. */
  readonly threshold?: number | { readonly precision: number };
  /** Weights of the classes by their labels, the others 1; or "balanced": rows/(classes · rows of the class). */
  readonly classWeights?: "balanced" | Readonly<Record<string, number>>;
  /** The most classes that there may be (default 65,536). */
  readonly maxClasses?: number;
}

const isShare = SHARE[0];

const PRECISION: Rule = [
  (value) => typeof value === "number" && value > 0 && value <= 1,
  "a share above 0 and up to 1",
];

const areSizes = (value: unknown): boolean =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 1);

/** What each option may be. */
// deno-lint-ignore no-explicit-any
const OPTIONS: Rules<ClassifierOptions<any>> = /* @__PURE__ */ union(
  /* @__PURE__ */ without(FIT, "validation", "classWeights"),
  /* @__PURE__ */ without(RECIPE, "label"),
  {
    hidden: [areSizes, "a list of sizes, such as [128]"],
    validation: [
      (value) => value === false || isShare(value) || isObject(value),
      "a share in (0, 1), labelled rows, or false",
    ],
    temperature: FLAG,
    threshold: [
      (value) =>
        isObject(value) ? PRECISION[0](value.precision) : typeof value === "number" && value >= 0 && value <= 1,
      "a probability, or { precision: 0.95 }",
    ],
    classWeights: [(value) => value === "balanced" || isObject(value), 'a number for each label, or "balanced"'],
    maxClasses: TWO_OR_MORE,
  } satisfies Record<string, Rule>,
);

/**
 * Options that fit. Errors: `WrongKind`, `InvalidOption`.
 * @internal
 */
export function checkClassifierOptions<S>(options: ClassifierOptions<S>): E.Either<FgnError, ClassifierOptions<S>> {
  const checked = checkOptions(options, OPTIONS, ELSEWHERE);
  if (checked._tag === "Left") return checked;
  const { threshold, validation } = checked.right;
  if (isObject(threshold) && validation === false) {
    return invalid("threshold", "a precision without validation", "a probability, or validation rows to find it on");
  }
  return checked;
}

/**
 * The options of `fit` for data that were prepared.
 * @internal
 */
export function fitOptions<S>(
  options: ClassifierOptions<S>,
  { validation, classWeights }: {
    readonly validation: Batch | null;
    readonly classWeights: readonly number[] | null;
  },
): FitOptions<Network, S> {
  const { validation: _, classWeights: __, ...others } = options;
  return {
    ...Object.fromEntries(Object.entries(others).filter(([name]) => Object.hasOwn(FIT, name))),
    ...(validation === null ? {} : { validation }),
    ...(classWeights === null ? {} : { classWeights }),
  };
}
