/**
 * Opens a model on features as a tape in the kernel's memory.
 *
 * @module
 */

import type { FgnError } from "../error.ts";
import type { Matrix } from "../matrix.ts";
import type { CustomModel } from "../network/custom.ts";
import type { Layer, Network } from "../network/layer.ts";
import { type Features, isSparse } from "../sparse.ts";
import { f32, type Layout } from "./arena.ts";
import { loadFeatures, type Numbering, type Sparse, sparseInput } from "./features.ts";
import type { LoadedKernel } from "./kernel.ts";
import { type Context, PANEL, ROW_BLOCK } from "./ops/signals.ts";
import { classProduct } from "./ops/classes.ts";
import { custom } from "./ops/custom.ts";
import { activation, add, multiple } from "./ops/elementwise.ts";
import { normalise } from "./ops/normalise.ts";
import { product } from "./ops/product.ts";
import { sparseProduct } from "./ops/sparse.ts";
import { ALIGN, type ClassBlocks, loadTensors, type Op, type Slot, type Tape, type Tensor, up4 } from "./tape.ts";

/** What the tape needs memory for. */
export interface TapeNeeds {
  /** Backward passes and projections. */
  readonly signals: boolean;
  /** Soft targets, whose signals are sent back before those of the margins. */
  readonly targets: boolean;
  /** Tangents. */
  readonly tangents: boolean;
  /** A second set of values, so that a step can be tried more than once. */
  readonly trial: boolean;
  /** Whether nothing but an explicit Gram matrix and its step is asked for, which many classes can do in blocks. */
  readonly blocks: boolean;
  /** Gram matrices kept so that layers with constant input can move by them. */
  readonly moves: boolean;
  /** Whether dense layers get a metric of their own. */
  readonly metric: boolean;
  /** Whether the signals of a projection may be mixed over the examples. */
  readonly mixed: boolean;
  /** Whether a step changes parameters of features that do not occur in the batch (an ℓ2 penalty and momentum do). */
  readonly allFeatures: boolean;
  /** Sparse features of other examples that will be fed, or null. */
  readonly micro: Numbering | null;
}

/** The state of a compilation. */
interface Builder {
  readonly context: Context;
  readonly layout: Layout;
  readonly needs: TapeNeeds;
  readonly ops: Op[];
  readonly slots: Slot[];
  readonly sparse: Sparse | null;
  /** Floats of the parameter vector so far. */
  length: number;
  /** Of a last layer over many classes. */
  blocks: ClassBlocks | null;
}

/** What goes into a layer: a slot, or the sparse features (null). */
type Flow = Slot | null;

/**
 * A slot. `inPlace`: its signals take the place of its values, as those of logits can: nothing reads logits once there
 * are exponentials (soft targets do, and a layer that moves its output).
 */
function slot(
  { context: { rows }, layout, needs, slots }: Builder,
  width: number,
  depends: boolean,
  inPlace = false,
): Slot {
  const bytes = 4 * width * up4(rows);
  const value = layout.reserve(bytes);
  const signal = (): number => inPlace && !needs.targets ? value : layout.reserve(bytes);
  const made: Slot = {
    width,
    depends,
    value,
    trial: needs.trial && depends ? layout.reserve(bytes) : value,
    signal: needs.signals && depends ? signal() : 0,
    tangent: needs.tangents && depends ? layout.reserve(bytes) : 0,
  };
  slots.push(made);
  return made;
}

type Copying = Pick<Tensor, "array" | "load" | "store">;

function tensor(builder: Builder, trainable: boolean, length: number, copying: Copying): Tensor {
  if (!trainable) return { trainable, place: builder.layout.reserve(4 * length), length, ...copying };
  const place = 4 * builder.length;
  builder.length += Math.ceil(length / ALIGN) * ALIGN;
  return { trainable, place, length, ...copying };
}

const whole = (array: Float32Array): Copying => ({
  array,
  load: (from, into) => into.set(from),
  store: (from, into) => into.set(from),
});

/**
 * Copies rows of `cols` floats, `rows(i)` of one array to `rows(i)` of another. In pairs, as doubles, where both arrays
 * allow it (measured: 1.0 ms instead of 1.9 for 11,700 rows of 64; a view and a call of `set` a row cost as much as
 * single floats). Parameters are finite, so that no pair is a NaN, whose bits an engine may change.
 */
function copyRows(from: Float32Array, into: Float32Array, cols: number, place: Uint32Array, gathers: boolean): void {
  const pairs = cols % 2 === 0 && from.byteOffset % 8 === 0 && into.byteOffset % 8 === 0;
  const width = pairs ? cols / 2 : cols;
  const wide = (x: Float32Array): Float32Array | Float64Array =>
    pairs ? new Float64Array(x.buffer, x.byteOffset, Math.floor(x.length / 2)) : x;
  const source = wide(from), target = wide(into);
  for (let i = 0; i < place.length; i++) {
    const there = (place[i] as number) * width, here = i * width;
    const a = gathers ? there : here, b = gathers ? here : there;
    for (let o = 0; o < width; o++) target[b + o] = source[a + o] as number;
  }
}

/** The rows of the active features out of an in × out array, or the columns out of an out × in one. */
function gathered({ rows, cols, data: array }: Matrix, active: Uint32Array, byRow: boolean): Copying {
  if (byRow) {
    return {
      array,
      load: (from, into) => copyRows(from, into, cols, active, true),
      store: (from, into) => copyRows(from, into, cols, active, false),
    };
  }
  const each = (visit: (here: number, there: number) => void): void =>
    active.forEach((feature, i) => {
      for (let o = 0; o < rows; o++) visit(i * rows + o, o * cols + feature);
    });
  return {
    array,
    load: (from, into) => each((here, there) => into[here] = from[there] as number),
    store: (from, into) => each((here, there) => into[there] = from[here] as number),
  };
}

