// Flat vectors over the trainable arrays of a network, for baselines that hold their state in them.

import type { Network } from "../../mod.ts";
import { arraysOf } from "../../src/network/flat.ts";

/** Parts of a flat vector, shaped like the trainable arrays, in order; they share its memory. */
export function partsOf(flat: Float32Array, params: Network): Float32Array[] {
  let at = 0;
  return arraysOf(params).map(({ length }) => flat.subarray(at, at += length));
}

/** params += scale · direction, in place. */
export function move(params: Network, scale: number, direction: Float32Array): void {
  let at = 0;
  for (const array of arraysOf(params)) {
    for (let i = 0; i < array.length; i++, at++) array[i] = (array[i] as number) + scale * (direction[at] as number);
  }
}

/** ⟨x, y⟩ in float64; four sums, so that one addition need not wait for the one before. */
export function dot(x: Float32Array, y: Float32Array): number {
  let a = 0, b = 0, c = 0, d = 0;
  const whole = x.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a += (x[i] as number) * (y[i] as number);
    b += (x[i + 1] as number) * (y[i + 1] as number);
    c += (x[i + 2] as number) * (y[i + 2] as number);
    d += (x[i + 3] as number) * (y[i + 3] as number);
  }
  for (let i = whole; i < x.length; i++) a += (x[i] as number) * (y[i] as number);
  return a + b + c + d;
}

/** y += scale · x, in place. */
export function addScaled(scale: number, x: Float32Array, y: Float32Array): void {
  for (let i = 0; i < y.length; i++) y[i] = (y[i] as number) + scale * (x[i] as number);
}
