/**
 * Options of a training run, and their check.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import type { CheckpointStore } from "../io/store.ts";
import type { Network } from "../network/layer.ts";
import type { Model } from "../network/model.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { RobustState } from "../optimizer/robust.ts";
import type { ObjectiveOptions } from "../problem/objective.ts";
import type { KernelOption } from "../problem/session.ts";

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
  /** Seed of the shuffling and of the validation split (default 0). */
  readonly seed?: number;
  /** Evaluated after every epoch: examples of their own, or the share of the data in (0, 1) to hold out. */
  readonly validation?: Batch | number;
  /** Stops when the validation examples no longer gain, and gives back the best parameters. */
  readonly earlyStopping?: EarlyStopping;
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
};

/** An option, its value, whether it fits, and a description of values that do. */
type Rule = readonly [name: string, value: unknown, fits: boolean, wanted: string];

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const hasFunctions = (value: unknown, ...names: readonly string[]): boolean =>
  isObject(value) && names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");

/** Rules for the options that are given, whatever their types are said to be. */
function rulesFor<M extends Model, S>(options: TrainOptions<M, S>): readonly Rule[] {
  const { optimizer, validation, earlyStopping, checkpoint, signal, lossAfter, classWeights } = options;
  const isBatch = isObject(validation) && isObject(validation.features) && isObject(validation.labels);
  const share = typeof validation === "number" && validation > 0 && validation < 1;
  const store = checkpoint?.store, wantsStore = "a store, such as fileStore(path)";
  const rules: readonly Rule[] = [
    ["optimizer", optimizer, hasFunctions(optimizer, "init", "update", "result"), "an optimizer, such as robust()"],
    ["validation", validation, isBatch || share, "a share in (0, 1), or a batch"],
    ["earlyStopping", earlyStopping, isObject(earlyStopping), "an object, such as { patience: 2 }"],
    ["checkpoint", checkpoint, isObject(checkpoint), "an object, such as { store: fileStore(path) }"],
    ["signal", signal, isObject(signal) && typeof signal.aborted === "boolean", "the signal of an AbortController"],
    ["lossAfter", lossAfter, typeof lossAfter === "boolean", "true or false"],
    ["classWeights", classWeights, isObject(classWeights), "a number for each class"],
  ];
  const applicable = rules.filter(([, value]) => value !== undefined);
  return checkpoint === undefined
    ? applicable
    : [...applicable, ["checkpoint.store", store, hasFunctions(store, "load", "save"), wantsStore]];
}

/**
 * The options with their defaults, checked. Errors: `InvalidOption`.
 * @internal
 */
export function checkOptions<M extends Model, S>(options: TrainOptions<M, S>): E.Either<FgnError, Checked> {
  const { epochs = 5, batchSize = 128, seed = 0, reportEvery = 10, maxSeconds = Infinity } = options;
  const { earlyStopping, checkpoint, validation, microBatch = batchSize } = options;
  const { patience = 2, by = "loss" } = earlyStopping ?? {}, { every = 100 } = checkpoint ?? {};
  const whole = { epochs, batchSize, microBatch, reportEvery, "earlyStopping.patience": patience };
  const counts = Object.entries({ ...whole, "checkpoint.every": every });
  const rules: readonly Rule[] = [
    ...counts.map(([name, n]): Rule => [name, n, Number.isSafeInteger(n) && n >= 1, "a whole number from 1"]),
    ...rulesFor(options),
    ["seed", seed, Number.isFinite(seed), "a number"],
    ["maxSeconds", maxSeconds, typeof maxSeconds === "number" && maxSeconds > 0, "a positive number of seconds"],
    ["earlyStopping.by", by, by === "loss" || by === "accuracy", "loss or accuracy"],
    [
      "earlyStopping",
      "set without validation",
      earlyStopping === undefined || validation !== undefined,
      "validation examples, or the share of the data to hold out",
    ],
  ];
  const broken = rules.find(([, , fits]) => !fits);
  if (broken === undefined) return E.right({ epochs, batchSize, seed, reportEvery, maxSeconds, patience, by, every });
  const [name, value, , wanted] = broken;
  return invalid(name, value, wanted);
}
