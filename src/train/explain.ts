/**
 * Descriptions of optimizers and of runs by them, for a person.
 *
 * @module
 */

import { orElse } from "../check/total.ts";
import type { Model } from "../network/model.ts";
import { describe } from "../optimizer/describe.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { TrainOptions } from "./options.ts";

/** What train and fit do around an optimizer by these options. */
function notesOf<M extends Model, S>({ standardise = true }: Pick<TrainOptions<M, S>, "standardise">): string[] {
  return [
    standardise
      ? "train: centres and scales the columns of the features that a dense first layer reads, so that their units do not " +
        "matter; what comes back takes raw features"
      : "train: features as they are",
  ];
}

/**
 * Describes an optimizer, what it does and why: its name, then a line for each part, the transforms of a chain last; and
 * what is wrong with it, where it was made of options or arguments that do not fit. With the options of a run, perhaps
 * none, also what `train` and `fit` do around it.
 *
 * @example
 * ```ts
 * import { explain, robust } from "fgn";
 *
 * console.log(explain(robust({ caution: 2 })));
 * console.log(explain(robust(), { standardise: false }));
 * ```
 */
export const explain = <M extends Model, S>(
  optimizer: Optimizer<M, S>,
  training?: Pick<TrainOptions<M, S>, "standardise">,
): string => describe(optimizer, training === undefined ? [] : orElse(() => notesOf(training), []));
