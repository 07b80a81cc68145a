/**
 * Parts of a batch: runs of rows, rows picked in any order, and rows repeated.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkKind } from "../check/kind.ts";
import { allocateFloats, outOfMemory, withinMemory } from "../check/size.ts";
import { guard } from "../check/total.ts";
import type { Batch } from "./batch.ts";
import type { Matrix } from "./matrix.ts";
import { checkColumns, checkScales, type ColumnScales } from "./scales.ts";
import { type Features, isSparse, type SparseMatrix } from "./sparse.ts";

const matrixRows = ({ cols, data }: Matrix, from: number, to: number): Matrix => ({
  rows: to - from,
  cols,
  data: data.subarray(from * cols, to * cols),
});

/**
 * Rows [from, to) of features, sharing their arrays where that is possible.
 * @internal
 */
export function featureRows(features: Features, from: number, to: number): Features {
  if (!isSparse(features)) return matrixRows(features, from, to);
  const { cols, offsets, indices, data } = features;
  const first = offsets[from] as number, last = offsets[to] as number;
  return {
    rows: to - from,
    cols,
    offsets: offsets.slice(from, to + 1).map((at) => at - first),
    indices: indices.subarray(first, last),
    data: data.subarray(first, last),
  };
}

/**
 * Rows [from, to) of a batch, sharing its arrays where that is possible.
 * @internal
 */
export function batchRows({ features, labels, targets, weights }: Batch, from: number, to: number): Batch {
  return {
    features: featureRows(features, from, to),
    labels: labels.subarray(from, to),
    targets: targets && matrixRows(targets, from, to),
    weights: weights && weights.subarray(from, to),
  };
}

function pickSparse({ cols, offsets, indices, data }: SparseMatrix, rows: Uint32Array): SparseMatrix {
  const lengths = rows.map((row) => (offsets[row + 1] as number) - (offsets[row] as number));
  const starts = new Uint32Array(rows.length + 1);
  lengths.forEach((length, i) => starts[i + 1] = (starts[i] as number) + length);
  const count = starts[rows.length] as number;
  const picked = { indices: new Uint32Array(count), data: new Float32Array(count) };
  rows.forEach((row, i) => {
    const from = offsets[row] as number, to = offsets[row + 1] as number, at = starts[i] as number;
    picked.indices.set(indices.subarray(from, to), at);
    picked.data.set(data.subarray(from, to), at);
  });
  return { rows: rows.length, cols, offsets: starts, ...picked };
}

function pickInto({ cols, data }: Matrix, rows: Uint32Array, into: Float32Array): Matrix {
  rows.forEach((row, i) => into.set(data.subarray(row * cols, (row + 1) * cols), i * cols));
  return { rows: rows.length, cols, data: into.subarray(0, rows.length * cols) };
}

/** An array `times` times, one after the other. */
function repeat<T extends Float32Array | Uint32Array>(from: T, times: number, into: T): T {
  for (let t = 0; t < times; t++) into.set(from, t * from.length);
  return into;
}

function repeatMatrix({ rows, cols, data }: Matrix, times: number): Matrix {
  return { rows: times * rows, cols, data: repeat(data, times, new Float32Array(times * data.length)) };
}

function repeatSparse({ rows, cols, offsets, indices, data }: SparseMatrix, times: number): SparseMatrix {
  const count = indices.length;
  const repeated = {
    data: repeat(data, times, new Float32Array(times * count)),
    indices: repeat(indices, times, new Uint32Array(times * count)),
  };
  const starts = new Uint32Array(times * rows + 1);
  for (let i = 0; i < times * rows; i++) {
    starts[i + 1] = Math.floor(i / rows) * count + (offsets[i % rows + 1] as number);
  }
  return { rows: times * rows, cols, offsets: starts, ...repeated };
}

/**
 * A batch `times` times, one after the other. Errors: `OutOfMemory`.
 * @internal
 */
export function repeatBatch({ features, labels, targets, weights }: Batch, times: number): E.Either<FgnError, Batch> {
  const count = times * labels.length;
  return withinMemory(
    () =>
      E.right({
        features: isSparse(features) ? repeatSparse(features, times) : repeatMatrix(features, times),
        labels: repeat(labels, times, new Uint32Array(count)),
        targets: targets && repeatMatrix(targets, times),
        weights: weights && repeat(weights, times, new Float32Array(count)),
      }),
    () =>
      outOfMemory(
        `${count} rows of features`,
        4 * times * (features.data.length + labels.length + (targets?.data.length ?? 0)),
      ),
  );
}

/** What columns are centred by and multiplied by; a constant one by 0. */
interface Scaling {
  readonly mean: Float64Array;
  readonly factor: Float64Array;
}

