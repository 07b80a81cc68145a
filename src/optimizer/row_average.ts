/**
 * The running average of an embedding's table, row by row: a step changes few rows, and only those are written.
 *
 * A row w that did not change since step m has the average w + (a − w) Π_{m<k≤n} ρ_k at step n, with a its average at m
 * and ρ_k the decays. So a row is brought up to date when a step is about to change it, and all are when the average is
 * read: n is the state's, m is kept for each row.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";
import { type Affine, isAffine, type Layer, LAYERS } from "../network/layer.ts";
import type { Model } from "../network/model.ts";
import { AHEAD, copyRows, touchRows } from "../tape/rows.ts";
import { decayBetween, warmDecay } from "./warm_decay.ts";

/** A table, its average, and the step at which each row was last brought up to date. */
export interface RowAverage {
  readonly table: Matrix;
  readonly average: Float32Array;
  readonly averagedAt: Uint32Array;
}

/** Whether a layer's weight is a table of which sparse features name rows. */
const isTable = (layer: Layer): layer is Affine => isAffine(layer) && LAYERS[layer._tag].features === "sparse";

/**
 * The table of a network that reads sparse features into an embedding which trains, the first of its arrays; else null.
 * @internal
 */
export function tableOf(params: Model): Matrix | null {
  const first = params._tag === "network" ? params.layers[0] : undefined;
  return first !== undefined && isTable(first) && !first.frozen ? first.weight : null;
}

/**
 * The rows of a table of `count` that indices name, each once, ascending: in this order their memory is read in half the
 * time of that of their first entries.
 * @internal
 */
export function rowsRead(indices: Uint32Array, count: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(count / 32));
  let number = 0;
  for (const row of indices) {
    const bits = words[row >>> 5] as number, bit = 1 << (row & 31);
    if (row >= count || (bits & bit) !== 0) continue;
    words[row >>> 5] = bits | bit;
    number++;
  }
  const rows = new Uint32Array(number);
  for (let word = 0, at = 0; word < words.length; word++) {
    for (let bits = words[word] as number; bits !== 0; bits &= bits - 1) {
      rows[at++] = 32 * word + 31 - Math.clz32(bits & -bits);
    }
  }
  return rows;
}

/** The rows of a step under way, and those of the table that were behind, as they are before it, one after another. */
export interface OpenRows {
  readonly rows: Uint32Array;
  readonly behind: Float32Array;
}

/** Memory of rows between steps, in the hands of nobody: fresh pages cost more than the copying. */
let spare: Float32Array | null = null;

/** The spare memory, if it is enough. */
function takeSpare(length: number): Float32Array {
  const room = spare !== null && spare.length >= length ? spare : new Float32Array(length);
  spare = null;
  return room;
}

/**
 * Keeps what the averages of rows need of a table that a step is about to change. Gives the number of the first row that
 * was averaged at a later step, in place of the rows.
 * @internal
 */
export function openRows(
  { table: { cols, data }, averagedAt }: RowAverage,
  rows: Uint32Array,
  steps: number,
): OpenRows | number {
  const late = rows.find((row) => (averagedAt[row] as number) > steps);
  if (late !== undefined) return late;
  const places = rows.filter((row) => (averagedAt[row] as number) < steps), behind = takeSpare(places.length * cols);
  copyRows(data, behind, cols, places, true);
  return { rows, behind };
}

/**
 * Writes the averages after a step, decay · before + (1 − decay) · now, of its rows: in float64, rounded once.
 * @internal
 */
export function closeRows(
  { table: { cols, data }, average, averagedAt }: RowAverage,
  { rows, behind }: OpenRows,
  step: number,
  most: number,
): void {
  const decay = warmDecay(step, most), fresh = 1 - decay;
  let at = step - 1, share = 1;
  for (let i = 0, old = 0; i < rows.length; i++) {
    if (i % AHEAD === 0) touchRows(average, cols, rows, i);
    const row = rows[i] as number, from = row * cols, end = from + cols;
    if (averagedAt[row] === step - 1) {
      for (let k = from; k < end; k++) average[k] = decay * (average[k] as number) + fresh * (data[k] as number);
    } else {
      if (averagedAt[row] !== at) share = decayBetween(at = averagedAt[row] as number, step - 1, most);
      const kept = decay * share, since = decay * (1 - share);
      for (let k = from; k < end; k++) {
        average[k] = kept * (average[k] as number) + since * (behind[old++] as number) + fresh * (data[k] as number);
      }
    }
    averagedAt[row] = step;
  }
  spare = behind;
}

/**
 * The average with every row as at a step; the array itself where they are.
 * @internal
 */
export function settleRows(
  { table: { cols, data }, average, averagedAt }: RowAverage,
  steps: number,
  most: number,
): Float32Array {
  if (averagedAt.every((at) => at >= steps)) return average;
  const settled = average.slice();
  averagedAt.forEach((at, row) => {
    const share = decayBetween(at, steps, most);
    for (let i = row * cols, end = i + cols; share < 1 && i < end; i++) {
      settled[i] = share * (settled[i] as number) + (1 - share) * (data[i] as number);
    }
  });
  return settled;
}
