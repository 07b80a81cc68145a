/**
 * The rows of a batch: one margin an example, over the logits of a tape, and what the row system is made of.
 *
 * Logits lie class-major in panels, the batch in the lanes. The exponentials E stay unnormalised, with −Σ at
 * the true class: the margin's derivative e_y − q is −E/Σ, and signals sent back from E carry the same factor
 * −Σ_i through every layer, which the B × B pass and the row coefficients take out.
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
import type { TapeNeeds } from "./builder.ts";
import { compile, loadTape } from "./compile.ts";
import { packValues, unpackValues } from "./ops/signals.ts";
import { lastOfForm } from "./reuse.ts";
import { eachBlock, movesAll, type Tape, up4 } from "./tape.ts";

/** What the rows need memory for, beside the tape's needs. */
export interface RowNeeds extends TapeNeeds {
  /** The B × B row system. */
  readonly gram: boolean;
  /** Exponentials that survive another backward pass. */
  readonly curvature: boolean;
  /** Parameter vectors beside θ. */
  readonly vectors: number;
  /** C × B panels beside those of the logits. */
  readonly panels: number;
}

/** Labelled examples as the kernel sees them. */
export interface Examples {
  readonly features: Features;
  readonly labels: Uint32Array;
  /** B weights α, which sum to 1. */
  readonly alpha: Float64Array;
  /** B × C row-major values α_i (e_y − t_i) of soft targets t, or null: t = e_y. */
  readonly rest: Float32Array | null;
}

type Region =
  | "labels"
  | "exponentials"
  | "rest"
  | "trueLogit"
  | "peak"
  | "sum"
  | "alpha"
  | "margin"
  | "slope"
  | "rowWeight"
  | "rhs"
  | "curvature"
  | "coefficient"
  | "gram"
  | "left"
  | "right"
  | "hidden"
  | "inputs"
  | "signals"
  | "inverse"
  | "reduced"
  | "packed"
  | "mixing"
  | "whitened"
  | "factor"
  | "diagonal"
  | "solution"
  | "image"
  | "shift"
  | "carried"
  | "right64"
  | "dual"
  | "work";

/** Rows that do not lie in the kernel at the same time. */
export interface Parts {
  /**
   * Visits the parts at θ, values and exponentials in place, and the margins' signals if asked for. A part holds `count`
   * examples from row `from` on in its first rows.
   */
  readonly sweep: (signals: boolean, visit: (part: Workspace, from: number, count: number) => void) => void;
  /** The mean loss at other parameters. */
  readonly loss: (vector: number) => number;
}

/** Addresses and sizes of one problem. */
export interface Workspace {
  readonly kernel: LoadedKernel;
  readonly tape: Tape;
  readonly at: Readonly<Record<Region, number>>;
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
  readonly parts: Parts | null;
}

/** Bytes an example of the vectors over the rows. */
const VECTORS = {
  alpha: 8,
  margin: 8,
  slope: 8,
  rowWeight: 8,
  rhs: 8,
  curvature: 8,
  diagonal: 8,
  solution: 8,
  image: 8,
  shift: 8,
  carried: 8,
  right64: 8,
  dual: 8,
  work: 40,
} as const;

/** Reserves the vectors over `rows` rows. */
export function reserveVectors(layout: Layout, rows: number): Readonly<Record<keyof typeof VECTORS, number>> {
  const at = {} as Record<keyof typeof VECTORS, number>;
  for (const name of Object.keys(VECTORS) as (keyof typeof VECTORS)[]) {
    at[name] = layout.reserve(VECTORS[name] * up4(rows));
  }
  return at;
}

/** Reserves what the rows of a tape need. */
export function reserveRows(layout: Layout, tape: Tape, needs: RowNeeds): Workspace["at"] {
  const B = up4(tape.rows), C = tape.logits.width;
  const square = needs.gram ? 4 * B * B : 0, square64 = needs.gram ? 8 * B * strideOf(B) : 0;
  const stage = needs.mixed ? square : 0;
  const sizes: Record<Exclude<Region, keyof typeof VECTORS>, number> = {
    labels: 4 * B,
    exponentials: needs.curvature ? 4 * B * C : 0,
    rest: needs.targets ? 4 * B * C : 0,
    trueLogit: 4 * B,
    peak: 4 * B,
    sum: 4 * B,
    coefficient: 4 * B,
    gram: square,
    left: square,
    right: square,
    hidden: stage,
    inputs: stage,
    signals: stage,
    inverse: stage,
    reduced: stage,
    packed: stage,
    mixing: stage,
    whitened: square64,
    factor: square64,
  };
  const at = { ...reserveVectors(layout, tape.rows) } as Record<Region, number>;
  for (const name of Object.keys(sizes) as (keyof typeof sizes)[]) at[name] = layout.reserve(sizes[name]);
  return needs.curvature ? at : { ...at, exponentials: tape.logits.signal || tape.logits.value };
}

