/**
 * The tape: a model opened on one batch in the kernel's memory, as a list of operations over slots.
 *
 * A slot holds one value per feature and example, in panels with the batch in the lanes (assembly/pack.ts).
 * An operation reads slots written before it and writes one. Its four products, forward, backward, tangent and
 * projection, are all that training needs of a layer; those that have an explicit Gram matrix give it, too.
 *
 * @module
 */

import type { FgnError } from "../check/error.ts";
import type { Features } from "../data/sparse.ts";
import { f32, NONE } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import type { RowPart } from "./row_part.ts";

/** n rounded up to full vectors. */
export const up4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Doubles from one row of a float64 system of n rows to the next: even, never a multiple of 64, where rows collide in the cache. */
export const strideOf = (n: number): number => n + ((n + 8) % 64 === 0 ? 12 : 8);

/** Multiply-adds of one call: about a millisecond, since engines replace code only between calls. */
const CALL = 1e7;

/** Visits [0, end) in blocks, a multiple of `unit`, of about CALL multiply-adds at `cost` each. */
export function eachBlock(end: number, unit: number, cost: number, visit: (from: number, to: number) => void): void {
  const step = Math.max(unit, Math.floor(CALL / cost / unit) * unit);
  for (let from = 0; from < end; from += step) visit(from, Math.min(end, from + step));
}

/** Where the activations of one layer boundary lie: width × B panels each. */
export interface Slot {
  readonly width: number;
  /** Whether it changes with the trainable parameters; signals and tangents exist only then. */
  readonly depends: boolean;
  readonly value: number;
  /** Values at trial parameters; the same address as `value` where those need not survive a trial. */
  readonly trial: number;
  /** Derivatives of the quantity propagated backward. */
  readonly signal: number;
  /** Derivatives along a direction. */
  readonly tangent: number;
  /** The same values packed the other way round, B × width, where they are kept: those of the features; else NONE. */
  readonly packed: number;
}

/** A parameter array: in a parameter vector when trainable, at a fixed address when frozen. */
export interface Tensor {
  readonly trainable: boolean;
  /** Bytes from the start of a parameter vector, or the address of the frozen array. */
  readonly place: number;
  readonly length: number;
  /** Inputs that an output sums over, for the scale of a weight; 1 for other parameters. */
  readonly fanIn: number;
  /** Copies an array shaped like the model's into the kernel's. */
  readonly load: (from: Float32Array, into: Float32Array) => void;
  /** Copies the kernel's array into one shaped like the model's. */
  readonly store: (from: Float32Array, into: Float32Array) => void;
}

/** Floats to which the tensors of a vector are aligned: a cache line. */
export const ALIGN = 16;

/** The address of a tensor, given the vector that holds the trainable ones; NONE of null. */
export const addressOf = (tensor: Tensor | null, vector: number): number =>
  tensor === null ? NONE : tensor.trainable ? vector + tensor.place : tensor.place;

/** A forward pass: which parameters, and which values it writes. */
export interface Pass {
  /** Address of the parameter vector. */
  readonly vector: number;
  /** Writes `trial` values, leaves values and caches alone, and skips what does not depend on the parameters. */
  readonly trial: boolean;
  /**
   * Coefficients (B float32) of a dual step that led to the vector from the values: a layer whose input is
   * constant may move its output through its Gram matrix instead of multiplying again.
   */
  readonly moved?: number;
}

/**
 * The metric of a layer, M = the one in which Ā = (A − μ)∘c, Δ̄ = Δ∘o and a constant b for the bias are orthonormal:
 * K = (Ā Āᵀ + b) ∘ (Δ̄ Δ̄ᵀ), dW = diag(o) Rᵀ Ā diag(c), db = b o∘ΣR − dW μ. Starts as the Euclidean one.
 */
