/**
 * Checkpoints: everything that a run needs to go on, as the bytes of a safetensors file with JSON metadata.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { guard } from "../check/total.ts";
import type { Batch } from "../data/batch.ts";
import { decodePlain, encodePlain, isOtherVersion } from "../io/plain.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import { hashOf } from "../math/hash.ts";
import { arraysOf } from "../network/flat.ts";
import { checkModel, type Model, withArrays } from "../network/model.ts";
import { describe } from "../optimizer/describe.ts";
import { asInner, keptBy } from "../optimizer/inner.ts";
import type { Optimizer } from "../optimizer/optimizer.ts";
import type { Checked, TrainOptions } from "./options.ts";
import type { Run } from "./run.ts";
import type { Shrinking } from "./shrinkage.ts";
import type { Steering } from "./steering.ts";
import { giveBack } from "./standardise.ts";

/**
 * Version 1, up to fgn 0.4, names no starting parameters, and its hash no kinds; version 2, of fgn 0.5, has no scales of
 * features.
 */
const FORMAT = "fgn-checkpoint", VERSION = 3;

/** Everything that must be the same for a run to go on with the bytes of an uninterrupted one. */
export interface Identity {
  readonly kernel: string;
  readonly model: string;
  /** The parameters that the run began with. */
  readonly start: string;
  readonly data: string;
  readonly optimizer: string;
  readonly options: string;
}

/** A model in training, by its trainable arrays. */
interface SavedTrainee<S> {
  readonly arrays: readonly Float32Array[];
  readonly state: S;
}

/** The content of a checkpoint. */
interface Saved<S> extends SavedTrainee<S>, Omit<Run<Model, S>, "model" | "state" | "shrinking"> {
  readonly identity: Identity;
  readonly shrinking: Omit<Shrinking<Model, S>, "shadows"> & { readonly shadows: readonly SavedTrainee<S>[] } | null;
}

/** The model without its trainable numbers. */
const withoutNumbers = (model: Model): Model =>
  withArrays(model, arraysOf(model).map(({ length }) => Float32Array.of(length)));

/** What a run goes by. */
export interface Plan<M extends Model, S> {
  readonly train: Batch;
  readonly validation: Batch | null;
  readonly optimizer: Optimizer<M, S>;
  /** The rows that shrinkage is read off; null: the run does not shrink. */
  readonly steering: Steering | null;
  readonly options: TrainOptions<M, S>;
  readonly checked: Checked;
}

/** The identity of a run that starts from a model. */
export function identify<M extends Model, S>(
  model: M,
  { train, validation, optimizer, steering, options, checked }: Plan<M, S>,
  kernel: LoadedKernel,
): Identity {
  const { batchSize, seed, by, patience, standardise, clip } = checked;
  const { classWeights, labelSmoothing, l2, l2Biases, microBatch } = options;
  const shrinkage = steering?._tag ?? "off", chosen = { batchSize, seed, by, patience, standardise, clip, shrinkage };
  const settings = { ...chosen, labelSmoothing, l2, l2Biases, microBatch };
  return {
    kernel: `${kernel.name} ${kernel.hash}`,
    model: hashOf(withoutNumbers(model)),
    start: hashOf(arraysOf(model)),
    data: hashOf({ train, validation }),
    optimizer: describe(optimizer),
    options: JSON.stringify({ ...settings, classWeights: classWeights && Array.from(classWeights, Number) }),
  };
}

/** The content of a file: a run and its hash, by which damage shows. */
interface Sealed<S> extends Saved<S> {
  readonly hash: string;
}

function seal(value: object): string {
  try {
    return hashOf(value);
  } catch {
    // Not plain data; encodePlain says where.
    return "";
  }
}

/** The bytes of a checkpoint. Errors: `NotPlain` for an optimizer whose state is not plain data. */
export function writeCheckpoint<M extends Model, S>(
  { model, shrinking, ...run }: Run<M, S>,
  identity: Identity,
): E.Either<FgnError, Uint8Array> {
  const shadows = shrinking?.shadows.map(({ model, state }) => ({ arrays: arraysOf(model), state })) ?? [];
  const saved: Saved<S> = {
    identity,
    ...run,
    shrinking: shrinking && { ...shrinking, shadows },
    arrays: arraysOf(model),
  };
  const sealed: Sealed<S> = { ...saved, hash: seal(saved) };
  return encodePlain(FORMAT, VERSION, sealed);
}

