// Gram matrices of a layer: of its inputs, of its signals, and what is made of them.

import { f32, f64 } from "../../kernel/arena.ts";
import type { GramBuffers } from "../row_part.ts";
import { type Slot, up4 } from "../tape.ts";
import { type Context, eachRowBlock } from "./signals.ts";

/** Fills an n₄ × B matrix in panels with `start` and adds the Gram matrix of a slot's k × B panels: upper part. */
export function fillGram({ kernel, rows }: Context, k: number, panels: number, start: number, out: number): void {
  f32(kernel, out, up4(rows) * up4(rows)).fill(start);
  addGram({ kernel, rows }, k, panels, out);
}

/** Adds the Gram matrix of k × B panels: upper part. */
export function addGram(
  { kernel, rows }: Pick<Context, "kernel" | "rows">,
  k: number,
  panels: number,
  out: number,
): void {
  for (let j = 0; j < rows; j += 16) kernel.exports.gramPanel(j, rows, k, panels, out);
}

/** Adds to K the Hadamard product of a Gram matrix of inputs, at `left`, with that of m × B signals. */
export function addLayerGram(
  context: Context,
  left: number,
  outputs: number,
  signals: number,
  { right, sum }: GramBuffers,
): void {
  const n = up4(context.rows);
  fillGram(context, outputs, signals, 0, right);
  context.kernel.exports.multiplyAdd(n * n, left, right, sum);
}

/**
 * Output += that of the dual step, by the Gram matrix A Aᵀ + 1 of the inputs at `kept`: R (A Aᵀ + 1), R the
 * scaled signals. B²·out multiply-adds instead of a product's B·in·out.
 */
export function moveByGram(context: Context, output: Slot, kept: number, coefficient: number): void {
  const { kernel, rows } = context;
  const n = up4(rows);
  if (output.trial !== output.value) {
    f32(kernel, output.trial, output.width * n).set(f32(kernel, output.value, output.width * n));
  }
  eachRowBlock(context, output.width, output.signal, coefficient, (from, to) => {
    const left = context.scratch.block - 4 * from * n; // row `from` of the left operand is the first of the block
    kernel.exports.productPanels(from, to, output.width, rows, n, left, n, kept, output.trial);
  });
}

/** out[i] += (‖A_i‖² + constant) ‖Δ_i‖², given the squared norms of the inputs; the constant is the bias's 1, or β. */
export function addSquares(
  { kernel, rows, scratch }: Context,
  inputs: Float64Array,
  constant: number,
  outputs: number,
  signals: number,
  out: Float64Array,
): void {
  kernel.exports.columnDots(outputs, rows, signals, signals, scratch.block);
  const d = f64(kernel, scratch.block, rows);
  for (let i = 0; i < rows; i++) {
    out[i] = (out[i] as number) + ((inputs[i] as number) + constant) * (d[i] as number);
  }
}
