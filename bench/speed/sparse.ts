// A training step on the features of 128 texts in many languages: sparse against dense, and with all that training does.

import { loadUdhr, loadUdhrSparse } from "../../examples/data/udhr.ts";
import {
  type Batch,
  batch,
  dense,
  embedding,
  getOrThrow,
  initialise,
  matrix,
  mlp,
  type Network,
  relu,
  seedRandom,
  shuffle,
  zeroHead,
} from "../../mod.ts";
import { picker } from "../../src/data/select.ts";
import { type Case, measure } from "./measure.ts";
import { donated, robustly, stepInPlace } from "./own.ts";

const CLASSES = 522, HIDDEN = 64;

/** A network over sparse features. */
const overSparse = (inputs: number): Network =>
  getOrThrow(initialise({ inputs, layers: [embedding(HIDDEN), relu(), dense(CLASSES)], seed: 1 }));

/** The features of the same 128 texts, sparse and dense. */
function texts(): { readonly sparse: Batch; readonly dense: Batch } {
  const many = loadUdhrSparse().train, few = loadUdhr();
  const { order } = getOrThrow(shuffle(many.rows, seedRandom(1)));
  const pick = (data: Batch): Batch => picker(data, 128, false)(order.subarray(0, 128));
  const features = getOrThrow(matrix(few.train.rows, few.columns, few.train.features));
  return {
    sparse: pick(getOrThrow(batch({ features: many.features, labels: many.labels }))),
    dense: pick(getOrThrow(batch({ features, labels: few.train.labels }))),
  };
}

/** The steps, in place: a sparse network, a dense one, a linear head. */
export async function sparseSteps(): Promise<Case[]> {
  const data = texts();
  const { cols } = data.sparse.features, inputs = data.dense.features.cols;
  const wide = overSparse(cols);
  const narrow = getOrThrow(mlp({ inputs, hidden: [HIDDEN], classes: CLASSES, seed: 1 }));
  const head = getOrThrow(zeroHead({ features: inputs, classes: CLASSES }));
  return [
    await measure(`128 texts, ${CLASSES} languages`, 0, [
      { name: `dense ${inputs} → ${HIDDEN} → ${CLASSES}`, run: () => stepInPlace(narrow, data.dense) },
      { name: `sparse ${cols} → ${HIDDEN} → ${CLASSES}`, run: () => stepInPlace(wide, data.sparse) },
      { name: `dense ${inputs} → ${CLASSES}, a linear head`, run: () => stepInPlace(head, data.dense) },
    ]),
  ];
}

/** An update of `robust()` over sparse features against the step alone, each on another 128 texts than the one before. */
export async function sparseTraining(): Promise<Case[]> {
  const { rows, features, labels } = loadUdhrSparse().train, size = 128, count = Math.floor(rows / size);
  const { order } = getOrThrow(shuffle(rows, seedRandom(1)));
  const pick = picker(getOrThrow(batch({ features, labels })), size, false);
  const batches = Array.from({ length: count }, (_, i) => pick(order.subarray(size * i, size * (i + 1))));
  const model = overSparse(features.cols);
  return [
    await measure(`128×${features.cols}×${HIDDEN}×${CLASSES}`, 0, [
      donated(model, ...batches),
      robustly(model, ...batches),
    ]),
  ];
}