/** A dense last layer over many classes, whose logits are not kept beside their exponentials; null: they may be. */
function manyClasses(
  builder: Builder,
  from: Slot,
  weight: Matrix,
  bias: Float32Array | null,
  trainable: boolean,
): Slot | null {
  const { context, layout, needs } = builder;
  const { kernel: { classes: limits }, rows } = context;
  const width = weight.rows, bytes = 4 * width * up4(rows);
  if (!needs.blocks || bytes <= limits.apart) return null;
  const all = bytes <= limits.whole, part = Math.min(limits.block, width);
  const value = layout.reserve(all ? bytes : 4 * part * up4(rows)), trial = layout.reserve(4 * part * up4(rows));
  const output: Slot = { width, depends: true, value, trial: value, signal: value, tangent: 0 };
  // Without another attempt the parameters of the step are in place when its loss is asked for.
  const keeps = needs.moves && needs.trial && trainable && !from.depends && rows <= from.width;
  const w = tensor(builder, trainable, weight.data.length, whole(weight.data));
  const b = bias === null ? null : tensor(builder, trainable, bias.length, whole(bias));
  const kept = keeps ? layout.reserve(4 * up4(rows) ** 2) : 0;
  const made = classProduct({
    ...context,
    input: from,
    output,
    weight: w,
    bias: b,
    kept,
    whole: all,
    block: part,
    trial,
  });
  builder.ops.push(made.op);
  builder.slots.push(output);
  builder.blocks = made.blocks;
  return output;
}

/** W x + b for a weight out × in (`byRow` false) or in × out, over a slot or the sparse features. */
function affine(
  builder: Builder,
  from: Flow,
  weight: Matrix,
  bias: Float32Array | null,
  trainable: boolean,
  byRow: boolean,
  last = false,
): Slot {
  const { context, layout, needs, ops, sparse } = builder;
  const { rows } = context;
  const width = byRow ? weight.cols : weight.rows;
  const constant = from === null || !from.depends;
  const keeps = needs.moves && trainable && constant && (from === null || rows <= from.width);
  const output = slot(builder, width, trainable || (from?.depends ?? false), last && !keeps);
  const b = (): Tensor | null => bias === null ? null : tensor(builder, trainable, bias.length, whole(bias));
  const kept = keeps ? layout.reserve(4 * up4(rows) * up4(rows)) : 0;
  if (from !== null) {
    const w = tensor(builder, trainable, weight.data.length, whole(weight.data));
    const panels = (width: number): number => layout.reserve(4 * width * up4(rows));
    const places = needs.metric && trainable
      ? {
        mean: layout.reserve(4 * from.width),
        inputScale: layout.reserve(4 * from.width),
        outputScale: layout.reserve(4 * width),
        inputs: panels(from.width),
        signals: panels(width),
      }
      : null;
    const mixed = needs.mixed && trainable ? layout.reserve(4 * ROW_BLOCK * up4(rows)) : 0;
    ops.push(product({ ...context, input: from, output, weight: w, bias: b(), kept, places, mixed }));
  } else if (sparse !== null) {
    const w = tensor(builder, trainable, sparse.active.length * width, gathered(weight, sparse.active, byRow));
    const dense = layout.reserve(4 * rows * width);
    ops.push(sparseProduct({ ...context, input: sparse.input, output, weight: w, bias: b(), dense, kept }));
  }
  return output;
}

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
    ops.push(activation(context, made, input, output, needs.signals ? layout.reserve(bytes(input.width)) : 0));
    return output;
  }
  if (made._tag === "layerNorm") {
    const output = slot(builder, input.width, input.depends || !made.frozen, last);
    const [gain, shift] = [made.gain, made.shift].map((array) =>
      tensor(builder, !made.frozen, array.length, whole(array))
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

/** A tape under construction: its memory is not there before the layout is committed and `load` called. */
export interface Compiled {
  /** The tape. */
  readonly tape: Tape;
  /** Copies parameters and features in. */
  readonly load: () => void;
}

/** Reserves memory for a model on features and lists its operations. */
export function compile(
  kernel: LoadedKernel,
  layout: Layout,
  model: Network | CustomModel,
  features: Features,
  needs: TapeNeeds,
): Compiled {
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
    block: layout.reserve(4 * ROW_BLOCK * n),
  };
  const context: Context = { kernel, rows, scratch };
  const builder: Builder = { context, layout, needs, ops: [], slots: [], sparse, length: 0, blocks: null };
  const input = dense ? slot(builder, model.inputs, false) : null;
  const fed = { features };
  let tape: Tape | undefined = undefined;
  let logits: Slot;
  if (model._tag === "network") logits = layers(builder, input, model.layers, true) as Slot;
  else {
    logits = slot(builder, model.outputs, true, true);
    const parameters = tensor(builder, true, model.parameters.length, whole(model.parameters));
    const failed = (error: FgnError): void => {
      if (tape !== undefined) tape.fault ??= error;
    };
    builder.ops.push(custom({ ...context, model, fed, output: logits, tensor: parameters, failed }));
  }
  tape = {
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
    feed: (others) => {
      fed.features = others;
      loadFeatures(context, others, input, sparse);
    },
    fault: undefined,
  };
  const made = tape;
  const load = (): void => {
    loadTensors(made);
    loadFeatures(context, features, input, sparse);
    f32(kernel, made.ones, n).fill(0).fill(1, 0, rows);
  };
  return { tape: made, load };
}
