// A dense last layer over many classes: logits and exponentials are there a block of classes at a time.
//
// The step needs the exponentials three times, for the signals of the layer below, for the Gram matrix and for the
// update, and the logits never again; a loss after the step needs logits of other parameters while the exponentials may
// still be needed for another attempt. So exponentials of all classes are kept where they take little enough, in the place
// of the logits; else each pass computes the logits of a block again and what follows from them. Losses always go over
// blocks. Weights are read before a projection adds to them, a block at a time, so a step can be taken in place.

import { f32 } from "../arena.ts";
import {
  addressOf,
  type ClassBlocks,
  eachBlock,
  inert,
  type MarginPlaces,
  type Op,
  type Pass,
  type Slot,
  type Tensor,
  up4,
} from "../tape.ts";
import { addGram, fillGram } from "./gram.ts";
import { multiply } from "./product.ts";
import { type Context, eachRowBlock, ROW_BLOCK } from "./signals.ts";

interface Parts extends Context {
  readonly input: Slot;
  /** Its value: panels of all classes or of a block; nothing else of it is read. */
  readonly output: Slot;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  /** Where A Aᵀ + 1 is kept for moving the logits, or 0. */
  readonly kept: number;
  /** Whether the exponentials of all classes are kept. */
  readonly whole: boolean;
  /** Classes of a block. */
  readonly block: number;
  /** Panels of another block. */
  readonly trial: number;
}

/** Logits of the classes [from, to) of a forward pass. */
function blockLogits(parts: Parts, from: number, to: number, { vector, trial }: Pass, out: number): void {
  const { kernel: { exports }, rows, input, weight, bias } = parts;
  const D = input.width, m = to - from;
  exports.fillPanels(bias === null ? 0 : addressOf(bias, vector) + 4 * from, m, rows, out);
  multiply(parts, m, D, addressOf(weight, vector) + 4 * from * D, trial ? input.trial : input.value, out);
}

/** The logits of a block at `panels` become exponentials. */
function exponentiate({ kernel, rows }: Parts, from: number, to: number, panels: number, at: MarginPlaces): void {
  eachBlock(up4(rows), 4, 16 * (to - from), (first, last) => {
    kernel.exports.exponentiate(first, last, rows, from, to - from, panels, at.labels, at.peak, at.sum);
  });
}

/** Visits the exponentials at θ, all at once or in blocks: those of the classes [from, to), at an address. */
function eachExponentials(
  parts: Parts,
  theta: number,
  at: MarginPlaces,
  visit: (from: number, to: number, panels: number) => void,
): void {
  const { output: { width: C, value: panels }, whole, block } = parts;
  if (whole) return visit(0, C, panels);
  for (let from = 0; from < C; from += block) {
    const to = Math.min(C, from + block);
    blockLogits(parts, from, to, { vector: theta, trial: false }, panels);
    exponentiate(parts, from, to, panels, at);
    visit(from, to, panels);
  }
}

/** Adds the logits of all classes to peaks and sums, a block at a time. */
function sumBlocks(
  { kernel, rows, output: { width: C }, block }: Parts,
  panels: number,
  { labels, trueLogit, peak, sum }: MarginPlaces,
  logits: (from: number, to: number) => void,
): void {
  f32(kernel, peak, up4(rows)).fill(-Infinity);
  f32(kernel, sum, up4(rows)).fill(0);
  for (let from = 0; from < C; from += block) {
    const to = Math.min(C, from + block);
    logits(from, to);
    eachBlock(up4(rows), 4, 16 * (to - from), (first, last) => {
      kernel.exports.addClasses(first, last, rows, from, to - from, panels, labels, trueLogit, peak, sum);
    });
  }
}

/** Adds to logits of the classes [from, to) what a dual step moves them by: R (A Aᵀ + 1), R the scaled signals. */
function moveBlock(
  parts: Parts,
  from: number,
  to: number,
  logits: number,
  coefficient: number,
  at: MarginPlaces,
): void {
  const { kernel, rows, output: { width: C, value: signals }, scratch, whole, kept } = parts;
  const { exports } = kernel;
  const n = up4(rows), m = to - from;
  if (!whole) {
    f32(kernel, signals, m * n).set(f32(kernel, logits, m * n));
    exponentiate(parts, from, to, signals, at);
  }
  const width = whole ? C : m, first = whole ? from : 0;
  for (let a = 0; a < m; a += ROW_BLOCK) {
    const b = Math.min(m, a + ROW_BLOCK);
    exports.scaleColumns(first + a, first + b, width, rows, signals, coefficient, scratch.block);
    exports.productPanels(a, b, m, rows, n, scratch.block - 4 * a * n, n, kept, logits);
  }
}

