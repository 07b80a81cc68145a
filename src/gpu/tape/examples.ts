/**
 * Batches on the device. Labels and weights stay here, too: checks and the float64 part of a step read them.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../../check/error.ts";
import { type Batch, checkBatchKind, checkClasses } from "../../data/batch.ts";
import { checkLength } from "../../check/size.ts";
import { isSparse } from "../../data/sparse.ts";
import type { Network } from "../../network/layer.ts";
import { failWidth, type Purpose } from "../../problem/session.ts";
import { failUnsupported } from "../device/faults.ts";
import type { View } from "../device/view.ts";

/** Examples on the device. */
export interface Examples {
  /** B × D. */
  readonly features: View;
  /** B × 1 words. */
  readonly labels: View;
  /** The batch without its features. */
  readonly batch: Batch;
  /** Whether the squares of all features are below float32, and not all features zero. */
  readonly tiny: boolean;
}

/** A batch that can go to the device. Errors: `WrongKind`, `EmptyBatch`, `ShapeMismatch`, `Unsupported`. */
export function checkExamples(batch: Batch): E.Either<FgnError, Batch> {
  const kind = checkBatchKind(batch);
  if (kind._tag === "Left") return kind;
  const { features, labels, targets, weights } = kind.right;
  if (isSparse(features)) return failUnsupported("sparse features");
  if (targets !== null) return failUnsupported("soft targets");
  const { rows, cols, data } = features;
  if (rows === 0) return fail("EmptyBatch", {}, "there are no examples", "Give at least one row of features");
  const lengths = [
    checkLength("features", data.length, rows * cols),
    checkLength("labels", labels.length, rows),
    checkLength("weights", weights?.length ?? rows, rows),
  ];
  return lengths.find((length) => length._tag === "Left") ?? kind;
}

/** Examples that match a network. Errors: `FeatureMismatch`, `LabelOutOfRange`. */
export function checkMatch(
  network: Network,
  { features, batch }: Examples,
  purpose: Purpose,
): E.Either<FgnError, void> {
  if (features.cols !== network.inputs) {
    return failWidth(network.inputs, features.cols, purpose);
  }
  return E.map(() => {})(checkClasses(batch.labels, network.outputs));
}
