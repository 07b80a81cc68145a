/**
 * Learning from what has just arrived, new classes included.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkOptions, type Rules, TWO_OR_MORE, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { type Batch, checkBatchKind } from "../data/batch.ts";
import { checkModelKind } from "../network/flat.ts";
import { growClasses } from "../network/grow.ts";
import type { Model } from "../network/model.ts";
import { ONLINE, online, type OnlineOptions, type OnlineState } from "./online.ts";
import { UPDATE, type Update, type UpdateOptions } from "./optimizer.ts";

/** Options of {@link adapt}. */
export interface AdaptOptions extends OnlineOptions, UpdateOptions {
  /** The most classes that a network may grow to (default 65,536): what keeps a wrong label from taking all memory. */
  readonly maxClasses?: number;
}

const ADAPT: Rules<AdaptOptions> = /* @__PURE__ */ union(UPDATE, ONLINE, { maxClasses: TWO_OR_MORE });

/** The number of classes that the labels and targets of a batch need. Errors: `LabelOutOfRange` (beyond the most). */
function classesOf({ labels, targets }: Batch, known: number, most: number): E.Either<FgnError, number> {
  const limit = Math.max(known, most);
  let needed = known;
  for (const [index, label] of labels.entries()) {
    if (label < needed) continue;
    if (label >= limit) {
      return fail(
        "LabelOutOfRange",
        { index, label, classes: limit },
        `example ${index} has label ${label}, but the network may grow to ${limit} classes only`,
        "Number new classes in the order of their arrival, or raise maxClasses",
      );
    }
    needed = label + 1;
  }
  return E.right(Math.max(needed, Math.min(targets?.cols ?? 0, limit)));
}

/** Grows the model to as many classes as a batch needs. A model of your own stays as it is. */
function growFor<M extends Model>(params: M, batch: Batch, most: number): E.Either<FgnError, M> {
  if (params._tag === "custom") return E.right(params);
  const classes = classesOf(batch, params.outputs, most);
  if (classes._tag === "Left") return classes;
  return growClasses(params, classes.right) as E.Either<FgnError, M>;
}

/**
 * One update of {@link online} on one or a few examples, for a network that grows: where a label is beyond its classes,
 * it gets as many as needed first ({@link growClasses}), so that a class is learnt from its first example. Hand
 * parameters and state on to the next call; when it fails, those given are still there, unchanged.
 *
 * With B = 1 and one example a new class the step sees nothing of the known ones. A few known examples in the same batch
 * (three beside each new one) keep more of them, at some cost in new ones (`npm run bench:online`).
 *
 * Errors: `LabelOutOfRange` (beyond `maxClasses`, or of a model of your own), `InvalidLayer` (a network that cannot
 * grow), `InvalidOption`; those of the optimizer's update.
 *
 * @param state of the call before, or of {@link observe}; null or undefined: nothing seen yet
 * @example
 * ```ts
 * import { adapt, batch, matrix, observe, zeroHead } from "fgn";
 * import { pipe } from "fp-ts/lib/function.js";
 * import * as E from "fp-ts/lib/Either.js";
 *
 * const adapted = pipe(
 *   E.Do,
 *   E.bind("head", () => zeroHead({ features: 2, classes: 2 })),
 *   E.bind("known", () => matrix(2, 2, [1, 0, 0, 1])),
 *   E.bind("state", ({ head, known }) => observe(head, null, known)),
 *   E.bind("features", () => matrix(1, 2, [1, 1])),
 *   E.bind("data", ({ features }) => batch({ features, labels: [2] })),
 *   E.chain(({ head, state, data }) => adapt(head, state, data)),
 * );
 * if (adapted._tag === "Right") console.log(adapted.right.params.outputs); // 3
 * ```
 */
export function adapt<M extends Model>(
  params: M,
  state: OnlineState | null | undefined,
  batch: Batch,
  options: AdaptOptions = {},
): E.Either<FgnError, Update<M, OnlineState>> {
  return guard("adapt", { params, state, batch, options }, () => learn(params, state, batch, options));
}

/** An update of the model, grown where it has to be. */
function learn<M extends Model>(
  params: M,
  state: OnlineState | null | undefined,
  batch: Batch,
  options: AdaptOptions,
): E.Either<FgnError, Update<M, OnlineState>> {
  const checked = checkOptions(options, ADAPT);
  if (checked._tag === "Left") return checked;
  const { ratio, maxClasses = 65_536, ...step } = checked.right;
  const kinds = E.chain(() => checkModelKind(params))(checkBatchKind(batch));
  if (kinds._tag === "Left") return kinds;
  const grown = growFor(params, batch, maxClasses);
  if (grown._tag === "Left") return grown;
  const optimizer = online<M>(ratio === undefined ? {} : { ratio });
  return optimizer.update(grown.right, state ?? optimizer.init(grown.right), batch, step);
}
