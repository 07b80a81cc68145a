/**
 * The building blocks of a tape: slots, tensors, and the products of weights with them.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";
import { type Layout, NONE } from "../kernel/arena.ts";
import type { Numbering, Sparse } from "./features.ts";
import { classProduct } from "./ops/classes.ts";
import { product } from "./ops/product.ts";
import type { Context } from "./ops/signals.ts";
import { sparseProduct } from "./ops/sparse.ts";
import { placeStage } from "./ops/stage.ts";
import { copyRows } from "./rows.ts";
import { ALIGN, type ClassBlocks, type Op, type Slot, type Tensor, up4 } from "./tape.ts";

/** Uses of a tape that need memory. */
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
  /** Whether the last layer is that of a two-stage system. */
  readonly mixed: boolean;
  /** Whether operations multiply by their part of the row system. */
  readonly products: boolean;
  /** Whether a step changes parameters of features that do not occur in the batch (an ℓ2 penalty and momentum do). */
  readonly allFeatures: boolean;
  /** Sparse features of other examples that will be fed, or null. */
  readonly micro: Numbering | null;
}

/** The state of a compilation. */
export interface Builder {
  readonly context: Context;
  readonly layout: Layout;
  readonly needs: TapeNeeds;
  readonly ops: Op[];
  readonly slots: Slot[];
  readonly sparse: Sparse | null;
  /** Floats of the parameter vector so far. */
  length: number;
  /** The margin passes of a last layer over many classes. */
  blocks: ClassBlocks | null;
}

/** The input of a layer: a slot, or the sparse features (null). */
export type Flow = Slot | null;

/**
 * Makes a slot. `inPlace`: its signals take the place of its values, as those of logits can: nothing reads logits once there
 * are exponentials (soft targets do, and a layer that moves its output).
 */
export function makeSlot(
  { context: { rows }, layout, needs, slots }: Builder,
  width: number,
  depends: boolean,
  inPlace = false,
): Slot {
  const bytes = 4 * width * up4(rows);
  const value = layout.reserve(bytes);
  const signal = (): number => inPlace && !needs.targets ? value : layout.reserve(bytes);
  const slot: Slot = {
    width,
    depends,
    value,
    trial: needs.trial && depends ? layout.reserve(bytes) : value,
    signal: needs.signals && depends ? signal() : NONE,
    tangent: needs.tangents && depends ? layout.reserve(bytes) : NONE,
    packed: NONE,
  };
  slots.push(slot);
  return slot;
}

/** Makes the slot of dense features. */
export function makeInputSlot(builder: Builder, width: number): Slot {
  const slot = makeSlot(builder, width, false), { layout, needs, context: { rows } } = builder;
  return needs.signals ? { ...slot, packed: layout.reserve(4 * rows * up4(width)) } : slot;
}

type Copying = Pick<Tensor, "load" | "store">;

/** Makes a tensor: in the parameter vector where it trains, else in memory of its own. */
export function makeTensor(builder: Builder, trainable: boolean, length: number, copying: Copying, fanIn = 1): Tensor {
  const place = trainable ? 4 * builder.length : builder.layout.reserve(4 * length);
  if (trainable) builder.length += Math.ceil(length / ALIGN) * ALIGN;
  return { trainable, place, length, fanIn, ...copying };
}

/** An array that is the same here and there. */
export const WHOLE: Copying = { load: (from, into) => into.set(from), store: (from, into) => into.set(from) };

/** The rows of the active features out of an in × out array, or the columns out of an out × in one. */
function gatherRows({ rows, cols }: Matrix, active: Uint32Array, byRow: boolean): Copying {
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

/** Adds a dense last layer over many classes, whose logits are not kept beside their exponentials; null: they may be. */
export function addManyClasses(
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
  const output: Slot = { width, depends: true, value, trial: value, signal: value, tangent: NONE, packed: NONE };
  // Without another attempt the parameters of the step are in place when its loss is asked for.
  const copies = needs.moves && needs.trial && trainable && !from.depends;
  const after = copies ? layout.reserve(4 * part * (from.width + 1)) : NONE;
  const w = makeTensor(builder, trainable, weight.data.length, WHOLE, from.width);
  const b = bias === null ? null : makeTensor(builder, trainable, bias.length, WHOLE);
  const places = { after, whole: all, block: part, trial };
  const { op, blocks } = classProduct({ ...context, input: from, output, weight: w, bias: b, ...places });
  builder.ops.push(op);
  builder.slots.push(output);
  builder.blocks = blocks;
  return output;
}

/** Adds W x + b for a weight out × in (`byRow` false) or in × out, over a slot or the sparse features. */
export function addAffine(
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
  const output = makeSlot(builder, width, trainable || (from?.depends ?? false), last && !keeps);
  const b = (): Tensor | null => bias === null ? null : makeTensor(builder, trainable, bias.length, WHOLE);
  const kept = keeps ? layout.reserve(4 * up4(rows) * up4(rows)) : NONE;
  if (from !== null) {
    const w = makeTensor(builder, trainable, weight.data.length, WHOLE, from.width);
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
    const stage = needs.mixed && last && trainable
      ? placeStage(layout, rows, from.width, bias !== null, needs.products)
      : null;
    const packed = needs.products && trainable ? layout.reserve(4 * up4(rows) * up4(from.width + 1)) : NONE;
    ops.push(product({ ...context, input: from, output, weight: w, bias: b(), kept, places, stage, packed }));
  } else if (sparse !== null) {
    const { active, input } = sparse, entries = Math.max(1, Math.ceil(input.count / rows));
    const w = makeTensor(builder, trainable, active.length * width, gatherRows(weight, active, byRow), entries);
    const dense = layout.reserve(4 * rows * width);
    const places = needs.metric && trainable && bias !== null
      ? {
        mean: layout.reserve(4 * input.cols),
        scores: layout.reserve(4 * rows),
        weighted: layout.reserve(4 * up4(rows)),
        offsets: layout.reserve(8),
        indices: layout.reserve(4 * input.cols),
        sums: layout.reserve(8 * width),
      }
      : null;
    ops.push(sparseProduct({ ...context, input, output, weight: w, bias: b(), dense, kept, places }));
  }
  return output;
}
