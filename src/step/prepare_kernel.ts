/**
 * Preparing a kernel: the time that the first step of a program takes beyond the others, spent before it.
 *
 * A first step compiles the kernel, grows and touches its memory, and runs code that the engine has not optimised yet.
 * Engines optimise what has done much work, in the background, and put the new code in place between two calls: so
 * the work to come is done for a while, on examples that are made up, at its own size and with few rows in turn.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { isResult } from "../check/callback.ts";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind } from "../check/kind.ts";
import { checkOptions, FROM_ZERO, type Rule, type Rules, union } from "../check/rule.ts";
import { causeOf, show } from "../check/show.ts";
import { guard } from "../check/total.ts";
import { type Batch, batch } from "../data/batch.ts";
import { allocateFloats, checkSize } from "../check/size.ts";
import { matrix } from "../data/matrix.ts";
import { type Features, sparse } from "../data/sparse.ts";
import { checkModelKind } from "../network/flat.ts";
import { type Network, takesFeatures } from "../network/layer.ts";
import { checkNetwork } from "../network/network.ts";
import { KERNEL, kernelAlone, type KernelOption } from "../problem/session.ts";
import { fgnStep } from "./step.ts";

/** Columns of a full panel: as many rows fewer need the same tiles. */
const PANEL = 16;
/** Steps with few rows between two of the full size. */
const BETWEEN = 8;
/** Steps a millisecond asked for, and in all, after which nothing more is gained: the end where clocks stand still. */
const A_MILLISECOND = 2, MOST = 200;
/** Numbers after which made-up features repeat: a prime, so that rows differ. */
const PERIOD = 1009;
/** Entries of a made-up sparse row. */
const ENTRIES = 16;

/** Options of {@link prepareKernel}. */
export interface PrepareOptions extends KernelOption {
  /**
   * Milliseconds after which no further step begins (default 50); the first, of the full size, is always taken. Where
   * clocks stand still, as in Cloudflare Workers, two steps count as one.
   */
  readonly milliseconds?: number;
  /**
   * The function to prepare for, called with made-up batches: it must not have effects. Default: `fgnStep` with its
   * defaults on `kernel`; another function names its kernel itself.
   */
  readonly run?: (model: Network, batch: Batch) => E.Either<FgnError, unknown>;
}

const PREPARE: Rules<PrepareOptions> = /* @__PURE__ */ union(
  KERNEL,
  {
    milliseconds: FROM_ZERO,
    run: [(value) => typeof value === "function", "a function of a model and a batch"],
  } satisfies Record<string, Rule>,
);

type Run = Required<PrepareOptions>["run"];

/** Time and steps that {@link prepareKernel} took. */
export interface Preparation {
  /** Milliseconds; 0 where clocks stand still. */
  readonly milliseconds: number;
  /** Steps, with few rows and of the full size. */
  readonly steps: number;
}

const numbers = (count: number): E.Either<FgnError, Float32Array> => allocateFloats("made-up examples", count);

/** Values in [−1, 1], the same for the same size. */
function denseFeatures(rows: number, cols: number): E.Either<FgnError, Features> {
  const values = numbers(rows * cols);
  if (values._tag === "Left") return values;
  const data = values.right, first = Math.min(PERIOD, data.length);
  for (let i = 0; i < first; i++) data[i] = (i * 37 % 101) / 50 - 1;
  for (let filled = first; filled < data.length; filled *= 2) data.copyWithin(filled, 0, filled);
  return matrix(rows, cols, data);
}

/** Rows of consecutive columns, each from another one on. */
function sparseFeatures(rows: number, cols: number): E.Either<FgnError, Features> {
  const width = Math.min(ENTRIES, cols), starts = cols - width + 1;
  const values = numbers(rows * width);
  if (values._tag === "Left") return values;
  const offsets = Uint32Array.from({ length: rows + 1 }, (_, row) => row * width);
  const indices = Uint32Array.from(values.right, (_, i) => Math.floor(i / width) * 97 % starts + i % width);
  return sparse(rows, cols, offsets, indices, values.right.fill(0.25));
}

