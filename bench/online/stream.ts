// Languages that arrive: some known with all their texts, the others a stream of single texts.

import type { Split } from "../../examples/data/dataset.ts";
import type { Languages } from "../../examples/data/udhr.ts";
import { type Batch, batch, getOrThrow, matrix, seedRandom, shuffle } from "../../mod.ts";

/** Languages known and new, numbered anew: the known ones first, the new ones in the order of their arrival. */
export interface Stream {
  /** Languages in all. */
  readonly classes: number;
  /** Languages known at the start. */
  readonly known: number;
  /** All training texts of the known languages. */
  readonly train: Batch;
  /** Rounds of texts: the k-th has the k-th text of every new language, each round in an order of its own. */
  readonly rounds: readonly Batch[];
  /** Test texts of the new and of the known languages. */
  readonly test: { readonly new: Batch; readonly old: Batch };
}

/** Rows of a batch. */
export function take({ features, labels }: Batch, rows: ArrayLike<number>): Batch {
  const { cols, data } = features, count = rows.length;
  const x = new Float32Array(count * cols), y = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    x.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
    y[i] = labels[row] as number;
  }
  return getOrThrow(batch({ features: getOrThrow(matrix(count, cols, x)), labels: y }));
}

/** Two batches as one. */
export function join(a: Batch, b: Batch): Batch {
  const { cols } = a.features, rows = a.labels.length + b.labels.length;
  const x = Float32Array.of(...a.features.data, ...b.features.data);
  return getOrThrow(batch({ features: getOrThrow(matrix(rows, cols, x)), labels: [...a.labels, ...b.labels] }));
}

/** The stream of a seed, which chooses the known languages and all orders; of the first `classes` languages. */
export function streamOf(
  { train, test, columns }: Languages,
  { classes, known, rounds, seed }: {
    readonly classes: number;
    readonly known: number;
    readonly rounds: number;
    readonly seed: number;
  },
): Stream {
  const chosen = getOrThrow(shuffle(classes, seedRandom(seed)));
  const number = new Map(Array.from(chosen.order, (language, i) => [language, i]));
  const all = ({ features, labels, rows }: Split): Batch => ({
    features: getOrThrow(matrix(rows, columns, features)),
    labels: labels.map((y) => number.get(y) ?? classes),
    targets: null,
    weights: null,
  });
  const rowsOf = ({ labels }: Batch, wanted: (label: number) => boolean): number[] =>
    Array.from(labels).flatMap((label, row) => wanted(label) ? [row] : []);
  const texts = all(train), tests = all(test);
  const isOld = (label: number): boolean => label < known,
    isNew = (label: number): boolean => label >= known && label < classes;
  const byClass = Array.from({ length: classes - known }, (_, i) => rowsOf(texts, (label) => label === known + i));
  let random = chosen.random;
  return {
    classes,
    known,
    train: take(texts, rowsOf(texts, isOld)),
    rounds: Array.from({ length: rounds }, (_, k) => {
      const order = getOrThrow(shuffle(classes - known, random));
      random = order.random;
      // The languages are numbered by their first arrival: the first round is in that order.
      const places = k === 0 ? Array.from(order.order.keys()) : Array.from(order.order);
      return take(texts, places.map((i) => byClass[i]?.[k] as number));
    }),
    test: { new: take(tests, rowsOf(tests, isNew)), old: take(tests, rowsOf(tests, isOld)) },
  };
}
