/**
 * The ℓ2 penalty ½ ℓ2 θᵀPθ over parameter vectors: P leaves biases, gains and shifts out, or is the identity.
 *
 * @module
 */

import { type Tape, type Tensor, tensorsOf } from "./tape.ts";

/** Its strength, and the arrays that it takes in. */
export interface Penalty {
  /** ℓ2 ≥ 0. */
  readonly l2: number;
  /** Whether it takes in each trainable array, in flat order; null: all of them. */
  readonly takes: readonly boolean[] | null;
}

/** No penalty. */
export const NO_PENALTY: Penalty = { l2: 0, takes: null };

/** The parts of a parameter vector that a penalty takes in. */
function partsOf(tape: Tape, { l2, takes }: Penalty): readonly Pick<Tensor, "place" | "length">[] {
  if (l2 === 0) return [];
  return takes === null
    ? [{ place: 0, length: tape.length }]
    : tensorsOf(tape).filter(({ trainable }) => trainable).filter((_, index) => takes[index]);
}

/** y += a·P x. */
export function addPenalised(tape: Tape, penalty: Penalty, a: number, x: number, y: number): void {
  for (const { place, length } of partsOf(tape, penalty)) tape.kernel.exports.axpy(length, a, x + place, y + place);
}

/** ℓ2 xᵀPy, of one vector in float64 throughout. */
export function penaltyDot(tape: Tape, penalty: Penalty, x: number, y: number): number {
  const { exports } = tape.kernel;
  let sum = 0;
  for (const { place, length } of partsOf(tape, penalty)) {
    sum += x === y ? exports.norm(length, x + place) ** 2 : exports.dot(length, x + place, y + place);
  }
  return penalty.l2 * sum;
}
