// A dense product: out = W in + b, the batch in the lanes, W read where it lies.

import { f32, f64 } from "../arena.ts";
import { addressOf, eachBlock, type Op, type Slot, type Tensor, up4 } from "../tape.ts";
import { addLayerGram, addSquares, type Common, eachRowBlock, fillGram, moveByGram, ROW_BLOCK } from "./common.ts";

interface Parts extends Common {
  readonly input: Slot;
  readonly output: Slot;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  /** Where A Aᵀ + 1 is kept for moving the output, or 0. */
  readonly kept: number;
  /** In the centred metric: where the mean ā of the input and the centred panels A − ā lie. */
  readonly centred: { readonly mean: number; readonly panels: number } | null;
  /** A block of 32 rows for mixed signals, or 0. */
  readonly mixed: number;
}

/** What a step finds out about a layer's inputs: the panels that its Gram matrix is of, and what its bias adds to it. */
interface Inputs {
  panels: number;
  constant: number;
  /** Mixing matrix of the scaled signals (packed B × B), or 0: none. */
  mixing: number;
}

/** β as a share of the mean ‖a − ā‖². */
const BETA = 0.1;

/**
 * Centres the inputs: ā = Σ α_i a_i, β = 0.1 Σ α_i ‖a_i − ā‖². Inputs that are all the same stay as they are, since
 * centring would leave nothing of them.
 */
function centreInputs({ kernel, rows, input, scratch, centred }: Parts, shares: number, inputs: Inputs): void {
  if (centred === null) return;
  const { exports } = kernel;
  const { mean, panels } = centred, D = input.width;
  f32(kernel, mean, D).fill(0);
  exports.weightedRowSums(D, rows, shares, input.value, 0, mean);
  exports.centre(D, rows, input.value, mean, panels);
  exports.columnDots(D, rows, panels, panels, scratch.block);
  const alpha = f32(kernel, shares, rows);
  const beta = BETA * f64(kernel, scratch.block, rows).reduce((sum, v, i) => sum + (alpha[i] as number) * v, 0);
  if (beta > 0) Object.assign(inputs, { panels, constant: beta });
  else {
    f32(kernel, mean, D).fill(0);
    Object.assign(inputs, { panels: input.value, constant: 1 });
  }
}

function multiply({ kernel, rows }: Parts, m: number, k: number, left: number, right: number, out: number): void {
  eachBlock(m, ROW_BLOCK, k * up4(rows), (from, to) => {
    kernel.exports.productPanels(from, to, m, rows, k, left, k, right, out);
  });
}

/** A block of scaled signals times the mixing matrix. */
function mixBlock({ kernel, rows, scratch, mixed }: Parts, mixing: number, count: number): number {
  const n = up4(rows);
  f32(kernel, mixed, count * n).fill(0);
  kernel.exports.product(0, count, n, n, scratch.block, n, mixing, mixed, n);
  return mixed;
}

/** In the centred metric `into` starts from zero. */
function projectProduct(parts: Parts, { panels, constant, mixing }: Inputs, coefficient: number, into: number): void {
  const { kernel: { exports }, rows, input, output, weight, bias, scratch, centred } = parts;
  const D = input.width;
  exports.transposePanels(panels, D, rows, scratch.panels);
  eachRowBlock(parts, output, coefficient, (from, to) => {
    const block = mixing === 0 ? scratch.block : mixBlock(parts, mixing, to - from);
    const w = into + weight.place + 4 * from * D;
    exports.product(0, to - from, D, rows, block, up4(rows), scratch.panels, w, D);
    if (bias === null) return;
    const b = into + bias.place + 4 * from;
    exports.addRowSums(to - from, rows, block, b);
    if (centred !== null) exports.uncentreBias(to - from, D, w, centred.mean, constant, b);
  });
}

/** A dense product over panels. */
export function product(parts: Parts): Op {
  const { kernel, rows, input, output, weight, bias, kept } = parts;
  const { exports } = kernel;
  const D = input.width, m = output.width;
  const { trainable } = weight;
  const inputs: Inputs = { panels: input.value, constant: bias === null ? 0 : 1, mixing: 0 };
  return {
    tensors: bias === null ? [weight] : [weight, bias],
    output,
    forward: ({ vector, trial, moved }) => {
      if (moved !== undefined && kept !== 0) return moveByGram(parts, output, kept, moved);
      const from = trial ? input.trial : input.value, to = trial ? output.trial : output.value;
      exports.fillPanels(bias === null ? 0 : addressOf(bias, vector), m, rows, to);
      multiply(parts, m, D, addressOf(weight, vector), from, to);
    },
    backward: (theta) => {
      if (!input.depends) return;
      const left = addressOf(weight, theta);
      eachBlock(D, ROW_BLOCK, m * up4(rows), (from, to) => {
        exports.productTransposedPanels(from, to, D, rows, m, left, D, output.signal, input.signal);
      });
    },
    tangent: (theta, direction) => {
      exports.fillPanels(trainable && bias !== null ? direction + bias.place : 0, m, rows, output.tangent);
      if (trainable) multiply(parts, m, D, direction + weight.place, input.value, output.tangent);
      if (input.depends) multiply(parts, m, D, addressOf(weight, theta), input.tangent, output.tangent);
    },
    project: (coefficient, into) => {
      if (trainable) projectProduct(parts, inputs, coefficient, into);
    },
    prepare: (shares) => centreInputs(parts, shares, inputs),
    inputGram: trainable ? (out) => fillGram(parts, D, inputs.panels, inputs.constant, out) : null,
    mix: (panels) => {
      inputs.mixing = panels;
    },
    gram: (buffers) => {
      if (!trainable) return;
      const left = kept === 0 ? buffers.left : kept;
      fillGram(parts, D, inputs.panels, inputs.constant, left);
      addLayerGram(parts, left, output, buffers);
      if (kept !== 0) exports.mirror(rows, kept);
    },
    squares: (out) => {
      if (!trainable) return;
      exports.columnDots(D, rows, inputs.panels, inputs.panels, parts.scratch.block);
      addSquares(parts, f64(kernel, parts.scratch.block, rows).slice(), inputs.constant, output, out);
    },
    moves: kept !== 0,
    work: D * m,
    gramWork: trainable ? D + m : 0,
  };
}
