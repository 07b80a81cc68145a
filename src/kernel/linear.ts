/**
 * A linear head and a batch in the kernel's memory, and the stages of a step over them.
 *
 * Class-major: the batch lies in the lanes, so any number of classes runs at full rate. Long stages are cut
 * into calls of about a millisecond, since engines replace code only between calls.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../error.ts";
import type { LoadedKernel } from "./kernel.ts";
import { f32, f64, place, u32 } from "./arena.ts";

/** Multiply-adds of one call. */
const CALL = 1e7;
/** Classes of one back-projection block: a block of 32 rows stays near the core. */
const CLASS_BLOCK = 32;

/** What the stages need memory for. */
export interface Needs {
  /** Back-projection to parameters. */
  readonly update: boolean;
  /** The B × B row system. */
  readonly system: boolean;
  /** A second set of logits, so that a step can be tried more than once. */
  readonly retry: boolean;
}

/** Parameters as the kernel sees them: C × D weights and C biases. */
export interface Parameters {
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
}

/** Examples as the kernel sees them: rows × D features, labels, weights ω or null. */
export interface Examples {
  readonly features: Float32Array;
  readonly labels: Uint32Array;
  readonly weights: Float32Array | null;
}

type Region =
  | "weight"
  | "bias"
  | "x"
  | "xPanels"
  | "xRows"
  | "labels"
  | "logits"
  | "trial"
  | "exponentials"
  | "trueLogit"
  | "peak"
  | "sum"
  | "alpha"
  | "margin"
  | "slope"
  | "rowWeight"
  | "rhs"
  | "coefficient"
  | "block"
  | "gramX"
  | "gramE"
  | "whitened"
  | "factor"
  | "diagonal"
  | "solution"
  | "image"
  | "dual"
  | "work";

/** Addresses and sizes of one problem. `rows` is the number of examples loaded, at most the capacity. */
export interface Workspace {
  readonly kernel: LoadedKernel;
  readonly at: Readonly<Record<Region, number>>;
  readonly features: number;
  readonly classes: number;
  readonly hasBias: boolean;
  /** Doubles from one row of the B × B system to the next. */
  readonly stride: number;
  rows: number;
  /** Σω of the loaded examples. */
  totalWeight: number;
}

const up4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Lays out memory for a head and up to `capacity` examples at a time. Errors: `OutOfMemory`. */
export function open(
  kernel: LoadedKernel,
  size: { readonly features: number; readonly classes: number; readonly bias: boolean },
  capacity: number,
  needs: Needs,
): E.Either<FgnError, Workspace> {
  const { features: D, classes: C } = size;
  const B = up4(capacity);
  // An even number of doubles, never a multiple of 64 (measured: rows that collide cost 1.5–3 times as much).
  const stride = B + 8;
  const update = needs.update ? 1 : 0, system = needs.system ? 1 : 0;
  const at = place<Region>(kernel, {
    weight: 4 * C * D,
    bias: 4 * C,
    x: 4 * B * D,
    xPanels: 4 * B * D,
    xRows: update * 4 * B * up4(D),
    labels: 4 * B,
    logits: 4 * B * C,
    trial: needs.retry ? 4 * B * C : 0,
    exponentials: update * 4 * B * C,
    trueLogit: 4 * B,
    peak: 4 * B,
    sum: 4 * B,
    alpha: 8 * B,
    margin: 8 * B,
    slope: 8 * B,
    rowWeight: 8 * B,
    rhs: 8 * B,
    coefficient: 4 * B,
    block: update * 4 * CLASS_BLOCK * B,
    gramX: system * 4 * B * B,
    gramE: system * 4 * B * B,
    whitened: system * 8 * B * stride,
    factor: system * 8 * B * stride,
    diagonal: 8 * B,
    solution: 8 * B,
    image: 8 * B,
    dual: 8 * B,
    work: 32 * B,
  });
  if (at._tag === "Left") return at;
  return E.right({
    kernel,
    at: at.right,
    features: D,
    classes: C,
    hasBias: size.bias,
    stride,
    rows: 0,
    totalWeight: 0,
  });
}

/** Copies parameters in. */
export function loadParameters(ws: Workspace, { weight, bias }: Parameters): void {
  f32(ws.kernel, ws.at.weight, weight.length).set(weight);
  if (bias !== null) f32(ws.kernel, ws.at.bias, bias.length).set(bias);
}

/** Copies examples in and packs them. α_i = ω_i/Σω. */
export function loadExamples(ws: Workspace, { features, labels, weights }: Examples, forUpdate: boolean): void {
  const { kernel, at, features: D } = ws;
  const rows = labels.length;
  ws.rows = rows;
  f32(kernel, at.x, features.length).set(features);
  const y = u32(kernel, at.labels, up4(rows));
  y.fill(0);
  y.set(labels);
  const alpha = f64(kernel, at.alpha, rows);
  if (weights === null) alpha.fill(1 / rows);
  ws.totalWeight = weights === null ? rows : weights.reduce((sum, w) => sum + w, 0);
  if (weights !== null) { for (let i = 0; i < rows; i++) alpha[i] = (weights[i] as number) / ws.totalWeight; }
  kernel.exports.packTransposed(at.x, rows, D, at.xPanels);
  if (forUpdate) kernel.exports.packRows(at.x, rows, D, at.xRows);
}

