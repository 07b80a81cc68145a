/**
 * A network on a batch on the device, as a list of operations over slots.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../../check/error.ts";
import type { Network } from "../../network/layer.ts";
import { type Instruction, lower } from "../../network/lower.ts";
import type { Encoder } from "../device/encoder.ts";
import type { Scope } from "../device/pool.ts";
import { blocks, checkFits, type Limits, rowsOf, type View, view, whole } from "../device/view.ts";
import { activation, add, type Context, multiple, normalise, type Op, product, type Slot } from "./ops.ts";
import { marginSignals, marginStats } from "./shaders/margin.ts";
import type { Tensor } from "./tensor.ts";

/** A network opened on examples. */
export interface Tape extends Context {
  readonly ops: readonly Op[];
  readonly slots: readonly Slot[];
  readonly logits: Slot;
}

/** Uses of a tape. */
export interface Needs {
  /** Signals are sent back. */
  readonly signals: boolean;
  /** There are passes at trial parameters. */
  readonly trial: boolean;
}

/** The tools that a network is compiled with. */
interface Compiler extends Context {
  readonly needs: Needs;
  /** A matrix of B rows; a stand-in where it is not wanted. */
  readonly matrix: (cols: number, wanted: boolean) => View;
  /** The place of the next tensor. */
  readonly next: () => number;
}

function slotOf({ needs, matrix }: Compiler, width: number, depends: boolean): Slot {
  const value = matrix(width, true);
  const trial = depends && needs.trial ? matrix(width, true) : value;
  return { width, depends, value, trial, signal: matrix(width, depends && needs.signals) };
}

/** The operation of an instruction, into a new slot. */
function build(to: Compiler, instruction: Instruction, inputs: readonly Slot[]): Op {
  const { operation, width, depends } = instruction, output = slotOf(to, width, depends);
  const [input, second] = inputs as readonly [Slot, Slot];
  switch (operation._tag) {
    case "product": {
      const weight = to.next(), bias = operation.bias === null ? null : to.next();
      return product(to, input, output, { weight, bias, trains: operation.trains });
    }
    case "activate":
      return activation(to, input, output, operation.activation);
    case "normalise": {
      const { trains, epsilon } = operation, gain = to.next(), shift = to.next();
      const normalised = to.matrix(width, true), inverse = to.matrix(1, true);
      const gainSignal = to.matrix(width, trains && to.needs.signals);
      return normalise(to, input, output, { gain, shift, trains, epsilon, normalised, inverse, gainSignal });
    }
    case "multiply":
      return multiple(to, operation.factor, input, output);
    case "add":
      return add(to, input, second, output);
    default:
      return operation satisfies never;
  }
}

/** The widest of the outputs of products. */
export const widest = (instructions: readonly Instruction[]): number =>
  instructions.reduce((most, { operation, width }) => operation._tag === "product" ? Math.max(most, width) : most, 0);

/** Opens a network on B × D features that lie on the device. Errors: `OutOfMemory`. */
export function compile(
  limits: Limits,
  network: Network,
  features: View,
  scope: Scope,
  needs: Needs,
): E.Either<FgnError, Tape> {
  const { rows } = features;
  const instructions = lower(network);
  const fits = checkFits(limits, "the activations", rows, widest(instructions));
  if (fits._tag === "Left") return fits;
  let places = 0;
  const standIn = view(features.buffer, 0, 0);
  const to: Compiler = {
    limits,
    rows,
    needs,
    matrix: (cols, wanted) => wanted ? view(scope.acquire(4 * rows * cols), rows, cols) : standIn,
    next: () => places++,
  };
  const input: Slot = { width: features.cols, depends: false, value: features, trial: features, signal: standIn };
  const slots = [input], ops: Op[] = [];
  for (const instruction of instructions) {
    const op = build(to, instruction, instruction.from.map((slot) => slots[slot] as Slot));
    ops.push(op);
    slots.push(op.output);
  }
  return E.right({ limits, rows, ops, slots: slots.slice(1), logits: slots.at(-1) as Slot });
}

/** Values of all slots, to the logits. */
export function forward({ ops }: Tape, encoder: Encoder, tensors: readonly Tensor[], trial: boolean): void {
  for (const op of ops) if (!trial || op.output.depends) op.forward(encoder, { tensors, trial });
}

/** Margins of the logits: their scalars to `stats` (B × 4), and the signals of the logits with those of the values. */
export function marginPass({ limits, rows, logits }: Tape, encoder: Encoder, labels: View, stats: View, pass: {
  readonly trial: boolean;
  readonly signals: boolean;
}): void {
  const from = pass.trial ? logits.trial : logits.value, C = logits.width;
  for (const [first, end] of blocks(limits, rows, C)) {
    const views = [from, labels, stats, ...pass.signals ? [logits.signal] : []].map((of) => rowsOf(of, first, end));
    encoder.dispatch(pass.signals ? marginSignals : marginStats, [C], views, end - first);
  }
}

/** Signals of all slots from those at the logits. */
export function backward({ ops, slots, logits }: Tape, encoder: Encoder, tensors: readonly Tensor[]): void {
  for (const slot of slots) if (slot.depends && slot !== logits) encoder.clear(whole(slot.signal));
  for (const op of [...ops].reverse()) if (op.output.depends) op.backward(encoder, tensors);
}
