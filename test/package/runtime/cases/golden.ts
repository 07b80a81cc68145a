// Golden vectors: float64 values of loss, gradient and step, inlined when the suite is bundled.
//
// Tolerances (relative, L2) as in test/step/golden.test.ts: 1e-4, since products are summed in float32 (a few 1e-7 each) and
// the solve multiplies that by the condition number of the damped system; 1e-3 for the extreme files, whose logits of
// up to 1e4 carry a float32 rounding of 5e-4 each.

import { type Batch, batch, fgnStep, getOrThrow, lossAndGradient, matrix, type Network, network } from "fgn";
import { type Golden, layersOf } from "../../../support/golden_file.ts";
import { below, type Cases, equal, type Outcome, relativeError } from "../check.ts";
import { flat } from "../data.ts";

/** The linear and network files of test/golden. */
declare const GOLDEN: readonly Golden[];

function open(golden: Golden): { model: Network; data: Batch } {
  const { batchSize, x, y } = golden, inputs = x.length / batchSize;
  const features = getOrThrow(matrix(batchSize, inputs, x));
  return { model: getOrThrow(network(inputs, layersOf(golden))), data: getOrThrow(batch({ features, labels: y })) };
}

function compare(golden: Golden): Outcome {
  const { model, data } = open(golden), { expected } = golden, before = flat(model);
  const tolerance = golden.name.includes("extreme") ? 1e-3 : 1e-4;
  const { loss, gradient } = getOrThrow(lossAndGradient(model, data));
  below(relativeError([loss], [expected.loss]), tolerance, "loss");
  below(relativeError(gradient, expected.gradient), tolerance, "gradient");
  const numbers = [Float64Array.of(loss), Float32Array.from(gradient)];
  for (const { damping, step, lossAfterStep } of expected.steps) {
    for (const solver of ["cholesky", "cg"] as const) {
      const what = `step at λ = ${damping} by ${solver}`;
      const { params, report } = getOrThrow(fgnStep(model, data, damping, { tolerance: 1e-9, solver }));
      const after = flat(params);
      // New parameters are rounded to float32: that rounding is no error of the step.
      const rounding = 1e-7 * Math.hypot(...before) / Math.hypot(...step);
      const taken = Array.from(after, (value, i) => value - (before[i] as number));
      below(relativeError(taken, step), tolerance + rounding, what);
      const lossRounding = 2e-6 * (1 + Math.abs(expected.loss));
      const lossError = Math.abs((report.lossAfter ?? NaN) - lossAfterStep);
      below(lossError, tolerance * lossAfterStep + lossRounding, `loss after the ${what}`);
      numbers.push(after);
    }
  }
  equal(flat(model), before, "parameters given");
  return numbers;
}

export const golden: Cases = {
  "golden vectors are all here": () => equal(GOLDEN.length, 24, "files"),
  ...Object.fromEntries(GOLDEN.map((one) => [`golden vectors: ${one.name}`, () => compare(one)])),
};
