/**
 * The full Gauss-Newton method, beside which Fast Gauss-Newton can be judged.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import type { Numbers } from "../check/numbers.ts";
import { checkOptions, oneOf, type Rules, union, without } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { type Damping, relative } from "../damping/damping.ts";
import type { Batch } from "../data/batch.ts";
import { NONE } from "../kernel/arena.ts";
import { checkModel, type Model } from "../network/model.ts";
import { openPassed } from "../passes/gradient.ts";
import { KERNEL, type KernelOption } from "../problem/session.ts";
import { checkVector, readVector, writeVector } from "../problem/vectors.ts";
import { ggnProduct as product } from "../solver/full_system.ts";
import { margins } from "../tape/margins.ts";
import { checkAt, STEP, type StepOptions } from "./options.ts";
import { type Step, stepInto } from "./step.ts";

/** Options of {@link ggnStep}; `tolerance` and `maxIterations` are those of the full system. */
export interface GgnOptions extends Omit<StepOptions, "competitors" | "refine" | "solver" | "warmStart" | "momentum"> {
  /** `fgn`: the inverse of the FGN curvature, whose row system is solved directly. Default `none`. */
  readonly preconditioner?: "none" | "fgn";
}

const GGN: Rules<GgnOptions> = /* @__PURE__ */ union(
  /* @__PURE__ */ without(STEP, "competitors", "refine", "solver", "warmStart", "momentum"),
  { preconditioner: /* @__PURE__ */ oneOf("none", "fgn") },
);

/**
 * One damped step of the full Gauss-Newton matrix: (G + λI) d = −g by conjugate gradient, each iteration one
 * product with G. The FGN preconditioner doubles the work of an iteration; it pays where the margins carry most of the
 * curvature (few classes, some training done), not at a head of zeros (`npm run bench:curvature`).
 *
 * Defaults: tolerance 1e-3, at most 100 iterations. The report's `solver`, `iterations`, `stop` and `residual` are
 * those of the full system; `residual` is measured at the end and may stay above a tolerance of less than about 1e-5,
 * for products are summed in float32. Errors: as `fgnStep`.
 *
 * Source: Schraudolph 2002 (products with G); Martens 2010 (damped conjugate gradient).
 *
 * @example
 * ```ts
 * import { batch, ggnStep, matrix, zeroHead } from "fgn";
 *
 * const head = zeroHead({ features: 2, classes: 3 });
 * const features = matrix(2, 2, [1, 0, 0, 1]);
 * if (head._tag === "Right" && features._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1] });
 *   if (data._tag === "Right") console.log(ggnStep(head.right, data.right, 0.1, { preconditioner: "fgn" }));
 * }
 * ```
 */
export function ggnStep<M extends Model>(
  params: M,
  batch: Batch,
  damping: Damping = relative(1),
  options: GgnOptions = {},
): E.Either<FgnError, Step<M>> {
  return guard("ggnStep", { params, batch, damping, options }, () => stepFully(params, batch, damping, options));
}

/** A step of the full Gauss-Newton matrix. */
function stepFully<M extends Model>(
  params: M,
  batch: Batch,
  damping: Damping,
  options: GgnOptions,
): E.Either<FgnError, Step<M>> {
  const fits = checkOptions(options, GGN);
  if (fits._tag === "Left") return fits;
  const { preconditioner = "none", tolerance = 1e-3, maxIterations = 100, ...rest } = fits.right;
  const checked = checkAt("ggnStep", rest);
  if (checked._tag === "Left") return checked;
  return stepInto(params, batch, damping, rest, { _tag: "ggn", preconditioner, tolerance, maxIterations });
}

/**
 * G v, G = J_fᵀ diag_i(α_i (diag(p_i) − p_i p_iᵀ)) J_f: the full Gauss-Newton matrix of the mean cross-entropy
 * times a direction of the P trainable parameters. Errors: `ShapeMismatch`, `NotFinite`, and those of `fgnStep`.
 *
 * @example
 * ```ts
 * import { batch, getOrThrow, ggnProduct, matrix, zeroHead } from "fgn";
 *
 * const head = getOrThrow(zeroHead({ features: 1, classes: 2 }));
 * const data = getOrThrow(batch({ features: getOrThrow(matrix(1, 1, [2])), labels: [0] }));
 * console.log(getOrThrow(ggnProduct(head, data, [1, 0, 0, 0]))); // [1, -1, 0.5, -0.5]
 * ```
 */
export function ggnProduct(
  params: Model,
  batch: Batch,
  direction: Numbers,
  option: KernelOption = {},
): E.Either<FgnError, Float32Array> {
  return guard("ggnProduct", { params, batch, direction, option }, () => multiply(params, batch, direction, option));
}

/** A product with the full Gauss-Newton matrix. */
function multiply(
  params: Model,
  batch: Batch,
  direction: Numbers,
  option: KernelOption,
): E.Either<FgnError, Float32Array> {
  const checked = checkOptions(option, KERNEL);
  if (checked._tag === "Left") return checked;
  const whole = checkModel(params);
  if (whole._tag === "Left") return whole;
  const v = checkVector(params, "direction", direction);
  if (v._tag === "Left") return v;
  const wants = { signals: true, tangents: true, curvature: true, vectors: 2 };
  const session = openPassed(params, batch, wants, checked.right);
  if (session._tag === "Left") return session;
  const { ws } = session.right;
  const [from = NONE, to = NONE] = ws.vectors;
  if (!ws.tape.logits.depends) return E.right(new Float32Array(0));
  writeVector(ws, params, v.right, from);
  margins(ws);
  product(ws, from, to);
  if (ws.tape.fault !== undefined) return E.left(ws.tape.fault);
  if (ws.kernel.exports.allFinite(ws.tape.length, to) === 0) return overflow("the product");
  return E.right(readVector(ws, params, to));
}
