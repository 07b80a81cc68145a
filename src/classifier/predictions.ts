/**
 * Probabilities of a classifier, at its temperature.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Matrix } from "../data/matrix.ts";
import type { Features } from "../data/sparse.ts";
import { softmaxRows } from "../math/softmax.ts";
import { logits } from "../passes/evaluate.ts";
import type { KernelOption } from "../problem/session.ts";
import type { Classifier } from "./classifier.ts";

/**
 * softmax(logits/T) of each row, in float64 and rounded once. Errors: those of `logits`.
 * @internal
 */
export function tempered(
  { network, temperature }: Pick<Classifier, "network" | "temperature">,
  features: Features,
  option: KernelOption,
): E.Either<FgnError, Matrix> {
  const found = logits(network, features, option);
  if (found._tag === "Left") return found;
  const { rows, cols, data } = found.right, row = new Float64Array(cols);
  for (let at = 0; at < rows * cols; at += cols) {
    for (let c = 0; c < cols; c++) row[c] = (data[at + c] as number) / temperature;
    softmaxRows(row, cols);
    data.set(row, at);
  }
  return found;
}

/**
 * The k likeliest classes of a row, likeliest first; of several alike the lower first.
 * @internal
 */
export function likeliest(row: Float32Array, k: number): number[] {
  const best: number[] = [];
  for (let c = 0; c < row.length; c++) {
    const p = row[c] as number;
    let at = best.length;
    while (at > 0 && (row[best[at - 1] as number] as number) < p) at--;
    if (at === k) continue;
    best.splice(at, 0, c);
    if (best.length > k) best.pop();
  }
  return best;
}
