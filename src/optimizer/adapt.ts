/**
 * Learning from what has just arrived, new classes included.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { checkOptions, type Rules, TWO_OR_MORE, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { type Batch, checkBatchKind } from "../data/batch.ts";
import { listArrays } from "../network/arrays.ts";
import { checkModelKind } from "../network/flat.ts";
import { growClasses } from "../network/grow.ts";
import type { Network } from "../network/layer.ts";
import type { Model } from "../network/model.ts";
import { ONLINE, online, type OnlineOptions, type OnlineState, widthsFor } from "./online.ts";
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

/** Whether the last layer with arrays is all zeros, so that every class is as likely as the others. */
function knowsNothing({ layers }: Network): boolean {
  const arrays = layers.map((layer) => listArrays([layer], true)).filter(({ length }) => length > 0);
  return arrays.at(-1)?.every((array) => array.every((v) => v === 0)) ?? true;
}

/**
 * The state to begin with. Moments say what the network knows; a step by those of a few new examples alone undoes it.
 * Errors: `InvalidState`.
 */
function startFrom<M extends Model>(
  params: M,
  state: OnlineState | "forget" | null | undefined,
  batch: Batch,
  options: UpdateOptions,
): E.Either<FgnError, OnlineState> {
  const start = online<M>().init(params);
  if (state === "forget") return E.right(start);
  const current = state ?? start, layers: unknown = isObject(current) ? current.layers : undefined;
  const isEmpty = Array.isArray(layers) && layers.length === 0;
  if (!isEmpty || params._tag === "custom" || knowsNothing(params) || widthsFor(params, batch, options).length === 0) {
    return E.right(current);
  }
  return fail(
    "InvalidState",
    { path: "layers", value: layers },
    "the state has no moments of the inputs that the network knows: this update would undo what it has learnt",
    'Give the state of observe(model, null, known features), or "forget" to begin with the new examples alone',
  );
}

/**
 * One update of {@link online} on one or a few examples, for a network that grows: where a label is beyond its classes,
 * it gets as many as needed first ({@link growClasses}), so that a class is learnt from its first example. Hand
 * parameters and state on to the next call; when it fails, those given are still there, unchanged.
 *
 * With B = 1 and one example a new class the step sees nothing of the known ones. A few known examples in the same batch
 * (three beside each new one) keep more of them, at some cost in new ones (`npm run bench:online`).
 *
 * A network that has learnt something needs moments of what it knows, by {@link observe}: with those of the new examples
 * alone a step undoes the rest. Without them the state may be null where the last layer is zeros, as that of `zeroHead`,
 * and where no layer has moments; else say `"forget"`, at the first call, to give up what the network knows.
 *
 * Errors: `LabelOutOfRange` (beyond `maxClasses`, or of a model of your own), `InvalidLayer` (a network that cannot
 * grow), `InvalidOption`, `InvalidState` (no moments, as above, or a state that no update gives); those of the optimizer's
 * update.
 *
 * @param state of the call before, or of {@link observe}; null or undefined: nothing learnt yet; `"forget"`
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
  state: OnlineState | "forget" | null | undefined,
  batch: Batch,
  options: AdaptOptions = {},
): E.Either<FgnError, Update<M, OnlineState>> {
  return guard("adapt", { params, state, batch, options }, () => learn(params, state, batch, options));
}

/** An update of the model, grown where it has to be. */
function learn<M extends Model>(
  params: M,
  state: OnlineState | "forget" | null | undefined,
  examples: Batch,
  options: AdaptOptions,
): E.Either<FgnError, Update<M, OnlineState>> {
  const checked = checkOptions(options, ADAPT);
  if (checked._tag === "Left") return checked;
  const { ratio, maxClasses = 65_536, ...step } = checked.right;
  const read = checkBatchKind(examples);
  if (read._tag === "Left") return read;
  const batch = read.right, kind = checkModelKind(params);
  if (kind._tag === "Left") return kind;
  const grown = growFor(params, batch, maxClasses);
  if (grown._tag === "Left") return grown;
  const start = startFrom(grown.right, state, batch, step);
  if (start._tag === "Left") return start;
  return online<M>(ratio === undefined ? {} : { ratio }).update(grown.right, start.right, batch, step);
}
