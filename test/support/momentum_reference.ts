// The step with momentum as a dense float64 solve over the parameters, in the Euclidean and in the centred metric.

import { type Batch, getOrThrow, matrix, type Network, parameters, type StepOptions } from "../../mod.ts";
import { at } from "./custom_models.ts";
import {
  dot,
  featureRows,
  fgnCurvature,
  forward,
  penaltyOf,
  reduction,
  type Reference,
  reference,
  thetaOf,
} from "./network_reference.ts";
import { solveDense } from "./reference.ts";

/** H of the curvature asked for: κ = tanh(|m|/2)/(2|m|) in place of p s where it is majorised. */
function curvatureOf(ref: Reference, { curvature }: StepOptions): number[][] {
  if (curvature !== "majorized") return fgnCurvature(ref);
  const curvatures = ref.margins.map((m, i) => at(ref.alpha, i) * Math.tanh(Math.abs(m) / 2) / (2 * Math.abs(m)));
  return fgnCurvature({ ...ref, curvatures });
}

/** The inputs of a layer, one row an example. */
const inputsOf = (model: Network, index: number, width: number, data: Batch): ArrayLike<number>[] => {
  if (index === 0) return featureRows(data.features);
  const part = { ...model, layers: model.layers.slice(0, index), outputs: width };
  const rows = matrix(data.labels.length, width, forward(part, thetaOf(model), data.features).logits);
  return featureRows(getOrThrow(rows));
};

/** M of the centred metric: Σ_l ‖dW‖² + ‖db + dW ā‖²/β over dense layers, a layer's parameters (W, b) in order. */
function centredMetric(model: Network, data: Batch, alpha: readonly number[]): number[][] {
  const P = parameters(model).length, M = Array.from({ length: P }, () => new Array<number>(P).fill(0));
  let first = 0;
  model.layers.forEach((layer, index) => {
    if (layer._tag !== "dense") return;
    const { rows: outputs, cols: inputs } = layer.weight, x = inputsOf(model, index, inputs, data);
    const mean = Array.from({ length: inputs }, (_, k) => alpha.reduce((sum, a, i) => sum + a * at(x[i] ?? [], k), 0));
    const spread = alpha.reduce(
      (sum, a, i) => sum + a * mean.reduce((s, m, k) => s + (at(x[i] ?? [], k) - m) ** 2, 0),
      0,
    );
    for (let o = 0; o < outputs; o++) {
      const places = [...mean.map((_, k) => first + o * inputs + k), first + outputs * inputs + o];
      const row = [...mean, 1];
      places.forEach((j, n) => {
        const target = M[j] as number[];
        if (n < inputs) target[j] = at(target, j) + 1;
        places.forEach((k, m) => target[k] = at(target, k) + at(row, n) * at(row, m) / (0.1 * spread));
      });
    }
    first += outputs * inputs + outputs;
  });
  return M;
}

const identity = (size: number): number[][] =>
  Array.from({ length: size }, (_, j) => Array.from({ length: size }, (_, k) => j === k ? 1 : 0));

/** The step over the parameters, βd₋ carried on, and what its model predicts. */
export function momentumStep(
  model: Network,
  data: Batch,
  options: StepOptions,
  lambda: number,
  carried: ArrayLike<number>,
): { readonly d: number[]; readonly predicted: number } {
  const { l2 = 0, metric } = options, ref = reference(model, data, options), H = curvatureOf(ref, options);
  const M = metric === "centred" ? centredMetric(model, data, ref.alpha) : identity(H.length);
  const pull = M.map((row) => lambda * dot(row, carried));
  const A = H.map((row, j) => row.map((v, k) => v + lambda * at(M[j] ?? [], k) + (j === k ? l2 : 0)));
  const d = solveDense(A, ref.gradient.map((g, j) => at(pull, j) - g));
  return { d, predicted: reduction(H, ref.gradient, d, penaltyOf(model, options)) };
}
