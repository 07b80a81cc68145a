// Stochastic gradient descent with momentum 0.9 (Polyak 1964).

import type { Network, Optimizer } from "../../mod.ts";
import { firstOrder } from "./first_order.ts";

const MOMENTUM = 0.9;

/** v ← 0.9 v + g, θ ← θ − rate · v. The state is v. */
export function sgd(rate: number): Optimizer<Network, Float32Array> {
  return firstOrder<Float32Array>({
    name: "sgd",
    notes: [`learning rate ${rate}, momentum ${MOMENTUM}`],
    init: (count) => new Float32Array(count),
    copy: (velocity) => velocity.slice(),
    step: (gradient, velocity) => {
      for (let i = 0; i < gradient.length; i++) {
        const v = MOMENTUM * (velocity[i] as number) + (gradient[i] as number);
        velocity[i] = v;
        gradient[i] = -rate * v;
      }
      return velocity;
    },
  });
}