export interface LayerMetric {
  /** Inputs and outputs of the layer. */
  readonly inputs: number;
  readonly outputs: number;
  /** Whether there is a bias, which alone makes centring possible. */
  readonly hasBias: boolean;
  /** Σ α_i a_i, for B shares α (float32) at an address. */
  readonly mean: (shares: number) => Float32Array;
  /** Ā from here on, for given means and scales (null: zeros, ones). */
  readonly setInputs: (mean: Float32Array | null, scale: Float32Array | null) => void;
  /** Σ α_i ā_i², feature by feature. */
  readonly inputSquares: (shares: number) => Float32Array;
  /** Σ α_i ‖ā_i‖². */
  readonly inputNorm: (shares: number) => number;
  /** Σ c_i δ_i² of the unnormalised signals, output by output, for B coefficients (float32) at an address. */
  readonly signalSquares: (coefficients: number) => Float32Array;
  /** Δ̄ from here on. */
  readonly setOutputs: (scale: Float32Array) => void;
  /** b, where there is a bias. */
  readonly setConstant: (value: number) => void;
}

/** The metric of an operation: rules set it once values and signals are there. */
export interface OpMetric extends LayerMetric {
  readonly _tag: "dense";
  /** The Euclidean one again, before other examples. */
  readonly reset: () => void;
}

/** The metric of a layer over sparse features: K = ((X − μ)(X − μ)ᵀ + b) ∘ (Δ Δᵀ). Starts as the Euclidean one. */
export interface SparseMetric {
  readonly _tag: "sparse";
  /** Centres the inputs by μ = Σ α_i x_i, for B shares α (float32) at an address. Returns ‖μ‖². */
  readonly centre: (shares: number) => number;
  /** Σ α_i ‖x_i − μ‖², of the inputs as they are before they are centred. */
  readonly inputNorm: (shares: number) => number;
  /** Sets b. */
  readonly setConstant: (value: number) => void;
  /** The Euclidean one again. */
  readonly reset: () => void;
}

/** One operation. Addresses of panels and vectors are those of the slots unless given. */
export interface Op {
  /** Its parameters, in flat order. */
  readonly tensors: readonly Tensor[];
  /** The slot that it writes. */
  readonly output: Slot;
  forward(pass: Pass): void;
  /** Adds to the signal of its inputs what the signal of its output sends back, at the parameters θ. */
  backward(theta: number): void;
  /** Writes the tangent of its output for a direction of the parameters (address of a vector), at θ. */
  tangent(theta: number, direction: number): void;
  /** Adds Σ_i coefficient_i · ∂⟨signal_i, output_i⟩, taken at θ, to a parameter vector. */
  project(coefficient: number, into: number, theta: number): void;
  /** Its part of the row system; null: it has no parameters, or cannot say, as a model of one's own. */
  readonly rowPart: RowPart | null;
  /** The metric of its damping; null: always the Euclidean one. */
  readonly metric: OpMetric | SparseMetric | null;
}

/** The members of an operation without parameters. */
export const parameterless: Pick<Op, "tensors" | "project" | "rowPart" | "metric"> = {
  tensors: [],
  project: () => {},
  rowPart: null,
  metric: null,
};

/** Where a margin pass finds labels and leaves true logits, peaks and sums (assembly/margin.ts). */
export interface MarginPlaces {
  readonly labels: number;
  readonly trueLogit: number;
  readonly peak: number;
  readonly sum: number;
}

/** Margin passes of logits that are not there as a whole. */
export interface ClassBlocks {
  /** The pass at θ, after which the operation has the exponentials. */
  readonly exponentials: (at: MarginPlaces) => void;
  /** The pass over the logits of the last forward pass: peaks and sums alone. */
  readonly sums: (at: MarginPlaces) => void;
}

/** Scratch that the operations share; nothing in it outlives a call. */
export interface Scratch {
  /** Panels of the widest input of a layer with parameters, or a row-major panel of the widest slot. */
  readonly panels: number;
  /** Rows of n₄ floats: as many as signals are scaled at a time. */
  readonly block: number;
  /** Parameter derivatives of as many rows, or of all of a layer that reads sparse features; n₄ × B panels of the widest slot. */
  readonly products: number;
  readonly image: number;
}

/** A model on a batch. */
export interface Tape {
  readonly kernel: LoadedKernel;
  /** B. */
  readonly rows: number;
  readonly ops: readonly Op[];
  readonly slots: readonly Slot[];
  readonly logits: Slot;
  /** The margin passes where the slot does not hold the logits; null: it does. */
  readonly blocks: ClassBlocks | null;
  /** Floats of a parameter vector, padding included. */
  readonly length: number;
  /** The loaded parameters. */
  readonly theta: number;
  readonly scratch: Scratch;
  /** B coefficients (float32, n₄) that are all 1; 0 in the lanes without an example. */
  readonly ones: number;
  /** Puts the features of other examples in place: at most B; sparse ones numbered as `Numbering` says. */
  readonly feed: (features: Features) => void;
  /** The first failure of a custom model's functions; later products are then meaningless. */
  readonly fault: FgnError | undefined;
}