function refuse(reason: string, remedy: string): E.Either<FgnError, never> {
  return fail("InvalidFile", { what: FORMAT, reason }, `the bytes are no ${FORMAT}: ${reason}`, remedy);
}

/** The content of a checkpoint's bytes. Errors: `InvalidFile`. */
function readSaved<S>(bytes: Uint8Array): E.Either<FgnError, Saved<S>> {
  const decoded = decodePlain(FORMAT, VERSION, bytes);
  if (decoded._tag === "Left") {
    const { left: error } = decoded, isOther = error._tag === "InvalidFile" && isOtherVersion(error.reason);
    return isOther
      ? refuse(error.reason, "End the run with the release of fgn that began it, or begin anew with an empty store")
      : decoded;
  }
  const { hash, ...saved } = Object(decoded.right) as Sealed<S>;
  const whole = "Give the whole file, as this version of the library made it, or an empty store";
  return hash === hashOf(saved) ? E.right(saved) : refuse("it is not as it was written", whole);
}

/** Compares the run that made a checkpoint with the one that would go on from it. Errors: `CheckpointMismatch`. */
function compare(saved: Identity, identity: Identity): E.Either<FgnError, void> {
  const names = Object.keys(identity) as (keyof Identity)[];
  const what = names.find((name) => saved[name] !== identity[name]);
  return what === undefined ? E.right(undefined) : fail(
    "CheckpointMismatch",
    { what, expected: identity[what], actual: saved[what] },
    `the checkpoint was made with ${what === "start" ? "other starting parameters" : `another ${what}`}: ${
      saved[what]
    }, not ${identity[what]}`,
    "Go on with what it was made with, take its parameters with readCheckpoint, or give an empty store",
  );
}

/** A run from the bytes of its checkpoint. Errors: `InvalidFile`, `CheckpointMismatch`. */
export function resumeRun<M extends Model, S>(
  bytes: Uint8Array,
  model: M,
  identity: Identity,
): E.Either<FgnError, Run<M, S>> {
  const read = readSaved<S>(bytes);
  if (read._tag === "Left") return read;
  const { identity: saved, arrays, shrinking, ...run } = read.right;
  const same = compare(saved, identity);
  if (same._tag === "Left") return same;
  const shadows = shrinking?.shadows.map(({ arrays, state }) => ({ model: withArrays(model, arrays), state })) ?? [];
  return E.right({ ...run, shrinking: shrinking && { ...shrinking, shadows }, model: withArrays(model, arrays) });
}

/** Where a checkpoint stands, and what it holds. */
export interface Checkpoint<M extends Model> {
  /** The parameters that its optimizer said to keep. */
  readonly params: M;
  /** The best ones so far by the validation examples; null without. */
  readonly best: M | null;
  /** The epoch under way, from 1. */
  readonly epoch: number;
  /** Steps taken. */
  readonly steps: number;
}

/**
 * Takes the parameters, for raw features, out of a checkpoint of `train`, for a model like the one that was trained and the optimizer that
 * trained it (default: their names are compared, not their settings). Errors: `InvalidFile`, `CheckpointMismatch`,
 * `DonatedParameters`.
 */
export function readCheckpoint<M extends Model, S>(
  bytes: Uint8Array,
  model: M,
  optimizer: Optimizer<M, S>,
): E.Either<FgnError, Checkpoint<M>> {
  return guard("readCheckpoint", { bytes, model, optimizer }, () => takeOut(bytes, model, optimizer));
}

/** The parameters of a checkpoint. */
function takeOut<M extends Model, S>(
  bytes: Uint8Array,
  model: M,
  optimizer: Optimizer<M, S>,
): E.Either<FgnError, Checkpoint<M>> {
  const whole = checkModel(model);
  if (whole._tag === "Left") return whole;
  const inner = asInner(optimizer);
  if (inner.fault) return E.left(inner.fault);
  const read = readSaved<S>(bytes);
  if (read._tag === "Left") return read;
  const { identity, arrays, state, best, epoch, step, scales } = read.right;
  const named = {
    ...identity,
    model: hashOf(withoutNumbers(model)),
    optimizer: identity.optimizer.split("\n")[0] as string,
  };
  const same = compare({ ...identity, optimizer: named.optimizer }, { ...named, optimizer: inner.name });
  if (same._tag === "Left") return same;
  const params = keptBy(inner, withArrays(model, arrays), state);
  if (params._tag === "Left") return params;
  return E.right({
    params: giveBack(params.right, scales),
    best: best && withArrays(model, best.arrays),
    epoch,
    steps: step,
  });
}
