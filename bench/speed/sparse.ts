// A training step on the features of 128 texts in many languages, sparse against dense.

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
  relu,
  seedRandom,
  shuffle,
  zeroHead,
} from "../../mod.ts";
import { picker } from "../../src/data/select.ts";
import { type Case, measure } from "./measure.ts";
import { stepInPlace } from "./own.ts";

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
  const data = texts(), classes = 522, hidden = 64;
  const { cols } = data.sparse.features, inputs = data.dense.features.cols;
  const wide = getOrThrow(initialise({ inputs: cols, layers: [embedding(hidden), relu(), dense(classes)], seed: 1 }));
  const narrow = getOrThrow(mlp({ inputs, hidden: [hidden], classes, seed: 1 }));
  const head = getOrThrow(zeroHead({ features: inputs, classes }));
  return [
    await measure(`128 texts, ${classes} languages`, 0, [
      { name: `dense ${inputs} → ${hidden} → ${classes}`, run: () => stepInPlace(narrow, data.dense) },
      { name: `sparse ${cols} → ${hidden} → ${classes}`, run: () => stepInPlace(wide, data.sparse) },
      { name: `dense ${inputs} → ${classes}, a linear head`, run: () => stepInPlace(head, data.dense) },
    ]),
  ];
}
