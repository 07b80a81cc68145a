// The steps of the library, in float32, and their float64 difference of parameters.

import {
  type Batch,
  batch,
  type Damping,
  fgnStep,
  getOrThrow,
  ggnStep,
  linearHead,
  matrix,
  type Network,
  parameters,
  relative,
  type Step,
} from "../../mod.ts";
import { type Directions, directions } from "./comparison.ts";
import { ROWS, type SyntheticHead, weightOf } from "./head.ts";

/** The full step is solved to this relative residual, or as far as float32 goes. */
const TOLERANCE = 1e-5, CAP = 1000;

/** A step and the direction it took. */
export interface Taken {
  readonly step: Step<Network>;
  readonly direction: Float64Array;
}

export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] as number) * (y[i] as number);
  return sum;
}

/** after − before. */
export function difference(after: Float32Array, before: Float32Array): Float64Array {
  const out = new Float64Array(after.length);
  for (let i = 0; i < out.length; i++) out[i] = (after[i] as number) - (before[i] as number);
  return out;
}

const taken = (params: Network, step: Step<Network>): Taken => ({
  step,
  direction: difference(parameters(step.params), parameters(params)),
});

export const fgn = (params: Network, data: Batch, damping: Damping, refine = 0): Taken =>
  taken(params, getOrThrow(fgnStep(params, data, damping, { refine, lossAfter: false })));

export const ggn = (params: Network, data: Batch, damping: Damping): Taken =>
  taken(
    params,
    getOrThrow(ggnStep(params, data, damping, { tolerance: TOLERANCE, maxIterations: CAP, lossAfter: false })),
  );

/** The step d beside the full step d*. */
export const compare = (d: Float64Array, full: Float64Array): Directions =>
  directions(dot(d, d), dot(d, full), dot(full, full));

/** A synthetic head as the library takes it. */
export interface LibraryHead {
  readonly head: Network;
  readonly data: Batch;
}

export function libraryHead(head: SyntheticHead): LibraryHead {
  const { classes, features, labels } = head;
  return {
    head: getOrThrow(linearHead({ features: ROWS, classes }, weightOf(head), null)),
    data: getOrThrow(batch({ features: getOrThrow(matrix(ROWS, ROWS, features)), labels })),
  };
}

/** Both steps of the library at λ/K̄ = ratio, and 2⁻²⁴‖θ‖/‖d*‖, to which differences of float32 parameters are known. */
export function libraryDirections({ head, data }: LibraryHead, ratio: number): Directions & { rounding: number } {
  // Relative damping is μ/K̄ = Bλ/K̄.
  const damping = relative(ROWS * ratio);
  const d = fgn(head, data, damping).direction, full = ggn(head, data, damping).direction;
  const theta = Float64Array.from(parameters(head));
  return { ...compare(d, full), rounding: 2 ** -24 * Math.sqrt(dot(theta, theta) / dot(full, full)) };
}
