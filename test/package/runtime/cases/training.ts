// Training: the bytes of runs that are known from the tests of the source, and of robust().

import {
  dense,
  embedding,
  fgn,
  fit,
  gelu,
  getOrThrow,
  initialise,
  layerNorm,
  leakyRelu,
  mlp,
  randomHead,
  residual,
  robust,
  sigmoid,
  silu,
  tanh,
  withAdapters,
} from "fgn";
import { LINEAR, NETWORK, NETWORK_WEIGHTS, SPARSE } from "../../../support/hashes.ts";
import { below, type Cases, equal } from "../check.ts";
import { flat, problem, sparseProblem, trained } from "../data.ts";
import { sha256 } from "../sha256.ts";

export const training: Cases = {
  "train(): a linear head has the known bytes after 200 steps": async () => {
    const { data } = problem(640, 37, 23, Array.from({ length: 640 }, (_, i) => 1 + i % 2));
    const head = getOrThrow(randomHead({ features: 37, classes: 23 }, 11));
    const { params, steps } = await trained(head, data, { epochs: 20, batchSize: 64, seed: 3, optimizer: fgn() });
    equal(steps, 200, "steps");
    equal(await sha256(flat(params)), LINEAR, "SHA-256");
    return [flat(params)];
  },

  "train(): a network of every layer kind has the known bytes": async () => {
    const { data } = problem(200, 37, 23);
    const layers = [
      dense(24),
      gelu(),
      residual([layerNorm(), dense(24), silu()]),
      leakyRelu(),
      dense(12),
      tanh(),
      dense(23),
    ];
    const network = getOrThrow(
      withAdapters(getOrThrow(initialise({ inputs: 37, layers, seed: 4 })), { rank: 3, layers: [4] }),
    );
    const options = { epochs: 4, batchSize: 50, seed: 3, labelSmoothing: 0.1, l2: 1e-3, optimizer: fgn({ refine: 2 }) };
    const { params } = await trained(network, data, options);
    equal(await sha256(flat(params)), NETWORK_WEIGHTS, "SHA-256");
    const all = await trained(network, data, { ...options, l2Biases: true });
    equal(await sha256(flat(all.params)), NETWORK, "SHA-256 with biases");
    return [flat(params), flat(all.params)];
  },

  "train(): sparse features, matrix-free, have the known bytes": async () => {
    const layers = [embedding(16), layerNorm(), sigmoid(), dense(6)];
    const network = getOrThrow(initialise({ inputs: 500, layers, seed: 2 }));
    const options = { epochs: 4, batchSize: 40, seed: 1, optimizer: fgn({ system: "matrixFree" }) };
    const { params } = await trained(network, sparseProblem(), options);
    equal(await sha256(flat(params)), SPARSE, "SHA-256");
    return [flat(params)];
  },

  "fit(): robust() learns, and is what runs without options": async () => {
    const { data } = problem(128, 12, 4);
    const network = getOrThrow(mlp({ inputs: 12, hidden: [32], classes: 4, seed: 1 }));
    const options = { epochs: 20, batchSize: 32, seed: 2, validation: data };
    const plain = getOrThrow(await fit(network, data, options)());
    const named = getOrThrow(await fit(network, data, { ...options, optimizer: robust() })());
    equal(named.params, plain.params, "parameters");
    equal(plain.steps, 80, "steps");
    // ln 4 is the loss of knowing nothing; the labels are noise, which a network of this width learns by heart unless folds
    // steer the run.
    below(plain.evaluation?.loss ?? NaN, Math.log(4), "loss");
    const unsteered = getOrThrow(await fit(network, data, { ...options, shrinkage: "off" })());
    below(unsteered.evaluation?.loss ?? NaN, Math.log(4) / 2, "loss without shrinkage");
    return [flat(plain.params), Float64Array.from(plain.history, ({ evaluation }) => evaluation?.loss ?? NaN)];
  },
};
