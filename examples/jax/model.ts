/**
 * A model written in jax-js. Its products with the Jacobian come from automatic differentiation, so that any
 * jax-js function of parameters and features can be trained.
 *
 * @module
 */

import { jit, jvp, nn, numpy as np, random, vjp } from "@jax-js/jax";
import type { Features, ModelFunctions } from "../../mod.ts";

/** Logits (B × C) of P parameters and B × D features. As jax-js wants it, the function owns its arguments. */
export type JaxFunction = (parameters: np.Array, features: np.Array) => np.Array;

/** The input of `customModel`. */
export interface JaxModel extends ModelFunctions {
  readonly parameters: Float32Array;
  readonly classes: number;
}

/** Sizes of {@link jaxModel} and the seed of its first weights. */
export interface JaxModelOptions {
  readonly inputs: number;
  readonly hidden: number;
  readonly classes: number;
  readonly seed?: number;
}

/** Where jax-js computes: WebAssembly runs everywhere, needs no `init()`, and can be read synchronously. */
const device = "wasm";

/** A copy of the values as a jax-js array, to be handed to one function, which then owns it. */
const toArray = (values: Float32Array, shape = [values.length]): np.Array => np.array(values, { shape, device });

/** Features as a B × D array. There are no sparse arrays in jax-js: sparse rows are written out. */
function featureArray(features: Features): np.Array {
  const { rows, cols } = features;
  if (!("offsets" in features)) return toArray(features.data, [rows, cols]);
  const { offsets, indices, data } = features;
  const dense = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let k = offsets[row] ?? 0; k < (offsets[row + 1] ?? 0); k++) {
      dense[row * cols + (indices[k] ?? 0)] = data[k] ?? 0;
    }
  }
  return toArray(dense, [rows, cols]);
}

/**
 * The functions of a model from its logits. Each is compiled at its first call with a shape of features.
 * A function disposes of what it does not hand on: here the logits that come with either product.
 */
export function fromJax(logits: JaxFunction): ModelFunctions {
  const value = jit(logits);
  const push = jit((parameters: np.Array, features: np.Array, tangent: np.Array) => {
    const [primal, product] = jvp((p: np.Array) => logits(p, features), [parameters], [tangent]);
    primal.dispose();
    return product;
  });
  const pull = jit((parameters: np.Array, features: np.Array, cotangent: np.Array) => {
    const [primal, back] = vjp((p: np.Array) => logits(p, features), [parameters]);
    primal.dispose();
    const [product] = back(cotangent);
    back.dispose();
    return product;
  });
  // dataSync() hands out a copy and disposes of the array.
  return {
    forward: (parameters, features) => value(toArray(parameters), featureArray(features)).dataSync(),
    jvp: (parameters, features, tangent) =>
      push(toArray(parameters), featureArray(features), toArray(tangent)).dataSync(),
    vjp: (parameters, features, cotangent) => {
      const shape = [features.rows, cotangent.length / features.rows];
      return pull(toArray(parameters), featureArray(features), toArray(cotangent, shape)).dataSync();
    },
  };
}

/** `count` normal numbers of variance 1/fan. */
function normal(key: np.Array, count: number, fan: number): ArrayLike<number> {
  return random.normal(key, [count]).mul(1 / Math.sqrt(fan)).dataSync();
}

type Six<A> = [A, A, A, A, A, A];

/** A network of one hidden layer: dense, layer norm with gain and shift, GELU, dense. */
export function jaxModel({ inputs, hidden, classes, seed = 1 }: JaxModelOptions): JaxModel {
  const sizes = [inputs * hidden, hidden, hidden, hidden, hidden * classes, classes];
  const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size));
  const logits: JaxFunction = (parameters, features) => {
    const [w1, b1, gain, shift, w2, b2] = np.split(parameters, ends.slice(0, -1)) as Six<np.Array>;
    const sums = np.dot(features, w1.reshape([inputs, hidden])).add(b1);
    const active = nn.gelu(nn.standardize(sums).mul(gain).add(shift));
    return np.dot(active, w2.reshape([hidden, classes])).add(b2);
  };
  const keys = random.split(random.key(seed));
  const parameters = new Float32Array(ends.at(-1) ?? 0);
  parameters.set(normal(keys.ref.slice(0), inputs * hidden, inputs)); // ref: keys is used once more
  parameters.fill(1, ends[1], ends[2]);
  parameters.set(normal(keys.slice(1), hidden * classes, hidden), ends[3]);
  return { parameters, classes, ...fromJax(logits) };
}
