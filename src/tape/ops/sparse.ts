// A dense product over sparse features: out = W x + b. The kernel holds the weights of the features that occur
// in the batch, one feature a row, so that products, Gram matrix and updates touch stored entries only.

import { f32, NONE } from "../../kernel/arena.ts";
import { frozenPart, type RowPart } from "../row_part.ts";
import { addressOf, type Op, up4 } from "../tape.ts";
import { addDots, addSquares, fillGram, layerPart, moveByGram } from "./gram.ts";
import {
  addCentringSquares,
  type Centring,
  fillCentring,
  isEuclidean,
  projectCentring,
  sparseMetric,
  uncentred,
} from "./sparse_metric.ts";
import type { SparseProductSpec } from "./sparse_spec.ts";

/** panels ← W x + b with W and b at the given addresses (b may be NONE). */
function multiply(
  { kernel, rows, input, output, dense }: SparseProductSpec,
  weight: number,
  bias: number,
  to: number,
): void {
  const { exports } = kernel;
  const m = output.width;
  const out = f32(kernel, dense, rows * m);
  if (bias === NONE) out.fill(0);
  else for (let i = 0; i < rows; i++) out.set(f32(kernel, bias, m), i * m);
  exports.csrProduct(rows, input.offsets, input.indices, input.values, m, weight, dense);
  exports.packTransposed(dense, rows, m, to);
}

/** weight += the derivatives of the signals, example by example times its coefficient; bias (may be NONE) the same. */
function projectInto(
  spec: SparseProductSpec,
  centring: Centring,
  coefficient: number,
  weight: number,
  bias: number,
): void {
  const { kernel: { exports }, rows, input: { offsets, indices, values }, output: { width: m, signal }, dense } = spec;
  exports.unpackTransposed(signal, m, rows, coefficient, dense);
  exports.csrUpdate(rows, offsets, indices, values, m, dense, weight);
  if (bias === NONE) return;
  if (spec.places !== null && !isEuclidean(centring)) {
    projectCentring(spec, spec.places, centring, coefficient, weight, bias);
  } else exports.weightedRowSums(m, rows, coefficient, signal, NONE, bias);
}

/** The part of the row system of a product that trains. */
function rowPart(spec: SparseProductSpec, centring: Centring, inputs: number): RowPart {
  const { kernel, rows, input, output: { width: outputs, signal: signals }, bias, kept, scratch } = spec;
  const { cols, offsets, indices, values, work } = input;
  return layerPart(spec, {
    inputs,
    outputs,
    kept,
    inputGram: (out) => {
      fillCentring(spec, centring, out);
      kernel.exports.csrGram(rows, cols, offsets, indices, values, out, work);
    },
    signalGram: (out) => fillGram(spec, outputs, signals, 0, out),
    squares: (out) => {
      kernel.exports.csrSquares(rows, offsets, values, scratch.block);
      addCentringSquares(spec, centring);
      addSquares(spec, outputs, { signals, constant: centring.constant }, out);
    },
    multiply: (coefficient, out) => {
      const { products, image } = scratch, b = bias === null ? NONE : products + 4 * cols * outputs;
      f32(kernel, products, (cols + 1) * outputs).fill(0);
      projectInto(spec, centring, coefficient, products, b);
      multiply(spec, products, b, image);
      addDots(spec, outputs, signals, out);
    },
    twoStage: null,
    moves: kept !== NONE,
  });
}

/** A dense product over sparse features. */
export function sparseProduct(spec: SparseProductSpec): Op {
  const { kernel, rows, input, output, weight, bias, kept, places } = spec;
  const centring = uncentred(bias !== null);
  const m = output.width, entries = Math.ceil(input.count / rows);
  const { trainable } = weight;
  return {
    tensors: bias === null ? [weight] : [weight, bias],
    output,
    forward: ({ vector, trial, moved }) => {
      if (moved !== undefined && kept !== NONE) return moveByGram(spec, output, kept, moved);
      multiply(spec, addressOf(weight, vector), addressOf(bias, vector), trial ? output.trial : output.value);
    },
    backward: () => {},
    tangent: (_, direction) => {
      if (!trainable) f32(kernel, output.tangent, m * up4(rows)).fill(0);
      else multiply(spec, addressOf(weight, direction), addressOf(bias, direction), output.tangent);
    },
    project: (coefficient, into) => {
      if (!trainable) return;
      projectInto(spec, centring, coefficient, into + weight.place, bias === null ? NONE : into + bias.place);
    },
    rowPart: trainable ? rowPart(spec, centring, entries) : frozenPart(entries * m),
    metric: places && sparseMetric(spec, places, centring),
  };
}
