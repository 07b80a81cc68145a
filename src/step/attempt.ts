/**
 * Attempts at a step: the directions that a damping gives on an open batch.
 *
 * The gradient of the objective is g = −Ĵᵀr − v: the margins' part, and a remainder v = −J_fᵀ(α(e_y − t)) − ℓ2 Pθ
 * of soft targets and penalty. With λ' = λ + ℓ2 the step is
 *
 *     d = −(H + λ'I)⁻¹g = v/λ' + Ĵᵀu,      (S + λ'I)u = r − Ĵv/λ'.
 *
 * The curvature of the penalty, ℓ2 P, is solved for as ℓ2 I, which keeps the metric of the rows: biases that the penalty
 * leaves out are damped by λ + ℓ2. Gradient, loss and the model of the report have P.
 *
 * Momentum draws the step towards β d₋, d₋ the step before: ½λ‖d − βd₋‖² in place of ½λ‖d‖² puts λβd₋ on the
 * right-hand side and (λ/λ')βd₋ into the step (Goldshlager, Abrahamsen and Lin 2024).
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import { f32, f64, NONE } from "../kernel/arena.ts";
import type { Pieces } from "../kernel/pieces.ts";
import { correct } from "../row_system/two_stage.ts";
import { drive, driveInPieces, type Products } from "../solver/cg.ts";
import { fullModel, type GgnBuffers, type Inverse, solveGgn } from "../solver/full_system.ts";
import { type Damped, prepareDamped, type Solved } from "../solver/solver.ts";
import { addDual, weigh, whitenedTangent } from "../tape/jacobian.ts";
import { penaltyDot } from "../tape/penalty.ts";
import type { Workspace } from "../tape/workspace.ts";
import type { Method, OpenStage, Stage, Vectors } from "./stage.ts";
import { limitLayers } from "./trust_region.ts";

/** The quadratic model of a direction d. */
export interface QuadraticModel {
  /** −gᵀd. */
  readonly gain: number;
  /** dᵀHd with the undamped curvature of the method. */
  readonly curvature: number;
}

/** A direction and its quadratic model; it lies in the workspace as a dual or as a vector. */
export interface Candidate extends QuadraticModel {
  /** Relative residual of the system solved. */
  readonly residual: number;
  readonly solved: Solved;
}

/** Ĵv and Ĵβd₋, once the margins are known. */
export function computeShift(ws: Workspace, { remainder, previous }: Vectors): void {
  for (const [vector, out] of [[remainder, ws.at.shift], [previous, ws.at.carried]] as const) {
    if (vector === NONE) f64(ws.kernel, out, ws.rows).fill(0);
    else whitenedTangent(ws, vector, out);
  }
}

/** ‖g‖: ‖Ĵᵀr‖² = rᵀSr, with the remainder's part. */
export function gradientNorm({ ws, system, vectors }: Stage): number {
  const { kernel: { exports }, tape, at, rows } = ws;
  let square = system.square(at.rhs);
  if (vectors.remainder !== NONE) {
    square += 2 * exports.dot64(rows, at.rhs, at.shift) + exports.norm(tape.length, vectors.remainder) ** 2;
  }
  return Math.sqrt(Math.max(0, square));
}

/** u from the dual of an earlier step, a = w ∘ u. */
function loadStart({ kernel, at, rows }: Workspace, dual: Float64Array): void {
  const u = f64(kernel, at.solution, rows), w = f64(kernel, at.rowWeight, rows);
  for (let i = 0; i < rows; i++) u[i] = w[i] === 0 ? 0 : (dual[i] as number) / (w[i] as number);
}

/** λ' = λ + ℓ2, and the share λ/λ' of the step before. */
interface Level {
  readonly lambdaPrime: number;
  readonly carry: number;
}

/** Ĵ of the part of the step outside the row space, row by row: Ĵv/λ' + (λ/λ')Ĵβd₋. */
function outsideRows({ kernel, at, rows }: Workspace, { lambdaPrime, carry }: Level): Float64Array {
  const shift = f64(kernel, at.shift, rows), carried = f64(kernel, at.carried, rows);
  const outside = new Float64Array(rows);
  for (let i = 0; i < rows; i++) outside[i] = (shift[i] as number) / lambdaPrime + carry * (carried[i] as number);
  return outside;
}

