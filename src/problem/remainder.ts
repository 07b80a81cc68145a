/**
 * The part of the objective outside the margins' row space: v = −J_fᵀ(α(e_y − t)) − ℓ2 Pθ of soft targets and penalty, and
 * the penalty itself.
 *
 * @module
 */

import { f32 } from "../kernel/arena.ts";
import { sendBack } from "../tape/jacobian.ts";
import { addPenalised, type Penalty, penaltyDot } from "../tape/penalty.ts";
import { project } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";

/** vector += J_fᵀ(α(e_y − t)), before the margin pass, whose signals come after. */
export function addRest(ws: Workspace, vector: number): void {
  sendBack(ws, ws.at.rest);
  project(ws.tape, ws.tape.ones, vector);
}

/** v from J_fᵀ(α(e_y − t)), in place. */
export function finishRemainder({ kernel, tape, soft }: Workspace, vector: number, penalty: Penalty): void {
  if (soft) kernel.exports.scale(tape.length, -1, vector);
  addPenalised(tape, penalty, -penalty.l2, tape.theta, vector);
}

/** Computes v into its vector; before the margin pass. */
export function computeRemainder(ws: Workspace, vector: number, penalty: Penalty): void {
  f32(ws.kernel, vector, ws.tape.length).fill(0);
  if (ws.soft) addRest(ws, vector);
  finishRemainder(ws, vector, penalty);
}

/** ½ ℓ2 θᵀPθ. */
export const penaltyAt = ({ tape }: Workspace, penalty: Penalty, vector: number): number =>
  penaltyDot(tape, penalty, vector, vector) / 2;