/** An even number of doubles, never a multiple of 64 (measured: rows that collide cost 1.5–3 times as much). */
export const strideOf = (n: number): number => n + ((n + 8) % 64 === 0 ? 12 : 8);

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
  const at = reserveRows(layout, tape, needs);
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
    parts: null,
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
  const made = (): E.Either<FgnError, Workspace> =>
    layOut(kernel, model, examples, needs, layout ?? startLayout(kernel));
  // A tape over sparse features depends on their columns, one of a custom model on its functions.
  const isPlain = layout === null && model._tag === "network" && !isSparse(examples.features);
  const ws = isPlain ? reused(kernel, [model.layers, examples.features.rows, needs], made) : made();
  if (ws._tag === "Left") return ws;
  loadTape(ws.right.tape, model, examples.features);
  loadRows(ws.right, examples);
  return ws;
}

/** Packs B × C row-major values into panels like those of the logits; rows that are left out become zeros. */
export function packLogits({ tape, classes }: Workspace, values: Float32Array, to: number): void {
  packValues(tape, classes, values, to);
}

/** A B × C row-major copy of panels. */
export function readLogits({ tape, classes }: Workspace, panels: number, scale = 0): Float32Array {
  return unpackValues(tape, classes, panels, scale);
}

function eachColumnBlock(ws: Workspace, visit: (from: number, to: number) => void): void {
  eachBlock(up4(ws.rows), 4, 16 * ws.classes, visit);
}

/** The exponentials of the logits, with their peaks and sums. */
export function exponentials(ws: Workspace): void {
  const { kernel: { exports }, tape: { logits, blocks }, at, classes: C, rows: B } = ws;
  if (blocks !== null) return blocks.exponentials(at);
  eachColumnBlock(ws, (from, to) => {
    exports.competitors(from, to, B, C, logits.value, at.exponentials, at.labels, at.trueLogit, at.peak, at.sum);
  });
}

/**
 * The margin pass over the logits: margins, slopes α s, row weights w and right-hand side r, and the
 * exponentials. Returns the mean loss.
 */
export function margins(ws: Workspace): number {
  const { kernel: { exports }, tape, at, rows: B } = ws;
  const rest = restLoss(ws, tape.logits.value); // before the exponentials, which may take the place of the logits
  exponentials(ws);
  const loss = exports.margins(
    B,
    at.trueLogit,
    at.peak,
    at.sum,
    at.alpha,
    at.margin,
    at.slope,
    at.rowWeight,
    at.rhs,
  );
  return loss + rest;
}

/** Below this margin κ is taken as ¼, from which it differs by less than 1e-9. */
const FLAT = 1e-4;

/**
 * Replaces the row weights and the right-hand side by those of the majorised curvature κ = tanh(|m|/2)/(2|m|), with
 * tanh(|m|/2) = |1 − 2s|: w = √(α κ), w∘r = α s.
 */
export function majorise({ kernel, at, rows }: Workspace): void {
  const alpha = f64(kernel, at.alpha, rows), m = f64(kernel, at.margin, rows), slope = f64(kernel, at.slope, rows);
  const w = f64(kernel, at.rowWeight, rows), r = f64(kernel, at.rhs, rows);
  for (let i = 0; i < rows; i++) {
    const share = alpha[i] as number, distance = Math.abs(m[i] as number);
    if (share === 0) continue;
    const kappa = distance < FLAT ? 0.25 : Math.abs(1 - 2 * (slope[i] as number) / share) / (2 * distance);
    const weight = Math.sqrt(share * kappa);
    w[i] = weight;
    r[i] = (slope[i] as number) / weight;
  }
}

/** Σ_i α_i ⟨e_y − t_i, f_i⟩: what soft targets add to the loss of the labels. */
function restLoss({ kernel, at, classes, rows, soft }: Workspace, logits: number): number {
  if (!soft) return 0;
  kernel.exports.columnDots(classes, rows, at.rest, logits, at.work);
  return f64(kernel, at.work, rows).reduce((sum, v) => sum + v, 0);
}

/** The mean loss of the logits at `address`, those of the last forward pass; leaves margins and exponentials alone. */
export function loss(ws: Workspace, address: number): number {
  const { kernel: { exports }, tape: { blocks }, at, classes: C, rows: B } = ws;
  // The work area holds what the margin pass must not overwrite: true logits, peaks and sums.
  const trueLogit = at.work, peak = at.work + 4 * up4(B), sum = at.work + 8 * up4(B);
  if (blocks !== null) blocks.sums({ labels: at.labels, trueLogit, peak, sum });
  else {
    eachColumnBlock(ws, (from, to) => {
      exports.competitors(from, to, B, C, address, 0, at.labels, trueLogit, peak, sum);
    });
  }
  const mean = exports.margins(B, trueLogit, peak, sum, at.alpha, at.work + 16 * up4(B), 0, 0, 0);
  return mean + restLoss(ws, address);
}