/** Solves for u, and leaves the dual a = w ∘ u. */
function* solveRows({ ws, solver }: OpenStage, outside: Float64Array, prepared: Damped): Products<Solved> {
  const { kernel, at, rows } = ws;
  const rhs = f64(kernel, at.rightSide, rows), r = f64(kernel, at.rhs, rows);
  for (let i = 0; i < rows; i++) rhs[i] = (r[i] as number) - (outside[i] as number);
  if (solver.warmStart !== null) loadStart(ws, solver.warmStart);
  const solved = yield* prepared(at.rightSide, at.solution, solver.warmStart !== null);
  weigh(ws, at.solution, at.dual);
  return solved;
}

/** The model in row space: with t = Ĵd at `image`, −gᵀd = rᵀt + vᵀd and dᵀ(H + ℓ2 P)d = ‖t‖² + ℓ2 dᵀPd. */
function rowModel({ ws: { kernel, tape, at, rows }, vectors, penalty }: OpenStage): QuadraticModel {
  const t = f64(kernel, at.image, rows), r = f64(kernel, at.rhs, rows);
  let gain = 0, curvature = 0;
  for (let i = 0; i < rows; i++) {
    const ti = t[i] as number;
    gain += (r[i] as number) * ti;
    curvature += ti * ti;
  }
  if (vectors.remainder !== NONE) {
    gain += kernel.exports.dot(tape.length, vectors.remainder, vectors.direction);
    curvature += penaltyDot(tape, penalty, vectors.direction, vectors.direction);
  }
  return { gain, curvature };
}

/**
 * ‖r − Ĵ(d − Ĵᵀu) − (S + λ'I)u‖ relative to the right-hand side, of Su at `image`; leaves t = Ĵd = Su + Ĵ(d − Ĵᵀu)
 * there.
 */
function rowResidual({ kernel, at, rows }: Workspace, outside: Float64Array, lambdaPrime: number): number {
  const u = f64(kernel, at.solution, rows), t = f64(kernel, at.image, rows), r = f64(kernel, at.rhs, rows);
  let error = 0, size = 0;
  for (let i = 0; i < rows; i++) {
    const si = t[i] as number, oi = outside[i] as number, right = (r[i] as number) - oi;
    error += (right - si - lambdaPrime * (u[i] as number)) ** 2;
    size += right * right;
    t[i] = si + oi;
  }
  return size === 0 ? 0 : Math.sqrt(error / size);
}

/** The dual step as a vector: v/λ' + (λ/λ')βd₋ + Jᵀa. */
function formDirection({ ws, vectors }: OpenStage, { lambdaPrime, carry }: Level): void {
  const { kernel, tape, at } = ws;
  const { direction, remainder, previous } = vectors;
  f32(kernel, direction, tape.length).fill(0);
  if (remainder !== NONE) kernel.exports.axpy(tape.length, 1 / lambdaPrime, remainder, direction);
  addDual(ws, at.dual, direction);
  if (previous !== NONE) kernel.exports.axpy(tape.length, carry, previous, direction);
}

/**
 * The preconditioner's damping is at least this share of the trace of S: float32 cannot form its inverse below
 * (docs/speed.md).
 */
const FLOOR = 5e-5;

/** A residual that no solution has. */
const LOST = 0.1;
/** The share of its parts below which a gradient is what their rounding left: it is good to about that. */
const ROUNDING = 1e-3;

/** Whether ‖g‖ is more than rounding beside Σ α_i s_i √K̄ and ‖v‖: at the end of a descent it is not. */
function hasGradient(stage: Stage): boolean {
  const { ws: { kernel, tape, at, rows }, system, vectors: { remainder } } = stage;
  const slopes = f64(kernel, at.slope, rows).reduce((sum, slope) => sum + slope, 0);
  const rest = remainder === NONE ? 0 : kernel.exports.norm(tape.length, remainder);
  return gradientNorm(stage) > ROUNDING * (slopes * Math.sqrt(system.meanDiagonal) + rest);
}

/** The FGN inverse at λ', or at the smallest damping that it can be formed at. Errors: `NotPositiveDefinite`. */
function inverseAt({ ws, system, solver }: Stage, lambdaPrime: number): E.Either<FgnError, Inverse> {
  const { kernel, at, rows } = ws;
  const w = f64(kernel, at.rowWeight, rows), diagonal = f64(kernel, at.diagonal, rows);
  const trace = diagonal.reduce((sum, k, i) => sum + (w[i] as number) ** 2 * k, 0);
  const safe = Math.max(lambdaPrime, FLOOR * trace);
  const prepared = prepareDamped(ws, system.kind, safe, solver);
  if (prepared._tag === "Left") return prepared;
  return E.right({ solve: (rhs, out) => drive(prepared.right(rhs, out, false), system.multiply), lambdaPrime: safe });
}

