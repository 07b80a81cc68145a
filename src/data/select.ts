/**
 * Parts of a batch: runs of rows, rows picked in any order, and rows repeated.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { outOfMemory, withinMemory } from "../check/size.ts";
import type { Batch } from "./batch.ts";
import type { Matrix } from "./matrix.ts";
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

/**
 * Picks rows of a batch, at most `most` at a time. With `reuse` dense features go into one buffer that the next
 * picking overwrites (fresh pages cost more than the copying): not for functions that may keep them.
 * @internal
 */
export function picker(data: Batch, most: number, reuse: boolean): (rows: Uint32Array) => Batch {
  const { features, labels, targets, weights } = data;
  const fresh = (cols: number): Float32Array => new Float32Array(Math.min(most, labels.length) * cols);
  const buffer = (cols: number): () => Float32Array => {
    const reused = reuse ? fresh(cols) : null;
    return () => reused ?? fresh(cols);
  };
  const dense = buffer(isSparse(features) ? 0 : features.cols), soft = buffer(targets?.cols ?? 0);
  return (rows) => ({
    features: isSparse(features) ? pickSparse(features, rows) : pickInto(features, rows, dense()),
    labels: rows.map((row) => labels[row] as number),
    targets: targets === null ? null : pickInto(targets, rows, soft()),
    weights: weights && Float32Array.from(rows, (row) => weights[row] as number),
  });
}
