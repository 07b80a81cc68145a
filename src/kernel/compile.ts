/**
 * Opens a model on features as a tape in the kernel's memory.
 *
 * @module
 */

import type { FgnError } from "../error.ts";
import type { Matrix } from "../matrix.ts";
import type { CustomModel } from "../network/custom.ts";
import { allArrays } from "../network/flat.ts";
import type { Layer, Network } from "../network/layer.ts";
import { type Features, isSparse } from "../sparse.ts";
import { f32, type Layout } from "./arena.ts";
import { loadFeatures, type Numbering, type Sparse, sparseInput } from "./features.ts";
import type { LoadedKernel } from "./kernel.ts";
import { type Context, SIGNAL_ROWS } from "./ops/signals.ts";
import { custom } from "./ops/custom.ts";
import { activation, add, multiple } from "./ops/elementwise.ts";
import { normalise } from "./ops/normalise.ts";
import { product } from "./ops/product.ts";
import { sparseProduct } from "./ops/sparse.ts";
import { ALIGN, loadTensors, type Op, type Slot, type Tape, type Tensor, up4 } from "./tape.ts";

/** What the tape needs memory for. */
export interface TapeNeeds {
  /** Backward passes and projections. */
  readonly signals: boolean;
  /** Tangents. */
  readonly tangents: boolean;
  /** A second set of values, so that a step can be tried more than once. */
  readonly trial: boolean;
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
}

/** What goes into a layer: a slot, or the sparse features (null). */
type Flow = Slot | null;

function slot({ context: { rows }, layout, needs, slots }: Builder, width: number, depends: boolean): Slot {
  const bytes = 4 * width * up4(rows);
  const value = layout.reserve(bytes);
  const made: Slot = {
    width,
    depends,
    value,
    trial: needs.trial && depends ? layout.reserve(bytes) : value,
    signal: needs.signals && depends ? layout.reserve(bytes) : 0,
    tangent: needs.tangents && depends ? layout.reserve(bytes) : 0,
    packed: 0,
  };
  slots.push(made);
  return made;
}

/** The slot of dense features. */
function inputSlot(builder: Builder, width: number): Slot {
  const made = slot(builder, width, false), { layout, needs, context: { rows } } = builder;
  return needs.signals ? { ...made, packed: layout.reserve(4 * rows * up4(width)) } : made;
}

type Copying = Pick<Tensor, "load" | "store">;

function tensor(builder: Builder, trainable: boolean, length: number, copying: Copying): Tensor {
  if (!trainable) return { trainable, place: builder.layout.reserve(4 * length), length, ...copying };
  const place = 4 * builder.length;
  builder.length += Math.ceil(length / ALIGN) * ALIGN;
  return { trainable, place, length, ...copying };
}

const WHOLE: Copying = { load: (from, into) => into.set(from), store: (from, into) => into.set(from) };

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
function gathered({ rows, cols }: Matrix, active: Uint32Array, byRow: boolean): Copying {
  if (byRow) {
    return {
      load: (from, into) => copyRows(from, into, cols, active, true),
      store: (from, into) => copyRows(from, into, cols, active, false),
    };
  }
  const each = (visit: (here: number, there: number) => void): void =>
    active.forEach((feature, i) => {
      for (let o = 0; o < rows; o++) visit(i * rows + o, o * cols + feature);
    });
  return {
    load: (from, into) => each((here, there) => into[here] = from[there] as number),
    store: (from, into) => each((here, there) => into[there] = from[here] as number),
  };
}

