// A float64 reference of networks and of their objective, in plain JavaScript: it shares no code with src/.
//
// The forward pass goes layer by layer and row by row. Jacobians are central differences of it: with h = 1e-6,
// curvatures of order one leave 1e-12 of truncation and 1e-10 of rounding, far below the float32 of the kernel.
// Steps are dense solves in parameter space.

import {
  type ActivationKind,
  type Batch,
  type Features,
  isSparse,
  type Layer,
  type Matrix,
  type Network,
  type ObjectiveOptions,
  parameters,
} from "../../mod.ts";
import { difference, flat, solveDense } from "./reference.ts";

type Numbers = ArrayLike<number>;

const at = (values: Numbers, i: number): number => values[i] as number;

/** ⟨a, b⟩. */
export function dot(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += at(a, i) * at(b, i);
  return sum;
}

/** ‖a‖₂. */
export const norm = (a: Numbers): number => Math.sqrt(dot(a, a));

/** erf: 2/√π e^{−x²} Σ 2ⁿ x^{2n+1}/(2n+1)!!, whose terms all have one sign; erfc(6) is 2e-17. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

const sigmoid = (x: number): number => x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));

const FUNCTIONS: Readonly<Record<ActivationKind, (x: number, slope: number) => number>> = {
  relu: (x) => Math.max(x, 0),
  leakyRelu: (x, slope) => x > 0 ? x : slope * x,
  tanh: Math.tanh,
  sigmoid,
  gelu: (x) => x * 0.5 * (1 + erf(x / Math.SQRT2)),
  silu: (x) => x * sigmoid(x),
};

type RowMap = (x: Numbers) => Numbers;

/** Where the forward pass reads: trainable arrays come from θ, in flat order. */
interface Reader {
  readonly theta: Float64Array;
  at: number;
  /** The smallest distance of an input of relu or leakyRelu from its kink, seen so far. */
  kink: number;
}

function read(reader: Reader, array: Float32Array, frozen: boolean): Numbers {
  if (frozen) return array;
  const from = reader.at;
  reader.at += array.length;
  return reader.theta.subarray(from, reader.at);
}

/** W x + b; `byRow`: the weight is stored one input a row. */
function affine({ rows, cols }: Matrix, w: Numbers, b: Numbers | null, byRow = false): RowMap {
  const [outputs, inputs] = byRow ? [cols, rows] : [rows, cols];
  return (x) =>
    Float64Array.from({ length: outputs }, (_, o) => {
      let sum = b === null ? 0 : at(b, o);
      for (let i = 0; i < inputs; i++) sum += at(x, i) * at(w, byRow ? i * cols + o : o * cols + i);
      return sum;
    });
}

function normalised(gain: Numbers, shift: Numbers, epsilon: number): RowMap {
  return (row) => {
    const x = Array.from(row), mean = x.reduce((s, v) => s + v, 0) / x.length;
    const variance = x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length;
    return x.map((v, i) => at(gain, i) * (v - mean) / Math.sqrt(variance + epsilon) + at(shift, i));
  };
}

function layerMap(layer: Layer, reader: Reader): RowMap {
  switch (layer._tag) {
    case "dense":
    case "embedding": {
      const weight = read(reader, layer.weight.data, layer.frozen);
      const bias = layer.bias && read(reader, layer.bias, layer.frozen);
      return affine(layer.weight, weight, bias, layer._tag === "embedding");
    }
    case "activation": {
      const f = FUNCTIONS[layer.kind], kinked = layer.kind === "relu" || layer.kind === "leakyRelu";
      return (x) =>
        Float64Array.from(x, (v) => {
          if (kinked) reader.kink = Math.min(reader.kink, Math.abs(v));
          return f(v, layer.slope);
        });
    }
    case "layerNorm": {
      const gain = read(reader, layer.gain, layer.frozen);
      return normalised(gain, read(reader, layer.shift, layer.frozen), layer.epsilon);
    }
    case "adapter": {
      const base = affine(layer.weight, layer.weight.data, layer.bias);
      const down = affine(layer.down, read(reader, layer.down.data, layer.frozen), null);
      const up = affine(layer.up, read(reader, layer.up.data, layer.frozen), null);
      return (x) => {
        const change = up(down(x));
        return Float64Array.from(base(x), (v, i) => v + layer.scale * at(change, i));
      };
    }
    case "residual": {
      const inner = chain(layer.layers, reader);
      return (x) => {
        const change = inner(x);
        return Float64Array.from(x, (v, i) => v + at(change, i));
      };
    }
  }
}

