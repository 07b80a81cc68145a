// Golden vectors of the variants that every backend has: steps by the majorised curvature.

import { batch, getOrThrow, matrix, network } from "../../../mod.ts";
import { layersOf } from "../../support/golden_file.ts";
import { difference, flat, relativeError } from "../../support/reference.ts";
import { below, type Case, check, done, lent } from "../check.ts";

export const majorised: Case = {
  name: "golden vectors: majorised steps by both solvers",
  run: async (backend, { variants }) => {
    check(variants.length === 8, "eight files");
    for (const golden of variants) {
      const { name, batchSize, x, y, damping, expected: { stepMajorized } } = golden, inputs = x.length / batchSize;
      const model = getOrThrow(network(inputs, layersOf(golden)));
      const data = getOrThrow(batch({ features: getOrThrow(matrix(batchSize, inputs, x)), labels: y }));
      const limit = (name.includes("extreme") ? 1e-3 : 1e-4) +
        1e-7 * Math.hypot(...flat(model)) / Math.hypot(...stepMajorized);
      await lent(backend, model, data, async (params, held) => {
        for (const solver of ["cholesky", "cg"] as const) {
          const options = { curvature: "majorized", solver, tolerance: 1e-9 } as const;
          const step = await done(backend.fgnStep(params, held, damping, options));
          const after = await done(backend.download(step.params));
          backend.release(step.params);
          below(relativeError(difference(after, model), stepMajorized), limit, `${name} by ${solver}`);
        }
      });
    }
  },
};

export const variants: readonly Case[] = [majorised];
