/**
 * Rows of tables, copied from place to place.
 *
 * @module
 */

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
    const there = (place[i] as number) * width, here = i * width;
    const a = gathers ? there : here, b = gathers ? here : there;
    for (let o = 0; o < width; o++) target[b + o] = source[a + o] as number;
  }
}
