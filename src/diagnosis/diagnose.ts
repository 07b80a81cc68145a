/**
 * Whether Fast Gauss-Newton suits a problem: what it drops, and how far its step is from the full one.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkOptions, COUNT, type Rules, TWO_OR_MORE, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { constant, type Damping, relative } from "../damping/damping.ts";
import type { Batch } from "../data/batch.ts";
import { type OddColumn, oddColumns } from "../data/scales.ts";
import { symmetricEigenvalues } from "../math/eigenvalues.ts";
import { arraysOf } from "../network/flat.ts";
import type { Model } from "../network/model.ts";
import { rowSystem } from "../passes/gradient.ts";
import type { ObjectiveOptions } from "../problem/objective.ts";
import { type KernelOption, OBJECTIVE_ON_KERNEL } from "../problem/session.ts";
import { ggnStep } from "../step/ggn.ts";
import { fgnStep, type Step } from "../step/step.ts";
import { type Competitors, droppedCurvature, type Traces } from "./dropped.ts";

/** Options of {@link diagnose}. */
export interface DiagnoseOptions extends ObjectiveOptions, KernelOption {
  /** Conjugate gradient on the full system stops after this many iterations (default 500). */
  readonly maxIterations?: number;
  /** Samples of a trace that is estimated, at least 2 (default 32). */
  readonly samples?: number;
}

const DIAGNOSE: Rules<DiagnoseOptions> = /* @__PURE__ */ union(OBJECTIVE_ON_KERNEL, {
  maxIterations: COUNT,
  samples: TWO_OR_MORE,
});

/** The FGN step d = −(H + λI)⁻¹g beside the full Gauss-Newton step d* = −(G + λI)⁻¹g. */
export interface StepComparison {
  /** λ of both, resolved from the damping on this batch. */
  readonly lambda: number;
  /** The cosine ⟨d, d*⟩/(‖d‖ ‖d*‖); 1 where both steps are zero. */
  readonly cosine: number;
  /** ‖d − d*‖/‖d*‖; 0 where both steps are zero. */
  readonly relativeError: number;
  /** 2⁻²⁴ ‖θ‖/‖d*‖: steps are taken from float32 parameters, so cosine and error are good to about this. */
  readonly rounding: number;
  /** The objective at the given parameters. */
  readonly lossBefore: number;
  /** The objective after the FGN step. */
  readonly lossAfterFgn: number;
  /** The objective after the full step. */
  readonly lossAfterGgn: number;
  /** Iterations of conjugate gradient, preconditioned by the FGN inverse, to the full step. */
  readonly iterations: number;
  /** Whether they reached the relative residual 1e-5; else d* is only as good as `residual` says. */
  readonly converged: boolean;
  /** ‖g + (G + λI)d*‖/‖g‖. */
  readonly residual: number;
}

/** The spectrum of the row system S = diag(w) K diag(w), whose nonzero eigenvalues are those of H. */
export interface Spectrum {
  /** B eigenvalues, descending; those that rounding put below zero are zero. */
  readonly eigenvalues: Float64Array;
  /** Effective dimension Σ μ/(μ + λ) of the eigenvalues μ: directions in which damping does not rule the step. */
  readonly effectiveDimension: number;
  /** Condition number of S + λI. */
  readonly condition: number;
}

/** The findings of {@link diagnose} on a batch. */
export interface Diagnosis {
  /** B, the examples of the batch. */
  readonly examples: number;
  /** C, the classes of the model. */
  readonly classes: number;
  /** The distributions of the probability beside the true class. */
  readonly competitors: Competitors;
  /** The full curvature's trace, split into the part that FGN keeps and the one that it drops. */
  readonly traces: Traces;
  /** The FGN step beside the full one. */
  readonly steps: StepComparison;
  /**
   * Columns whose size is beyond 1,000 times from the median one, or whose mean is beyond 1,000 deviations from 0: these
   * spoil steps on raw features.
   */
  readonly columns: readonly OddColumn[];
  /** The row system's eigenvalues; undefined above 1024 examples and for models of your own, which have no Gram matrix. */
  readonly spectrum: Spectrum | undefined;
}

/** Sizes of columns, in median ones, and means, in deviations, that are told beyond this. */
const FAR = 1000;

/** Relative residual of the full step, and examples up to which the spectrum is computed (B³ multiply-adds). */
const TOLERANCE = 1e-5, SPECTRUM_ROWS = 1024;

/** after − before, in float64. */
function difference(after: Model, before: Model): Float64Array {
  const from = arraysOf(before), to = arraysOf(after);
  const out = new Float64Array(to.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  to.forEach((array, k) => {
    const start = from[k] as Float32Array;
    for (let i = 0; i < array.length; i++) out[at++] = (array[i] as number) - (start[i] as number);
  });
  return out;
}

const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, v, i) => sum + v * (y[i] as number), 0);
const norm = (x: Float64Array): number => Math.sqrt(dot(x, x));

/** ‖θ‖. */
const sizeOf = (model: Model): number =>
  Math.sqrt(arraysOf(model).reduce((sum, array) => sum + array.reduce((part, v) => part + v * v, 0), 0));