function chain(layers: readonly Layer[], reader: Reader): RowMap {
  const maps = layers.map((layer) => layerMap(layer, reader));
  return (x) => maps.reduce((value, map) => map(value), x);
}

/** The rows of features, sparse ones filled in. */
export function featureRows(features: Features): Numbers[] {
  const { rows, cols, data } = features;
  return Array.from({ length: rows }, (_, i) => {
    if (!isSparse(features)) return data.subarray(i * cols, (i + 1) * cols);
    const row = new Float64Array(cols);
    for (let k = at(features.offsets, i); k < at(features.offsets, i + 1); k++) {
      row[at(features.indices, k)] = at(data, k);
    }
    return row;
  });
}

/** Logits (B × C, row after row) at trainable parameters θ, and how near the kinks they came. */
export function forward(
  { layers, outputs }: Network,
  theta: Float64Array,
  features: Features,
): { readonly logits: Float64Array; readonly kink: number } {
  const reader: Reader = { theta, at: 0, kink: Infinity };
  const map = chain(layers, reader);
  const logits = new Float64Array(features.rows * outputs);
  featureRows(features).forEach((row, i) => logits.set(map(row), i * outputs));
  return { logits, kink: reader.kink };
}

/** The trainable parameters in float64. */
export const thetaOf = (network: Network): Float64Array => Float64Array.from(parameters(network));

const STEP = 1e-6;

/** ∂logits/∂θ_k for each k: P arrays of B·C numbers. */
function logitColumns(network: Network, features: Features): Float64Array[] {
  const theta = thetaOf(network);
  return Array.from(theta, (value, k) => {
    theta[k] = value + STEP;
    const above = forward(network, theta, features).logits;
    theta[k] = value - STEP;
    const below = forward(network, theta, features).logits;
    theta[k] = value;
    return above.map((v, i) => (v - at(below, i)) / (2 * STEP));
  });
}

const transpose = (columns: readonly Numbers[], rows: number): Float64Array[] =>
  Array.from({ length: rows }, (_, i) => Float64Array.from(columns, (column) => at(column, i)));

function softmax(f: Numbers, skip = -1): number[] {
  const top = Math.max(...Array.from(f).filter((_, k) => k !== skip));
  const e = Array.from(f, (v, k) => k === skip ? 0 : Math.exp(v - top));
  const sum = e.reduce((s, v) => s + v, 0);
  return e.map((v) => v / sum);
}

const logSumExp = (f: readonly number[]): number => {
  const top = Math.max(...f);
  return top + Math.log(f.reduce((s, v) => s + Math.exp(v - top), 0));
};

/** Weights α and targets t of the objective. */
function aims({ labels, weights, targets }: Batch, C: number, options: ObjectiveOptions) {
  const { classWeights, labelSmoothing: eps = 0 } = options;
  const shares = Array.from(
    labels,
    (y, i) => (weights?.[i] ?? 1) * (classWeights === undefined ? 1 : at(classWeights as ArrayLike<number>, y)),
  );
  const total = shares.reduce((s, v) => s + v, 0);
  const given = (i: number, k: number): number =>
    targets === null ? (k === at(labels, i) ? 1 : 0) : at(targets.data, i * C + k);
  return {
    alpha: shares.map((v) => v / total),
    targets: shares.map((_, i) => Array.from({ length: C }, (_, k) => (1 - eps) * given(i, k) + eps / C)),
  };
}

