// Gram matrices of a layer: of its inputs, of its signals, and what is made of them.

import { f32, f64, NONE } from "../../kernel/arena.ts";
import type { RowPart } from "../row_part.ts";
import { type Slot, up4 } from "../tape.ts";
import type { Operands } from "./metric.ts";
import { type Context, eachRowBlock } from "./signals.ts";

type Rows = Pick<Context, "kernel" | "rows">;

/** Fills an n₄ × B matrix in panels with `start` and adds the Gram matrix of k × B panels: upper part. */
export function fillGram(context: Rows, k: number, panels: number, start: number, out: number): void {
  f32(context.kernel, out, up4(context.rows) ** 2).fill(start);
  addGram(context, k, panels, out);
}

/** Adds the Gram matrix of k × B panels: upper part. */
export function addGram({ kernel, rows }: Rows, k: number, panels: number, out: number): void {
  for (let j = 0; j < rows; j += 16) kernel.exports.gramPanel(j, rows, k, panels, out);
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

/** Adds (‖A_i‖² + b) ‖Δ_i‖² to B numbers, given the squared norms of the inputs at `scratch.block`. */
export function addSquares(
  { kernel, rows, scratch: { block } }: Context,
  outputs: number,
  { signals, constant }: Pick<Operands, "signals" | "constant">,
  out: Float64Array,
): void {
  const a = f64(kernel, block, rows).slice();
  kernel.exports.columnDots(outputs, rows, signals, signals, block);
  const d = f64(kernel, block, rows);
  for (let i = 0; i < rows; i++) {
    out[i] = (out[i] as number) + ((a[i] as number) + constant) * (d[i] as number);
  }
}

/** Adds ⟨δ_j, t_j⟩ to B numbers, of the signals and of outputs t in panels at `scratch.image`. */
export function addDots({ kernel, rows, scratch }: Context, outputs: number, signals: number, out: Float64Array): void {
  kernel.exports.columnDots(outputs, rows, scratch.image, signals, scratch.block);
  const part = f64(kernel, scratch.block, rows);
  for (let i = 0; i < rows; i++) out[i] = (out[i] as number) + (part[i] as number);
}

/** A layer W x + b that trains: K_ij = (⟨A_i, A_j⟩ + b) ⟨Δ_i, Δ_j⟩. */
interface TrainedLayer extends Pick<RowPart, "squares" | "multiply" | "twoStage" | "moves"> {
  /** Inputs that an output sums over. */
  readonly inputs: number;
  readonly outputs: number;
  /** Where A Aᵀ + b is kept for moving the output, or NONE. */
  readonly kept: number;
  /** Fills n₄ × B panels with A Aᵀ + b; both triangles where they are kept. */
  readonly inputGram: (out: number) => void;
  /** Fills n₄ × B panels with Δ Δᵀ; upper part. */
  readonly signalGram: (out: number) => void;
}

/** The part of the row system of a layer. */
export function layerPart({ kernel, rows }: Rows, layer: TrainedLayer): RowPart {
  const { inputs, outputs, kept, squares, multiply, twoStage, moves } = layer;
  return {
    gram: ({ left, right, sum }) => {
      const inputGram = kept === NONE ? left : kept;
      layer.inputGram(inputGram);
      layer.signalGram(right);
      kernel.exports.multiplyAdd(up4(rows) ** 2, inputGram, right, sum);
    },
    squares,
    multiply,
    twoStage,
    moves,
    inputs,
    productWork: inputs * outputs,
    gramWork: inputs + outputs,
  };
}