/** Values of all slots, to the logits. */
export function forward(tape: Tape, pass: Pass): void {
  for (const op of tape.ops) if (!pass.trial || op.output.depends) op.forward(pass);
}

/** Signals of all slots from those at the logits. */
export function backward(tape: Tape): void {
  const { kernel, rows, slots, logits } = tape;
  for (const slot of slots) {
    if (slot.depends && slot !== logits) f32(kernel, slot.signal, slot.width * up4(rows)).fill(0);
  }
  for (const op of [...tape.ops].reverse()) if (op.output.depends) op.backward(tape.theta);
}

/** Tangents of all slots, to the logits, for a direction of the parameters. */
export function tangent(tape: Tape, direction: number): void {
  for (const op of tape.ops) if (op.output.depends) op.tangent(tape.theta, direction);
}

/** Adds Jᵀ of the signals, each example times its coefficient (B float32), to a parameter vector. */
export function project(tape: Tape, coefficient: number, into: number): void {
  for (const op of tape.ops) op.project(coefficient, into, tape.theta);
}

/** A parameter vector ← Jᵀ of the signals, each example times its coefficient. */
export function projectInto(tape: Tape, coefficient: number, vector: number): void {
  f32(tape.kernel, vector, tape.length).fill(0);
  project(tape, coefficient, vector);
}

/** Whether a dual step moves the output of every layer that trains: a trial then needs no trial parameters. */
export const movesAll = ({ ops }: Pick<Tape, "ops">): boolean =>
  ops.every(({ rowPart, tensors }) => rowPart?.moves || tensors.every(({ trainable }) => !trainable));

/** Whether the row system has an explicit form: every operation with parameters says its part. */
export const isExplicit = ({ ops }: Pick<Tape, "ops">): boolean =>
  ops.every(({ rowPart, tensors }) => rowPart !== null || tensors.length === 0);

/** The tensors of all operations, in flat order. */
export const tensorsOf = (tape: Tape): Tensor[] => tape.ops.flatMap((op) => op.tensors);

/** Tensors of a vector start at cache lines; what lies between them is zero. */
function clearPadding({ kernel, theta }: Tape, tensor: Tensor): void {
  const end = tensor.length % ALIGN === 0 ? 0 : ALIGN - tensor.length % ALIGN;
  f32(kernel, addressOf(tensor, theta) + 4 * tensor.length, end).fill(0);
}

/** Copies all arrays of the model in: the trainable ones to the vector θ, the frozen ones to their places. */
export function loadTensors(tape: Tape, arrays: readonly Float32Array[]): void {
  tensorsOf(tape).forEach((tensor, index) => {
    const array = arrays[index] as Float32Array;
    tensor.load(array, f32(tape.kernel, addressOf(tensor, tape.theta), tensor.length));
    if (tensor.trainable) clearPadding(tape, tensor);
  });
}

/** Visits the trainable tensors in flat order, each with its part of a parameter vector. */
function eachTrainable(
  tape: Tape,
  vector: number,
  visit: (tensor: Tensor, part: Float32Array, index: number) => void,
): void {
  tensorsOf(tape).filter(({ trainable }) => trainable).forEach((tensor, index) => {
    visit(tensor, f32(tape.kernel, addressOf(tensor, vector), tensor.length), index);
  });
}

/** Copies arrays shaped like the model's trainable ones, in flat order, into a parameter vector. */
export function loadVector(tape: Tape, from: readonly Float32Array[], vector: number): void {
  f32(tape.kernel, vector, tape.length).fill(0);
  eachTrainable(tape, vector, (tensor, part, index) => tensor.load(from[index] as Float32Array, part));
}

/** The inverse: features that do not occur in the batch are left as they are. */
export function storeVector(tape: Tape, vector: number, into: readonly Float32Array[]): void {
  eachTrainable(tape, vector, (tensor, part, index) => tensor.store(part, into[index] as Float32Array));
}
