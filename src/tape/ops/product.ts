// A dense product: out = W in + b, the batch in the lanes, W read where it lies.

import { f32, NONE } from "../../kernel/arena.ts";
import { frozenPart, type RowPart } from "../row_part.ts";
import { addressOf, eachBlock, type Op, type Slot, type Tensor, up4 } from "../tape.ts";
import { addSquares, fillGram, layerPart, moveByGram } from "./gram.ts";
import { euclidean, layerMetric, type MetricPlaces, type Operands } from "./metric.ts";
import { type Context, eachRowBlock, ROW_BLOCK } from "./signals.ts";

/** A dense product to be. */
interface ProductSpec extends Context {
  readonly input: Slot;
  readonly output: Slot;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  /** Where A Aᵀ + 1 is kept for moving the output, or NONE. */
  readonly kept: number;
  /** Where the metric of the damping lies, or null: the Euclidean one. */
  readonly places: MetricPlaces | null;
  /** A block of rows for mixed signals, or NONE. */
  readonly mixed: number;
}

/** The matrix that mixes the scaled signals. */
interface Mixing {
  /** B × B, packed, or NONE. */
  panels: number;
}

/** out += A B for an m × k matrix A, row-major, and k × B panels. */
export function multiply(
  { kernel, rows }: Context,
  m: number,
  k: number,
  left: number,
  right: number,
  out: number,
): void {
  eachBlock(m, ROW_BLOCK, k * up4(rows), (from, to) => {
    kernel.exports.productPanels(from, to, m, rows, k, left, k, right, out);
  });
}

/** A block of scaled signals times the mixing matrix. */
function mixBlock({ kernel, rows, scratch, mixed }: ProductSpec, mixing: number, count: number): number {
  const n = up4(rows);
  f32(kernel, mixed, count * n).fill(0);
  kernel.exports.product(0, count, n, n, scratch.block, n, mixing, mixed, n);
  return mixed;
}

/** The inputs as the right operand of R Ā: B × in, packed. */
export function packedInputs(
  { kernel: { exports }, rows, input, scratch }: Context & Pick<ProductSpec, "input">,
  inputs: number,
): number {
  if (inputs === input.value && input.packed !== NONE) return input.packed;
  exports.transposePanels(inputs, input.width, rows, scratch.panels);
  return scratch.panels;
}

/** into += R Ā, row sums of R for the bias; out of the metric where there is one (`into` then starts from zero). */
function projectProduct(
  spec: ProductSpec,
  operands: Operands,
  { panels }: Mixing,
  coefficient: number,
  into: number,
): void {
  const { kernel: { exports }, rows, input, output, weight, bias, scratch } = spec;
  const { inputs, signals, constant, mean, inputScale, outputScale, finishes } = operands;
  const D = input.width, right = packedInputs(spec, inputs);
  eachRowBlock(spec, output.width, signals, coefficient, (from, to) => {
    const block = panels === NONE ? scratch.block : mixBlock(spec, panels, to - from);
    const w = into + weight.place + 4 * from * D, b = bias === null ? NONE : into + bias.place + 4 * from;
    exports.product(0, to - from, D, rows, block, up4(rows), right, w, D);
    if (b !== NONE) exports.addRowSums(to - from, rows, block, b);
    const scale = outputScale === NONE ? NONE : outputScale + 4 * from;
    if (finishes) exports.finishLayer(to - from, D, w, scale, inputScale, mean, constant, b);
  });
}

/** The part of the row system of a product that trains. */
function rowPart(spec: ProductSpec, operands: Operands, mixing: Mixing): RowPart {
  const { kernel: { exports }, rows, input: { width: inputs }, output: { width: outputs }, kept, mixed, scratch } =
    spec;
  const inputGram = (out: number): void => {
    fillGram(spec, inputs, operands.inputs, operands.constant, out);
    if (out === kept) exports.mirror(rows, out);
  };
  const signalGram = (out: number): void => fillGram(spec, outputs, operands.signals, 0, out);
  const mix = (panels: number): void => {
    mixing.panels = panels;
  };
  return layerPart(spec, {
    inputs,
    outputs,
    kept,
    inputGram,
    signalGram,
    squares: (out) => {
      exports.columnDots(inputs, rows, operands.inputs, operands.inputs, scratch.block);
      addSquares(spec, outputs, operands, out);
    },
    twoStage: mixed === NONE ? null : { inputGram, signalGram, mix },
    moves: kept !== NONE,
  });
}

/** A dense product over panels. */
export function product(spec: ProductSpec): Op {
  const { kernel: { exports }, rows, input, output, weight, bias, kept, places } = spec;
  const D = input.width, m = output.width;
  const { trainable } = weight;
  const operands = euclidean(input, output, bias !== null), mixing: Mixing = { panels: NONE };
  return {
    tensors: bias === null ? [weight] : [weight, bias],
    output,
    forward: ({ vector, trial, moved }) => {
      if (moved !== undefined && kept !== NONE) return moveByGram(spec, output, kept, moved);
      const from = trial ? input.trial : input.value, to = trial ? output.trial : output.value;
      exports.fillPanels(addressOf(bias, vector), m, rows, to);
      multiply(spec, m, D, addressOf(weight, vector), from, to);
    },
    backward: (theta) => {
      if (!input.depends) return;
      const left = addressOf(weight, theta);
      eachBlock(D, ROW_BLOCK, m * up4(rows), (from, to) => {
        exports.productTransposedPanels(from, to, D, rows, m, left, D, output.signal, input.signal);
      });
    },
    tangent: (theta, direction) => {
      exports.fillPanels(trainable ? addressOf(bias, direction) : NONE, m, rows, output.tangent);
      if (trainable) multiply(spec, m, D, direction + weight.place, input.value, output.tangent);
      if (input.depends) multiply(spec, m, D, addressOf(weight, theta), input.tangent, output.tangent);
    },
    project: (coefficient, into) => {
      if (trainable) projectProduct(spec, operands, mixing, coefficient, into);
    },
    rowPart: trainable ? rowPart(spec, operands, mixing) : frozenPart(D * m),
    metric: places && layerMetric(spec, input, output, bias !== null, places, operands),
  };
}
