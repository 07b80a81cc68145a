// A dense product: out = W in + b, the batch in the lanes, W read where it lies.

import { f64 } from "../arena.ts";
import { addressOf, eachBlock, type Op, type Slot, type Tensor, up4 } from "../tape.ts";
import { addLayerGram, addSquares, type Common, eachRowBlock, fillGram, moveByGram, ROW_BLOCK } from "./common.ts";

interface Parts extends Common {
  readonly input: Slot;
  readonly output: Slot;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  /** Where A Aᵀ + 1 is kept for moving the output, or 0. */
  readonly kept: number;
}

function multiply({ kernel, rows }: Parts, m: number, k: number, left: number, right: number, out: number): void {
  eachBlock(m, ROW_BLOCK, k * up4(rows), (from, to) => {
    kernel.exports.productPanels(from, to, m, rows, k, left, k, right, out);
  });
}

function projectProduct(parts: Parts, coefficient: number, into: number): void {
  const { kernel: { exports }, rows, input, output, weight, bias, scratch } = parts;
  const D = input.width;
  exports.transposePanels(input.value, D, rows, scratch.panels);
  eachRowBlock(parts, output, coefficient, (from, to) => {
    exports.product(
      0,
      to - from,
      D,
      rows,
      scratch.block,
      up4(rows),
      scratch.panels,
      into + weight.place + 4 * from * D,
      D,
    );
    if (bias !== null) exports.addRowSums(to - from, rows, scratch.block, into + bias.place + 4 * from);
  });
}

function squares(parts: Parts, out: Float64Array): void {
  const { kernel, rows, input, output, bias, scratch } = parts;
  kernel.exports.columnDots(input.width, rows, input.value, input.value, scratch.block);
  addSquares(parts, f64(kernel, scratch.block, rows).slice(), bias !== null, output, out);
}

/** A dense product over panels. */
export function product(parts: Parts): Op {
  const { kernel, rows, input, output, weight, bias, kept } = parts;
  const { exports } = kernel;
  const D = input.width, m = output.width;
  const { trainable } = weight;
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
      if (trainable) projectProduct(parts, coefficient, into);
    },
    gram: (buffers) => {
      if (!trainable) return;
      const left = kept === 0 ? buffers.left : kept;
      fillGram(parts, D, input.value, bias === null ? 0 : 1, left);
      addLayerGram(parts, left, output, buffers);
      if (kept !== 0) exports.mirror(rows, kept);
    },
    squares: (out) => {
      if (trainable) squares(parts, out);
    },
    moves: kept !== 0,
    work: D * m,
    gramWork: trainable ? D + m : 0,
  };
}
