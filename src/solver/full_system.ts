/**
 * The full Gauss-Newton matrix G = J_fᵀ diag_i(α_i (diag(p_i) − p_i p_iᵀ)) J_f, J_f the Jacobian of the logits:
 * its product, and conjugate gradient on (G + λ'I)d = −g with the FGN inverse as preconditioner.
 *
 * @module
 */

import { f32, f64 } from "../kernel/arena.ts";
import { sendBack, weigh, whitenedTangent, writeCoefficients } from "../tape/jacobian.ts";
import { panelDot } from "../tape/margins.ts";
import { type Penalty, penaltyDot } from "../tape/penalty.ts";
import { projectInto, tangent, up4 } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";
import { conjugateGradient, drive, type Limits } from "./cg.ts";
import { type DualSpace, dualSpace } from "./dual_space.ts";
import type { Solved } from "./solver.ts";

/** The tangent of the logits along v becomes its product with the softmax Hessian, α_i (diag(p_i) − p_i p_iᵀ) J_f v. */
function curveTangent(ws: Workspace): void {
  const { kernel, tape, at, rows, classes } = ws;
  const curvature = f64(kernel, at.curvature, rows);
  const slope = f64(kernel, at.slope, rows), alpha = f64(kernel, at.alpha, rows);
  for (let i = 0; i < rows; i++) {
    const s = slope[i] as number, share = alpha[i] as number;
    curvature[i] = share === 0 ? 0 : s * (1 - s / share); // α p s
  }
  const { tangent: t } = tape.logits;
  kernel.exports.curvatureProduct(classes, rows, at.exponentials, at.labels, at.sum, at.curvature, at.slope, t);
}

/** out ← G v. Leaves the signals of this product behind: those of the margins are sent back again when needed. */
export function ggnProduct(ws: Workspace, v: number, out: number): void {
  const { tape } = ws;
  tangent(tape, v);
  curveTangent(ws);
  sendBack(ws, tape.logits.tangent);
  projectInto(tape, tape.ones, out);
}

/** Addresses that a run on the full system needs. */
export interface GgnBuffers {
  /** The solution as a vector. */
  readonly direction: number;
  /** Three parameter vectors. */
  readonly vectors: readonly [number, number, number];
  /** Seven cotangents of the logits, C × B panels. */
  readonly panels: readonly number[];
}

/** α(t − p) = α(s(e_y − q) − (e_y − t)), added to C × B panels. */
function addResiduals(ws: Workspace, panels: number): void {
  const { kernel: { exports }, at, rows, classes } = ws;
  exports.addScaledColumns(classes, rows, writeCoefficients(ws, at.slope), at.exponentials, panels);
  if (ws.soft) exports.axpy(classes * up4(rows), -1, at.rest, panels);
}

/** The right-hand side b = −g = J_fᵀ α(t − p) − ℓ2 Pθ. */
function writeNegativeGradient(ws: Workspace, space: DualSpace, name: number, l2: number): void {
  space.clear(name);
  addResiduals(ws, space.member(name).dual);
  space.changed(name, -l2);
}

/** vᵀG v from the tangent of the logits along v, of which a copy goes to `copy`; its product takes its place. */
function curvatureAlong(ws: Workspace, copy: number): number {
  const { kernel, tape, rows, classes } = ws;
  const { tangent: t } = tape.logits, size = classes * up4(rows);
  f32(kernel, copy, size).set(f32(kernel, t, size));
  curveTangent(ws);
  return panelDot(ws, copy, t);
}

/** −gᵀd and dᵀ(G + ℓ2 P)d of the direction d as it lies in its vector. */
export function fullModel(
  ws: Workspace,
  { direction, panels }: GgnBuffers,
  penalty: Penalty,
): { readonly gain: number; readonly curvature: number } {
  const { kernel, tape, rows, classes } = ws;
  const b = panels[0] as number, copy = panels[6] as number;
  f32(kernel, b, classes * up4(rows)).fill(0);
  addResiduals(ws, b);
  tangent(tape, direction);
  const gain = panelDot(ws, b, tape.logits.tangent) - penaltyDot(tape, penalty, tape.theta, direction);
  const curvature = curvatureAlong(ws, copy) + penaltyDot(tape, penalty, direction, direction);
  return { gain, curvature };
}

