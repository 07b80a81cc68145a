// Adam (Kingma and Ba 2015), with its usual constants.

import type { Network, Optimizer } from "../../mod.ts";
import { firstOrder } from "./first_order.ts";

const BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

/** Running means of the gradient and of its square. */
export interface AdamState {
  readonly steps: number;
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

/** θ ← θ − rate · m̂/(√v̂ + ε), m̂ and v̂ the running means without the bias of their start at zero. */
export function adam(rate: number): Optimizer<Network, AdamState> {
  return firstOrder<AdamState>({
    name: "adam",
    notes: [`learning rate ${rate}, β ${BETA1} and ${BETA2}, ε ${EPSILON}`],
    init: (count) => ({ steps: 0, mean: new Float32Array(count), square: new Float32Array(count) }),
    copy: ({ steps, mean, square }) => ({ steps, mean: mean.slice(), square: square.slice() }),
    step: (gradient, { steps: before, mean, square }) => {
      const steps = before + 1, first = 1 / (1 - BETA1 ** steps), second = 1 / (1 - BETA2 ** steps);
      for (let i = 0; i < gradient.length; i++) {
        const g = gradient[i] as number;
        const m = BETA1 * (mean[i] as number) + (1 - BETA1) * g;
        const v = BETA2 * (square[i] as number) + (1 - BETA2) * g * g;
        mean[i] = m;
        square[i] = v;
        gradient[i] = -rate * first * m / (Math.sqrt(second * v) + EPSILON);
      }
      return { steps, mean, square };
    },
  });
}
