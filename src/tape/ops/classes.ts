// A dense last layer over many classes: logits and exponentials are there a block of classes at a time.
//
// The step needs the exponentials three times, for the signals of the layer below, for the Gram matrix and for the
// update, and the logits never again. So the exponentials of all classes are kept where they take little enough, in the
// place of the logits; else each of the three computes the logits of a block again, and what follows from them. A loss
// after the step always goes over blocks, for the exponentials may still be needed for another attempt. A projection reads
// the weights of a block before it adds to them, so a step can be taken in place. How much is little: src/kernel/class_limits.ts.

import { f32, NONE } from "../../kernel/arena.ts";
import { frozenPart, type RowPart } from "../row_part.ts";
import {
  addressOf,
  type ClassBlocks,
  eachBlock,
  type MarginPlaces,
  type Op,
  type Pass,
  type Slot,
  type Tensor,
  up4,
} from "../tape.ts";
import { addGram, fillGram, layerPart } from "./gram.ts";
import { multiply, packedInputs } from "./product.ts";
import { type Context, ROW_BLOCK, SIGNAL_ROWS } from "./signals.ts";

/** A dense last layer over many classes to be. */
interface ClassProductSpec extends Context {
  readonly input: Slot;
  /** Its value: panels of all classes or of a block; nothing else of it is read. */
  readonly output: Slot;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  /** Where weights and biases of a block after a step lie, for a loss without trial parameters; NONE: those are there. */
  readonly after: number;
  /** Whether the exponentials of all classes are kept. */
  readonly whole: boolean;
  /** Classes of a block. */
  readonly block: number;
  /** Panels of another block. */
  readonly trial: number;
}

/** W x + b for some of the classes. */
function forwardBlock(spec: ClassProductSpec, count: number, w: number, b: number, x: number, out: number): void {
  spec.kernel.exports.fillPanels(b, count, spec.rows, out);
  multiply(spec, count, spec.input.width, w, x, out);
}

/** Where weights and biases of the classes from `from` on lie, given the vector that holds the trainable ones. */
const placesOf = (
  { input, weight, bias }: ClassProductSpec,
  vector: number,
  from: number,
): { w: number; b: number } => ({
  w: addressOf(weight, vector) + 4 * from * input.width,
  b: bias === null ? NONE : addressOf(bias, vector) + 4 * from,
});

/** Logits of the classes [from, to) of a forward pass. */
function blockLogits(spec: ClassProductSpec, from: number, to: number, { vector, trial }: Pass, out: number): void {
  const { w, b } = placesOf(spec, vector, from), { input } = spec;
  forwardBlock(spec, to - from, w, b, trial ? input.trial : input.value, out);
}

/** The logits of a block at `panels` become exponentials. */
function exponentiate(
  { kernel, rows }: ClassProductSpec,
  from: number,
  to: number,
  panels: number,
  at: MarginPlaces,
): void {
  eachBlock(up4(rows), 4, 16 * (to - from), (first, last) => {
    kernel.exports.exponentiate(first, last, rows, from, to - from, panels, at.labels, at.peak, at.sum);
  });
}

/** Visits the exponentials at θ, all at once or in blocks: those of the classes [from, to), at an address. */
function eachExponentials(
  spec: ClassProductSpec,
  theta: number,
  at: MarginPlaces,
  visit: (from: number, to: number, panels: number) => void,
): void {
  const { output: { width: C, value: panels }, whole, block } = spec;
  if (whole) return visit(0, C, panels);
  for (let from = 0; from < C; from += block) {
    const to = Math.min(C, from + block);
    blockLogits(spec, from, to, { vector: theta, trial: false }, panels);
    exponentiate(spec, from, to, panels, at);
    visit(from, to, panels);
  }
}

