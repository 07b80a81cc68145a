/**
 * Options of a training run, and their check.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import {
  checkOptions,
  COUNT,
  faultIn,
  FLAG,
  FUNCTION,
  holding,
  NUMBER,
  oneOf,
  type Rule,
  type Rules,
  SHARE,
  union,
} from "../check/rule.ts";
import type { Elsewhere } from "../check/nearest.ts";
import type { Batch } from "../data/batch.ts";
import type { CheckpointStore } from "../io/store.ts";
import type { Network } from "../network/layer.ts";
import type { Model } from "../network/model.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { RobustState } from "../optimizer/robust.ts";
import type { ObjectiveOptions } from "../problem/objective.ts";
import { type KernelOption, OBJECTIVE_ON_KERNEL } from "../problem/session.ts";

/** When to stop a run that no longer gets better on the validation examples. */
export interface EarlyStopping {
  /** Epochs without a new best before it stops (default 2). */
  readonly patience?: number;
  /** The number that decides which epoch is best (default `loss`). */
  readonly by?: "loss" | "accuracy";
}

/** An AbortSignal, as far as a program without its type has to know one. */
export interface Abortable {
  /** Whether to stop. */
  readonly aborted: boolean;
}

/** Where to keep checkpoints, and how often. */
export interface Checkpointing {
  /** The place for them, such as `fileStore(path)` or `memoryStore()`. */
  readonly store: CheckpointStore;
  /** Steps between checkpoints (default 100); there is one at the end of every epoch, too. */
  readonly every?: number;
}

/**
 * What shrinkage and caution are read off: of `heldOut` a sixteenth of the training rows, class by class and at most 256,
 * which are not trained on; of `folds` all rows, by four runs beside the run, each without a quarter of them, which takes
 * five times as long; of `off` nothing. `auto` is `heldOut` from 2,000 rows with a weight on, `folds` from 100 on with
 * at most 2^18 parameters, else `off`; also where an embedding trains, for which each look at rows takes a pass over its
 * table.
 */
export type ShrinkageOption = "auto" | "heldOut" | "folds" | "off";

/** Options of {@link train}. */
export interface TrainOptions<M extends Model = Network, S = RobustState> extends ObjectiveOptions, KernelOption {
  /** The way to step (default `robust()`, which needs no tuning). */
  readonly optimizer?: Optimizer<M, S>;
  /** Passes over the data (default 5). */
  readonly epochs?: number;
  /** Examples a step (default 128); the last batch of an epoch is smaller. */
  readonly batchSize?: number;
  /** Examples a pass within a step: the same step in less memory. For `fgn`. */
  readonly microBatch?: number;
  /**
   * Whether columns of the features are centred and scaled while training, as `columnScales` says, so that their units do
   * not matter (default true). What comes back takes raw features. Models of your own, and networks whose first layer is
   * frozen, an adapter or of another kind than dense and embedding, see the features as they are.
   */
  readonly standardise?: boolean;
  /**
   * How far from its mean a value counts while training, where columns are standardised: so many times the column's
   * size where it is off its commonest value (default 10; `false` or Infinity: any distance), for dense features. One row
   * far out would set its batch's steps. The trained model, and validation, see values as they are.
   */
  readonly clip?: number | false;
  /** Seed of the shuffling, of the validation split and of the rows that shrinkage is read off (default 0). */
  readonly seed?: number;
  /** Evaluated after every epoch: examples of their own, or the share of the data in (0, 1) to hold out. */
  readonly validation?: Batch | number;
  /** Stops when the validation examples no longer gain, and gives back the best parameters. */
  readonly earlyStopping?: EarlyStopping;
  /**
   * How the model is kept from being surer of itself than it is right: before each step its weights shrink by as much as rows
   * that are not trained on say, by at most a fifth, and not at all where they do not (default `auto`). While these rows are
   * explained less than those of the batches, as where labels are wrong, the damping is multiplied by up to 20, too. For
   * `robust()`, transforms of it, and optimizers of your own that can `shrink`; never by the validation examples.
   */
  readonly shrinkage?: ShrinkageOption;
  /** A step record every so many steps (default 10). */
  readonly reportEvery?: number;
  /** Whether step records tell the batch loss after the step (default false: a forward pass a step). */
  readonly lossAfter?: boolean;
  /** Stops after the step that reaches this many seconds since the call, its first one at the earliest. */
  readonly maxSeconds?: number;
  /** Stops before the next step once aborted. */
  readonly signal?: Abortable;
  /** Keeps checkpoints, and goes on from the one that is there with the bytes of an uninterrupted run. */
  readonly checkpoint?: Checkpointing;
}