const scalingOf = ({ mean, size, constant }: ColumnScales): Scaling => ({
  mean: mean ?? new Float64Array(size.length),
  factor: size.map((value, j) => constant[j] === 0 ? 1 / value : 0),
});

/** {@link pickInto}, each column centred and scaled in float64, and brought to ±limit where it is beyond. */
function scaleInto(
  { cols, data }: Matrix,
  rows: Uint32Array,
  into: Float32Array,
  { mean, factor }: Scaling,
  limit: number,
): Matrix {
  for (let i = 0, to = 0; i < rows.length; i++) {
    for (let j = 0, from = (rows[i] as number) * cols; j < cols; j++) {
      const value = ((data[from++] as number) - (mean[j] as number)) * (factor[j] as number);
      into[to++] = value > limit ? limit : value < -limit ? -limit : value;
    }
  }
  return { rows: rows.length, cols, data: into.subarray(0, rows.length * cols) };
}

/** Scales the entries of a sparse matrix that is nobody else's. */
function scaleEntries(matrix: SparseMatrix, { factor }: Scaling): SparseMatrix {
  const { indices, data } = matrix;
  for (let at = 0; at < data.length; at++) {
    data[at] = (data[at] as number) * (factor[indices[at] as number] as number);
  }
  return matrix;
}

/** Picks rows of features, dense ones into a buffer that it is given. */
function featurePicker(
  features: Features,
  scales: ColumnScales | null,
  limit: number,
  buffer: () => Float32Array,
): (rows: Uint32Array) => Features {
  const scaling = scales && scalingOf(scales);
  if (isSparse(features)) {
    return (rows) => scaling ? scaleEntries(pickSparse(features, rows), scaling) : pickSparse(features, rows);
  }
  return (rows) => scaling ? scaleInto(features, rows, buffer(), scaling, limit) : pickInto(features, rows, buffer());
}

/**
 * Picks rows of a batch, standardised by `scales` where there are some, dense ones then within ±`limit`, at most `most` at a time. With `reuse` dense
 * features go into one buffer that the next picking overwrites (fresh pages cost more than the copying): not for functions
 * that may keep them.
 * @internal
 */
export function picker(
  data: Batch,
  most: number,
  reuse: boolean,
  scales: ColumnScales | null = null,
  limit = Infinity,
): (rows: Uint32Array) => Batch {
  const { features, labels, targets, weights } = data;
  const fresh = (cols: number): Float32Array => new Float32Array(Math.min(most, labels.length) * cols);
  const buffer = (cols: number): () => Float32Array => {
    const reused = reuse ? fresh(cols) : null;
    return () => reused ?? fresh(cols);
  };
  const pickFeatures = featurePicker(features, scales, limit, buffer(isSparse(features) ? 0 : features.cols));
  const soft = buffer(targets?.cols ?? 0);
  return (rows) => ({
    features: pickFeatures(rows),
    labels: rows.map((row) => labels[row] as number),
    targets: targets === null ? null : pickInto(targets, rows, soft()),
    weights: weights && Float32Array.from(rows, (row) => weights[row] as number),
  });
}

/**
 * A batch with its features standardised: (x − mean)/size, computed in float64, and 0 in constant columns. Dense features
 * take fresh memory of their size. Errors: `WrongKind` (also: sparse features and scales that centre), `ShapeMismatch`,
 * `InvalidSparse`, `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { batch, columnScales, getOrThrow, matrix, standardise } from "fgn";
 *
 * const features = getOrThrow(matrix([[100, 7], [300, 7]]));
 * const data = getOrThrow(batch({ features, labels: [0, 1] }));
 * console.log(getOrThrow(standardise(data, getOrThrow(columnScales(data)))).features.data);
 * ```
 */
export function standardise(data: Batch, scales: ColumnScales): E.Either<FgnError, Batch> {
  return guard("standardise", { data, scales }, () => {
    const whole = checkColumns(data);
    if (whole._tag === "Left") return whole;
    const { features } = whole.right, { rows, cols } = features;
    const checked = checkScales(scales, cols);
    if (checked._tag === "Left") return checked;
    const fits = scales.mean === null || !isSparse(features);
    const uncentred = checkKind("the scales", scales, fits, "scales of sparse features, which are not centred");
    if (uncentred._tag === "Left") return uncentred;
    const room = allocateFloats("the features", isSparse(features) ? 0 : rows * cols);
    if (room._tag === "Left") return room;
    const pick = featurePicker(features, scales, Infinity, () => room.right);
    return E.right({ ...whole.right, features: pick(Uint32Array.from({ length: rows }, (_, row) => row)) });
  });
}
