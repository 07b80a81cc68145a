// Adam (Kingma and Ba 2015) on the library's own gradients, for networks that grow.

import {
  type Batch,
  growClasses,
  lossAndGradient,
  type Network,
  parameterCount,
  parameters,
  withParameters,
} from "../../mod.ts";
import { right } from "../../test/support/reference.ts";

/** A network with the moments of its parameters, which a step overwrites. */
export interface AdamState {
  readonly network: Network;
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly steps: number;
}

const FIRST = 0.9, SECOND = 0.999, EPSILON = 1e-8;

/** Starts with moments of zero. */
export function startAdam(network: Network): AdamState {
  const count = parameterCount(network);
  return { network, first: new Float32Array(count), second: new Float32Array(count), steps: 0 };
}

/** The network grown with zeros, not with the mean of the classes there are; its last layer is dense. */
export function growZeros(network: Network, classes: number): Network {
  const grown = right(growClasses(network, classes)), last = grown.layers.at(-1);
  if (last?._tag !== "dense" || grown === network) return grown;
  const from = network.outputs, { rows, cols, data } = last.weight;
  const weight = { rows, cols, data: data.slice().fill(0, from * cols) };
  const layer = { ...last, weight, bias: last.bias && last.bias.slice().fill(0, from) };
  return { ...grown, layers: [...grown.layers.slice(0, -1), layer] };
}

/** Classes that a network needs for a batch. */
export const classesFor = ({ outputs }: Network, { labels }: Batch): number =>
  labels.reduce((most, y) => Math.max(most, y + 1), outputs);

/** One step with a learning rate; labels beyond the network's classes grow it, with moments of zero. */
export function adam({ network: before, first, second, steps }: AdamState, data: Batch, rate: number): AdamState {
  const classes = classesFor(before, data), network = right(growClasses(before, classes));
  const grown = (moments: Float32Array): Float32Array =>
    network === before ? moments : parameters(growZeros(right(withParameters(before, moments)), classes));
  const { gradient } = right(lossAndGradient(network, data));
  const m = grown(first), v = grown(second), w = parameters(network);
  const t = steps + 1, rest = 1 - FIRST ** t, size = 1 - SECOND ** t;
  for (let i = 0; i < w.length; i++) {
    const g = gradient[i] as number;
    const mi = FIRST * (m[i] as number) + (1 - FIRST) * g, vi = SECOND * (v[i] as number) + (1 - SECOND) * g * g;
    m[i] = mi;
    v[i] = vi;
    w[i] = (w[i] as number) - rate * (mi / rest) / (Math.sqrt(vi / size) + EPSILON);
  }
  return { network: right(withParameters(network, w)), first: m, second: v, steps: t };
}
