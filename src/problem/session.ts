/**
 * Checks a model against examples and opens the kernel for them: the start of every public call.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { type Rules, union } from "../check/rule.ts";
import { type Batch, checkBatchKind, checkClasses, checkTargets } from "../data/batch.ts";
import { checkLength } from "../check/size.ts";
import { checkFeaturesKind, checkSparse, type Features, isSparse } from "../data/sparse.ts";
import { startLayout } from "../kernel/arena.ts";
import { defaultKernel, type Kernel, type LoadedKernel } from "../kernel/kernel.ts";
import { checkModel, type Model } from "../network/model.ts";
import { chooseSystem, isSmall } from "../row_system/choice.ts";
import type { RowSystemKind } from "../solver/row_matrix.ts";
import type { RowNeeds } from "../tape/areas.ts";
import { compile } from "../tape/compile.ts";
import { checkFirstLayer } from "../tape/features.ts";
import { open, type Workspace } from "../tape/workspace.ts";
import { OBJECTIVE, type Objective, objective, type ObjectiveOptions } from "./objective.ts";

/** An option that every call takes. */
export interface KernelOption {
  /** The kernel to run on (default: the simd128 kernel, the same bytes in every runtime). */
  readonly kernel?: Kernel;
}

/**
 * The rule of the kernel.
 * @internal
 */
export const KERNEL: Rules<KernelOption> = {
  // Kernels are only made in kernel/, so each one is loaded; the public type leaves the exports out.
  kernel: [(value) => isObject(value) && typeof value.exports === "object", "a kernel that this library made"],
};

/**
 * The kernel alone of options that say more.
 * @internal
 */
export const kernelAlone = ({ kernel }: KernelOption): KernelOption => kernel === undefined ? {} : { kernel };

/**
 * Rules of an objective and the kernel that it is evaluated on.
 * @internal
 */
export const OBJECTIVE_ON_KERNEL: Rules<ObjectiveOptions & KernelOption> = /* @__PURE__ */ union(OBJECTIVE, KERNEL);

/** Needs of a call, as it states them: a need left out is none. */
export type Wants = Partial<RowNeeds>;

/** Needs of a call in full: written out, since spreading objects costs time on every call (docs/speed.md). */
const needsOf = (wants: Wants, targets: boolean, allFeatures: boolean): RowNeeds => ({
  signals: wants.signals ?? false,
  tangents: wants.tangents ?? false,
  trial: wants.trial ?? false,
  blocks: wants.blocks ?? false,
  moves: wants.moves ?? false,
  allFeatures: wants.allFeatures ?? allFeatures,
  micro: wants.micro ?? null,
  metric: wants.metric ?? false,
  mixed: wants.mixed ?? false,
  products: wants.products ?? false,
  gram: wants.gram ?? false,
  curvature: wants.curvature ?? false,
  targets: wants.targets ?? targets,
  vectors: wants.vectors ?? 0,
  panels: wants.panels ?? 0,
});

/**
 * Needs of a call that states none.
 * @internal
 */
export const NOTHING: RowNeeds = needsOf({}, false, false);

/**
 * What features of another width are for: a model that can still be made to fit, or one that was trained.
 * @internal
 */
export type Purpose = "train" | "predict";

/**
 * A `FeatureMismatch`.
 * @internal
 */
export function failWidth(expected: number, actual: number, purpose: Purpose): E.Either<FgnError, never> {
  return fail(
    "FeatureMismatch",
    { expected, actual },
    `the features have ${actual} columns, the model takes ${expected}`,
    purpose === "train"
      ? "Make the model with as many features as the examples have"
      : `Give features of ${expected} columns, made as those that the model was trained on`,
  );
}

function checkTakes(model: Model, features: Features, purpose: Purpose): E.Either<FgnError, unknown> {
  const whole = checkModel(model);
  if (whole._tag === "Left" || model._tag === "custom") return whole;
  if (features.cols !== model.inputs) {
    return failWidth(model.inputs, features.cols, purpose);
  }
  return checkFirstLayer(model, features);
}

/**
 * Features that match the model. Errors: `WrongKind`, `EmptyBatch`, `FeatureMismatch`, `ShapeMismatch`,
 * `InvalidLayer`, `InvalidSize`, `DonatedParameters`.
 * @internal
 */
