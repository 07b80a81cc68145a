// Every kind of layer and every activation against the float64 reference.

import { isSparse } from "../../../mod.ts";
import { kindCases } from "../../support/layer_kinds.ts";
import { fgnCurvature, reference, solveStep, stepError, unitOf } from "../../support/network_reference.ts";
import { relativeError } from "../../support/reference.ts";
import { below, type Case, done, lent } from "../check.ts";

export const kindsCase: Case = {
  name: "every kind of layer and every activation: logits and steps of the float64 reference",
  run: async (backend) => {
    for (const { name, model, data } of kindCases) {
      // A device takes dense features alone.
      if (isSparse(data.features)) continue;
      const ref = reference(model, data), lambda = unitOf(ref, data);
      const want = solveStep(fgnCurvature(ref), ref.gradient, lambda);
      await lent(backend, model, data, async (params, batch) => {
        const logits = await done(backend.logits(params, batch));
        below(relativeError(logits.data, ref.logits), 1e-5, `${name}: logits`);
        const step = await done(backend.fgnStep(params, batch, lambda));
        const after = await done(backend.download(step.params));
        backend.release(step.params);
        below(stepError(after, model, want), 1e-4, `${name}: step`);
      });
    }
  },
};
