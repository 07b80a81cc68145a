/**
 * Rows that are distributions over classes.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { failNumber, firstNotFinite } from "../check/numbers.ts";
import type { Matrix } from "./matrix.ts";

/** What rows of distributions may be, each with its error and what to do about it. */
const KINDS = {
  targets: ["InvalidTargets", "Each row of targets is a distribution: entries ≥ 0 with sum 1"],
  probabilities: [
    "InvalidProbabilities",
    "Each row has entries ≥ 0 with sum 1: give what probabilities(model, features) gives; logits are none",
  ],
} as const;

/**
 * The largest entry of each row, the lower where several are largest, if every row is a distribution: entries ≥ 0 with sum
 * 1 within 1e-4. Errors: `NotFinite`; `InvalidTargets` or `InvalidProbabilities`, by what they are.
 * @internal
 */
export function checkDistributions(
  what: keyof typeof KINDS,
  { rows, cols, data }: Matrix,
): E.Either<FgnError, Uint32Array> {
  const index = firstNotFinite(data, 0, rows * cols);
  if (index >= 0) return failNumber(what, data[index], index, cols);
  const [tag, remedy] = KINDS[what], largest = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0, top = 0, negative = -1;
    for (let c = 0; c < cols; c++) {
      const value = data[row * cols + c] as number;
      sum += value;
      if (value < 0) negative = c;
      if (value > (data[row * cols + top] as number)) top = c;
    }
    const wrong = negative >= 0
      ? `holds ${data[row * cols + negative]} for class ${negative}`
      : Math.abs(sum - 1) <= 1e-4
      ? ""
      : `sums to ${sum}`;
    if (wrong !== "") return fail(tag, { row, sum }, `row ${row} of the ${what} ${wrong}`, remedy);
    largest[row] = top;
  }
  return E.right(largest);
}
