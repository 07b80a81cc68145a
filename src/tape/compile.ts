/**
 * Opens a model on features as a tape in the kernel's memory.
 *
 * @module
 */

import type { FgnError } from "../check/error.ts";
import { type Features, isSparse } from "../data/sparse.ts";
import { f32, type Layout, NONE } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import type { CustomModel } from "../network/custom.ts";
import { allArrays } from "../network/flat.ts";
import type { Network } from "../network/layer.ts";
import { type Instruction, lower, type Normalise, type Operation, type Product } from "../network/lower.ts";
import {
  addAffine,
  addManyClasses,
  type Builder,
  type Flow,
  makeInputSlot,
  makeSlot,
  makeTensor,
  type TapeNeeds,
  WHOLE,
} from "./builder.ts";
import { loadFeatures, type Sparse, sparseInput } from "./features.ts";
import { custom } from "./ops/custom.ts";
import { activation, add, multiple } from "./ops/elementwise.ts";
import { normalise } from "./ops/normalise.ts";
import { type Context, PANEL, SIGNAL_ROWS } from "./ops/signals.ts";
import { loadTensors, type Op, type Slot, type Tape, up4 } from "./tape.ts";

/** Makes a layer norm. */
function makeNormalise(builder: Builder, input: Slot, output: Slot, { epsilon, trains }: Normalise): Op {
  const { context, layout, needs } = builder, { width } = input;
  const panels = (width: number): number => layout.reserve(4 * width * up4(context.rows));
  const gain = makeTensor(builder, trains, width, WHOLE), shift = makeTensor(builder, trains, width, WHOLE);
  const normalised = panels(width), inverse = panels(1);
  const trialNormalised = needs.trial ? panels(width) : normalised;
  const trialInverse = needs.trial ? panels(1) : inverse;
  const places = { normalised, inverse, trialNormalised, trialInverse };
  return normalise({ ...context, input, output, gain, shift, epsilon, ...places });
}

/** Makes an operation other than a product. */
function makeOp(
  builder: Builder,
  operation: Exclude<Operation, Product>,
  [input, second]: readonly [Slot, Slot],
  output: Slot,
): Op {
  const { context, layout, needs } = builder;
  switch (operation._tag) {
    case "activate": {
      const derivative = needs.signals ? layout.reserve(4 * output.width * up4(context.rows)) : NONE;
      return activation(context, operation.activation, input, output, derivative);
    }
    case "normalise":
      return makeNormalise(builder, input, output, operation);
    case "multiply":
      return multiple(context, operation.factor, input, output);
    case "add":
      return add(context, input, second, output);
    default:
      return operation satisfies never;
  }
}

/** Adds the operation of an instruction and returns its output, `last` the logits. Sparse features only reach products. */
function build(builder: Builder, instruction: Instruction, inputs: readonly Flow[], last: boolean): Slot {
  const { operation, width, depends } = instruction;
  if (operation._tag === "product") {
    const { weight, bias, trains, byRow } = operation, from = inputs[0] as Flow;
    const logits = last && from !== null ? addManyClasses(builder, from, weight, bias, trains) : null;
    return logits ?? addAffine(builder, from, weight, bias, trains, byRow, last);
  }
  const output = makeSlot(builder, width, depends, last);
  builder.ops.push(makeOp(builder, operation, inputs as readonly [Slot, Slot], output));
  return output;
}

/** Adds the operations of a network over its features; returns the logits. */
function buildAll(builder: Builder, instructions: readonly Instruction[], features: Flow): Slot {
  const flows = [features];
  for (const instruction of instructions) {
    const inputs = instruction.from.map((slot) => flows[slot] as Flow);
    flows.push(build(builder, instruction, inputs, flows.length === instructions.length));
  }
  return flows.at(-1) as Slot;
}

/** The widest slot of a network whose features are `inputs` wide, and the widest that an operation with parameters reads. */
function widest(
  instructions: readonly Instruction[],
  inputs: number,
): { readonly slot: number; readonly taken: number } {
  const widths = [inputs, ...instructions.map(({ width }) => width)];
  const inputWidths = instructions.flatMap(({ operation: { _tag }, from }) =>
    _tag === "product" || _tag === "normalise" ? from.map((slot) => widths[slot] as number) : []
  );
  return { slot: Math.max(...widths), taken: Math.max(inputs, ...inputWidths) };
}

/** Floats of the parameter derivatives that a product of the row system holds at a time, and a number an output. */
function productsOf({ slot, taken }: ReturnType<typeof widest>, sparse: Sparse | null): number {
  return Math.max(SIGNAL_ROWS * (taken + 1), (sparse?.input.cols ?? 0) * slot) + slot;
}

/** The features that the functions of a custom model see. */
interface Fed {
  features: Features;
}

/** Puts features in place. It holds on to none of a network's, for tapes outlive calls. */
const feeder =
  (context: Context, input: Slot | null, sparse: Sparse | null, fed: Fed | null) => (features: Features): void => {
    if (fed !== null) fed.features = features;
    loadFeatures(context, features, input, sparse);
  };

/** Failures of a custom model's functions. */
interface Failures {
  first: FgnError | undefined;
}

/** Adds the operation of a custom model and returns the logits. */
function addCustom(builder: Builder, model: CustomModel, fed: Fed, failures: Failures): Slot {
  const output = makeSlot(builder, model.outputs, true, true);
  const parameters = makeTensor(builder, true, model.parameters.length, WHOLE);
  const noteFailure = (error: FgnError): void => {
    failures.first ??= error;
  };
  builder.ops.push(custom({ ...builder.context, model, fed, output, tensor: parameters, noteFailure }));
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
    panels: layout.reserve(4 * Math.max(n * up4(width.taken + (needs.mixed ? 1 : 0)), PANEL * up4(width.slot))),
    block: layout.reserve(4 * SIGNAL_ROWS * n),
    products: needs.products ? layout.reserve(4 * productsOf(width, sparse)) : NONE,
    image: needs.products ? layout.reserve(4 * width.slot * n) : NONE,
  };
  const context: Context = { kernel, rows, scratch };
  const builder: Builder = { context, layout, needs, ops: [], slots: [], sparse, length: 0, blocks: null };
  const input = dense ? makeInputSlot(builder, model.inputs) : null;
  const fed = model._tag === "custom" ? { features } : null;
  const failures: Failures = { first: undefined };
  const logits = model._tag === "custom"
    ? addCustom(builder, model, fed as Fed, failures)
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
  for (const { rowPart, metric } of tape.ops) {
    metric?.reset();
    rowPart?.twoStage?.reset();
  }
  loadTensors(tape, allArrays(model));
  tape.feed(features);
  f32(tape.kernel, tape.ones, up4(tape.rows)).fill(0).fill(1, 0, tape.rows);
}
