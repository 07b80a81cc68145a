// Rows and labels that the tests of classifiers share.

import {
  type Classifier,
  type ClassifierOptions,
  getOrThrow,
  type LabelledRows,
  type Network,
  seedRandom,
  trainClassifier,
  type TrainedClassifier,
} from "../../mod.ts";
import { drawFrom } from "../../src/math/random.ts";

/** Rows about a corner of a cube for each label, in turn. */
export function corners(labels: readonly (string | number)[], count: number, spread = 0.3, seed = 1) {
  const source = drawFrom(seedRandom(seed)), draw = (): number => (source.next() / 2 ** 31 - 1) * spread;
  const rows = Array.from({ length: count }, (_, row) => {
    const corner = row % labels.length;
    return [0, 1, 2].map((bit) => ((corner >> bit) & 1) * 2 - 1 + draw());
  });
  return { features: rows, labels: rows.map((_, row) => labels[row % labels.length] as string | number) };
}

export const train = (data: LabelledRows, options: ClassifierOptions = {}): Promise<TrainedClassifier> =>
  getOrThrow(trainClassifier(data, { epochs: 10, ...options }));

/** A copy with other fields. */
export const changed = (classifier: Classifier, fields: object): Classifier =>
  ({ ...classifier, ...fields }) as unknown as Classifier;

/** The first layer's weights. */
export const weights = ({ layers: [layer] }: Network): Float32Array =>
  (layer as unknown as { readonly weight: { readonly data: Float32Array } }).weight.data;