/** W x + b for a weight out × in (`byRow` false) or in × out, over a slot or the sparse features. */
function affine(
  builder: Builder,
  from: Flow,
  weight: Matrix,
  bias: Float32Array | null,
  trainable: boolean,
  byRow: boolean,
): Slot {
  const { context, layout, needs, ops, sparse } = builder;
  const { rows } = context;
  const width = byRow ? weight.cols : weight.rows;
  const output = slot(builder, width, trainable || (from?.depends ?? false));
  const b = (): Tensor | null => bias === null ? null : tensor(builder, trainable, bias.length, WHOLE);
  const constant = from === null || !from.depends;
  const keeps = needs.moves && trainable && constant && (from === null || rows <= from.width);
  const kept = keeps ? layout.reserve(4 * up4(rows) * up4(rows)) : 0;
  if (from !== null) {
    const w = tensor(builder, trainable, weight.data.length, WHOLE);
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
    const mixed = needs.mixed && trainable ? layout.reserve(4 * SIGNAL_ROWS * up4(rows)) : 0;
    ops.push(product({ ...context, input: from, output, weight: w, bias: b(), kept, places, mixed }));
  } else if (sparse !== null) {
    const w = tensor(builder, trainable, sparse.active.length * width, gathered(weight, sparse.active, byRow));
    const dense = layout.reserve(4 * rows * width);
    ops.push(sparseProduct({ ...context, input: sparse.input, output, weight: w, bias: b(), dense, kept }));
  }
  return output;
}

/** Adds the operations of a layer; returns what it gives. Sparse features only reach layers with a weight. */
function layer(builder: Builder, from: Flow, made: Layer): Slot {
  const { context, layout, needs, ops } = builder;
  const bytes = (width: number): number => 4 * width * up4(context.rows);
  if (made._tag === "dense" || made._tag === "embedding") {
    return affine(builder, from, made.weight, made.bias, !made.frozen, made._tag === "embedding");
  }
  if (made._tag === "adapter") {
    const base = affine(builder, from, made.weight, made.bias, false, false);
    const low = affine(builder, from, made.down, null, !made.frozen, false);
    const scaled = slot(builder, low.width, low.depends);
    ops.push(multiple(context, made.scale, low, scaled));
    const high = affine(builder, scaled, made.up, null, !made.frozen, false);
    const output = slot(builder, base.width, base.depends || high.depends);
    ops.push(add(context, base, high, output));
    return output;
  }
  const input = from as Slot;
  if (made._tag === "activation") {
    const output = slot(builder, input.width, input.depends);
    ops.push(activation(context, made, input, output, needs.signals ? layout.reserve(bytes(input.width)) : 0));
    return output;
  }
  if (made._tag === "layerNorm") {
    const output = slot(builder, input.width, input.depends || !made.frozen);
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
  const inner = layers(builder, input, made.layers) as Slot;
  const output = slot(builder, input.width, input.depends || inner.depends);
  ops.push(add(context, input, inner, output));
  return output;
}

const layers = (builder: Builder, from: Flow, made: readonly Layer[]): Flow =>
  made.reduce<Flow>((flow, next) => layer(builder, flow, next), from);

/** The widest slot of layers that take `inputs` features. */
function widest(made: readonly Layer[], inputs: number): number {
  let width = inputs, most = inputs;
  for (const next of made) {
    if (next._tag === "dense" || next._tag === "adapter") width = next.weight.rows;
    if (next._tag === "embedding") width = next.weight.cols;
    most = Math.max(most, width, next._tag === "residual" ? widest(next.layers, width) : 0);
    if (next._tag === "adapter") most = Math.max(most, next.down.rows);
  }
  return most;
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
  const output = slot(builder, model.outputs, true);
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
  const width = model._tag === "network" ? widest(model.layers, dense ? model.inputs : 1) : model.outputs;
  const scratch = { panels: layout.reserve(4 * n * up4(width)), block: layout.reserve(4 * SIGNAL_ROWS * n) };
  const context: Context = { kernel, rows, scratch };
  const builder: Builder = { context, layout, needs, ops: [], slots: [], sparse, length: 0 };
  const input = dense ? inputSlot(builder, model.inputs) : null;
  const fed = model._tag === "custom" ? { features } : null;
  const failures: Failures = { first: undefined };
  const logits = model._tag === "network"
    ? layers(builder, input, model.layers) as Slot
    : customOp(builder, model, fed as Fed, failures);
  return {
    kernel,
    rows,
    ops: builder.ops,
    slots: builder.slots,
    logits,
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
  loadTensors(tape, allArrays(model));
  tape.feed(features);
  f32(tape.kernel, tape.ones, up4(tape.rows)).fill(0).fill(1, 0, tape.rows);
}
