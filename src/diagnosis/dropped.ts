/**
 * The part of the full curvature that FGN keeps and the part that it drops: the competitors' distributions and two traces.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, overflow } from "../check/error.ts";
import type { Batch } from "../data/batch.ts";
import { f32, f64, NONE } from "../kernel/arena.ts";
import { drawFrom, seedRandom, type Source } from "../math/random.ts";
import type { Model } from "../network/model.ts";
import { openPassed } from "../passes/gradient.ts";
import type { ObjectiveOptions } from "../problem/objective.ts";
import type { KernelOption } from "../problem/session.ts";
import { sendBack } from "../tape/jacobian.ts";
import { margins } from "../tape/margins.ts";
import { projectInto } from "../tape/tape.ts";
import { packLogits, readLogits, type Workspace } from "../tape/workspace.ts";

/** The distributions q of the competitors: softmax over the classes other than the true one. */
export interface Competitors {
  /** Mean mass Σ α s, s = 1 − p_y: the probability that is not on the true class. */
  readonly mass: number;
  /** Mean concentration Σ α ‖q‖², between 1/(C − 1) (uniform) and 1 (a single competitor: nothing is dropped). */
  readonly concentration: number;
  /**
   * The same weighted by mass, Σ α s ‖q‖² / Σ α s: that of the dropped curvature, whose trace is
   * Σ α s (1 − ‖q‖²)(‖x‖² + 1) for a linear head. Examples that are already fitted hardly count.
   */
  readonly weightedConcentration: number;
  /** Mean effective number of competitors Σ α/‖q‖², between 1 and C − 1. */
  readonly effective: number;
}

/** A trace, or an estimate of it. */
export interface Trace {
  /** The trace. */
  readonly value: number;
  /** False for an estimate from random samples. */
  readonly exact: boolean;
  /** Samples of the estimate; 0 where it is exact. */
  readonly samples: number;
  /** Standard deviation of the estimate, from its samples; 0 where it is exact. */
  readonly standardError: number;
}

/** The split tr G = tr H + tr(G − H) of the full curvature, undamped. */
export interface Traces {
  /** tr H = Σ α p s K_ii, the true class against the rest: what FGN keeps. */
  readonly kept: Trace;
  /** tr(G − H) = Σ α s E_{k∼q} ‖J_fᵀ(e_k − q)‖², within the competitors: what it drops. */
  readonly dropped: Trace;
}

/** Classes up to which the dropped trace is summed over all of them, one backward pass each. */
const EXACT_CLASSES = 64;
/** Seed of the samples: the same estimate for the same arguments. */
const SEED = 1;

/** A batch whose cotangents e_k − q can be sent back. */
interface Probe {
  readonly ws: Workspace;
  /** B × C, row-major; q_y = 0. */
  readonly q: Float64Array;
  /** Whether the norm of each example's parameter derivative can be had; else only that of random sums of them. */
  readonly separate: boolean;
  readonly random: Source;
}

/** q = E/ΣE of the exponentials of the margin pass. */
function competitorsOf(ws: Workspace, labels: Uint32Array): Float64Array {
  const { at, classes, rows } = ws;
  const q = Float64Array.from(readLogits(ws, at.exponentials));
  for (let i = 0; i < rows; i++) {
    const row = q.subarray(i * classes, (i + 1) * classes);
    row[labels[i] as number] = 0;
    const sum = row.reduce((total, e) => total + e, 0);
    for (let k = 0; k < classes; k++) row[k] = (row[k] as number) / sum;
  }
  return q;
}

/** Sends e_{k_i} − q_i back from every example i, through all layers. */
function sendDifference({ ws, q }: Probe, k: Uint32Array): void {
  const { tape: { logits }, classes, rows } = ws;
  const cotangent = Float32Array.from(q, (v) => -v);
  for (let i = 0; i < rows; i++) {
    const at = i * classes + (k[i] as number);
    cotangent[at] = 1 - (q[at] as number);
  }
  packLogits(ws, cotangent, logits.signal);
  sendBack(ws, logits.signal);
}

/**
 * Σ_i weight_i ‖J_{f,i}ᵀ(e_{k_i} − q_i)‖²; for a model of your own the one-sample estimate ‖Σ_i z_i √weight_i
 * J_{f,i}ᵀ(e_{k_i} − q_i)‖² with random signs z (Hutchinson).
 */