/** Adds the logits of all classes to peaks and sums, a block at a time. */
function sumBlocks(
  { kernel, rows, output: { width: C }, block }: ClassProductSpec,
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

/** w += R Ā, b += row sums of R, R the scaled signals of `count` of the classes at `panels`. */
function addBlock(
  spec: ClassProductSpec,
  panels: { readonly signals: number; readonly width: number; readonly first: number },
  count: number,
  coefficient: number,
  { w, b }: { readonly w: number; readonly b: number },
): void {
  const { kernel: { exports }, rows, input: { value, width: D }, scratch } = spec;
  const { signals, width, first } = panels, n = up4(rows), right = packedInputs(spec, value);
  for (let from = 0; from < count; from += SIGNAL_ROWS) {
    const to = Math.min(count, from + SIGNAL_ROWS);
    exports.scaleColumns(first + from, first + to, width, rows, signals, coefficient, scratch.block);
    exports.product(0, to - from, D, rows, scratch.block, n, right, w + 4 * from * D, D);
    if (b !== NONE) exports.addRowSums(to - from, rows, scratch.block, b + 4 * from);
  }
}

/**
 * Logits of the classes [from, to) after a dual step, by their weights after it, in a copy: there are no trial parameters
 * of all classes, and the bytes are those of the parameters that the step would leave.
 */
function movedLogits(
  spec: ClassProductSpec,
  from: number,
  to: number,
  coefficient: number,
  { theta, at }: State,
): void {
  const { kernel, input: { width: D, value }, output: { width: C, value: signals }, bias, whole, trial, after } = spec;
  const count = to - from, given = placesOf(spec, theta.vector, from);
  const copy = { w: after, b: bias === null ? NONE : after + 4 * count * D };
  if (!whole) {
    blockLogits(spec, from, to, theta, signals);
    exponentiate(spec, from, to, signals, at);
  }
  f32(kernel, copy.w, count * D).set(f32(kernel, given.w, count * D));
  if (bias !== null) f32(kernel, copy.b, count).set(f32(kernel, given.b, count));
  const panels = whole ? { signals, width: C, first: from } : { signals, width: count, first: 0 };
  addBlock(spec, panels, count, coefficient, copy);
  forwardBlock(spec, count, copy.w, copy.b, value, trial);
}

/** The passes so far, from which the next goes on. */
interface State {
  /** The forward pass at θ. */
  theta: Pass;
  /** The forward pass made last. */
  last: Pass;
  /** The labels, peaks and sums at θ. */
  at: MarginPlaces;
}

function classBlocks(spec: ClassProductSpec, state: State): ClassBlocks {
  const { kernel: { exports }, rows, output: { width: C, value: panels }, whole, trial } = spec;
  return {
    exponentials: (at) => {
      state.at = at;
      const { theta } = state;
      if (!whole) return sumBlocks(spec, panels, at, (from, to) => blockLogits(spec, from, to, theta, panels));
      blockLogits(spec, 0, C, theta, panels);
      eachBlock(up4(rows), 4, 16 * C, (from, to) => {
        exports.competitors(from, to, rows, C, panels, panels, at.labels, at.trueLogit, at.peak, at.sum);
      });
    },
    sums: (at) => {
      const { last } = state, coefficient = spec.after === NONE ? undefined : last.moved;
      sumBlocks(spec, trial, at, (from, to) => {
        if (coefficient === undefined) blockLogits(spec, from, to, last, trial);
        else movedLogits(spec, from, to, coefficient, state);
      });
    },
  };
}

/** Visits the exponentials at θ: those of the classes [from, to), at an address. */
type Each = (visit: (from: number, to: number, panels: number) => void) => void;

/** The part of the row system of a layer that trains; it is asked for its Gram matrix alone. */
function rowPart(spec: ClassProductSpec, each: Each): RowPart {
  const { kernel, rows, input: { width: inputs, value }, output: { width: outputs }, bias, after } = spec;
  return layerPart(spec, {
    inputs,
    outputs,
    kept: NONE,
    inputGram: (out) => fillGram(spec, inputs, value, bias === null ? 0 : 1, out),
    signalGram: (out) => {
      f32(kernel, out, up4(rows) ** 2).fill(0);
      each((from, to, panels) => addGram(spec, to - from, panels, out));
    },
    squares: () => {},
    multiply: () => {},
    twoStage: null,
    moves: after !== NONE,
  });
}

/** A dense last layer that trains by its explicit Gram matrix in the Euclidean metric; it is opened for nothing else. */
export function classProduct(spec: ClassProductSpec): { readonly op: Op; readonly blocks: ClassBlocks } {
  const { kernel: { exports }, rows, input, output, weight, bias } = spec;
  const D = input.width, n = up4(rows);
  const nowhere: Pass = { vector: NONE, trial: false };
  const state: State = { theta: nowhere, last: nowhere, at: { labels: NONE, trueLogit: NONE, peak: NONE, sum: NONE } };
  const each: Each = (visit) => eachExponentials(spec, state.theta.vector, state.at, visit);
  const op: Op = {
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
      each((from, to, signals) => {
        const panels = { signals, width: to - from, first: 0 };
        addBlock(spec, panels, to - from, coefficient, placesOf(spec, into, from));
      });
    },
    rowPart: weight.trainable ? rowPart(spec, each) : frozenPart(D * output.width),
    metric: null,
  };
  return { op, blocks: classBlocks(spec, state) };
}