/** A step of the full Gauss-Newton matrix at λ'. Errors: `NotPositiveDefinite`, `Overflow`. */
function attemptGgn(
  stage: Stage,
  lambdaPrime: number,
  buffers: GgnBuffers,
  method: Extract<Method, { readonly _tag: "ggn" }>,
): E.Either<FgnError, Candidate> {
  const { ws, penalty } = stage;
  const inverse = method.preconditioner === "fgn" ? inverseAt(stage, lambdaPrime) : E.right(null);
  if (inverse._tag === "Left") return inverse;
  const full = solveGgn(ws, { lambdaPrime, penalty, inverse: inverse.right }, buffers, method);
  // Iterations that ended by themselves far from a solution: numbers too small for float32 became zeros.
  const lost = full.residual > LOST && full.solved.stop !== "iterationCap" && hasGradient(stage);
  if (lost || !Number.isFinite(full.residual + full.gain + full.curvature)) {
    return overflow("the full Gauss-Newton system, made of products of the features,");
  }
  return E.right(full);
}

/** An FGN step at λ, of products with S, which is corrected for a two-stage system. Errors: `NotPositiveDefinite`, `Overflow`. */
export function* attemptFgn(stage: OpenStage, lambda: number): Products<E.Either<FgnError, Candidate>> {
  const { ws, system, vectors, penalty, solver } = stage;
  const lambdaPrime = lambda + penalty.l2, level = { lambdaPrime, carry: lambda / lambdaPrime };
  const prepared = prepareDamped(ws, system.kind, lambdaPrime, solver);
  if (prepared._tag === "Left") return prepared;
  const outside = outsideRows(ws, level);
  const solved = yield* solveRows(stage, outside, prepared.right);
  if (vectors.direction !== NONE && vectors.direction !== vectors.product) formDirection(stage, level);
  yield [ws.at.solution, ws.at.image];
  const residual = rowResidual(ws, outside, lambdaPrime), { gain, curvature } = rowModel(stage);
  if (!Number.isFinite(gain + curvature)) return overflow("the quadratic model");
  return E.right({ gain, curvature, residual, solved });
}

/** The model of a direction that was changed after it was solved for, at the cost of a tangent pass: if it is read. */
function modelOf(stage: Stage): QuadraticModel {
  const { ws, vectors: { ggn, direction }, penalty, judged } = stage;
  if (!judged) return { gain: NaN, curvature: NaN };
  if (ggn !== null) return fullModel(ws, ggn, penalty);
  whitenedTangent(ws, direction, ws.at.image);
  return rowModel(stage);
}

/** A step at λ, which may rest between products. Errors: `NotPositiveDefinite`, `Overflow`. */
export function* attempt(stage: Stage, lambda: number): Pieces<E.Either<FgnError, Candidate>> {
  const { ws, vectors: { ggn, direction }, method, system, penalty, limit, twoStage } = stage;
  const lambdaPrime = lambda + penalty.l2;
  const corrected = twoStage > 0 ? yield* correct(ws, system.kind, lambdaPrime, twoStage) : E.right(undefined);
  if (corrected._tag === "Left") return corrected;
  const candidate = method._tag === "ggn" && ggn !== null
    ? attemptGgn(stage, lambdaPrime, ggn, method)
    : yield* driveInPieces(attemptFgn(stage, lambda), system.multiply);
  if (candidate._tag === "Left" || limit === 0 || !limitLayers(ws, direction, limit)) return candidate;
  return E.right({ ...candidate.right, ...modelOf(stage) });
}

/** The same direction, shorter. */
export function shorten({ ws, vectors }: OpenStage, candidate: Candidate, share: number): Candidate {
  const { kernel, tape, at, rows } = ws;
  if (vectors.direction !== NONE) kernel.exports.scale(tape.length, share, vectors.direction);
  const dual = f64(kernel, at.dual, rows);
  dual.forEach((a, i) => dual[i] = share * a);
  return { ...candidate, gain: share * candidate.gain, curvature: share * share * candidate.curvature };
}

/** −(gᵀd + ½ dᵀHd) of the direction as it stands. */
export const predictedReduction = ({ gain, curvature }: Candidate): number => gain - curvature / 2;

/** Parameters += the candidate's step. */
export function applyStep({ ws, vectors }: Stage, into: number): void {
  if (vectors.direction === NONE) addDual(ws, ws.at.dual, into);
  else ws.kernel.exports.axpy(ws.tape.length, 1, vectors.direction, into);
}
