/**
 * Descriptions of optimizers and of runs by them, for a person.
 *
 * @module
 */

import { orElse } from "../check/total.ts";
import type { Model } from "../network/model.ts";
import { describe } from "../optimizer/describe.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import { CLIP, type TrainOptions } from "./options.ts";

/** Options of a run that change what is done around its optimizer. */
type ExplainedOptions<M extends Model, S> = Pick<TrainOptions<M, S>, "standardise" | "clip">;

/** What train and fit do around an optimizer by these options. */
function notesOf<M extends Model, S>({ standardise = true, clip = CLIP }: ExplainedOptions<M, S>): string[] {
  if (!standardise) return ["train: features as they are"];
  const scaled =
    "train: centres and scales the columns of the features that a dense first layer reads, so that their units do not " +
    "matter; what comes back takes raw features";
  const bounded =
    `train: takes values beyond ${clip} of a column's deviations as that far, so that no row sets a step alone`;
  return clip === false || clip === Infinity ? [scaled] : [scaled, bounded];
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
  training?: ExplainedOptions<M, S>,
): string => describe(optimizer, training === undefined ? [] : orElse(() => notesOf(training), []));
