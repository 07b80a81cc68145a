/**
 * Temperature scaling: one number that makes a model as confident as it is right.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { failNumber, firstNotFinite, type Numbers } from "../check/numbers.ts";
import { checkOptions, faultOf, oneOf, POSITIVE, type Rules, union } from "../check/rule.ts";
import { allocateFloats } from "../check/size.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import { logarithm } from "../math/logarithm.ts";
import { exponential, softmaxRows } from "../math/softmax.ts";
import {
  checkProbabilities,
  countedRows,
  type Labelled,
  type MeasureOptions,
  readLabelled,
  readPredicted,
  WEIGHTED,
  weightOf,
} from "./labelled.ts";
import { logLoss } from "./log_loss.ts";

/** Options of {@link temperature}. */
export interface TemperatureOptions extends MeasureOptions {
  /** What the rows hold: `"probabilities"` (default) or `"logits"`, which know no zeros. */
  readonly from?: "probabilities" | "logits";
}

const TEMPERATURE: Rules<TemperatureOptions> = /* @__PURE__ */ union(WEIGHTED, {
  from: /* @__PURE__ */ oneOf("probabilities", "logits"),
});

/** What {@link temperature} gives. */
export interface Temperature {
  /** T, from 0.01 to 100: above 1 where the model is too confident. */
  readonly temperature: number;
  /** Log loss of the rows as they are. */
  readonly lossBefore: number;
  /** Log loss of the rows at T. */
  readonly lossAfter: number;
  /**
   * Whether T is an end of its range, because no T within it is best: 0.01 where every row is right, so that more confidence
   * is always better; 100 where the rows know less than equal shares. Such a T is not to be used.
   */
  readonly atLimit: boolean;
}

/** The ends of the range of β = 1/T. */
const LEAST = 0.01, MOST = 100;

/** Mean log loss of softmax(β l) over rows, and its derivatives by β. */
interface LossCurve {
  readonly loss: number;
  readonly slope: number;
  readonly curvature: number;
  /** Mean of max_k l_k − l_y: 0 where every row is right. */
  readonly shortfall: number;
}

/** Fills `into` with l − max l for the l of a row: its logits, or the logarithms of its probabilities. */
function readRow(data: Float32Array, at: number, ofLogits: boolean, into: Float64Array): void {
  let peak = -Infinity;
  for (let c = 0; c < into.length; c++) {
    const value = data[at + c] as number, l = ofLogits ? value : logarithm(value);
    into[c] = l;
    if (l > peak) peak = l;
  }
  for (let c = 0; c < into.length; c++) into[c] = (into[c] as number) - peak;
}

/** Rows that count, as {@link readRow} has them, with their labels and weights. */
interface Gaps {
  readonly classes: number;
  readonly gaps: Float64Array;
  readonly labels: Uint32Array;
  readonly weights: Float64Array;
}

/** Reads the rows that count; a label whose probability is 0 has that of 2⁻¹⁴⁹. Errors: `OutOfMemory`. */
function readGaps(given: Labelled, ofLogits: boolean): E.Either<FgnError, Gaps> {
  const { classes, data } = given, counted = countedRows(given);
  const allocated = allocateDoubles(counted.length * classes);
  if (allocated._tag === "Left") return allocated;
  const gaps = allocated.right, labels = counted.map((row) => given.labels[row] as number);
  for (const [i, row] of counted.entries()) {
    readRow(data, row * classes, ofLogits, gaps.subarray(i * classes, (i + 1) * classes));
    const own = i * classes + (labels[i] as number);
    if (gaps[own] === -Infinity) gaps[own] = -logLoss(0);
  }
  return E.right({ classes, gaps, labels, weights: Float64Array.from(counted, (row) => weightOf(given, row)) });
}

function allocateDoubles(count: number): E.Either<FgnError, Float64Array> {
  try {
    return E.right(new Float64Array(count));
  } catch {
    const message = `${count} logarithms take ${
      (count / 2 ** 17).toFixed(0)
    } MiB, more than this runtime gives one array`;
    return fail("OutOfMemory", { bytes: count * 8 }, message, "Give fewer rows: a few thousand are enough");
  }
}

/** Loss, slope and curvature at β; all in float64, from differences to the largest of a row. */
function curveAt(beta: number, { classes, gaps, labels, weights }: Gaps): LossCurve {
  let loss = 0, slope = 0, curvature = 0, shortfall = 0, total = 0;
  for (let i = 0; i < labels.length; i++) {
    const at = i * classes, weight = weights[i] as number, own = gaps[at + (labels[i] as number)] as number;
    let sum = 0, first = 0, second = 0;
    for (let c = at; c < at + classes; c++) {
      const gap = gaps[c] as number, e = exponential(beta * gap);
      if (e === 0) continue;
      sum += e;
      first += e * gap;
      second += e * gap * gap;
    }
    const mean = first / sum;
    loss += weight * (logarithm(sum) - beta * own);
    slope += weight * (mean - own);
    curvature += weight * Math.max(0, second / sum - mean * mean);
    shortfall -= weight * own;
    total += weight;
  }
  return { loss: loss / total, slope: slope / total, curvature: curvature / total, shortfall: shortfall / total };
}

const clamp = (beta: number): number => Math.min(MOST, Math.max(LEAST, beta));

/**
 * The β in [0.01, 100] at which a convex loss is least, from its curve at 1: Newton's method within a bracket, which a step
 * that leaves it, or a slope that has not halved, divides at its geometric mean.
 */
