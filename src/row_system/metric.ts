/**
 * Metrics of the damping, set from the batch once values and signals are there.
 *
 * @module
 */

import { f32, f64 } from "../kernel/arena.ts";
import { type LayerMetric, type SparseMetric, type Tape, up4 } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";

/** A batch as a rule of metrics sees it. */
export interface MetricView {
  /** The metrics of the dense layers that train, in order. */
  readonly layers: readonly LayerMetric[];
  /** The metrics of the layers with a bias that train and read sparse features. */
  readonly sparse: readonly SparseMetric[];
  /** B shares α (float32) at an address. */
  readonly shares: number;
  /** Number of examples. */
  readonly rows: number;
  /** B coefficients α s²/Σ² (float32) at an address: what squares of the unnormalised signals are weighed by. */
  readonly slopeSquares: number;
}

/** The metrics of a tape's layers, in order. */
export const metricsOf = ({ ops }: Pick<Tape, "ops">): LayerMetric[] =>
  ops.flatMap(({ metric }) => metric === null || metric._tag === "sparse" ? [] : metric);

/** Opens the view over a workspace whose margins and signals are there. */
export function metricView({ kernel, tape, at, rows }: Workspace): MetricView {
  const shares = f32(kernel, at.shares, up4(rows)), squares = f32(kernel, at.slopeSquares, up4(rows));
  const alpha = f64(kernel, at.alpha, rows), slope = f64(kernel, at.slope, rows), sum = f32(kernel, at.sum, rows);
  shares.fill(0);
  squares.fill(0);
  for (let i = 0; i < rows; i++) {
    const share = alpha[i] as number;
    shares[i] = share;
    squares[i] = share === 0 ? 0 : ((slope[i] as number) / (sum[i] as number)) ** 2 / share;
  }
  const sparse = tape.ops.flatMap(({ metric }) => metric?._tag === "sparse" ? metric : []);
  return { layers: metricsOf(tape), sparse, shares: at.shares, rows, slopeSquares: at.slopeSquares };
}

/** β as a share of the mean ‖a − ā‖². */
export const BETA = 0.1;

/** Up to this share of ‖ā‖² the mean ‖a − ā‖² is rounding (docs/speed.md). */
export const ROUNDING = 1e-10;

/** ‖x‖² in float64. */
export const squareOf = (x: Float32Array): number => x.reduce((sum, v) => sum + v * v, 0);

/** Σ v c²: the mean ‖(a − ā)∘c‖² of inputs of variances v in scales c. */
export const spreadOf = (variance: Float32Array, scale: Float32Array): number =>
  scale.reduce((sum, c, i) => sum + c * c * (variance[i] as number), 0);

/**
 * Whether the inputs of a layer, centred by their `mean`, differ from it beyond rounding: a metric made of rounding would
 * take steps a million times as long as the parameters.
 */
export const differ = (layer: LayerMetric, shares: number, mean: Float32Array): boolean =>
  layer.inputNorm(shares) > ROUNDING * squareOf(mean);

/**
 * Centres the inputs of a layer by ā = Σ α_i a_i and returns that mean. Null, and the inputs as they are, without a bias,
 * which could not make up for centring, and where they are all the same, of which centring would leave nothing.
 */
export function centreInputs(layer: LayerMetric, shares: number): Float32Array | null {
  if (!layer.hasBias) return null;
  const mean = layer.mean(shares);
  layer.setInputs(mean, null);
  if (differ(layer, shares, mean)) return mean;
  layer.setInputs(null, null);
  return null;
}

/** Up to this share of the square of their mean, the spread of sparse inputs is lost in the float32 of their products. */
const SPARSE_ROUNDING = 1e-4;

/**
 * Centres sparse inputs by their mean over the batch, which is zero in columns without an entry, and sets b; whether they
 * vary: else, as those of a single example, they stay as they are.
 */
export function centreSparse(layer: SparseMetric, shares: number): boolean {
  const square = layer.centre(shares), spread = layer.inputNorm(shares);
  if (spread > SPARSE_ROUNDING * square) layer.setConstant(BETA * spread);
  else layer.reset();
  return spread > SPARSE_ROUNDING * square;
}
