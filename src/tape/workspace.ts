/**
 * A model opened on examples: a tape, the areas of its rows, and the vectors and panels of a call, laid out and loaded.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { type Features, isSparse } from "../data/sparse.ts";
import { f64, type Layout, startLayout, u32 } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import type { CustomModel } from "../network/custom.ts";
import type { Network } from "../network/layer.ts";
import { type Areas, reserveAreas, type RowNeeds } from "./areas.ts";
import { compile, loadTape } from "./compile.ts";
import { packValues, unpackValues } from "./ops/signals.ts";
import { lastOfForm } from "./reuse.ts";
import { movesAll, strideOf, type Tape, up4 } from "./tape.ts";

/** Labelled examples as the kernel sees them. */
export interface Examples {
  readonly features: Features;
  readonly labels: Uint32Array;
  /** B weights α, which sum to 1. */
  readonly alpha: Float64Array;
  /** B × C row-major values α_i (e_y − t_i) of soft targets t, or null: t = e_y. */
  readonly rest: Float32Array | null;
}

/** The rows of a batch of which the kernel holds a micro-batch at a time. */
export interface MicroRows {
  /**
   * Visits the micro-batches at θ, values and exponentials in place, and the margins' signals if asked for. `part` holds
   * `count` examples from row `from` on in its first rows.
   */
  readonly sweep: (signals: boolean, visit: (part: Workspace, from: number, count: number) => void) => void;
  /** The mean loss at other parameters. */
  readonly loss: (vector: number) => number;
}

/** Addresses and sizes of one problem. */
export interface Workspace {
  readonly kernel: LoadedKernel;
  readonly tape: Tape;
  readonly at: Areas;
  /** Parameter vectors beside θ. */
  readonly vectors: readonly number[];
  /** C × B panels beside those of the logits. */
  readonly panels: readonly number[];
  /** B. */
  readonly rows: number;
  /** C. */
  readonly classes: number;
  /** Doubles from one row of the B × B system to the next. */
  readonly stride: number;
  /** Whether there are soft targets. */
  readonly soft: boolean;
  /** Null: all rows lie in the kernel, in the slots of the tape. */
  readonly micro: MicroRows | null;
}

/** Puts labels, shares and targets of examples in place: at most B; the other rows have no share. */
export function loadRows(ws: Workspace, { labels, alpha, rest }: Omit<Examples, "features">): void {
  const { kernel, at, rows } = ws;
  u32(kernel, at.labels, up4(rows)).fill(0).set(labels);
  f64(kernel, at.alpha, rows).fill(0).set(alpha);
  if (rest !== null) packLogits(ws, rest, at.rest);
}

/** Lays out memory for a model on examples. Errors: `OutOfMemory`. */
function layOut(
  kernel: LoadedKernel,
  model: Network | CustomModel,
  examples: Examples,
  needs: RowNeeds,
  layout: Layout,
): E.Either<FgnError, Workspace> {
  const tape = compile(kernel, layout, model, examples.features, needs);
  const at = reserveAreas(layout, tape, needs);
  const vectorCount = needs.moves && movesAll(tape) ? 0 : needs.vectors; // the one there would be is of trial parameters
  const vectors = Array.from({ length: vectorCount }, () => layout.reserve(4 * tape.length));
  const panels = Array.from({ length: needs.panels }, () => layout.reserve(4 * tape.logits.width * up4(tape.rows)));
  const grown = layout.commit();
  if (grown._tag === "Left") return grown;
  const rows = tape.rows, classes = tape.logits.width;
  const ws: Workspace = {
    kernel,
    tape,
    at,
    vectors,
    panels,
    rows,
    classes,
    stride: strideOf(up4(rows)),
    soft: examples.rest !== null,
    micro: null,
  };
  return E.right(ws);
}

/**
 * Workspaces laid out once and used again, for problems of the same form. Every layout starts at the same address, so that
 * one stays right whatever was laid out since. It holds addresses and operations, no parameter and no example.
 */
const reused = lastOfForm<Workspace>();

/** Opens a model on examples: lays out memory and copies everything in. Errors: `OutOfMemory`. */
export function open(
  kernel: LoadedKernel,
  model: Network | CustomModel,
  examples: Examples,
  needs: RowNeeds,
  layout: Layout | null = null,
): E.Either<FgnError, Workspace> {
  const layOutFresh = (): E.Either<FgnError, Workspace> =>
    layOut(kernel, model, examples, needs, layout ?? startLayout(kernel));
  // A tape over sparse features depends on their columns, one of a custom model on its functions.
  const isPlain = layout === null && model._tag === "network" && !isSparse(examples.features);
  const ws = isPlain ? reused(kernel, [model.layers, examples.features.rows, needs], layOutFresh) : layOutFresh();
  if (ws._tag === "Left") return ws;
  kernel.layouts++;
  loadTape(ws.right.tape, model, examples.features);
  loadRows(ws.right, examples);
  return ws;
}

/** Packs B × C row-major values into panels like those of the logits; rows that are left out become zeros. */
export function packLogits({ tape, classes }: Workspace, values: Float32Array, to: number): void {
  packValues(tape, classes, values, to);
}

/** A B × C row-major copy of panels. */
export function readLogits({ tape, classes }: Workspace, panels: number): Float32Array {
  return unpackValues(tape, classes, panels);
}