/** Options filled in and checked. */
export type Checked = {
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly reportEvery: number;
  readonly maxSeconds: number;
  readonly patience: number;
  readonly by: "loss" | "accuracy";
  readonly every: number;
  readonly standardise: boolean;
  /** Infinity: none. */
  readonly clip: number;
};

/**
 * The default of `clip`.
 * @internal
 */
export const CLIP = 10;

const hasFunctions = (value: unknown, ...names: readonly string[]): boolean =>
  isObject(value) && names.every((name) => typeof value[name] === "function");

const isBatch = (value: unknown): boolean => isObject(value) && isObject(value.features) && isObject(value.labels);

const STOPPING: Rules<EarlyStopping> = { patience: COUNT, by: /* @__PURE__ */ oneOf("loss", "accuracy") };
const KEEPING: Rules<Checkpointing> = {
  store: [(value) => hasFunctions(value, "load", "save"), "a store, such as fileStore(path)"],
  every: COUNT,
};

/** What each option of training may be. */
// deno-lint-ignore no-explicit-any
const TRAIN: Rules<TrainOptions<any, any>> = /* @__PURE__ */ union(
  OBJECTIVE_ON_KERNEL,
  {
    classWeights: [isObject, "a number for each class"],
    optimizer: [(value) => hasFunctions(value, "init", "update", "result"), "an optimizer, such as robust()"],
    epochs: COUNT,
    batchSize: COUNT,
    microBatch: COUNT,
    standardise: FLAG,
    clip: [
      (value) => value === false || (typeof value === "number" && value > 0),
      "a number of deviations above 0, or false",
    ],
    seed: NUMBER,
    validation: [(value) => isBatch(value) || SHARE[0](value), "a share in (0, 1), or a batch"],
    earlyStopping: /* @__PURE__ */ holding(STOPPING, "an object, such as { patience: 2 }"),
    shrinkage: /* @__PURE__ */ oneOf("auto", "heldOut", "folds", "off"),
    reportEvery: COUNT,
    lossAfter: FLAG,
    maxSeconds: [(value) => typeof value === "number" && value > 0, "a positive number of seconds"],
    signal: [(value) => isObject(value) && typeof value.aborted === "boolean", "the signal of an AbortController"],
    checkpoint: /* @__PURE__ */ holding(KEEPING, "an object, such as { store: fileStore(path) }"),
  } satisfies Record<string, Rule>,
);

/**
 * What takes the place of options of training elsewhere.
 * @internal
 */
export const ELSEWHERE: Elsewhere = {
  learningrate: "the damping of the optimizer sets the length of steps",
  lr: "the damping of the optimizer sets the length of steps",
  damping: "it is an option of optimizers, such as fgn",
  momentum: "it is a transform of optimizers",
  normalise: "it is standardise",
  normalize: "it is standardise",
  standardize: "it is standardise",
  scale: "it is standardise",
  verbose: "fit has onProgress, and train gives records",
  callbacks: "fit has onProgress, and train gives records",
  weightdecay: "it is l2, or the transform weightDecay",
  randomstate: "it is seed",
};

/**
 * Rules of the options of `fit`.
 * @internal
 */
export const FIT = /* @__PURE__ */ union(TRAIN, { onProgress: FUNCTION });

/** Checked options as they were given, and those with defaults. */
interface Both<M extends Model, S> {
  readonly given: TrainOptions<M, S>;
  readonly checked: Checked;
}

/**
 * The options, checked, beside those with their defaults. Errors: `WrongKind`, `InvalidOption`; the optimizer's fault.
 * @internal
 */
export function checkTraining<M extends Model, S>(options: TrainOptions<M, S>): E.Either<FgnError, Both<M, S>> {
  const fits = checkOptions(options, TRAIN, ELSEWHERE);
  if (fits._tag === "Left") return fits;
  const { epochs = 5, batchSize = 128, seed = 0, reportEvery = 10, maxSeconds = Infinity, standardise = true } =
    fits.right;
  const { clip: most = standardise && CLIP } = fits.right, clip = most === false ? Infinity : most;
  if (!standardise && clip < Infinity) return invalid("clip", clip, "it with standardise: true");
  const { earlyStopping, checkpoint, validation, optimizer } = fits.right;
  const { patience = 2, by = "loss" } = earlyStopping ?? {}, { every = 100, store } = checkpoint ?? {};
  if (checkpoint !== undefined && store === undefined) return invalid("checkpoint.store", store, KEEPING.store[1]);
  if (earlyStopping !== undefined && validation === undefined) {
    const wanted = "validation examples, or the share of the data to hold out";
    return invalid("earlyStopping", "set without validation", wanted);
  }
  const fault = faultIn(optimizer);
  if (fault) return E.left(fault);
  const checked = { epochs, batchSize, seed, reportEvery, maxSeconds, patience, by, every, standardise, clip };
  return E.right({ given: fits.right, checked });
}
