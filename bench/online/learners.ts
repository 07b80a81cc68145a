// What learns from a stream: the online optimizer with its variants, and Adam.

import {
  adapt,
  type Batch,
  evaluate,
  getOrThrow,
  type Network,
  observe,
  type OnlineState,
  seedRandom,
  shuffle,
} from "../../mod.ts";
import { classesFor, growZeros, startGrowing, stepGrowing } from "./growing.ts";
import { join, type Stream, take } from "./stream.ts";

/** A batch in, the network so far out. */
export type Learner = (data: Batch) => Network;

/** Starts a learner on a trained network. */
export type Start = (network: Network, stream: Stream) => Learner;

/** Options of {@link online}. */
export interface OnlineVariant {
  /** The ratio of the damping (default: that of the library). */
  readonly ratio?: number;
  /** Known texts beside each batch (default 0). */
  readonly beside?: number;
  /** Whether new rows are zeros instead of the mean (default false). */
  readonly zeros?: boolean;
}

/** adapt(), having seen the known texts. */
export const online = ({ ratio, beside = 0, zeros = false }: OnlineVariant = {}): Start => (network, stream) => {
  const options = ratio === undefined ? {} : { ratio };
  const { order } = getOrThrow(shuffle(stream.train.labels.length, seedRandom(7)));
  let params = network, state: OnlineState = getOrThrow(observe(network, null, stream.train.features)), at = 0;
  return (data) => {
    const known = order.subarray(at, at + beside);
    at = (at + beside) % (order.length - beside);
    const part = beside > 0 ? join(data, take(stream.train, known)) : data;
    const grown = zeros ? growZeros(params, classesFor(params, data)) : params;
    ({ params, state } = getOrThrow(adapt(grown, state, part, options)));
    return params;
  };
};

/** Adam with a learning rate. */
export const byAdam = (rate: number): Start => (network) => {
  let growing = startGrowing(network);
  return (data) => {
    growing = stepGrowing(growing, data, rate);
    return growing.network;
  };
};

/** Accuracy on the test texts of new and of old languages. */
export interface Accuracy {
  readonly new: number;
  readonly old: number;
}

/** A run over a stream. */
export interface Run {
  /** After the rounds asked for. */
  readonly accuracies: readonly Accuracy[];
  /** The median update, growing included. */
  readonly milliseconds: number;
}

/** Learns all rounds, `size` texts at a time, and tests after some, counted from 1. */
export function runStream(network: Network, stream: Stream, start: Start, size: number, after: readonly number[]): Run {
  const learn = start(network, stream);
  const accuracies: Accuracy[] = [], times: number[] = [];
  let now = network;
  stream.rounds.forEach((round, k) => {
    for (let first = 0; first < round.labels.length; first += size) {
      const rows = Array.from({ length: Math.min(size, round.labels.length - first) }, (_, i) => first + i);
      const part = take(round, rows), began = performance.now();
      now = learn(part);
      times.push(performance.now() - began);
    }
    if (!after.includes(k + 1)) return;
    const accuracy = (data: Batch): number => getOrThrow(evaluate(now, data)).accuracy;
    accuracies.push({ new: accuracy(stream.test.new), old: accuracy(stream.test.old) });
  });
  times.sort((a, b) => a - b);
  return { accuracies, milliseconds: times[times.length >> 1] ?? 0 };
}
