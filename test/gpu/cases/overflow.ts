// Steps that leave the range of float32.

import { batch, getOrThrow, linearHead, matrix } from "../../../mod.ts";
import { type Case, check, done, lent, refused } from "../check.ts";

/** Features whose squares are zero in float32, and a damping that leaves the step to them: it is beyond float32. */
export const overflow: Case = {
  name: "new parameters beyond float32 are an error where no loss would show them, and the old ones stay",
  run: async (backend) => {
    const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [1, 0, 0, 1], null)), tiny = 1e-25;
    const data = getOrThrow(batch({ features: getOrThrow(matrix(2, 2, [tiny, 0, 0, tiny])), labels: [0, 1] }));
    await lent(backend, head, data, async (params, held) => {
      for (const lossAfter of [false, true]) {
        refused(await backend.fgnStep(params, held, 1e-60, { lossAfter, donate: true })(), "Overflow", "the step");
      }
      check((await done(backend.download(params))).inputs === 2, "parameters that were not given away");
    });
  },
};
