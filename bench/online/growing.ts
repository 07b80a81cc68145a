// Adam on the library's own gradients, for networks that grow.

import {
  type Batch,
  getOrThrow,
  growClasses,
  lossAndGradient,
  type Network,
  parameterCount,
  parameters,
  withParameters,
} from "../../mod.ts";
import { type AdamState, adamStep, startAdam } from "../support/adam.ts";

/** A network with Adam's state, which a step overwrites. */
export interface Growing {
  readonly network: Network;
  readonly state: AdamState;
}

/** Starts with moments of zero. */
export const startGrowing = (network: Network): Growing => ({ network, state: startAdam(parameterCount(network)) });

/** The network grown with zeros, not with the mean of the classes there are; its last layer is dense. */
export function growZeros(network: Network, classes: number): Network {
  const grown = getOrThrow(growClasses(network, classes)), last = grown.layers.at(-1);
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
export function stepGrowing({ network: before, state }: Growing, data: Batch, rate: number): Growing {
  const classes = classesFor(before, data), network = getOrThrow(growClasses(before, classes));
  const grown = (moments: Float32Array): Float32Array =>
    network === before ? moments : parameters(growZeros(getOrThrow(withParameters(before, moments)), classes));
  const { gradient } = getOrThrow(lossAndGradient(network, data)), values = parameters(network);
  const moments = { steps: state.steps, mean: grown(state.mean), square: grown(state.square) };
  const next = adamStep(gradient, moments, rate);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + (gradient[i] as number);
  return { network: getOrThrow(withParameters(network, values)), state: next };
}
