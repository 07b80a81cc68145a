// jax-js on its WebAssembly backend: an SGD step of a linear head by automatic differentiation, compiled.

import { grad, jit, nn, numpy as np } from "@jax-js/jax";
import type { Batch, Network } from "../../mod.ts";
import { layerOf } from "../../test/support/reference.ts";
import type { Contender } from "../support/race.ts";

const device = "wasm";

/** A head and a batch in jax-js. */
export interface JaxProblem {
  /** Weights (out × in) and biases after a step, to be disposed of. */
  readonly step: () => readonly [np.Array, np.Array];
  readonly dispose: () => void;
}

/** Opens a head in jax-js. Functions own their arguments: `ref` keeps those that are used again. */
export function jaxProblem(head: Network, { features, labels }: Batch, rate: number): JaxProblem {
  const { weight, bias } = layerOf(head), { rows, cols } = features, classes = weight.rows;
  const array = (data: Float32Array, shape: number[]): np.Array => np.array(data, { shape, device });
  const oneHot = new Float32Array(rows * classes);
  labels.forEach((label, i) => oneHot[i * classes + label] = 1);
  const w = array(weight.data, [classes, cols]), b = array(bias ?? new Float32Array(classes), [classes]);
  const x = array(features.data, [rows, cols]), y = array(oneHot, [rows, classes]);
  const loss = (w: np.Array, b: np.Array, x: np.Array, y: np.Array): np.Array =>
    np.sum(nn.logSoftmax(np.dot(x, np.transpose(w)).add(b)).mul(y)).mul(-1 / rows);
  const slopes = grad(loss, { argnums: [0, 1] });
  const step = jit((w: np.Array, b: np.Array, x: np.Array, y: np.Array): [np.Array, np.Array] => {
    const [dw, db] = slopes(w.ref, b.ref, x, y) as [np.Array, np.Array];
    return [w.sub(dw.mul(rate)), b.sub(db.mul(rate))];
  });
  return {
    step: () => step(w.ref, b.ref, x.ref, y.ref),
    dispose: () => [w, b, x, y].forEach((one) => one.dispose()),
  };
}

/**
 * The step of jax-js, from the same parameters at every call. Arrays are lazy: reading the biases runs the whole compiled
 * step, of which they are a part, and at once, where waiting for it takes milliseconds in some runtimes.
 */
export const jaxStep = ({ step }: JaxProblem): Contender => ({
  name: "jax-js SGD",
  run: () => {
    const [weight, bias] = step();
    bias.dataSync();
    weight.dispose();
  },
});
