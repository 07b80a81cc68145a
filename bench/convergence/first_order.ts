// Optimizers that turn the gradient of each batch into a step, entry by entry.

import * as E from "fp-ts/lib/Either.js";
import { type Network, type Optimizer, parameterCount } from "../../mod.ts";
import { copyModel } from "../../src/network/model.ts";
import { gradientInto, gradientReport, scratch } from "./gradient.ts";
import { dot, move } from "./vectors.ts";

/** How the gradient becomes a step. */
export interface Rule<S> {
  readonly name: string;
  readonly notes: readonly string[];
  /** The state for so many parameters. */
  readonly init: (count: number) => S;
  /** A copy of the state. */
  readonly copy: (state: S) => S;
  /** The state after a gradient, which is overwritten by the step; the state's arrays may be written to. */
  readonly step: (gradient: Float32Array, state: S) => S;
}

/** The optimizer of a rule, for the plain cross-entropy of labelled examples. */
export function firstOrder<S>({ name, notes, init, copy, step }: Rule<S>): Optimizer<Network, S> {
  const vectorFor = scratch();
  return {
    name,
    notes,
    init: (params) => init(parameterCount(params)),
    update: (params, state, batch, { donate = false } = {}) => {
      const vector = vectorFor(params);
      const loss = gradientInto(params, batch, vector);
      if (loss._tag === "Left") return loss;
      const report = gradientReport(loss.right, Math.sqrt(dot(vector, vector)));
      const next = donate ? params : copyModel(params);
      const after = step(vector, donate ? state : copy(state));
      move(next, 1, vector);
      return E.right({ params: next, state: after, report });
    },
    result: (params) => params,
  };
}
