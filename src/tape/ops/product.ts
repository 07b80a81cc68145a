// A dense product: out = W in + b, the batch in the lanes, W read where it lies.

import { f32, NONE } from "../../kernel/arena.ts";
import { frozenPart, type RowPart } from "../row_part.ts";
import { addressOf, eachBlock, type Op, type Slot, type Tensor, up4 } from "../tape.ts";
import { addDots, addSquares, fillGram, layerPart, moveByGram } from "./gram.ts";
import { euclidean, layerMetric, type MetricPlaces, type Operands } from "./metric.ts";
import { type Context, eachRowBlock, ROW_BLOCK, SIGNAL_ROWS } from "./signals.ts";
import { columnStage, mixSignals, projectColumns, type StagePlaces, type StageState } from "./stage.ts";

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
  /** Where its part of a two-stage system lies, or null: it is not the last layer of one. */
  readonly stage: StagePlaces | null;
  /** Where inputs are kept packed the other way round between products, or NONE. */
  readonly packed: number;
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

/** Inputs as the right operand of R Ā: B × width, packed, in the shared panels or in a place of their own. */
export function packedInputs(
  { kernel: { exports }, rows, input, scratch }: Context & Pick<ProductSpec, "input">,
  inputs: number,
  width = input.width,
  place = scratch.panels,
): number {
  if (inputs === input.value && input.packed !== NONE) return input.packed;
  exports.transposePanels(inputs, width, rows, place);
  return place;
}

/** The same of the operands, kept until these change where they have a place. */
function packedOperand(spec: ProductSpec, operands: Operands): number {
  const { packed } = spec, { width } = operands, inputs = operands.readInputs();
  if (packed === NONE) return packedInputs(spec, inputs, width);
  if (operands.packed === NONE) operands.packed = packedInputs(spec, inputs, width, packed);
  return operands.packed;
}

/** into += R Ā, row sums of R for the bias; out of the metric where there is one (`into` then starts from zero). */
function projectProduct(
  spec: ProductSpec,
  operands: Operands,
  { mixing, root }: StageState,
  coefficient: number,
  into: number,
): void {
  const { kernel: { exports }, rows, input, output, weight, bias, scratch, stage } = spec;
  const { signals, constant, mean, inputScale, outputScale, finishes } = operands;
  const D = input.width, right = packedOperand(spec, operands);
  eachRowBlock(spec, output.width, signals, coefficient, (from, to) => {
    const w = into + weight.place + 4 * from * D, b = bias === null ? NONE : into + bias.place + 4 * from;
    const count = to - from;
    if (root !== null) projectColumns(spec, stage as StagePlaces, root, count, right, w, b);
    else {
      const block = mixing === NONE ? scratch.block : mixSignals(spec, stage as StagePlaces, mixing, count);
      exports.product(0, count, D, rows, block, up4(rows), right, w, D);
      if (b !== NONE) exports.addRowSums(count, rows, block, b);
    }
    const scale = outputScale === NONE ? NONE : outputScale + 4 * from;
    if (finishes) exports.finishLayer(count, D, w, scale, inputScale, mean, root === null ? constant : root * root, b);
  });
}

/** Adds K times B coefficients: ⟨δ_j, V ã_j⟩ with V = Σ_i c_i δ_i ã_iᵀ, a block of outputs at a time. */
function multiplyBy(spec: ProductSpec, operands: Operands, coefficient: number, out: Float64Array): void {
  const { kernel, rows, output: { width: m }, scratch } = spec, { exports } = kernel;
  const { width, signals, constant } = operands, inputs = operands.readInputs(), { products, image } = scratch;
  const right = packedOperand(spec, operands), sums = products + 4 * SIGNAL_ROWS * width;
  f32(kernel, sums, m).fill(0);
  if (constant !== 0) {
    exports.weightedRowSums(m, rows, coefficient, signals, NONE, sums);
    exports.scale(m, constant, sums);
  }
  exports.fillPanels(sums, m, rows, image);
  eachRowBlock(spec, m, signals, coefficient, (from, to) => {
    f32(kernel, products, (to - from) * width).fill(0);
    exports.product(0, to - from, width, rows, scratch.block, up4(rows), right, products, width);
    const left = products - 4 * from * width; // row `from` of the left operand is the first of the block
    eachBlock(to - from, ROW_BLOCK, width * up4(rows), (a, b) => {
      exports.productPanels(from + a, from + b, m, rows, width, left, width, inputs, image);
    });
  });
  addDots(spec, m, signals, out);
}

/** The part of the row system of a product that trains. */
function rowPart(spec: ProductSpec, operands: Operands, state: StageState): RowPart {
  const { kernel: { exports }, rows, input: { width: inputs }, output: { width: outputs }, kept, stage, scratch } =
    spec;
  const inputGram = (out: number): void => {
    fillGram(spec, inputs, operands.readInputs(), operands.constant, out);
    if (out === kept) exports.mirror(rows, out);
  };
  const signalGram = (out: number): void => fillGram(spec, outputs, operands.signals, 0, out);
  const mix = (panels: number): void => {
    state.mixing = panels;
  };
  const reset = (): void => {
    Object.assign(state, { mixing: NONE, root: null });
    Object.assign(operands, euclidean(spec.input, spec.output, spec.bias !== null));
  };
  const columns = stage?.columns ? columnStage(spec, inputs, stage.columns, operands, state) : null;
  return layerPart(spec, {
    inputs,
    outputs,
    kept,
    inputGram,
    signalGram,
    squares: (out) => {
      const panels = operands.readInputs();
      exports.columnDots(operands.width, rows, panels, panels, scratch.block);
      addSquares(spec, outputs, operands, out);
    },
    multiply: (coefficient, out) => multiplyBy(spec, operands, coefficient, out),
    twoStage: stage && { inputGram, signalGram, mix, columns, reset },
    moves: kept !== NONE,
  });
}

/** A dense product over panels. */
export function product(spec: ProductSpec): Op {
  const { kernel: { exports }, rows, input, output, weight, bias, kept, places } = spec;
  const D = input.width, m = output.width;
  const { trainable } = weight;
  const operands = euclidean(input, output, bias !== null), state: StageState = { mixing: NONE, root: null };
  return {
    tensors: bias === null ? [weight] : [weight, bias],
    output,
    forward: ({ vector, trial, moved }) => {
      if (moved !== undefined && kept !== NONE) return moveByGram(spec, output, kept, moved);
      const from = trial ? input.trial : input.value, to = trial ? output.trial : output.value;
      if (!trial) operands.packed = NONE;
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
      if (trainable) projectProduct(spec, operands, state, coefficient, into);
    },
    rowPart: trainable ? rowPart(spec, operands, state) : frozenPart(D * m),
    metric: places && layerMetric(spec, input, output, bias !== null, places, operands),
  };
}