/** Logits of the loaded examples, class-major. */
export function forward(ws: Workspace): void {
  const { kernel, at, features: D, classes: C, rows: B } = ws;
  kernel.exports.fillPanels(ws.hasBias ? at.bias : 0, C, B, at.logits);
  const step = Math.max(CLASS_BLOCK, Math.floor(CALL / (D * up4(B)) / CLASS_BLOCK) * CLASS_BLOCK);
  for (let from = 0; from < C; from += step) {
    const to = Math.min(C, from + step);
    kernel.exports.productPanels(from, to, C, B, D, at.weight, D, at.xPanels, at.logits);
  }
}

function eachColumnBlock(ws: Workspace, visit: (from: number, to: number) => void): void {
  const step = Math.max(4, Math.floor(CALL / 16 / ws.classes / 4) * 4);
  const end = up4(ws.rows);
  for (let from = 0; from < end; from += step) visit(from, Math.min(end, from + step));
}

/**
 * The margin pass over the logits: margins, slopes α s, row weights w and right-hand side r, and the
 * exponentials that back-projection needs. Returns the mean loss.
 */
export function margins(ws: Workspace): number {
  const { kernel, at, classes: C, rows: B } = ws;
  eachColumnBlock(ws, (from, to) => {
    kernel.exports.competitors(
      from,
      to,
      B,
      C,
      at.logits,
      at.exponentials,
      at.labels,
      at.trueLogit,
      at.peak,
      at.sum,
    );
  });
  return kernel.exports.margins(
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
}

/** The mean loss of the logits at `address`, and their margins; leaves the exponentials alone. */
export function loss(ws: Workspace, address: number): number {
  const { kernel, at, classes: C, rows: B } = ws;
  // The work area holds what the margin pass must not overwrite: true logits, peaks and sums.
  const trueLogit = at.work, peak = at.work + 4 * up4(B), sum = at.work + 8 * up4(B);
  eachColumnBlock(ws, (from, to) => {
    kernel.exports.competitors(from, to, B, C, address, 0, at.labels, trueLogit, peak, sum);
  });
  return kernel.exports.margins(B, trueLogit, peak, sum, at.alpha, at.work + 16 * up4(B), 0, 0, 0);
}

/** Visits blocks of diag(a)(e_y − q), class-major: [from, to) classes at address `block`. */
function eachClassBlock(ws: Workspace, dual: number, visit: (from: number, to: number) => void): void {
  const { kernel, at, classes: C, rows: B } = ws;
  kernel.exports.coefficients(B, dual, at.sum, at.coefficient);
  for (let from = 0; from < C; from += CLASS_BLOCK) {
    const to = Math.min(C, from + CLASS_BLOCK);
    kernel.exports.scaleColumns(from, to, C, B, at.exponentials, at.coefficient, at.block);
    visit(from, to);
  }
}

/** Back-projection: parameters += Jᵀ a for the B dual coefficients a (float64) at address `dual`. */
export function backProject(ws: Workspace, dual: number): void {
  const { kernel, at, features: D, rows: B } = ws;
  eachClassBlock(ws, dual, (from, to) => {
    const weight = at.weight + 4 * from * D;
    kernel.exports.product(0, to - from, D, B, at.block, up4(B), at.xRows, weight, D);
    if (ws.hasBias) kernel.exports.addRowSums(to - from, B, at.block, at.bias + 4 * from);
  });
}

/**
 * Logits += those of the direction Jᵀa, by the Gram of the inputs: F += (X Xᵀ + 1) diag(a)(e_y − q), which
 * needs B²C multiply-adds where a forward pass needs BDC.
 */
export function moveLogits(ws: Workspace, dual: number, logits: number): void {
  const { kernel, at, classes: C, rows: B } = ws;
  const n = up4(B);
  eachClassBlock(ws, dual, (from, to) => {
    const left = at.block - 4 * from * n; // row `from` of the left operand is the first of the block
    kernel.exports.productPanels(from, to, C, B, n, left, n, at.gramX, logits);
  });
}

/** Copies the logits to the second set, on which an attempt is tried. */
export function copyLogits(ws: Workspace): void {
  const length = ws.classes * up4(ws.rows);
  f32(ws.kernel, ws.at.trial, length).set(f32(ws.kernel, ws.at.logits, length));
}

/** Copies the parameters out. */
export function readParameters(ws: Workspace, into: Parameters): void {
  into.weight.set(f32(ws.kernel, ws.at.weight, into.weight.length));
  if (into.bias !== null) into.bias.set(f32(ws.kernel, ws.at.bias, into.bias.length));
}

/** True when all parameters are finite. */
export function parametersFinite(ws: Workspace): boolean {
  const { kernel: { exports }, at, classes: C, features: D } = ws;
  return exports.allFinite(C * D, at.weight) !== 0 && (!ws.hasBias || exports.allFinite(C, at.bias) !== 0);
}
