// A dense product over sparse features: out = W x + b. The kernel holds the weights of the features that occur
// in the batch, one feature a row, so that products, Gram matrix and updates touch stored entries only.

import { f32, f64, NONE } from "../../kernel/arena.ts";
import { frozenPart, type RowPart } from "../row_part.ts";
import { addressOf, type Op, type Slot, type Tensor, up4 } from "../tape.ts";
import { addLayerGram, addSquares, moveByGram } from "./gram.ts";
import type { Context } from "./signals.ts";

/** CSR features in the kernel's memory, columns renumbered over those that occur. */
export interface SparseInput {
  /** Columns that occur. */
  readonly cols: number;
  readonly offsets: number;
  readonly indices: number;
  readonly values: number;
  /** (cols + 1 + 2 · entries) · 4 bytes. */
  readonly work: number;
  /** Entries. */
  readonly count: number;
}

interface Parts extends Context {
  readonly input: SparseInput;
  readonly output: Slot;
  /** cols × out, one feature a row. */
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  /** B × out, row-major. */
  readonly dense: number;
  /** Where X Xᵀ + 1 is kept for moving the output, or NONE. */
  readonly kept: number;
}

/** panels ← W x + b with W and b at the given addresses (b may be NONE). */
function multiply({ kernel, rows, input, output, dense }: Parts, weight: number, bias: number, to: number): void {
  const { exports } = kernel;
  const m = output.width;
  const out = f32(kernel, dense, rows * m);
  if (bias === NONE) out.fill(0);
  else for (let i = 0; i < rows; i++) out.set(f32(kernel, bias, m), i * m);
  exports.csrProduct(rows, input.offsets, input.indices, input.values, m, weight, dense);
  exports.packTransposed(dense, rows, m, to);
}

function squares(parts: Parts, out: Float64Array): void {
  const { kernel, rows, input, output, bias, scratch } = parts;
  kernel.exports.csrSquares(rows, input.offsets, input.values, scratch.block);
  addSquares(parts, f64(kernel, scratch.block, rows).slice(), bias === null ? 0 : 1, output.width, output.signal, out);
}

function gram(parts: Parts, to: number): void {
  const { kernel, rows, input, bias } = parts;
  f32(kernel, to, up4(rows) * up4(rows)).fill(bias === null ? 0 : 1);
  kernel.exports.csrGram(rows, input.cols, input.offsets, input.indices, input.values, to, input.work);
}

/** Its part of the row system. */
function rowPart(parts: Parts, productWork: number): RowPart {
  const { rows, input, output, kept } = parts, m = output.width;
  return {
    gram: (buffers) => {
      const left = kept === NONE ? buffers.left : kept;
      gram(parts, left);
      addLayerGram(parts, left, m, output.signal, buffers);
    },
    squares: (out) => squares(parts, out),
    twoStage: null,
    moves: kept !== NONE,
    productWork,
    gramWork: m + Math.ceil(input.count / rows),
  };
}

/** A dense product over sparse features. */
export function sparseProduct(parts: Parts): Op {
  const { kernel, rows, input, output, weight, bias, dense, kept } = parts;
  const { exports } = kernel;
  const m = output.width, work = Math.ceil(input.count / rows) * m;
  const { trainable } = weight;
  return {
    tensors: bias === null ? [weight] : [weight, bias],
    output,
    forward: ({ vector, trial, moved }) => {
      if (moved !== undefined && kept !== NONE) return moveByGram(parts, output, kept, moved);
      const b = bias === null ? NONE : addressOf(bias, vector);
      multiply(parts, addressOf(weight, vector), b, trial ? output.trial : output.value);
    },
    backward: () => {},
    tangent: (_, direction) => {
      if (!trainable) f32(kernel, output.tangent, m * up4(rows)).fill(0);
      else multiply(parts, direction + weight.place, bias === null ? NONE : direction + bias.place, output.tangent);
    },
    project: (coefficient, into) => {
      if (!trainable) return;
      exports.unpackTransposed(output.signal, m, rows, coefficient, dense);
      exports.csrUpdate(rows, input.offsets, input.indices, input.values, m, dense, into + weight.place);
      if (bias !== null) exports.weightedRowSums(m, rows, coefficient, output.signal, NONE, into + bias.place);
    },
    rows: trainable ? rowPart(parts, work) : frozenPart(work),
    metric: null,
  };
}
