/**
 * Networks and batches on their way to the device and back.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../../check/error.ts";
import type { Batch } from "../../data/batch.ts";
import { type LayerArray, mapArrays } from "../../network/arrays.ts";
import { checkModelKind } from "../../network/flat.ts";
import { type Network, takesFeatures } from "../../network/layer.ts";
import { checkNetwork } from "../../network/network.ts";
import { isTiny } from "../../row_system/gram.ts";
import type { Device } from "../device/device.ts";
import { failUnsupported } from "../device/faults.ts";
import { scope as openScope } from "../device/pool.ts";
import { checkFits, view, whole } from "../device/view.ts";
import type { Examples } from "./examples.ts";
import type { Parameters, Tensor } from "./tensor.ts";

/** Examples and how many hold them. */
export interface CountedExamples extends Examples {
  holders: number;
}

const EMPTY = new Float32Array();

/** Errors: `WrongKind`, `ShapeMismatch`, `InvalidLayer`, `InvalidSize`, `Unsupported`. */
export function checkParameters(network: Network): E.Either<FgnError, Network> {
  const kind = checkModelKind(network);
  if (kind._tag === "Left") return kind;
  if (kind.right._tag === "custom") return failUnsupported("models of your own");
  const checked = checkNetwork(network);
  if (checked._tag === "Left") return checked;
  // An embedding is the first layer or none.
  return takesFeatures(network) === "sparse" ? failUnsupported("embedding layers") : E.right(network);
}

/** Copies a network to the device; held once. */
export async function upload(device: Device, network: Network): Promise<E.Either<FgnError, Parameters>> {
  const arrays: LayerArray[] = [];
  const layers = mapArrays(network.layers, true, (array) => {
    arrays.push(array);
    return EMPTY;
  });
  for (const { rows, cols } of arrays) {
    // Biases, gains and shifts are bound as a whole.
    const [height, width] = cols === 1 ? [1, rows] : [rows, cols];
    const fits = checkFits(device.limits, "a layer's parameters", height, width);
    if (fits._tag === "Left") return fits;
  }
  const scope = openScope(device.pool);
  try {
    const tensors: Tensor[] = [];
    const submitted = await device.submit((encoder) => {
      for (const { data, rows, cols, trains } of arrays) {
        const tensor = { ...view(scope.acquire(data.byteLength), rows, cols), trains, holders: 1 };
        encoder.write(tensor.buffer, data);
        tensors.push(tensor);
      }
      return [];
    });
    if (submitted._tag === "Left") return submitted;
    for (const { buffer } of tensors) scope.keep(buffer);
    return E.right({ skeleton: { ...network, layers }, tensors });
  } finally {
    scope.close();
  }
}

/** Copies a batch to the device; held once. */
export async function uploadBatch(device: Device, batch: Batch): Promise<E.Either<FgnError, CountedExamples>> {
  const { features: { rows, cols, data }, labels } = batch;
  const fits = checkFits(device.limits, "the features", rows, cols);
  if (fits._tag === "Left") return fits;
  const scope = openScope(device.pool);
  try {
    const features = view(scope.acquire(data.byteLength), rows, cols), words = view(scope.acquire(4 * rows), rows, 1);
    const submitted = await device.submit((encoder) => {
      encoder.write(features.buffer, data);
      encoder.write(words.buffer, labels);
      return [];
    });
    if (submitted._tag === "Left") return submitted;
    for (const { buffer } of [features, words]) scope.keep(buffer);
    const withoutFeatures = { ...batch, features: { rows: 0, cols, data: EMPTY } };
    return E.right({ features, labels: words, batch: withoutFeatures, tiny: isTiny(batch.features), holders: 1 });
  } finally {
    scope.close();
  }
}

/** Reads a network back. */
export async function download(
  device: Device,
  { skeleton, tensors }: Parameters,
): Promise<E.Either<FgnError, Network>> {
  const arrays: Float32Array[] = [];
  for (const tensor of tensors) {
    const submitted = await device.submit(() => [whole(tensor)]);
    if (submitted._tag === "Left") return submitted;
    arrays.push(new Float32Array(submitted.right));
  }
  let at = 0;
  return E.right({ ...skeleton, layers: mapArrays(skeleton.layers, true, () => arrays[at++] ?? EMPTY) });
}

/** Counts one holder less; the buffers go back when nobody holds them. */
export function releaseBatch({ pool }: Device, examples: CountedExamples): void {
  examples.holders--;
  if (examples.holders > 0) return;
  for (const { buffer } of [examples.features, examples.labels]) pool.release(buffer);
}