/** What the passes so far have left to go on from. */
interface State {
  /** The forward pass at θ. */
  theta: Pass;
  /** The forward pass made last. */
  last: Pass;
  /** The labels, peaks and sums at θ. */
  at: MarginPlaces;
}

function classBlocks(parts: Parts, state: State): ClassBlocks {
  const { kernel: { exports }, rows, output: { width: C, value: panels }, whole, kept, trial } = parts;
  return {
    exponentials: (at) => {
      state.at = at;
      const { theta } = state;
      if (!whole) return sumBlocks(parts, panels, at, (from, to) => blockLogits(parts, from, to, theta, panels));
      blockLogits(parts, 0, C, theta, panels);
      eachBlock(up4(rows), 4, 16 * C, (from, to) => {
        exports.competitors(from, to, rows, C, panels, panels, at.labels, at.trueLogit, at.peak, at.sum);
      });
    },
    sums: (at) => {
      const { theta, last } = state, { moved } = last;
      sumBlocks(parts, trial, at, (from, to) => {
        if (moved === undefined || kept === 0) return blockLogits(parts, from, to, last, trial);
        blockLogits(parts, from, to, theta, trial);
        moveBlock(parts, from, to, trial, moved, state.at);
      });
    },
  };
}

/** A dense last layer that trains by its explicit Gram matrix in the Euclidean metric; it is opened for nothing else. */
export function classProduct(parts: Parts): { readonly op: Op; readonly blocks: ClassBlocks } {
  const { kernel: { exports }, rows, input, output, weight, bias, kept, scratch } = parts;
  const D = input.width, n = up4(rows);
  const nowhere: Pass = { vector: 0, trial: false };
  const state: State = { theta: nowhere, last: nowhere, at: { labels: 0, trueLogit: 0, peak: 0, sum: 0 } };
  const each = (visit: (from: number, to: number, panels: number) => void): void =>
    eachExponentials(parts, state.theta.vector, state.at, visit);
  const op: Op = {
    ...inert,
    tensors: bias === null ? [weight] : [weight, bias],
    output,
    forward: (pass) => {
      state.last = pass;
      if (!pass.trial) state.theta = pass;
    },
    backward: (theta) => {
      if (!input.depends) return;
      each((from, to, panels) => {
        const left = addressOf(weight, theta) + 4 * from * D;
        eachBlock(D, ROW_BLOCK, (to - from) * n, (a, b) => {
          exports.productTransposedPanels(a, b, D, rows, to - from, left, D, panels, input.signal);
        });
      });
    },
    tangent: () => {},
    project: (coefficient, into) => {
      if (!weight.trainable) return;
      exports.transposePanels(input.value, D, rows, scratch.panels);
      each((from, to, panels) => {
        eachRowBlock(parts, to - from, panels, coefficient, (a, b) => {
          const row = from + a;
          exports.product(0, b - a, D, rows, scratch.block, n, scratch.panels, into + weight.place + 4 * row * D, D);
          if (bias !== null) exports.addRowSums(b - a, rows, scratch.block, into + bias.place + 4 * row);
        });
      });
    },
    gram: ({ left, right, sum }) => {
      if (!weight.trainable) return;
      const inputs = kept === 0 ? left : kept;
      fillGram(parts, D, input.value, bias === null ? 0 : 1, inputs);
      f32(parts.kernel, right, n * n).fill(0);
      each((from, to, panels) => addGram(parts, to - from, panels, right));
      exports.multiplyAdd(n * n, inputs, right, sum);
      if (kept !== 0) exports.mirror(rows, kept);
    },
    fanIn: D,
    moves: kept !== 0,
    work: D * output.width,
    gramWork: weight.trainable ? D + output.width : 0,
  };
  return { op, blocks: classBlocks(parts, state) };
}
