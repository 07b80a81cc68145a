/**
 * Runs opened on their data: new ones, or taken up from a checkpoint.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { callValue } from "../check/callback.ts";
import type { FgnError } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import { callStore } from "../io/storage.ts";
import type { Model } from "../network/model.ts";
import { asInner } from "../optimizer/inner.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import { robust } from "../optimizer/robust.ts";
import { kernelOf } from "../problem/session.ts";
import { identify, type Identity, type Plan, resumeRun, writeCheckpoint } from "./checkpoint.ts";
import { checkTraining, type TrainOptions } from "./options.ts";
import { type Run, startRun } from "./run.ts";
import { splitData } from "./split.ts";
import { scalesFor, startModel } from "./standardise.ts";
import { steer } from "./steering.ts";

/** A run opened on its data. */
export interface Setup<M extends Model, S> extends Plan<M, S> {
  /** The parameters that the caller gave. */
  readonly given: M;
  readonly run: Run<M, S>;
  readonly identity: Identity | null;
}

/** Checks everything, and takes up the checkpoint where there is one. */
export async function setUp<M extends Model, S>(
  params: M,
  data: Batch,
  asked: TrainOptions<M, S>,
): Promise<E.Either<FgnError, Setup<M, S>>> {
  const both = checkTraining(asked);
  if (both._tag === "Left") return both;
  const { given: options, checked } = both.right;
  const split = splitData(params, data, options, checked.seed);
  if (split._tag === "Left") return split;
  // Without an optimizer S is that of robust().
  const optimizer = asInner(options.optimizer ?? (robust<M>() as unknown as Optimizer<M, S>));
  const { train, validation, counts } = split.right;
  const steered = steer(params, train, optimizer, options, checked.seed);
  if (steered._tag === "Left") return steered;
  const steering = steered.right;
  const setup = { given: params, train, validation, optimizer, steering, checked, options };
  // Held-out rows are as good as others to say how large columns are.
  const scales = checked.standardise ? scalesFor(params, train.features, counts, checked.clip) : E.right(null);
  if (scales._tag === "Left") return scales;
  const start = (): E.Either<FgnError, Run<M, S>> =>
    callValue(
      `${optimizer.name}.init`,
      () => startRun(startModel(params, scales.right), scales.right, steering, optimizer, checked.seed),
    );
  if (options.checkpoint === undefined) {
    return E.map((run: Run<M, S>): Setup<M, S> => ({ ...setup, identity: null, run }))(start());
  }
  const kernel = kernelOf(options);
  if (kernel._tag === "Left") return kernel;
  const identity = identify(params, setup, kernel.right);
  const { store } = options.checkpoint, bytes = await callStore("load", () => store.load());
  if (bytes._tag === "Left") return bytes;
  if (bytes.right === null) {
    // An optimizer whose state no file can hold is refused before it has worked for nothing.
    const fresh = start();
    if (fresh._tag === "Left") return fresh;
    const written = writeCheckpoint(fresh.right, identity);
    return written._tag === "Left" ? written : E.right({ ...setup, identity, run: fresh.right });
  }
  const run = resumeRun<M, S>(bytes.right, params, identity);
  return run._tag === "Left" ? run : E.right({ ...setup, identity, run: run.right });
}

/** Saves where the run stands, if it is to be kept. */
export async function save<M extends Model, S>(
  { run, identity, options }: Setup<M, S>,
): Promise<E.Either<FgnError, void>> {
  if (identity === null || options.checkpoint === undefined) return E.right(undefined);
  const { store } = options.checkpoint, bytes = writeCheckpoint(run, identity);
  return bytes._tag === "Left" ? bytes : await callStore("save", () => store.save(bytes.right));
}
