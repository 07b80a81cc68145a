// Adam as an optimizer.

import type { Network, Optimizer } from "../../mod.ts";
import { ADAM_NOTE, type AdamState, adamStep, startAdam } from "../support/adam.ts";
import { firstOrder } from "./first_order.ts";

/** Adam with a learning rate. */
export function adam(rate: number): Optimizer<Network, AdamState> {
  return firstOrder<AdamState>({
    name: "adam",
    notes: [`learning rate ${rate}, ${ADAM_NOTE}`],
    init: startAdam,
    copy: ({ steps, mean, square }) => ({ steps, mean: mean.slice(), square: square.slice() }),
    step: (gradient, state) => adamStep(gradient, state, rate),
  });
}
