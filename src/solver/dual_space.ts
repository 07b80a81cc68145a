/**
 * Parameter vectors kept as their ingredients: d = J_fᵀ c + η Pθ, with a cotangent c of the logits (C × B panels)
 * and a number η; P is what the ℓ2 penalty takes in.
 *
 * The gradient, every product with the Gauss-Newton matrix and every step lie in this space. Linear combinations
 * are taken of c and η, and the vector itself is formed when a norm or a product asks for it. In float32 that is what
 * keeps conjugate gradient accurate at small damping: the rounding of a summed vector has a part outside the range of
 * J_fᵀ, which the inverse would raise by 1/λ (docs/speed.md has the error in plain parameter space).
 *
 * @module
 */

import { f32 } from "../kernel/arena.ts";
import { sendBack } from "../tape/jacobian.ts";
import { addPenalised, type Penalty } from "../tape/penalty.ts";
import { projectInto, up4 } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";
import type { Space } from "./cg.ts";

/** A vector of the space. */
interface Member {
  /** Address of c. */
  readonly dual: number;
  /** Address of the vector, shared by members that are not formed at the same time. */
  readonly vector: number;
  eta: number;
  /** Whether the vector holds what dual and η say. */
  formed: boolean;
}

/** The space, with access to the ingredients of its vectors. */
export interface DualSpace extends Space {
  readonly member: (name: number) => Member;
  /** The address of a vector, formed. */
  readonly form: (name: number) => number;
  /** Says that dual or η of a vector were written to. */
  readonly changed: (name: number, eta: number) => void;
}

/**
 * A space of vectors with the given addresses; vectors are named by their index.
 *
 * Where parameters are fewer than cotangents c is not unique, and its part that J_fᵀ does not see does not shrink with
 * the residual: its rounding would then dominate. There vectors are summed, as usual, once they are formed.
 */
export function dualSpace(
  ws: Workspace,
  places: readonly Pick<Member, "dual" | "vector">[],
  penalty: Penalty,
): DualSpace {
  const { kernel, tape, rows, classes } = ws;
  const { exports } = kernel;
  const size = classes * up4(rows);
  const summed = tape.length <= classes * rows;
  const members: Member[] = places.map((place) => ({ ...place, eta: 0, formed: false }));
  const member = (name: number): Member => members[name] as Member;
  const dual = (name: number): Float32Array => f32(kernel, member(name).dual, size);
  const vector = (name: number): Float32Array => f32(kernel, member(name).vector, tape.length);
  const form = (name: number): number => {
    const one = member(name);
    if (one.formed) return one.vector;
    sendBack(ws, one.dual);
    projectInto(tape, tape.ones, one.vector);
    if (one.eta !== 0) addPenalised(tape, penalty, one.eta, tape.theta, one.vector);
    one.formed = true;
    return one.vector;
  };
  const changed = (name: number, eta: number): void => {
    member(name).eta = eta;
    member(name).formed = false;
  };
  return {
    member,
    form,
    changed,
    dot: (x, y) => exports.dot(tape.length, form(x), form(y)),
    norm: (x) => exports.norm(tape.length, form(x)),
    axpy: (a, x, y) => {
      if (summed) exports.axpy(tape.length, a, form(x), form(y));
      exports.axpy(size, a, member(x).dual, member(y).dual);
      changed(y, member(y).eta + a * member(x).eta);
      member(y).formed = summed;
    },
    scaleAdd: (b, x, y) => {
      exports.scaleAdd(size, b, member(x).dual, member(y).dual);
      const both = member(x).formed && member(y).formed;
      if (both) exports.scaleAdd(tape.length, b, member(x).vector, member(y).vector);
      changed(y, member(x).eta + b * member(y).eta);
      member(y).formed = both;
    },
    copy: (x, y) => {
      dual(y).set(dual(x));
      if (member(x).formed) vector(y).set(vector(x));
      member(y).eta = member(x).eta;
      member(y).formed = member(x).formed;
    },
    clear: (x) => {
      dual(x).fill(0);
      changed(x, 0);
    },
    scale: (a, x) => {
      exports.scale(size, a, member(x).dual);
      if (member(x).formed) exports.scale(tape.length, a, member(x).vector);
      member(x).eta *= a;
    },
  };
}
