// The classification problems of the comparison, cheapest steps first.

import { loadCmudict } from "../../examples/data/cmudict.ts";
import { type Dataset, draw, type Split } from "../../examples/data/dataset.ts";
import { loadMnist } from "../../examples/data/mnist.ts";
import { loadUdhr } from "../../examples/data/udhr.ts";
import { type Batch, batch, getOrThrow, matrix, mlp, type Network, zeroHead } from "../../mod.ts";
import { picker } from "../../src/data/select.ts";
import { seedRandom } from "../../src/math/random.ts";

/** Examples of a step. */
export const BATCH = 128;

/** A data set with a model. */
export interface Task {
  readonly id: string;
  readonly title: string;
  /** Widths from the inputs to the classes; ReLU between. */
  readonly sizes: readonly number[];
  readonly load: () => Data;
}

/** A data set as batches. */
export interface Data {
  readonly train: Batch;
  readonly test: Batch;
}

const toBatch = ({ features, labels, rows }: Split, columns: number): Batch =>
  getOrThrow(batch({ features: getOrThrow(matrix(rows, columns, features)), labels }));

/** A loader that reads once. */
function once(load: () => Dataset): () => Data {
  let data: Data | undefined;
  return () => {
    if (data !== undefined) return data;
    const { train, test, columns } = load();
    return data = { train: toBatch(train, columns), test: toBatch(test, columns) };
  };
}

const mnist = once(loadMnist), udhr = once(loadUdhr), cmudict = once(loadCmudict);

export const TASKS: readonly Task[] = [
  { id: "mnist-linear", title: "MNIST 784-10", sizes: [784, 10], load: mnist },
  { id: "mnist-network", title: "MNIST 784-64-10", sizes: [784, 64, 10], load: mnist },
  { id: "cmudict-network", title: "cmudict 1024-64-200", sizes: [1024, 64, 200], load: cmudict },
  { id: "cmudict-deep", title: "cmudict 1024-64-64-200", sizes: [1024, 64, 64, 200], load: cmudict },
  { id: "cmudict-linear", title: "cmudict 1024-200", sizes: [1024, 200], load: cmudict },
  { id: "udhr-network", title: "UDHR 1024-64-522", sizes: [1024, 64, 522], load: udhr },
  { id: "udhr-linear", title: "UDHR 1024-522", sizes: [1024, 522], load: udhr },
];

/** The parameters that a seed starts from: zeros for a linear head, else those of `mlp`. */
export function initial({ sizes }: Task, seed: number): Network {
  const [inputs = 0, ...rest] = sizes, classes = rest.at(-1) ?? 0, hidden = rest.slice(0, -1);
  return getOrThrow(
    hidden.length === 0 ? zeroHead({ features: inputs, classes }) : mlp({ inputs, hidden, classes, seed }),
  );
}

/** The share of the training set that choices are made on, and the seed that draws it. */
const HELD_OUT = 0.1, DRAW = 1;

/** A training set apart from its validation examples, which stand in the place of the test set. */
export function holdOut({ train }: Data): Data {
  const { rows } = train.features, held = Math.round(HELD_OUT * rows);
  const { drawn } = draw(rows, rows, seedRandom(DRAW));
  const pick = picker(train, rows, false);
  return { train: pick(drawn.slice(held)), test: pick(drawn.slice(0, held)) };
}

/** So many batches of a data set, for a trial of the whole comparison. */
export function part({ train, test }: Data, batches: number): Data {
  const rows = Uint32Array.from({ length: batches * BATCH }, (_, i) => i);
  return { train: picker(train, rows.length, false)(rows), test: picker(test, rows.length, false)(rows) };
}