export function checkFeatures(
  model: Model,
  given: Features,
  purpose: Purpose = "predict",
): E.Either<FgnError, Features> {
  const kind = checkFeaturesKind("features", given);
  if (kind._tag === "Left") return kind;
  const features = kind.right;
  if (features.rows === 0) {
    return fail("EmptyBatch", {}, "there are no examples", "Give at least one row of features");
  }
  const matched = checkTakes(model, features, purpose);
  if (matched._tag === "Left") return matched;
  const length = isSparse(features)
    ? checkSparse(features)
    : checkLength("features", features.data.length, features.rows * features.cols);
  return length._tag === "Left" ? length : E.right(features);
}

/**
 * A batch that matches the model, in an object of the library's own: what is computed with is what was checked. Errors: those of {@link checkFeatures}, `LabelOutOfRange`.
 * @internal
 */
export function checkBatch(model: Model, given: Batch, purpose: Purpose = "train"): E.Either<FgnError, Batch> {
  const kind = checkBatchKind(given);
  if (kind._tag === "Left") return kind;
  const batch = kind.right;
  const features = checkFeatures(model, batch.features, purpose);
  if (features._tag === "Left") return features;
  const { rows } = batch.features;
  const count = checkLength("labels", batch.labels.length, rows);
  if (count._tag === "Left") return count;
  const weights = checkLength("weights", batch.weights?.length ?? rows, rows);
  if (weights._tag === "Left") return weights;
  const targets = checkTargets(batch.targets, rows, model.outputs);
  if (targets._tag === "Left") return targets;
  const labels = checkClasses(batch.labels, model.outputs);
  return labels._tag === "Left" ? labels : E.right(batch);
}

/**
 * The kernel to run on, by options that were checked. Errors: `KernelBusy`, and those of the default kernel.
 * @internal
 */
export function kernelOf({ kernel }: KernelOption): E.Either<FgnError, LoadedKernel> {
  if (kernel === undefined) return defaultKernel();
  const loaded = kernel as LoadedKernel;
  return !loaded.busy ? E.right(loaded) : fail(
    "KernelBusy",
    {},
    "this kernel is running the step whose model makes this call",
    "Leave the kernel out of calls within a model's functions",
  );
}

/** A workspace with its objective. */
export interface Session {
  readonly ws: Workspace;
  readonly objective: Objective;
}

/**
 * A checked batch and its model in the kernel's memory. Errors: those of {@link checkBatch} and of the
 * objective, `OutOfMemory`, `UnsupportedRuntime`, `CompilationForbidden`.
 * @internal
 */
export function openBatch(
  model: Model,
  batch: Batch,
  wants: Wants,
  options: KernelOption & ObjectiveOptions,
): E.Either<FgnError, Session> {
  const checked = checkBatch(model, batch);
  return checked._tag === "Left" ? checked : openChecked(model, checked.right, wants, options);
}

/**
 * {@link openBatch} for a batch that was checked.
 * @internal
 */
export function openChecked(
  model: Model,
  batch: Batch,
  wants: Wants,
  options: KernelOption & ObjectiveOptions,
): E.Either<FgnError, Session> {
  const aim = objective(batch, model, options);
  if (aim._tag === "Left") return aim;
  const chosen = kernelOf(options);
  if (chosen._tag === "Left") return chosen;
  const { alpha, rest, penalty } = aim.right;
  const needs = needsOf(wants, rest !== null, penalty.l2 > 0);
  const ws = open(chosen.right, model, { features: batch.features, labels: batch.labels, alpha, rest }, needs);
  return ws._tag === "Left" ? ws : E.right({ ws: ws.right, objective: aim.right });
}

/**
 * The form of the row system for a model on features: the requested one, or the cheaper one; that of a model of your own is
 * always matrix-free. Errors: those of the kernel.
 * @internal
 */
export function systemFor(
  model: Model,
  features: Features,
  requested: "auto" | RowSystemKind,
  option: KernelOption,
  twoStage = false,
): E.Either<FgnError, RowSystemKind> {
  if (model._tag === "custom") return E.right("matrixFree");
  if (requested !== "auto") return E.right(requested);
  if (isSmall(features.rows)) return E.right("gram");
  const kernel = kernelOf(option);
  if (kernel._tag === "Left") return kernel;
  const tape = compile(kernel.right, startLayout(kernel.right), model, features, NOTHING);
  return E.right(chooseSystem(tape, twoStage));
}
