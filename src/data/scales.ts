/**
 * Scales of columns: what features are centred by and divided by, so that training meets the same inputs in whatever units
 * they come.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, isObject } from "../check/kind.ts";
import { failNumber, firstNotFinite } from "../check/numbers.ts";
import { checkOptions, FLAG, type Rules } from "../check/rule.ts";
import { checkLength } from "../check/size.ts";
import { guard } from "../check/total.ts";
import { type Batch, checkBatchKind } from "./batch.ts";
import { type ColumnMoments, denseMoments, sparseMoments } from "./column_moments.ts";
import { checkSparse, type Features, isSparse } from "./sparse.ts";

/** Scales of D columns, as plain data: the inputs of a model are (x − mean)/size, and 0 where a column is constant. */
export interface ColumnScales {
  /** D means, or null: columns are not centred. */
  readonly mean: Float64Array | null;
  /** D sizes above 0; 1 where a column is constant. */
  readonly size: Float64Array;
  /** D flags: 1 where a column does not vary, so that nothing is learnt from it. */
  readonly constant: Uint8Array;
}

/** Options of {@link columnScales}. */
export interface ColumnScalesOptions {
  /** Whether to centre, for a first layer with biases (default true; sparse features are never centred). */
  readonly centre?: boolean;
}

const COLUMN_SCALES: Rules<ColumnScalesOptions> = { centre: FLAG };

/** Up to this deviation, and this share of its largest value, a column does not vary. */
const LEAST = 1e-30, ROUNDING = 1e-6;

/** Expected square length of a standardised row, at which networks start well (1 to 16 do, 64 does not). */
const SQUARE_LENGTH = 2;

/** Sparse columns within this factor of the median size keep their scale. */
const APART = 10;

/** Sizes of columns where they are off their base values; 0 where they do not vary. */
const sizesOf = ({ deviation, most, off }: ColumnMoments): Float64Array =>
  deviation.map((value, j) =>
    value <= Math.max(LEAST, ROUNDING * (most[j] as number)) ? 0 : value / Math.sqrt(off[j] as number)
  );

/** The median of the sizes above 0, the lower of two; NaN where there are none. */
function medianOf(sizes: Float64Array): number {
  const sorted = sizes.filter((size) => size > 0).sort();
  return sorted[(sorted.length - 1) >> 1] ?? NaN;
}

/**
 * Scales, and the factor that the sizes of all columns have in common.
 * @internal
 */
export interface CommonScales {
  readonly scales: ColumnScales;
  readonly factor: number;
}

/** Moments of columns, whose structure was checked: dense ones about their means, if `centre`, else about 0. */
const momentsOf = (features: Features, weights: ArrayLike<number> | null, centre: boolean): ColumnMoments =>
  isSparse(features) ? sparseMoments(features, weights) : denseMoments(features, weights, centre);

/**
 * Scales of dense columns: a column's deviation where it is off its base value, and all by one factor, so that rows have
 * the expected square length.
 */
function scaleDense(moments: ColumnMoments, centre: boolean): CommonScales {
  const { mean, off } = moments, sizes = sizesOf(moments);
  const power = sizes.reduce((sum, size, j) => size > 0 ? sum + (off[j] as number) : sum, 0);
  const factor = Math.sqrt(power / SQUARE_LENGTH);
  const scales = {
    mean: centre ? mean : null,
    size: sizes.map((size) => size > 0 ? size * factor : 1),
    constant: Uint8Array.from(sizes, (size) => size > 0 ? 0 : 1),
  };
  return { scales, factor };
}

/** Scales of sparse columns: those whose size lies far from the median are brought to it. */
function scaleSparse(moments: ColumnMoments): ColumnScales {
  const sizes = sizesOf(moments), median = medianOf(sizes);
  const isApart = (size: number): boolean => size > 0 && (size > APART * median || APART * size < median);
  return {
    mean: null,
    size: sizes.map((size) => isApart(size) ? size / median : 1),
    constant: new Uint8Array(sizes.length),
  };
}

/**
 * Scales, and their common factor, of the columns of features whose structure was checked, with a weight a row or without. Errors: `NotFinite`, `ZeroWeights`.
 * @internal
 */
export function scalesOf(
  features: Features,
  weights: ArrayLike<number> | null,
  centre: boolean,
): E.Either<FgnError, CommonScales> {
  const moments = momentsOf(features, weights, centre);
  if (!moments.deviation.every(Number.isFinite)) {
    const { data, cols, rows } = features, index = firstNotFinite(data, 0, data.length);
    if (index < 0) {
      return fail("ZeroWeights", { count: rows }, "all weights are zero", "Give at least one row a weight");
    }
    return failNumber("features", data[index], index, isSparse(features) ? 0 : cols);
  }
  return E.right(isSparse(features) ? { scales: scaleSparse(moments), factor: 1 } : scaleDense(moments, centre));
}

/** A column far from the others in size, or from 0. */
export interface OddColumn {
  /** Its index. */
  readonly column: number;
  /** Its size, where it is off its base value, over the median size. */
  readonly ratio: number;
  /** How many deviations its mean lies from 0; 0 for sparse features. */
  readonly offset: number;
}