function leastLoss(start: LossCurve, curve: (beta: number) => LossCurve): number {
  let beta = 1, low = 0, high = Infinity, before = Infinity;
  for (let pass = 0, at = start; pass < 200; pass++) {
    const { loss, slope, curvature, shortfall } = at, size = Math.abs(slope);
    if (shortfall === 0 && (slope < 0 || loss === 0)) return MOST;
    if (slope === 0 || beta === (slope < 0 ? MOST : LEAST)) return beta;
    if (slope < 0) low = beta;
    else high = beta;
    const newton = clamp(beta - slope / curvature), fits = newton > low && newton < high && size <= before / 2;
    const next = fits ? newton : Math.sqrt(clamp(low) * clamp(high));
    // Newton's error is the square of its last step.
    if (Math.abs(next - beta) <= 1e-9 * beta) return next;
    [beta, before, at] = [next, size, curve(next)];
  }
  return beta;
}

/**
 * The temperature T > 0 at which softmax(f/T) has the least log loss on labelled rows (Guo et al. 2017, "On Calibration of
 * Modern Neural Networks", §4.2), found to about 1e-9 of itself. Of probabilities alone it is the same: p^{1/T},
 * renormalised, is softmax(f/T). No prediction changes, since T keeps the order of classes.
 *
 * The rows are to be held out: those that the model was trained on are predicted too well. The loss is convex in 1/T, so
 * there is one best T; where it lies beyond [0.01, 100], `atLimit` says so. A probability of 0 stays 0 at every T, except
 * that of a label, which counts as 2⁻¹⁴⁹. Use T by {@link applyTemperature}, or put it into a network for good by
 * `foldTemperature`.
 *
 * Errors: as `classReport`; `OutOfMemory`.
 *
 * @param rows rows × classes, as `probabilities` gives them, or as `logits` does with `{ from: "logits" }`
 * @param labels a class index from 0 a row
 * @example
 * ```ts
 * import { applyTemperature, getOrThrow, matrix, temperature } from "fgn";
 *
 * // As sure as 0.9 of four rows, of which three are right.
 * const p = getOrThrow(matrix([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]]));
 * const { temperature: T } = getOrThrow(temperature(p, [0, 0, 1, 1]));
 * console.log(T.toFixed(3)); // 2.000: 0.9^½ to 0.1^½ is 3 to 1
 * console.log(getOrThrow(applyTemperature(p, T)).data[0]?.toFixed(3)); // 0.750
 * ```
 */
export function temperature(
  rows: Matrix,
  labels: Numbers,
  options: TemperatureOptions = {},
): E.Either<FgnError, Temperature> {
  return guard("temperature", { rows, labels, options }, () => {
    const checked = checkOptions(options, TEMPERATURE);
    if (checked._tag === "Left") return checked;
    const ofLogits = checked.right.from === "logits";
    const given = ofLogits
      ? readLabelledLogits(rows, labels, checked.right)
      : readPredicted(rows, labels, checked.right);
    if (given._tag === "Left") return given;
    const gaps = readGaps(given.right, ofLogits);
    return gaps._tag === "Left" ? gaps : E.right(fitTemperature(gaps.right));
  });
}

/** Rows of finite logits with their labels. */
function readLabelledLogits(rows: Matrix, labels: Numbers, options: MeasureOptions): E.Either<FgnError, Labelled> {
  const given = readLabelled("logits", rows, labels, options);
  if (given._tag === "Left") return given;
  const index = firstNotFinite(rows.data, 0, rows.data.length);
  return index < 0 ? given : failNumber("logits", rows.data[index], index, rows.cols);
}

function fitTemperature(gaps: Gaps): Temperature {
  const curve = (beta: number) => curveAt(beta, gaps);
  const start = curve(1), beta = leastLoss(start, curve);
  return {
    temperature: 1 / beta,
    lossBefore: start.loss,
    lossAfter: beta === 1 ? start.loss : curve(beta).loss,
    atLimit: beta === LEAST || beta === MOST,
  };
}

/**
 * Probabilities at a temperature: p^{1/T} of each row, renormalised, in float64 and rounded once. Zeros stay zeros.
 * Errors: `WrongKind`, `InvalidSize`, `ShapeMismatch`, `NotFinite`, `InvalidProbabilities`, `InvalidOption` (T is no
 * positive number), `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { applyTemperature, getOrThrow, matrix } from "fgn";
 *
 * console.log(getOrThrow(applyTemperature(getOrThrow(matrix([[0.8, 0.2]])), 0.5)).data[0]?.toFixed(4)); // 0.9412: 16/17
 * ```
 */
export function applyTemperature(probabilities: Matrix, temperature: number): E.Either<FgnError, Matrix> {
  return guard("applyTemperature", { probabilities, temperature }, () => {
    const fault = faultOf("temperature", temperature, POSITIVE);
    if (fault !== null) return E.left(fault);
    const checked = checkProbabilities(probabilities);
    return checked._tag === "Left" ? checked : divideLogits(probabilities, temperature);
  });
}

function divideLogits({ rows, cols, data }: Matrix, temperature: number): E.Either<FgnError, Matrix> {
  const scaled = allocateFloats("the result", rows * cols);
  if (scaled._tag === "Left") return scaled;
  const gaps = new Float64Array(cols);
  for (let row = 0; row < rows; row++) {
    readRow(data, row * cols, false, gaps);
    for (let c = 0; c < cols; c++) gaps[c] = (gaps[c] as number) / temperature;
    softmaxRows(gaps, cols);
    scaled.right.set(gaps, row * cols);
  }
  return E.right({ rows, cols, data: scaled.right });
}
