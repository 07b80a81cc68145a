// Steps that leave the range of float32.

import { batch, fgnStep, getOrThrow, linearHead, matrix, relative, zeroHead } from "../../../mod.ts";
import { left, problem } from "../../support/reference.ts";
import { type Case, check, done, lent, refused } from "../check.ts";
import { sameStep } from "../same_step.ts";

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

/** Features whose Gram matrix is zero in float32 although the gradient is not, beside a batch without a gradient. */
export const vanishing: Case = {
  name: "features whose products vanish in float32 are an error, as on the CPU, and features of zero are none",
  run: async (backend) => {
    const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [0, 0, 0, 0], null));
    for (const damping of [relative(1), 1e-3]) {
      for (const size of [1e-25, 1e-30, 1e-40]) {
        const data = getOrThrow(batch({ features: getOrThrow(matrix(2, 2, [size, 0, 0, -size])), labels: [0, 1] }));
        check(left(fgnStep(head, data, damping))._tag === "Overflow", `features of ${size} on the CPU`);
        await lent(backend, head, data, async (params, held) => {
          for (const lossAfter of [false, true]) {
            const step = await backend.fgnStep(params, held, damping, { lossAfter })();
            refused(step, "Overflow", `features of ${size}`);
          }
        });
      }
      const zero = getOrThrow(batch({ features: getOrThrow(matrix(2, 2, [0, 0, 0, 0])), labels: [0, 1] }));
      await sameStep(backend, head, zero, damping, {}, 1e-6, "features of zero");
    }
  },
};

/** Features in other units, and a head whose logits are as they were. */
export const units: Case = {
  name: "features of 1e-15 to 1e17 take the step that they take on the CPU",
  run: async (backend) => {
    const { data } = problem(12, 5, 4), head = getOrThrow(zeroHead({ features: 5, classes: 4 }));
    for (const size of [1e-15, 1e-6, 1e6, 1e15, 1e17]) {
      const features = getOrThrow(matrix(12, 5, data.features.data.map((x) => x * size)));
      const scaled = getOrThrow(batch({ features, labels: data.labels }));
      await sameStep(backend, head, scaled, relative(1), {}, 1e-4, `features of ${size}`);
    }
  },
};