function examples(model: Network, rows: number): E.Either<FgnError, Batch> {
  const { inputs, outputs } = model;
  const features = takesFeatures(model) === "sparse" ? sparseFeatures(rows, inputs) : denseFeatures(rows, inputs);
  if (features._tag === "Left") return features;
  return batch({ features: features.right, labels: Uint32Array.from({ length: rows }, (_, row) => row % outputs) });
}

/** A network that is one. Errors: `WrongKind`, and those of the shapes. */
function checkPreparable(model: Network): E.Either<FgnError, Network> {
  const kind = checkModelKind(model);
  if (kind._tag === "Left") return kind;
  const network = checkKind("the model", model, model._tag === "network", "a network: take a step with your own model");
  return network._tag === "Left" ? network : checkNetwork(network.right);
}

function failRun(value: unknown, what: string): E.Either<FgnError, never> {
  return fail("InvalidOption", { option: "run", value }, `run ${what}`, "Give a function that returns an Either");
}

/** Calls the caller's function, which may be anything. Errors: its own, `InvalidOption` where it fails to give one. */
function call(run: Run, model: Network, data: Batch): E.Either<FgnError, unknown> {
  try {
    const result = run(model, data);
    return isResult(result) ? result : failRun(result, `returned ${show(result)}`);
  } catch (cause) {
    return failRun(cause, `threw ${causeOf(cause, true)}`);
  }
}

/**
 * Takes steps on made-up examples, so that the first real step need not wait for the engine: optional, and without
 * effect on any result. Compiles the kernel, grows its memory to what `rows` examples need and writes to it, and has the
 * engine optimise the code that this network needs. After `releaseKernel` there is a new kernel to prepare.
 *
 * It is synchronous, so call it when nobody waits: at the start of a program, of a worker, in `requestIdleCallback`,
 * there perhaps several times with few milliseconds. Only the network's shape matters.
 *
 * Errors: those of the step, `WrongKind` (also: a model of your own), `InvalidSize`, `InvalidOption`, `OutOfMemory`,
 * `UnsupportedRuntime`, `CompilationForbidden`.
 *
 * @param model the network to come, or one of its shape
 * @param rows examples of the batches to come
 * @example
 * ```ts
 * import { prepareKernel, zeroHead } from "fgn";
 *
 * const head = zeroHead({ features: 384, classes: 100 });
 * if (head._tag === "Right") console.log(prepareKernel(head.right, 128, { milliseconds: 20 })._tag); // Right
 * ```
 */
export function prepareKernel(
  model: Network,
  rows: number,
  options: PrepareOptions = {},
): E.Either<FgnError, Preparation> {
  return guard("prepareKernel", { model, rows, options }, () => prepare(model, rows, options));
}

/** Steps on made-up examples. */
function prepare(model: Network, rows: number, options: PrepareOptions): E.Either<FgnError, Preparation> {
  const began = performance.now();
  const checked = checkOptions(options, PREPARE);
  if (checked._tag === "Left") return checked;
  const network = checkPreparable(model);
  if (network._tag === "Left") return network;
  const size = checkSize("rows", rows, 1);
  if (size._tag === "Left") return size;
  const full = examples(model, rows);
  if (full._tag === "Left") return full;
  const few = examples(model, Math.min(rows, PANEL + rows % PANEL));
  if (few._tag === "Left") return few;
  const option = kernelAlone(checked.right);
  const { milliseconds = 50, run = (own, data) => fgnStep(own, data, undefined, option) } = checked.right;
  const spent = (): number => performance.now() - began, most = Math.min(MOST, A_MILLISECOND * milliseconds);
  let steps = 0;
  do {
    const result = call(run, model, steps % (BETWEEN + 1) === 0 ? full.right : few.right);
    if (result._tag === "Left") return result;
    steps++;
  } while (steps < most && spent() < milliseconds);
  return E.right({ milliseconds: spent(), steps });
}
