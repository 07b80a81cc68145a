// The full Gauss-Newton step by conjugate gradient (Schraudolph 2002; Martens 2010), the library's `ggnStep` with its
// iterations capped.

import * as E from "fp-ts/lib/Either.js";
import { type Network, type Optimizer, relative } from "../../mod.ts";
import { stepInto } from "../../src/step/step.ts";

/**
 * Iterations of conjugate gradient at most, and the residual at which it stops before. Ten iterations train no better at
 * the dampings that train best (networks on MNIST and cmudict, one epoch: within .0035 of five).
 */
export const ITERATIONS = 5;
const TOLERANCE = 1e-3;

/** (G + λI)d = −g with λ = ratio · K̄/B, K̄ the mean diagonal of the margins' Gram matrix. */
export function fullGaussNewton(ratio: number): Optimizer<Network, null> {
  const limits = { tolerance: TOLERANCE, maxIterations: ITERATIONS } as const;
  return {
    name: "fullGaussNewton",
    notes: [`damping relative ${ratio}, at most ${ITERATIONS} iterations`],
    init: () => null,
    update: (params, state, batch, options = {}) => {
      const method = { _tag: "ggn", preconditioner: "none", ...limits } as const;
      const asked = { lossAfter: false, ...options };
      const step = stepInto(params, batch, relative(ratio), asked, method);
      if (step._tag === "Left") return step;
      const { params: next, report } = step.right;
      return E.right({ params: next, state, report });
    },
    result: (params) => params,
  };
}
