/**
 * Rows of tables, copied from place to place.
 *
 * @module
 */

/**
 * Rows that are touched before they are used.
 * @internal
 */
export const AHEAD = 32;

/** Floats of a cache line. */
const LINE = 16;

/** Where the sums go: what is read for nothing, engines leave out. */
const touched = new Float32Array(1);

/**
 * Reads a number of each cache line of the next rows from the one numbered `first` on: many that lie far apart are fetched
 * side by side this way, where a loop over all numbers waits for one after the other (docs/speed.md).
 * @internal
 */
export function touchRows(from: Float32Array, cols: number, place: Uint32Array, first: number): void {
  const last = Math.min(first + AHEAD, place.length);
  let sum = 0;
  for (let i = first; i < last; i++) {
    const start = (place[i] as number) * cols;
    for (let k = start; k < start + cols; k += LINE) sum += from[k] as number;
  }
  touched[0] = sum;
}

/**
 * Copies rows of `cols` floats, `rows(i)` of one array to `rows(i)` of another. In pairs, as doubles, where both arrays
 * allow it, in half the time (docs/speed.md). Parameters are finite, so that no pair is a NaN, whose bits an engine may
 * change.
 * @internal
 */
export function copyRows(
  from: Float32Array,
  into: Float32Array,
  cols: number,
  place: Uint32Array,
  gathers: boolean,
): void {
  const pairs = cols % 2 === 0 && from.byteOffset % 8 === 0 && into.byteOffset % 8 === 0;
  const width = pairs ? cols / 2 : cols;
  const wide = (x: Float32Array): Float32Array | Float64Array =>
    pairs ? new Float64Array(x.buffer, x.byteOffset, Math.floor(x.length / 2)) : x;
  const source = wide(from), target = wide(into);
  for (let i = 0; i < place.length; i++) {
    if (gathers && i % AHEAD === 0) touchRows(from, cols, place, i);
    const there = (place[i] as number) * width, here = i * width;
    const a = gathers ? there : here, b = gathers ? here : there;
    for (let o = 0; o < width; o++) target[b + o] = source[a + o] as number;
  }
}
