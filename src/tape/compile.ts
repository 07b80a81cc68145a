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
import type { Layer, Network } from "../network/layer.ts";
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
import { loadTensors, type Slot, type Tape, type Tensor, up4 } from "./tape.ts";

/** Adds the operations of a layer; returns what it gives. Sparse features only reach layers with a weight. `last`: logits. */
function layer(builder: Builder, from: Flow, made: Layer, last: boolean): Slot {
  const { context, layout, needs, ops } = builder;
  const bytes = (width: number): number => 4 * width * up4(context.rows);
  if (made._tag === "dense" && last && from !== null) {
    const logits = manyClasses(builder, from, made.weight, made.bias, !made.frozen);
    if (logits !== null) return logits;
  }
  if (made._tag === "dense" || made._tag === "embedding") {
    return affine(builder, from, made.weight, made.bias, !made.frozen, made._tag === "embedding", last);
  }
  if (made._tag === "adapter") {
    const base = affine(builder, from, made.weight, made.bias, false, false);
    const low = affine(builder, from, made.down, null, !made.frozen, false);
    const scaled = slot(builder, low.width, low.depends);
    ops.push(multiple(context, made.scale, low, scaled));
    const high = affine(builder, scaled, made.up, null, !made.frozen, false);
    const output = slot(builder, base.width, base.depends || high.depends, last);
    ops.push(add(context, base, high, output));
    return output;
  }
  const input = from as Slot;
  if (made._tag === "activation") {
    const output = slot(builder, input.width, input.depends, last);
    ops.push(activation(context, made, input, output, needs.signals ? layout.reserve(bytes(input.width)) : NONE));
    return output;
  }
  if (made._tag === "layerNorm") {
    const output = slot(builder, input.width, input.depends || !made.frozen, last);
    const [gain, shift] = [made.gain, made.shift].map((array) =>
      tensor(builder, !made.frozen, array.length, WHOLE)
    ) as [Tensor, Tensor];
    const normalised = layout.reserve(bytes(input.width)), inverse = layout.reserve(bytes(1));
    const trialNormalised = needs.trial ? layout.reserve(bytes(input.width)) : normalised;
    const trialInverse = needs.trial ? layout.reserve(bytes(1)) : inverse;
    const parts = { normalised, inverse, trialNormalised, trialInverse };
    ops.push(normalise({ ...context, input, output, gain, shift, epsilon: made.epsilon, ...parts }));
    return output;
  }
  const inner = layers(builder, input, made.layers, false) as Slot;
  const output = slot(builder, input.width, input.depends || inner.depends, last);
  ops.push(add(context, input, inner, output));
  return output;
}

const layers = (builder: Builder, from: Flow, made: readonly Layer[], last: boolean): Flow =>
  made.reduce<Flow>((flow, next, i) => layer(builder, flow, next, last && i === made.length - 1), from);

/** The widest slot of layers that take `inputs` features, and the widest that a layer with parameters takes. */
function widest(made: readonly Layer[], inputs: number): { readonly slot: number; readonly taken: number } {
  let width = inputs, slot = inputs, taken = inputs;
  for (const next of made) {
    if (next._tag !== "activation") taken = Math.max(taken, width, next._tag === "adapter" ? next.down.rows : 0);
    if (next._tag === "dense" || next._tag === "adapter") width = next.weight.rows;
    if (next._tag === "embedding") width = next.weight.cols;
    const inner = next._tag === "residual" ? widest(next.layers, width) : { slot: width, taken: 0 };
    slot = Math.max(slot, inner.slot);
    taken = Math.max(taken, inner.taken);
  }
  return { slot: Math.max(slot, taken), taken };
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
  const width = model._tag === "network"
    ? widest(model.layers, dense ? model.inputs : 1)
    : { slot: model.outputs, taken: 0 };
  const scratch = {
    panels: layout.reserve(4 * Math.max(n * up4(width.taken), PANEL * up4(width.slot))),
    block: layout.reserve(4 * SIGNAL_ROWS * n),
  };
  const context: Context = { kernel, rows, scratch };
  const builder: Builder = { context, layout, needs, ops: [], slots: [], sparse, length: 0, blocks: null };
  const input = dense ? inputSlot(builder, model.inputs) : null;
  const fed = model._tag === "custom" ? { features } : null;
  const failures: Failures = { first: undefined };
  const logits = model._tag === "network"
    ? layers(builder, input, model.layers, true) as Slot
    : customOp(builder, model, fed as Fed, failures);
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
    rowPart?.twoStage?.mix(NONE);
  }
  loadTensors(tape, allArrays(model));
  tape.feed(features);
  f32(tape.kernel, tape.ones, up4(tape.rows)).fill(0).fill(1, 0, tape.rows);
}
