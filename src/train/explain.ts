/**
 * Descriptions of optimizers and of runs by them, for a person.
 *
 * @module
 */

import { orElse } from "../check/total.ts";
import type { Model } from "../network/model.ts";
import { describe } from "../optimizer/describe.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import { CLIP, type ShrinkageOption, type TrainOptions } from "./options.ts";

/** Options that change what training does around an optimizer. */
type Around<M extends Model, S> = Pick<TrainOptions<M, S>, "standardise" | "clip" | "shrinkage">;

const WHILE = "while they say that the model is surer of itself than it is right",
  CAREFUL =
    "steps are more careful while these rows are explained less than those stepped on, as where labels are wrong";

/** What each option of shrinkage comes to. */
const shrinkageNotes = (): Readonly<Record<ShrinkageOption, string>> => ({
  auto:
    "from 2,000 rows on keeps a sixteenth of them, at most 256, out of the steps, from 100 on takes the steps of a small " +
    `model in four more runs, each without a quarter of the rows, and shrinks the weights ${WHILE}; ${CAREFUL}`,
  heldOut: `keeps a sixteenth of the rows, at most 256, out of the steps, and shrinks the weights ${WHILE}; ${CAREFUL}`,
  folds:
    `takes the steps in four more runs, each without a quarter of the rows, and shrinks the weights of all ${WHILE}; ${CAREFUL}`,
  off: "steps on every row, does not shrink the weights, and is no more careful for wrong labels",
});

/** What train and fit do around an optimizer by these options. */
function notesOf<M extends Model, S>(
  { shrink }: Optimizer<M, S>,
  { standardise = true, clip = CLIP, shrinkage = "auto" }: Around<M, S>,
): string[] {
  const bounded = standardise && clip !== false && clip < Infinity;
  return [
    standardise
      ? "train: centres and scales the columns of the features that a dense first layer reads, so that their units do not " +
        "matter; what comes back takes raw features"
      : "train: features as they are",
    ...(bounded
      ? [`train: takes values beyond ${clip} of a column's deviations as that far, so that no row sets a step alone`]
      : []),
    `train: ${shrinkageNotes()[shrink === undefined ? "off" : shrinkage]}`,
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
  training?: Around<M, S>,
): string => describe(optimizer, training === undefined ? [] : orElse(() => notesOf(optimizer, training), []));
