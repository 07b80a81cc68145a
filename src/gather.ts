/**
 * Parts of a batch: runs of rows, and rows picked in any order.
 *
 * @module
 */

import type { Batch } from "./batch.ts";
import type { Matrix } from "./matrix.ts";
import { type Features, isSparse, type SparseMatrix } from "./sparse.ts";

const matrixRows = ({ cols, data }: Matrix, from: number, to: number): Matrix => ({
  rows: to - from,
  cols,
  data: data.subarray(from * cols, to * cols),
});

/** Rows [from, to) of features, sharing their arrays where that is possible; internal. */
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

/** Rows [from, to) of a batch, sharing its arrays where that is possible; internal. */
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

/**
 * Picks rows of a batch, at most `most` at a time. With `reuse` dense features go into one buffer that the next
 * picking overwrites (fresh pages cost more than the copying): not for functions that may keep them. Internal.
 */
export function picker(data: Batch, most: number, reuse: boolean): (rows: Uint32Array) => Batch {
  const { features, labels, targets, weights } = data;
  const fresh = (cols: number): Float32Array => new Float32Array(Math.min(most, labels.length) * cols);
  const buffer = (cols: number): () => Float32Array => {
    const one = reuse ? fresh(cols) : null;
    return () => one ?? fresh(cols);
  };
  const dense = buffer(isSparse(features) ? 0 : features.cols), soft = buffer(targets?.cols ?? 0);
  return (rows) => ({
    features: isSparse(features) ? pickSparse(features, rows) : pickInto(features, rows, dense()),
    labels: rows.map((row) => labels[row] as number),
    targets: targets === null ? null : pickInto(targets, rows, soft()),
    weights: weights && Float32Array.from(rows, (row) => weights[row] as number),
  });
}
