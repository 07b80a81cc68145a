// Learning from single examples, new classes included.

import {
  adapt,
  batch,
  getOrThrow,
  growClasses,
  logits,
  matrix,
  mlp,
  type Network,
  type OnlineState,
  type Update,
} from "fgn";
import { type Cases, check, equal, refused, show } from "../check.ts";
import { flat, uniform } from "../data.ts";

const network = () => getOrThrow(mlp({ inputs: 6, hidden: [8], classes: 4, activation: "tanh", seed: 3 }));

export const online: Cases = {
  "growClasses() keeps the logits there were; the new one is their mean": () => {
    const features = getOrThrow(matrix(5, 6, uniform(30, 7))), grown = getOrThrow(growClasses(network(), 5));
    const before = getOrThrow(logits(network(), features)).data, after = getOrThrow(logits(grown, features)).data;
    for (let i = 0; i < 5; i++) {
      equal(after.slice(5 * i, 5 * i + 4), before.slice(4 * i, 4 * i + 4), "logits");
      const mean = before.subarray(4 * i, 4 * i + 4).reduce((sum, v) => sum + v, 0) / 4;
      check(Math.abs((after[5 * i + 4] as number) - mean) < 1e-6, "not the mean");
    }
    refused(growClasses(network(), 3), "InvalidSize", "fewer classes");
    return [flat(grown)];
  },

  "adapt() learns a class from its first example, and writes to nothing it was given": () => {
    const known = getOrThrow(batch({ features: getOrThrow(matrix(3, 6, uniform(18, 8))), labels: [0, 1, 2] }));
    const features = getOrThrow(matrix(1, 6, uniform(6, 9))), unknown = getOrThrow(batch({ features, labels: [4] }));
    let params = network(), state: OnlineState | "forget" = "forget";
    for (const part of [known, unknown, known, unknown]) {
      const given = show([params, state, part]),
        next: Update<Network, OnlineState> = getOrThrow(adapt(params, state, part));
      equal(show([params, state, part]), given, "arguments");
      ({ params, state } = next);
    }
    equal(params.outputs, 5, "classes");
    const row = getOrThrow(logits(params, features)).data;
    equal(row.indexOf(Math.max(...row)), 4, "class of the new example");
    return [flat(params)];
  },
};