/** Whether each parameter is a weight, rather than a bias, a gain or a shift, in flat order. */
function weightMask(layers: readonly Layer[]): boolean[] {
  const mask = (array: { readonly length: number } | null, weighs: boolean): boolean[] =>
    Array.from({ length: array?.length ?? 0 }, () => weighs);
  return layers.flatMap((layer) => {
    switch (layer._tag) {
      case "residual":
        return weightMask(layer.layers);
      case "activation":
        return [];
      case "layerNorm":
        return layer.frozen ? [] : [...mask(layer.gain, false), ...mask(layer.shift, false)];
      case "adapter":
        return layer.frozen ? [] : [...mask(layer.down.data, true), ...mask(layer.up.data, true)];
      default:
        return layer.frozen ? [] : [...mask(layer.weight.data, true), ...mask(layer.bias, false)];
    }
  });
}

/** The diagonal of ℓ2 P: ℓ2 where the penalty takes a parameter in, else 0. */
export const penaltyOf = ({ layers }: Network, { l2 = 0, l2Biases = false }: ObjectiveOptions): number[] =>
  weightMask(layers).map((weighs) => weighs || l2Biases ? l2 : 0);

/** The objective at trainable parameters θ. */
export function lossAt(network: Network, theta: Float64Array, data: Batch, options: ObjectiveOptions = {}): number {
  const C = network.outputs, { alpha, targets } = aims(data, C, options);
  const { logits } = forward(network, theta, data.features);
  return alpha.reduce((loss, a, i) => {
    const f = Array.from(logits.subarray(i * C, (i + 1) * C));
    const t = targets[i] as number[], all = t.reduce((s, v) => s + v, 0);
    return a === 0 ? loss : loss + a * (all * logSumExp(f) - dot(t, f));
  }, dot(theta, penaltyOf(network, options).map((l2, k) => l2 * at(theta, k))) / 2);
}

/** All that a step is made of. */
export interface Reference {
  readonly logits: Float64Array;
  readonly kink: number;
  readonly loss: number;
  readonly gradient: number[];
  readonly alpha: readonly number[];
  readonly margins: readonly number[];
  /** B rows of class probabilities. */
  readonly probabilities: readonly number[][];
  /** α p s of each row. */
  readonly curvatures: readonly number[];
  /** B·C rows of P. */
  readonly logitJacobian: readonly Float64Array[];
  /** B rows of P: the margins'. */
  readonly jacobian: readonly Float64Array[];
  /** Σ α s ‖J_i‖: the size of the gradient's terms, which no cancellation makes small. */
  readonly scale: number;
}

/** The reference of a network on a batch. */
export function reference(network: Network, data: Batch, options: ObjectiveOptions = {}): Reference {
  const C = network.outputs, theta = thetaOf(network);
  const { logits, kink } = forward(network, theta, data.features);
  const { alpha, targets } = aims(data, C, options);
  const logitJacobian = transpose(logitColumns(network, data.features), logits.length);
  const rows = alpha.map((_, i) => Array.from(logits.subarray(i * C, (i + 1) * C)));
  const labels = Array.from(data.labels);
  const gradient = penaltyOf(network, options).map((l2, k) => l2 * at(theta, k));
  const probabilities = rows.map((f) => softmax(f));
  probabilities.forEach((p, i) =>
    p.forEach((v, k) => {
      const factor = at(alpha, i) * (v - at(targets[i] as number[], k));
      (logitJacobian[i * C + k] as Float64Array).forEach((j, n) => gradient[n] = at(gradient, n) + factor * j);
    })
  );
  const jacobian = rows.map((f, i) => {
    const y = at(labels, i), row = new Float64Array(theta.length);
    softmax(f, y).forEach((q, k) => {
      (logitJacobian[i * C + k] as Float64Array).forEach((j, n) => row[n] = at(row, n) + (k === y ? 1 : -q) * j);
    });
    return row;
  });
  const margins = rows.map((f, i) => at(f, at(labels, i)) - logSumExp(f.filter((_, k) => k !== labels[i])));
  const scale = margins.reduce((sum, m, i) => sum + at(alpha, i) * sigmoid(-m) * norm(jacobian[i] as Float64Array), 0);
  const curvatures = margins.map((m, i) => at(alpha, i) * sigmoid(m) * sigmoid(-m));
  const loss = lossAt(network, theta, data, options);
  return { logits, kink, loss, gradient, alpha, margins, probabilities, curvatures, logitJacobian, jacobian, scale };
}

