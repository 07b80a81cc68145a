// A step on a backend against the step on the CPU.

import { type Batch, type Damping, fgnStep, getOrThrow, type Network } from "../../mod.ts";
import type { Backend, BackendStepOptions } from "../../src/gpu/gpu.ts";
import { difference, flat, relativeError } from "../support/reference.ts";
import { below, close, done, equal, lent } from "./check.ts";

/** ‖x‖; a spread of many numbers overflows the stack. */
const norm = (x: readonly number[]): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));

/**
 * Throws unless the steps agree: parameters to the tolerance (and the rounding of parameters to float32), losses, norms
 * and reductions alike, decisions exactly.
 */
export function sameStep(
  backend: Backend,
  model: Network,
  data: Batch,
  damping: Damping,
  options: BackendStepOptions = {},
  tolerance = 1e-4,
  what = "step",
): Promise<void> {
  const expected = getOrThrow(fgnStep(model, data, damping, options));
  return lent(backend, model, data, async (params, batch) => {
    const step = await done(backend.fgnStep(params, batch, damping, options));
    const after = await done(backend.download(step.params));
    backend.release(step.params);
    const wanted = difference(expected.params, model), rounding = 2e-7 * norm(flat(model));
    const size = norm(wanted);
    const limit = size === 0 ? rounding + 1e-12 : tolerance + rounding / size;
    below(relativeError(difference(after, model), wanted), limit, `${what}: parameters`);
    const { report } = step, { report: want } = expected;
    close(report.lossBefore, want.lossBefore, tolerance, `${what}: loss before`);
    close(report.lossAfter, want.lossAfter, 2 * tolerance, `${what}: loss after`);
    close(report.lambda, want.lambda, 10 * tolerance, `${what}: λ`);
    close(report.gradientNorm, want.gradientNorm, 10 * tolerance, `${what}: gradient`);
    close(report.predictedReduction, want.predictedReduction, 10 * tolerance, `${what}: predicted reduction`);
    equal([report.accepted, report.rejections], [want.accepted, want.rejections], `${what}: decisions`);
    equal([report.solver, report.stop, report.system], [want.solver, want.stop, "gram"], `${what}: solver`);
    equal(step.dual.length, data.labels.length, `${what}: dual`);
    const { _tag, ...state } = expected.damping as Exclude<Damping, number>,
      given = step.damping as Exclude<Damping, number>;
    equal(given._tag, _tag, `${what}: damping`);
    for (const [name, value] of Object.entries(state)) {
      const made = (given as unknown as Record<string, unknown>)[name];
      if (typeof value === "number") close(made as number, value, 10 * tolerance, `${what}: ${name} of the damping`);
      else equal(made, value, `${what}: ${name} of the damping`);
    }
  });
}
