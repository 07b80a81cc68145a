// 65,536 classes of 256 features inside 128 MiB of WebAssembly memory: in a file of its own, for the kernel's memory
// never shrinks.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  type Damping,
  evaluate,
  fgnStep,
  getOrThrow,
  levenbergMarquardt,
  matrix,
  type Network,
  relative,
  releaseKernel,
  type StepOptions,
  zeroHead,
} from "../../mod.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { uniform } from "../support/reference.ts";

const FEATURES = 256, CLASSES = 65_536, MOST = 128 * 2 ** 20;

/** B examples of as many classes, of unit length. */
function examples(rows: number): Batch {
  const x = uniform(rows * FEATURES, 1).map((v) => v * Math.sqrt(3 / FEATURES));
  const labels = Uint32Array.from({ length: rows }, (_, i) => (i * 509 + 65_535) % CLASSES);
  return getOrThrow(batch({ features: getOrThrow(matrix(rows, FEATURES, x)), labels }));
}

const memory = (): number => getOrThrow(defaultKernel()).exports.memory.buffer.byteLength;

/** Steps from zeros, each of which lowers the loss. */
function descend(data: Batch, count: number, damping: Damping, options: StepOptions = {}): Network {
  let params = getOrThrow(zeroHead({ features: FEATURES, classes: CLASSES })),
    given = damping,
    last = Math.log(CLASSES);
  for (let i = 0; i < count; i++) {
    const step = getOrThrow(fgnStep(params, data, given, options));
    expect(Math.abs(step.report.lossBefore - last)).toBeLessThan(1e-4);
    expect(step.report.lossAfter).toBeLessThan(last - 0.5);
    last = step.report.lossAfter as number;
    params = step.params;
    given = step.damping;
  }
  return params;
}

describe("65,536 classes × 256 features in 128 MiB", () => {
  it("take steps on 128 examples, by relative damping and by Levenberg–Marquardt, and are evaluated", () => {
    releaseKernel();
    const data = examples(128);
    const params = descend(data, 4, relative(1));
    expect(memory()).toBeGreaterThan(96 * 2 ** 20);
    descend(data, 2, levenbergMarquardt());
    const { loss, accuracy } = getOrThrow(evaluate(params, data));
    expect(loss).toBeLessThan(Math.log(CLASSES) - 3);
    expect(accuracy).toBe(1);
    getOrThrow(evaluate(params, examples(256)));
    expect(memory()).toBeLessThan(MOST);
  }, 60_000);

  it("take steps on 512 examples, over blocks of classes", () => {
    releaseKernel();
    descend(examples(512), 1, relative(1), { solver: "cg" });
    expect(memory()).toBeLessThan(MOST);
  }, 60_000);
});
