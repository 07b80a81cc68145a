// L-BFGS on mini-batches: the gradient's change along a step is taken on the step's own batch (Schraudolph, Yu and Günter
// 2007), and pairs without clearly positive curvature are left out.

import * as E from "fp-ts/lib/Either.js";
import type { Network, Optimizer } from "../../mod.ts";
import { copyModel } from "../../src/network/model.ts";
import { gradientInto, gradientReport, scratch } from "./gradient.ts";
import { addScaled, dot, move } from "./vectors.ts";

/** Pairs kept. */
export const HISTORY = 10;
/** The least sᵀy of a pair, as a share of ‖s‖‖y‖. */
const LEAST = 1e-3;

/** A step s and the gradient's change y along it. */
export interface Pair {
  readonly s: Float32Array;
  readonly y: Float32Array;
  /** sᵀy. */
  readonly product: number;
  /** sᵀy/yᵀy: H₀ = scale · I. */
  readonly scale: number;
}

/** The pairs kept, the oldest first. */
export type Pairs = readonly Pair[];

/** gradient ← H · gradient, H the inverse curvature of the pairs: the two-loop recursion (Nocedal 1980). */
export function twoLoop(pairs: Pairs, gradient: Float32Array): void {
  const weights = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y, product } = pairs[i] as Pair;
    weights[i] = dot(s, gradient) / product;
    addScaled(-(weights[i] as number), y, gradient);
  }
  const scale = pairs.at(-1)?.scale ?? 1;
  for (let i = 0; i < gradient.length; i++) gradient[i] = scale * (gradient[i] as number);
  pairs.forEach(({ s, y, product }, i) => {
    addScaled((weights[i] as number) - dot(y, gradient) / product, s, gradient);
  });
}

/** The pair of s and y; null without clearly positive curvature. */
export function pairOf(s: Float32Array, y: Float32Array): Pair | null {
  const product = dot(s, y), square = dot(y, y);
  if (!(product > LEAST * Math.sqrt(dot(s, s) * square))) return null;
  return { s, y, product, scale: product / square };
}

/** s ← −rate · H s. */
function direct(pairs: Pairs, rate: number, s: Float32Array): void {
  twoLoop(pairs, s);
  for (let i = 0; i < s.length; i++) s[i] = -rate * (s[i] as number);
}

/** θ ← θ − rate · H g. Two gradients a step: before and after it, on the same batch. */
export function lbfgs(rate: number): Optimizer<Network, Pairs> {
  const vectorFor = scratch();
  return {
    name: "lbfgs",
    notes: [`step length ${rate}, ${HISTORY} pairs`],
    init: () => [],
    update: (params, pairs, batch, { donate = false } = {}) => {
      const before = vectorFor(params);
      const loss = gradientInto(params, batch, before);
      if (loss._tag === "Left") return loss;
      const report = gradientReport(loss.right, Math.sqrt(dot(before, before)));
      const next = donate ? params : copyModel(params);
      const s = before.slice(), y = new Float32Array(before.length);
      direct(pairs, rate, s);
      move(next, 1, s);
      const after = gradientInto(next, batch, y);
      if (after._tag === "Left") return after;
      addScaled(-1, before, y);
      const pair = pairOf(s, y);
      return E.right({ params: next, state: pair === null ? pairs : [...pairs, pair].slice(-HISTORY), report });
    },
    result: (params) => params,
  };
}
