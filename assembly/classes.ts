// The margin pass over a block of classes: softmax where the logits of all classes are never there at once.
//
// A first pass over the blocks keeps the largest logit so far and the sum of exponentials relative to it, and moves the
// sum when a larger one comes. A second pass computes the logits of a block again and makes of them what `competitors`
// makes of all: exponentials relative to the largest of all classes, −Σ at the true one.

import { LANES } from "./pack";
import { expSoftmax } from "./exp";
import { columnExp, maxBlock } from "./margin";
import { columnOffset, rowStride } from "./panels";

/** The address of the logit of the true class, lane `l`, in a block of classes from `first` on; 0: not among them. */
function trueAt(f: usize, stride: usize, first: i32, classes: i32, y: usize, l: usize): usize {
  const k = <i32> load<u32>(y + (l << 2)) - first;
  return k >= 0 && k < classes ? f + <usize> k * stride + (l << 2) : 0;
}

/**
 * Adds the classes [first, first + classes) to the peaks and sums of the columns [from, to) of n (multiples of four).
 *
 * f: their logits, classes × n panels; those of true classes go to trueLogit, and −∞ takes their place. y: labels. Start
 * with peaks of −∞ and sums of 0; a first block of one class must not be the true one of a column.
 */
export function addClasses(
  from: i32,
  to: i32,
  n: i32,
  first: i32,
  classes: i32,
  f: usize,
  y: usize,
  trueLogit: usize,
  peak: usize,
  sum: usize,
): void {
  for (let j = from; j < to; j += LANES) {
    const stride = rowStride(j, n), at = <usize> j << 2;
    const column = f + columnOffset(j, classes);
    for (let l: usize = 0; l < 4; l++) {
      const own = trueAt(column, stride, first, classes, y + at, l);
      if (own == 0) continue;
      store<f32>(trueLogit + at + (l << 2), load<f32>(own));
      store<f32>(own, -Infinity);
    }
    const before = v128.load(peak + at);
    const top = maxBlock(column, stride, classes, before);
    const moved = f32x4.mul(v128.load(sum + at), expSoftmax(f32x4.sub(before, top)));
    v128.store(peak + at, top);
    v128.store(sum + at, f32x4.add(moved, columnExp(column, 0, stride, classes, top)));
  }
}

/** f ← e^{f − peak} for the classes [first, first + classes), −sum at true classes; columns and panels as above. */
export function exponentiate(
  from: i32,
  to: i32,
  n: i32,
  first: i32,
  classes: i32,
  f: usize,
  y: usize,
  peak: usize,
  sum: usize,
): void {
  for (let j = from; j < to; j += LANES) {
    const stride = rowStride(j, n), at = <usize> j << 2;
    const column = f + columnOffset(j, classes);
    columnExp(column, column, stride, classes, v128.load(peak + at));
    for (let l: usize = 0; l < 4; l++) {
      const own = trueAt(column, stride, first, classes, y + at, l);
      if (own != 0) store<f32>(own, -load<f32>(sum + at + (l << 2)));
    }
  }
}
