/**
 * The Gram matrix on the device, complete, and what is taken from it: the diagonal and products.
 *
 * @module
 */

import type { Encoder } from "../device/encoder.ts";
import { GROUP, TILE } from "../device/shader.ts";
import { blocks, type Limits, rowsOf, type View, whole } from "../device/view.ts";
import { diagonalOf, mirrorAcross, mirrorWithin, symmetricProduct } from "../tape/shaders/symmetric.ts";

const tiles = (count: number): number => Math.ceil(count / TILE);

/** Completes K, of which the tiles on and below the diagonal are there. */
export function mirror(limits: Limits, encoder: Encoder, K: View): void {
  const { rows, cols: ld } = K;
  for (const [from, to] of blocks(limits, rows, ld)) {
    for (const [first, end] of blocks(limits, to, ld)) {
      const words = [to - from, end - first, ld, from, first], target = rowsOf(K, first, end);
      // Two bindings of one buffer may not overlap where one of them is written.
      if (first === from) encoder.dispatch(mirrorWithin, words, [target], tiles(end - first), tiles(to - from));
      else encoder.dispatch(mirrorAcross, words, [rowsOf(K, from, to), target], tiles(end - first), tiles(to - from));
    }
  }
}

/** K's diagonal into `out`, B × 1. */
export function takeDiagonal(limits: Limits, encoder: Encoder, K: View, out: View): void {
  for (const [from, to] of blocks(limits, K.rows, K.cols)) {
    const bindings = [rowsOf(K, from, to), rowsOf(out, from, to)];
    encoder.dispatch(diagonalOf, [to - from, K.cols, from], bindings, Math.ceil((to - from) / GROUP));
  }
}

/** out = K x, both B × 1. */
export function multiplyGram(limits: Limits, encoder: Encoder, K: View, x: View, out: View): void {
  for (const [from, to] of blocks(limits, K.rows, K.cols)) {
    const bindings = [rowsOf(K, from, to), whole(x), rowsOf(out, from, to)];
    encoder.dispatch(symmetricProduct, [K.rows, K.cols], bindings, to - from);
  }
}