/** out ← (H + λ'I)⁻¹ x = (x − Ĵᵀ(S + λ'I)⁻¹Ĵ x)/λ', H the FGN curvature. */
function precondition(ws: Workspace, space: DualSpace, { solve, lambdaPrime }: Inverse, x: number, out: number): void {
  const { kernel, at, rows, classes } = ws;
  whitenedTangent(ws, space.form(x), at.rightSide);
  sendBack(ws, at.exponentials); // a matrix-free system multiplies by the signals of the margins
  solve(at.rightSide, at.solution);
  weigh(ws, at.solution, at.dual);
  const a = f64(kernel, at.dual, rows);
  for (let i = 0; i < rows; i++) a[i] = -(a[i] as number);
  space.copy(x, out);
  space.changed(out, space.member(x).eta);
  kernel.exports.addScaledColumns(
    classes,
    rows,
    writeCoefficients(ws, at.dual),
    at.exponentials,
    space.member(out).dual,
  );
  space.scale(1 / lambdaPrime, out);
}

/** A damped row system whose FGN inverse preconditions. */
export interface Inverse {
  /** out ← (S + λ'I)⁻¹ rhs. */
  readonly solve: (rhs: number, out: number) => void;
  readonly lambdaPrime: number;
}

/** The full system. */
export interface FullSystem {
  /** λ' = λ + ℓ2. */
  readonly lambdaPrime: number;
  readonly penalty: Penalty;
  /** Null: no preconditioner. */
  readonly inverse: Inverse | null;
}

/** The solution d and its quadratic model. */
export interface GgnSolution {
  readonly solved: Solved;
  /** −gᵀd. */
  readonly gain: number;
  /** dᵀ(G + ℓ2 P)d. */
  readonly curvature: number;
  /** ‖g + (G + λ'I)d‖/‖g‖. */
  readonly residual: number;
}

/** Solves (G + λ'I)d = −g and forms d as a vector. */
export function solveGgn(
  ws: Workspace,
  full: FullSystem,
  buffers: GgnBuffers,
  limits: Limits,
): GgnSolution {
  const { kernel, tape, rows, classes } = ws;
  const { lambdaPrime, penalty, inverse } = full;
  const { direction, vectors: [first, second, third], panels } = buffers;
  const vectors = [first, direction, second, first, third, first];
  const space = dualSpace(ws, vectors.map((vector, i) => ({ vector, dual: panels[i] as number })), penalty);
  const [b, x, r, z, p, ap] = [0, 1, 2, 3, 4, 5] as const;
  const copy = panels[6] as number, size = classes * up4(rows);
  const apply = (v: number, out: number): number => {
    const { vector, eta, dual } = { ...space.member(v), vector: space.form(v) };
    tangent(tape, vector);
    const curvature = curvatureAlong(ws, copy);
    f32(kernel, space.member(out).dual, size).set(f32(kernel, tape.logits.tangent, size));
    kernel.exports.axpy(size, lambdaPrime, dual, space.member(out).dual);
    space.changed(out, lambdaPrime * eta);
    return curvature + lambdaPrime * kernel.exports.norm(tape.length, vector) ** 2;
  };
  const invert = (v: number, out: number): void => {
    if (inverse === null) space.copy(v, out);
    else precondition(ws, space, inverse, v, out);
  };
  writeNegativeGradient(ws, space, b, penalty.l2);
  const steps = conjugateGradient(space, { apply, precondition: invert }, b, x, [r, z, p, ap], limits);
  const run = drive(steps, () => {}); // `apply` is the whole product
  writeNegativeGradient(ws, space, b, penalty.l2);
  const gain = space.dot(b, x), norm = space.norm(b);
  const d = space.form(x),
    curvature = apply(x, ap) - lambdaPrime * space.norm(x) ** 2 + penaltyDot(tape, penalty, d, d);
  space.copy(b, r);
  space.axpy(-1, ap, r);
  return {
    solved: { solver: "cg", ...run },
    gain,
    curvature,
    residual: norm === 0 ? 0 : space.norm(r) / norm,
  };
}