function sumSquares(probe: Probe, k: Uint32Array, weight: Float64Array): number {
  const { ws: { kernel, tape, at, rows, vectors: [vector = NONE] }, separate, random } = probe;
  sendDifference(probe, k);
  if (separate) {
    const norms = new Float64Array(rows);
    for (const op of tape.ops) op.rowPart?.squares(norms);
    return norms.reduce((sum, norm, i) => sum + (weight[i] as number) * norm, 0);
  }
  const coefficient = f32(kernel, at.coefficient, rows);
  weight.forEach((w, i) => coefficient[i] = Math.sqrt(w) * (random.next() >= 2 ** 31 ? 1 : -1));
  projectInto(tape, at.coefficient, vector);
  return kernel.exports.norm(tape.length, vector) ** 2;
}

const exactTrace = (value: number): Trace => ({ value, exact: true, samples: 0, standardError: 0 });

/** The mean of samples with its standard error, √(Σ(x − x̄)²/(n(n − 1))). */
function estimate(samples: number, sample: () => number): Trace {
  const drawn = Array.from({ length: samples }, sample);
  const value = drawn.reduce((sum, x) => sum + x, 0) / samples;
  const square = drawn.reduce((sum, x) => sum + (x - value) ** 2, 0);
  return { value, exact: false, samples, standardError: Math.sqrt(square / samples / (samples - 1)) };
}

/** One competitor k ∼ q of every example. */
function draw({ ws: { rows, classes }, q, random }: Probe): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, i) => {
    let rest = random.next() / 2 ** 32, last = 0;
    for (let k = 0; k < classes && rest >= 0; k++) {
      const share = q[i * classes + k] as number;
      if (share > 0) last = k;
      rest -= share;
    }
    return last;
  });
}

/** Σ_i weight_i Σ_k q_ik ‖J_{f,i}ᵀ(e_k − q_i)‖², weight = α s. */
function droppedTrace(probe: Probe, weight: Float64Array, samples: number): Trace {
  const { ws: { rows, classes }, q, separate } = probe;
  if (!separate || classes > EXACT_CLASSES) return estimate(samples, () => sumSquares(probe, draw(probe), weight));
  let value = 0;
  for (let k = 0; k < classes; k++) {
    const share = weight.map((w, i) => w * (q[i * classes + k] as number));
    value += sumSquares(probe, new Uint32Array(rows).fill(k), share);
  }
  return exactTrace(value);
}

/** Σ_i weight_i K_ii, weight = α p s and K_ii = ‖J_{f,i}ᵀ(e_y − q_i)‖². */
function keptTrace(probe: Probe, labels: Uint32Array, weight: Float64Array, samples: number): Trace {
  const sample = (): number => sumSquares(probe, labels, weight);
  return probe.separate ? exactTrace(sample()) : estimate(samples, sample);
}

/** ‖q‖² of each example, averaged in three ways. */
function describe(q: Float64Array, classes: number, alpha: Float64Array, slope: Float64Array): Competitors {
  let mass = 0, concentration = 0, weighted = 0, effective = 0;
  alpha.forEach((share, i) => {
    const row = q.subarray(i * classes, (i + 1) * classes);
    const square = row.reduce((sum, v) => sum + v * v, 0), s = slope[i] as number;
    mass += s;
    concentration += share * square;
    weighted += s * square;
    effective += share / square;
  });
  return { mass, concentration, weightedConcentration: mass > 0 ? weighted / mass : concentration, effective };
}

/**
 * Competitors and traces of a batch: exact for networks with at most 64 classes, else from seeded samples.
 * Errors: as `fgnStep`.
 * @internal
 */
export function droppedCurvature(
  model: Model,
  batch: Batch,
  samples: number,
  options: ObjectiveOptions & KernelOption,
): E.Either<FgnError, { readonly competitors: Competitors; readonly traces: Traces }> {
  const separate = model._tag === "network";
  const opened = openPassed(model, batch, { signals: true, vectors: separate ? 0 : 1 }, options);
  if (opened._tag === "Left") return opened;
  const { ws, objective: { alpha } } = opened.right;
  margins(ws);
  const { kernel, tape, at, rows, classes } = ws;
  const slope = f64(kernel, at.slope, rows).slice();
  const curvature = f64(kernel, at.rowWeight, rows).map((w) => w * w);
  const q = competitorsOf(ws, batch.labels);
  const probe: Probe = { ws, q, separate, random: drawFrom(seedRandom(SEED)) };
  const kept = keptTrace(probe, batch.labels, curvature, samples);
  const dropped = droppedTrace(probe, slope, samples);
  if (tape.fault !== undefined) return E.left(tape.fault);
  if (!Number.isFinite(kept.value + dropped.value)) return overflow("the trace of the curvature");
  return E.right({ competitors: describe(q, classes, alpha, slope), traces: { kept, dropped } });
}