/** Σ_r weight_r x_r x_rᵀ. */
export function outer(rows: readonly Numbers[], weights: Numbers, size: number): number[][] {
  const sum = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  rows.forEach((row, r) => {
    for (let j = 0; j < size; j++) {
      const factor = at(weights, r) * at(row, j), target = sum[j] as number[];
      if (factor !== 0) { for (let k = 0; k < size; k++) target[k] = at(target, k) + factor * at(row, k); }
    }
  });
  return sum;
}

/** H = Jᵀ diag(α p s) J. */
export const fgnCurvature = ({ jacobian, curvatures, gradient }: Reference): number[][] =>
  outer(jacobian, curvatures, gradient.length);

/** G = J_fᵀ diag_i(α_i (diag(p) − p pᵀ)) J_f, as the covariance of the logits' derivatives. */
export function ggnCurvature({ logitJacobian, probabilities, alpha, gradient }: Reference): number[][] {
  const rows: Float64Array[] = [], weights: number[] = [];
  probabilities.forEach((p, i) => {
    const part = logitJacobian.slice(i * p.length, (i + 1) * p.length);
    const mean = Float64Array.from(gradient, (_, n) => part.reduce((s, row, k) => s + at(p, k) * at(row, n), 0));
    part.forEach((row, k) => {
      rows.push(row.map((v, n) => v - at(mean, n)));
      weights.push(at(alpha, i) * at(p, k));
    });
  });
  return outer(rows, weights, gradient.length);
}

/** H v. */
export const times = (matrix: readonly Numbers[], v: Numbers): number[] => matrix.map((row) => dot(row, v));

/** −(H + λI)⁻¹ g. */
export function solveStep(curvature: readonly number[][], gradient: readonly number[], lambda: number): number[] {
  const damped = curvature.map((row, j) => row.map((v, k) => j === k ? v + lambda : v));
  return solveDense(damped, gradient.map((v) => -v));
}

/** −(gᵀd + ½ dᵀ(H + ℓ2 P)d), for the diagonal of ℓ2 P. */
export const reduction = (
  curvature: readonly number[][],
  gradient: readonly number[],
  d: number[],
  penalty: readonly number[] = [],
): number =>
  -dot(gradient, d) - dot(d, times(curvature, d)) / 2 - penalty.reduce((sum, l2, k) => sum + l2 * at(d, k) ** 2, 0) / 2;

/** K̄/Σω: the damping `relative(1)`. */
export function unitOf({ jacobian, alpha }: Reference, { weights }: Batch): number {
  const total = weights?.reduce((s, w) => s + w, 0) ?? alpha.length;
  return jacobian.reduce((sum, row, i) => sum + at(alpha, i) * dot(row, row), 0) / total;
}

/** ‖after − before − want‖/‖want‖, less what the rounding of new parameters to float32 explains. */
export function stepError(after: Network, before: Network, want: readonly number[]): number {
  const error = norm(difference(after, before).map((d, k) => d - at(want, k)));
  return Math.max(0, error - 2 ** -24 * norm(flat(after))) / norm(want);
}