/**
 * The columns whose ratio or offset is beyond a factor, in order; features whose structure was checked.
 * @internal
 */
export function oddColumns({ features, weights }: Batch, beyond: number): readonly OddColumn[] {
  const moments = momentsOf(features, weights, true), sizes = sizesOf(moments), median = medianOf(sizes);
  return Array.from(sizes, (size, column) => ({
    column,
    ratio: size / median,
    offset: size > 0 ? Math.abs(moments.mean[column] as number) / (moments.deviation[column] as number) : 0,
  })).filter(({ ratio, offset }) => ratio > beyond || (ratio > 0 && ratio * beyond < 1) || offset > beyond);
}

/**
 * Whether standardising by these scales changes anything.
 * @internal
 */
export const changes = ({ mean, size, constant }: ColumnScales): boolean =>
  mean !== null || size.some((value) => value !== 1) || constant.includes(1);

/**
 * The scales by which `train` and `fit` standardise the columns of these examples, for those who step by hand or on a
 * device: standardise(batch, scales) gives the inputs to train on, foldScales(network, scales) the trained network for raw
 * features. With the weights of the examples, over N = Σω of them,
 *
 *     μ_j mean,   σ_j² = mean (x − μ_j)²,   constant: σ_j ≤ 1e-6 max|x_j|
 *     n_j = N − max(#{x_j = 0}, #{x_j = min_j}, #{x_j = max_j})      examples off the column's base value
 *     τ_j = σ_j √(N/n_j)                                             its size where it is off that
 *     size_j = τ_j √(Σ_k σ_k²/τ_k² / 2)                              which gives rows the expected square length 2
 *
 * summed in float64, in the order of the rows. Without centring, moments are about 0, which is the base value. Sparse
 * columns are not centred; only those whose root mean square over their entries lies beyond ten times from the median
 * get a size other than 1, that of the ratio. Errors: `WrongKind`, `ShapeMismatch`, `InvalidSparse`, `NotFinite`,
 * `ZeroWeights`, `InvalidOption`.
 *
 * @example
 * ```ts
 * import { batch, columnScales, foldScales, getOrThrow, logits, matrix, standardise, zeroHead } from "fgn";
 *
 * const features = getOrThrow(matrix([[1000, 0.1], [3000, 0.3], [2000, 0.4], [4000, 0.2]]));
 * const data = getOrThrow(batch({ features, labels: [0, 1, 0, 1] }));
 * const scales = getOrThrow(columnScales(data));
 * const inputs = getOrThrow(standardise(data, scales)); // step on these
 * const raw = getOrThrow(foldScales(getOrThrow(zeroHead({ features: 2, classes: 2 })), scales));
 * console.log(getOrThrow(logits(raw, features)).rows, inputs.features.rows); // 4 4
 * ```
 */
export function columnScales(data: Batch, options: ColumnScalesOptions = {}): E.Either<FgnError, ColumnScales> {
  return guard("columnScales", { data, options }, () => {
    const checked = checkOptions(options, COLUMN_SCALES);
    if (checked._tag === "Left") return checked;
    const whole = checkColumns(data);
    if (whole._tag === "Left") return whole;
    const common = scalesOf(whole.right.features, whole.right.weights, checked.right.centre ?? true);
    return E.map(({ scales }: CommonScales) => scales)(common);
  });
}

/**
 * A batch, read once, whose parts have the lengths that it says. Errors: `WrongKind`, `ShapeMismatch`, `InvalidSparse`.
 * @internal
 */
export function checkColumns(given: Batch): E.Either<FgnError, Batch> {
  const data = checkBatchKind(given);
  if (data._tag === "Left") return data;
  const { features, labels, weights } = data.right, { rows } = features;
  const whole: E.Either<FgnError, unknown> = isSparse(features)
    ? checkSparse(features)
    : checkLength("features", features.data.length, rows * features.cols);
  if (whole._tag === "Left") return whole;
  // Features without columns hold as many numbers whatever rows they say.
  const counted = checkLength("labels", labels.length, rows);
  if (counted._tag === "Left") return counted;
  const weighed = checkLength("weights", weights?.length ?? rows, rows);
  return weighed._tag === "Left" ? weighed : data;
}

/**
 * Scales of so many columns, perhaps not made here. Errors: `WrongKind`, `ShapeMismatch`.
 * @internal
 */
export function checkScales(scales: ColumnScales, columns: number): E.Either<FgnError, ColumnScales> {
  const isRight = isObject(scales) && scales.size instanceof Float64Array && scales.constant instanceof Uint8Array &&
    (scales.mean === null || scales.mean instanceof Float64Array) &&
    scales.size.every((size) => size > 0 && size < Infinity);
  const kind = checkKind("the scales", scales, isRight, "what columnScales gave");
  if (kind._tag === "Left") return kind;
  for (const array of [scales.size, scales.constant, scales.mean ?? scales.size]) {
    const length = checkLength("the scales", array.length, columns);
    if (length._tag === "Left") return length;
  }
  return kind;
}
