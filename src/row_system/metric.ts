/**
 * Metrics of the damping, set from the batch once values and signals are there.
 *
 * @module
 */

import { f32, f64 } from "../kernel/arena.ts";
import type { Workspace } from "../kernel/rows.ts";
import { type LayerMetric, up4 } from "../kernel/tape.ts";

/** What a rule of metrics sees of a batch. */
export interface MetricView {
  /** The metrics of the dense layers that train, in order. */
  readonly layers: readonly LayerMetric[];
  /** B shares α (float32) at an address. */
  readonly shares: number;
  /** Number of examples. */
  readonly rows: number;
  /** B coefficients α s²/Σ² (float32) at an address: what squares of the unnormalised signals are weighed by. */
  readonly slopeSquares: number;
}

/** Opens the view over a workspace whose margins and signals are there; uses two of its row areas. */
export function metricView({ kernel, tape, at, rows }: Workspace): MetricView {
  const shares = f32(kernel, at.coefficient, up4(rows)), squares = f32(kernel, at.curvature, up4(rows));
  const alpha = f64(kernel, at.alpha, rows), slope = f64(kernel, at.slope, rows), sum = f32(kernel, at.sum, rows);
  shares.fill(0);
  squares.fill(0);
  for (let i = 0; i < rows; i++) {
    const share = alpha[i] as number;
    shares[i] = share;
    squares[i] = share === 0 ? 0 : ((slope[i] as number) / (sum[i] as number)) ** 2 / share;
  }
  const layers = tape.ops.flatMap((op) => (op.metric === null ? [] : [op.metric]));
  return { layers, shares: at.coefficient, rows, slopeSquares: at.curvature };
}

/** β as a share of the mean ‖a − ā‖². */
const BETA = 0.1;

/**
 * The metric that centres each layer with a bias: ā = Σ α_i a_i, b = β = 0.1 Σ α_i ‖a_i − ā‖². Inputs that are all the same
 * stay as they are, since centring would leave nothing of them.
 */
export function centreLayers({ layers, shares }: MetricView): void {
  for (const layer of layers) {
    if (!layer.hasBias) continue;
    layer.setInputs(layer.mean(shares), null);
    const beta = BETA * layer.inputNorm(shares);
    if (beta === 0) layer.setInputs(null, null);
    layer.setConstant(beta === 0 ? 1 : beta);
  }
}
