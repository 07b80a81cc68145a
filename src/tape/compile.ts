/**
 * Opens a model on features as a tape in the kernel's memory.
 *
 * @module
 */

import type { FgnError } from "../check/error.ts";
import { type Features, isSparse } from "../data/sparse.ts";
import { f32, type Layout } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import type { CustomModel } from "../network/custom.ts";
import { allArrays } from "../network/flat.ts";
import type { Network } from "../network/layer.ts";
import { type Activate, type Instruction, lower, type Normalise } from "../network/lower.ts";
import {
  affine,
  type Builder,
  type Flow,
  inputSlot,
  manyClasses,
  slot,
  type TapeNeeds,
  tensor,
  WHOLE,
} from "./builder.ts";
import { loadFeatures, type Sparse, sparseInput } from "./features.ts";
import { custom } from "./ops/custom.ts";
import { activation, add, multiple } from "./ops/elementwise.ts";
import { normalise } from "./ops/normalise.ts";
import { type Context, PANEL, SIGNAL_ROWS } from "./ops/signals.ts";
import { loadTensors, type Slot, type Tape, up4 } from "./tape.ts";

/** The operation of an activation. */
function activate(builder: Builder, input: Slot, { activation: layer }: Activate, last: boolean): Slot {
  const { context, layout, needs, ops } = builder, { width, depends } = input;
  const output = slot(builder, width, depends, last);
  const derivative = needs.signals ? layout.reserve(4 * width * up4(context.rows)) : 0;
  ops.push(activation(context, layer, input, output, derivative));
  return output;
}

/** The operation of a layer norm. */
function normaliseRows(builder: Builder, input: Slot, { depends, epsilon, trains }: Normalise, last: boolean): Slot {
  const { context, layout, needs, ops } = builder, { width } = input;
  const panels = (width: number): number => layout.reserve(4 * width * up4(context.rows));
  const output = slot(builder, width, depends, last);
  const gain = tensor(builder, trains, width, WHOLE), shift = tensor(builder, trains, width, WHOLE);
  const normalised = panels(width), inverse = panels(1);
  const trialNormalised = needs.trial ? panels(width) : normalised;
  const trialInverse = needs.trial ? panels(1) : inverse;
  const parts = { normalised, inverse, trialNormalised, trialInverse };
  ops.push(normalise({ ...context, input, output, gain, shift, epsilon, ...parts }));
  return output;
}

/**
 * Adds the operation of an instruction; returns what it writes. Sparse features only reach products. `last`: it writes
 * the logits.
 */
function build(builder: Builder, instruction: Instruction, flows: readonly Flow[], last: boolean): Slot {
  const { context, ops } = builder, { width, depends } = instruction;
  const read = (slot: number): Slot => flows[slot] as Slot;
  switch (instruction._tag) {
    case "product": {
      const { weight, bias, trains, byRow } = instruction, from = flows[instruction.input] as Flow;
      const logits = last && from !== null ? manyClasses(builder, from, weight, bias, trains) : null;
      return logits ?? affine(builder, from, weight, bias, trains, byRow, last);
    }
    case "activate":
      return activate(builder, read(instruction.input), instruction, last);
    case "normalise":
      return normaliseRows(builder, read(instruction.input), instruction, last);
    case "multiply": {
      const input = read(instruction.input), output = slot(builder, width, depends, last);
      ops.push(multiple(context, instruction.factor, input, output));
      return output;
    }
    case "add": {
      const output = slot(builder, width, depends, last);
      ops.push(add(context, read(instruction.first), read(instruction.second), output));
      return output;
    }
    default:
      return instruction satisfies never;
  }
}

/** Adds the operations of a network over its features; returns the logits. */
function buildAll(builder: Builder, instructions: readonly Instruction[], features: Flow): Slot {
  const flows = [features];
  for (const instruction of instructions) {
    flows.push(build(builder, instruction, flows, flows.length === instructions.length));
  }
  return flows.at(-1) as Slot;
}

/** The widest slot of a network whose features are `inputs` wide, and the widest that an operation with parameters reads. */
function widest(
  instructions: readonly Instruction[],
  inputs: number,
): { readonly slot: number; readonly taken: number } {
  let slot = inputs, taken = inputs;
  const widths = [inputs];
  for (const instruction of instructions) {
    const { width } = instruction;
    if (instruction._tag === "product" || instruction._tag === "normalise") {
      taken = Math.max(taken, widths[instruction.input] as number);
    }
    slot = Math.max(slot, width);
    widths.push(width);
  }
  return { slot, taken };
}

/** What the functions of a custom model see of the features. */
interface Fed {
  features: Features;
}

/** Puts features in place. It holds on to none of a network's, for tapes outlive calls. */
const feeder =
  (context: Context, input: Slot | null, sparse: Sparse | null, fed: Fed | null) => (features: Features): void => {
    if (fed !== null) fed.features = features;
    loadFeatures(context, features, input, sparse);
  };

/** Of the functions of a custom model. */
interface Failures {
  first: FgnError | undefined;
}

/** The operation of a custom model. */
function customOp(builder: Builder, model: CustomModel, fed: Fed, failures: Failures): Slot {
  const output = slot(builder, model.outputs, true, true);
  const parameters = tensor(builder, true, model.parameters.length, WHOLE);
  const failed = (error: FgnError): void => {
    failures.first ??= error;
  };
  builder.ops.push(custom({ ...builder.context, model, fed, output, tensor: parameters, failed }));
  return output;
}

/**
 * Reserves memory for a model on features and lists its operations: a tape to be loaded once the layout is committed.
 */
export function compile(
  kernel: LoadedKernel,
  layout: Layout,
  model: Network | CustomModel,
  features: Features,
  needs: TapeNeeds,
): Tape {
  const rows = features.rows, n = up4(rows);
  const dense = model._tag === "network" && !isSparse(features);
  const sparse = model._tag === "network" && isSparse(features)
    ? sparseInput(features, layout, needs.allFeatures, needs.micro)
    : null;
  const instructions = model._tag === "network" ? lower(model) : null;
  const width = instructions === null
    ? { slot: model.outputs, taken: 0 }
    : widest(instructions, dense ? model.inputs : 1);
  const scratch = {
    panels: layout.reserve(4 * Math.max(n * up4(width.taken), PANEL * up4(width.slot))),
    block: layout.reserve(4 * SIGNAL_ROWS * n),
  };
  const context: Context = { kernel, rows, scratch };
  const builder: Builder = { context, layout, needs, ops: [], slots: [], sparse, length: 0, blocks: null };
  const input = dense ? inputSlot(builder, model.inputs) : null;
  const fed = model._tag === "custom" ? { features } : null;
  const failures: Failures = { first: undefined };
  const logits = model._tag === "custom"
    ? customOp(builder, model, fed as Fed, failures)
    : buildAll(builder, instructions as readonly Instruction[], input);
  return {
    kernel,
    rows,
    ops: builder.ops,
    slots: builder.slots,
    logits,
    blocks: builder.blocks,
    length: builder.length,
    theta: layout.reserve(4 * builder.length),
    scratch,
    ones: layout.reserve(4 * n),
    feed: feeder(context, input, sparse, fed),
    get fault() {
      return failures.first;
    },
  };
}

/** Copies parameters and features in. */
export function loadTape(tape: Tape, model: Network | CustomModel, features: Features): void {
  for (const op of tape.ops) op.restart();
  loadTensors(tape, allArrays(model));
  tape.feed(features);
  f32(tape.kernel, tape.ones, up4(tape.rows)).fill(0).fill(1, 0, tape.rows);
}
