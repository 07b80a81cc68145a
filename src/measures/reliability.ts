/**
 * Whether confidence is what it says: the share of rows that are right among those predicted with it.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Numbers } from "../check/numbers.ts";
import { checkOptions, type Rule, type Rules, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import { countedRows, type MeasureOptions, type Predicted, readPredicted, WEIGHTED, weightOf } from "./labelled.ts";

/** Options of {@link reliability}. */
export interface ReliabilityOptions extends MeasureOptions {
  /** Number of bins of equal width, up to 10,000 (default 15). */
  readonly bins?: number;
}

const BINS: Rule = [
  (value) => Number.isSafeInteger(value) && value as number >= 1 && value as number <= 10_000,
  "a whole number from 1 to 10000",
];
const RELIABILITY: Rules<ReliabilityOptions> = /* @__PURE__ */ union(WEIGHTED, { bins: BINS });

/** The rows whose confidence, the probability of the likeliest class, lies in (from, to]. */
export interface ReliabilityBin {
  /** The lower end, which is not in the bin. */
  readonly from: number;
  /** The upper end, which is. */
  readonly to: number;
  /** How many rows, by weight. */
  readonly count: number;
  /** The share of them that are right; null where there are none. */
  readonly accuracy: number | null;
  /** Their mean confidence; null where there are none. */
  readonly confidence: number | null;
}

/** What {@link reliability} gives. */
export interface Reliability {
  /** The bins from 0 to 1, the empty ones too. */
  readonly bins: readonly ReliabilityBin[];
  /** Expected calibration error: the mean of |accuracy − confidence| over the bins, by their counts. */
  readonly ece: number;
  /** Maximum calibration error: the largest |accuracy − confidence| of a bin. */
  readonly mce: number;
  /** Mean of Σ_k (p_k − 1[k is the label])², from 0 to 2. */
  readonly brier: number;
}

/** Sums over the rows of each bin. */
interface BinSums {
  readonly count: Float64Array;
  readonly correct: Float64Array;
  readonly confidence: Float64Array;
}

function sumBins(given: Predicted, bins: number): BinSums {
  const { classes, data, labels, predicted } = given;
  const count = new Float64Array(bins), correct = new Float64Array(bins), confidence = new Float64Array(bins);
  for (const row of countedRows(given)) {
    const top = predicted[row] as number, p = data[row * classes + top] as number, weight = weightOf(given, row);
    // Float32 may put the largest of a row a little above 1.
    const bin = Math.min(bins, Math.ceil(p * bins)) - 1;
    count[bin] = (count[bin] as number) + weight;
    confidence[bin] = (confidence[bin] as number) + weight * p;
    if (top === labels[row]) correct[bin] = (correct[bin] as number) + weight;
  }
  return { count, correct, confidence };
}

function binsOf({ count, correct, confidence }: BinSums): ReliabilityBin[] {
  const mean = (sums: Float64Array, bin: number): number | null =>
    count[bin] === 0 ? null : (sums[bin] as number) / (count[bin] as number);
  return Array.from(count, (weight, bin) => ({
    from: bin / count.length,
    to: (bin + 1) / count.length,
    count: weight,
    accuracy: mean(correct, bin),
    confidence: mean(confidence, bin),
  }));
}

/** The Brier score. */
function brierScore(given: Predicted): number {
  const { classes, data, labels } = given;
  let sum = 0, total = 0;
  for (const row of countedRows(given)) {
    const at = row * classes, weight = weightOf(given, row);
    let squares = 0;
    for (let c = 0; c < classes; c++) {
      const gap = (data[at + c] as number) - (c === labels[row] ? 1 : 0);
      squares += gap * gap;
    }
    sum += weight * squares;
    total += weight;
  }
  return sum / total;
}

/**
 * The reliability diagram of probabilities, their calibration errors and Brier score.
 *
 * Rows are put by confidence, the probability of the likeliest class, into bins of equal width; where a model knows what it
 * knows, accuracy and mean confidence of each bin are alike. ECE and MCE are those of Guo et al. 2017 ("On Calibration of
 * Modern Neural Networks", eqs. 3 and 5); they depend on the bins, and bins of few rows are noise, MCE above all. The
 * Brier score is Brier's own of 1950, over all classes: of two classes it is twice scikit-learn's `brier_score_loss`.
 *
 * Errors: as `classReport`.
 *
 * @param probabilities rows × classes, as `probabilities` gives them
 * @param labels a class index from 0 a row
 * @example
 * ```ts
 * import { getOrThrow, matrix, reliability } from "fgn";
 *
 * const p = getOrThrow(matrix([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [1, 0]]));
 * const { bins, ece, mce, brier } = getOrThrow(reliability(p, [0, 1, 1, 0], { bins: 4 }));
 * console.log(bins[2]); // { from: 0.5, to: 0.75, count: 3, accuracy: 0.666…, confidence: 0.75 }
 * console.log(ece.toFixed(4), mce.toFixed(4), brier); // 0.0625 0.0833 0.34375
 * ```
 */
export function reliability(
  probabilities: Matrix,
  labels: Numbers,
  options: ReliabilityOptions = {},
): E.Either<FgnError, Reliability> {
  return guard("reliability", { probabilities, labels, options }, () => {
    const checked = checkOptions(options, RELIABILITY);
    if (checked._tag === "Left") return checked;
    const given = readPredicted(probabilities, labels, checked.right);
    return given._tag === "Left" ? given : E.right(reliabilityOf(given.right, checked.right.bins ?? 15));
  });
}

function reliabilityOf(given: Predicted, count: number): Reliability {
  const bins = binsOf(sumBins(given, count));
  let sum = 0, total = 0, mce = 0;
  for (const bin of bins) {
    const gap = Math.abs((bin.accuracy ?? 0) - (bin.confidence ?? 0));
    sum += bin.count * gap;
    total += bin.count;
    mce = Math.max(mce, gap);
  }
  return { bins, ece: sum / total, mce, brier: brierScore(given) };
}
