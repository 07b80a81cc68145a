/**
 * What a training run is asked for.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { Batch } from "../batch.ts";
import { type FgnError, invalid } from "../error.ts";
import type { CheckpointStore } from "../io/store.ts";
import type { Network } from "../network/layer.ts";
import type { Model } from "../network/model.ts";
import type { ObjectiveOptions } from "../objective.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { RobustState } from "../optimizer/robust.ts";
import type { KernelOption } from "../session.ts";

/** When to stop a run that no longer gets better on the validation examples. */
export interface EarlyStopping {
  /** Epochs without a new best before it stops (default 2). */
  readonly patience?: number;
  /** What counts (default `loss`). */
  readonly by?: "loss" | "accuracy";
}

/** Where to keep checkpoints, and how often. */
export interface Checkpointing {
  /** Such as `fileStore` or `memoryStore`. */
  readonly store: CheckpointStore;
  /** Steps between checkpoints (default 100); there is one at the end of every epoch, too. */
  readonly every?: number;
}

/** Options of {@link train}. */
export interface TrainOptions<M extends Model = Network, S = RobustState> extends ObjectiveOptions, KernelOption {
  /** How to step (default `robust()`, which needs no tuning). */
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
  /** Stops after the step that reaches this many seconds. */
  readonly maxSeconds?: number;
  /** Stops before the next step once aborted. */
  readonly signal?: AbortSignal;
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

/** Internal. Errors: `InvalidOption`. */
export function checkOptions<M extends Model, S>(options: TrainOptions<M, S>): E.Either<FgnError, Checked> {
  const { epochs = 5, batchSize = 128, seed = 0, reportEvery = 10, maxSeconds = Infinity } = options;
  const { earlyStopping, checkpoint, validation, microBatch = batchSize } = options;
  const { patience = 2, by = "loss" } = earlyStopping ?? {};
  const every = checkpoint?.every ?? 100;
  const whole = { epochs, batchSize, microBatch, reportEvery, patience, "checkpoint.every": every };
  for (const [name, value] of Object.entries(whole)) {
    if (!(Number.isSafeInteger(value) && value >= 1)) return invalid(name, value, "a whole number from 1");
  }
  if (!Number.isFinite(seed)) return invalid("seed", seed, "a number");
  if (!(maxSeconds > 0)) return invalid("maxSeconds", maxSeconds, "a positive number of seconds");
  if (by !== "loss" && by !== "accuracy") return invalid("earlyStopping.by", by, "loss or accuracy");
  if (earlyStopping !== undefined && validation === undefined) {
    return invalid(
      "earlyStopping",
      "set without validation",
      "validation examples, or the share of the data to hold out",
    );
  }
  if (typeof validation === "number" && !(validation > 0 && validation < 1)) {
    return invalid("validation", validation, "a share in (0, 1), or a batch");
  }
  if (checkpoint !== undefined && typeof checkpoint.store?.save !== "function") {
    return invalid("checkpoint.store", checkpoint.store, "a store, such as fileStore(path)");
  }
  return E.right({ epochs, batchSize, seed, reportEvery, maxSeconds, patience, by, every });
}