function compare(params: Model, fgn: Step<Model>, ggn: Step<Model>): StepComparison {
  const d = difference(fgn.params, params), full = difference(ggn.params, params);
  const size = norm(d), fullSize = norm(full), weight = sizeOf(params);
  const none = size === 0 && fullSize === 0;
  const { report } = ggn;
  return {
    lambda: report.lambda,
    cosine: none ? 1 : dot(d, full) / (size * fullSize),
    relativeError: none ? 0 : norm(d.map((v, i) => v - (full[i] as number))) / fullSize,
    rounding: weight === 0 ? 0 : 2 ** -24 * weight / fullSize,
    lossBefore: report.lossBefore,
    lossAfterFgn: fgn.report.lossAfter as number,
    lossAfterGgn: report.lossAfter as number,
    iterations: report.iterations,
    converged: report.stop === "converged",
    residual: report.residual,
  };
}

/** Both steps at the λ that the damping gives. */
function compareSteps(
  params: Model,
  batch: Batch,
  damping: Damping,
  maxIterations: number,
  options: ObjectiveOptions & KernelOption,
): E.Either<FgnError, StepComparison> {
  const keeping = { ...options, donate: false };
  const resolved = fgnStep(params, batch, damping, { ...keeping, lossAfter: false });
  if (resolved._tag === "Left") return resolved;
  const same = constant(resolved.right.report.lambda);
  const fgn = fgnStep(params, batch, same, keeping);
  if (fgn._tag === "Left") return fgn;
  const ggn = ggnStep(params, batch, same, {
    ...keeping,
    preconditioner: "fgn",
    tolerance: TOLERANCE,
    maxIterations,
  });
  return ggn._tag === "Left" ? ggn : E.right(compare(params, fgn.right, ggn.right));
}

function spectrumOf(
  params: Model,
  batch: Batch,
  lambda: number,
  options: ObjectiveOptions & KernelOption,
): E.Either<FgnError, Spectrum | undefined> {
  const rows = batch.labels.length;
  if (params._tag === "custom" || rows > SPECTRUM_ROWS) return E.right(undefined);
  const system = rowSystem(params, batch, options);
  if (system._tag === "Left") return system;
  const { gram, rowWeights: w } = system.right;
  const whitened = gram.map((k, at) => (w[Math.floor(at / rows)] as number) * k * (w[at % rows] as number));
  const eigenvalues = symmetricEigenvalues(rows, whitened).map((mu) => Math.max(mu, 0));
  const lambdaPrime = lambda + (options.l2 ?? 0);
  return E.right({
    eigenvalues,
    effectiveDimension: eigenvalues.reduce((sum, mu) => sum + mu / (mu + lambdaPrime), 0),
    condition: ((eigenvalues[0] as number) + lambdaPrime) / ((eigenvalues[rows - 1] as number) + lambdaPrime),
  });
}

/**
 * Tells from one batch whether FGN suits a problem. The full Gauss-Newton matrix splits exactly, G = H + (G − H):
 *
 *     diag(p) − p pᵀ = p_y s (e_y − q)(e_y − q)ᵀ + s (diag(q) − q qᵀ),    s = 1 − p_y,
 *
 * with q the softmax over the competitors of the true class. FGN keeps the first part. It is close to the full
 * step where the competitors are few (‖q‖² near 1) or the damping is large beside what is dropped.
 *
 * It costs a few steps and up to `maxIterations` products with G, for a network with C ≤ 64 classes C backward
 * passes, and B³ for the spectrum: for looking at, not for every step. With an ℓ2 penalty λ is λ + ℓ2 throughout.
 * Pure and seeded: the same arguments give the same bytes. Errors: as `fgnStep`.
 *
 * Source: Korbit and Zanon, arXiv 2605.06081 (the split); Hutchinson 1990 (traces of models of your own).
 *
 * @param params a network or a model of your own, P parameters
 * @param batch B examples
 * @param damping as for `fgnStep`; Levenberg–Marquardt raises λ until the loss falls, as there
 * @example
 * ```ts
 * import { batch, diagnose, matrix, showDiagnosis, zeroHead } from "fgn";
 *
 * const head = zeroHead({ features: 2, classes: 3 });
 * const features = matrix(3, 2, [1, 0, 0, 1, 1, 1]);
 * if (head._tag === "Right" && features._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1, 2] });
 *   const diagnosis = data._tag === "Right" ? diagnose(head.right, data.right) : data;
 *   if (diagnosis._tag === "Right") console.log(showDiagnosis(diagnosis.right));
 * }
 * ```
 */
export function diagnose(
  params: Model,
  batch: Batch,
  damping: Damping = relative(1),
  options: DiagnoseOptions = {},
): E.Either<FgnError, Diagnosis> {
  return guard("diagnose", { params, batch, damping, options }, () => examine(params, batch, damping, options));
}

/** A diagnosis from one batch. */
function examine(
  params: Model,
  batch: Batch,
  damping: Damping,
  options: DiagnoseOptions,
): E.Either<FgnError, Diagnosis> {
  const checked = checkOptions(options, DIAGNOSE);
  if (checked._tag === "Left") return checked;
  const { maxIterations = 500, samples = 32, ...rest } = checked.right;
  const steps = compareSteps(params, batch, damping, maxIterations, rest);
  if (steps._tag === "Left") return steps;
  const curvature = droppedCurvature(params, batch, samples, rest);
  if (curvature._tag === "Left") return curvature;
  const spectrum = spectrumOf(params, batch, steps.right.lambda, rest);
  if (spectrum._tag === "Left") return spectrum;
  return E.right({
    examples: batch.labels.length,
    classes: params.outputs,
    ...curvature.right,
    steps: steps.right,
    columns: oddColumns(batch, FAR),
    spectrum: spectrum.right,
  });
}
