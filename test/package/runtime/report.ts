// One run of the suite in the runtime that loads it: a first step from cold, then the cases. "fgn" and "fgn/relaxed" are
// left to that runtime's own resolution. Nothing here may import them but as types: they are to come cold.

import type { Cases } from "./check.ts";
import { sha256 } from "./sha256.ts";

/** What a runtime tells of itself. */
export interface Report {
  /** The kernels it runs. */
  readonly kernel: string;
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly message: string }[];
  /** SHA-256 of the numbers of each case that gives some. */
  readonly numbers: Readonly<Record<string, string>>;
  /** Milliseconds of importing the package; null where they are part of the first step. */
  readonly importMs: number | null;
  /** Milliseconds of the first step. */
  readonly firstStepMs: number;
}

/** The hash of all numbers of a report, as the table has it. */
export const hashOf = async ({ numbers }: Report): Promise<string> =>
  (await sha256(new TextEncoder().encode(JSON.stringify(numbers)))).slice(0, 16);

/** Imports the package and takes a first step: 128 examples, 64 features, 10 classes. */
export async function cold(): Promise<Pick<Report, "importMs" | "firstStepMs">> {
  const began = performance.now();
  const { batch, fgnStep, matrix, zeroHead } = await import("fgn");
  const imported = performance.now();
  const features = matrix(128, 64, Float32Array.from({ length: 128 * 64 }, (_, i) => (i * 37 % 101) / 50 - 1));
  const head = zeroHead({ features: 64, classes: 10 });
  if (features._tag === "Left" || head._tag === "Left") throw new Error("no data for the first step");
  const data = batch({ features: features.right, labels: Array.from({ length: 128 }, (_, i) => i % 10) });
  const step = data._tag === "Left" ? data : fgnStep(head.right, data.right);
  if (step._tag === "Left") throw new Error(`${step.left._tag}: ${step.left.message}. ${step.left.remedy}`);
  return { importMs: imported - began, firstStepMs: performance.now() - imported };
}

/** Runs all cases, one after the other. */
async function run(cases: Cases): Promise<Pick<Report, "passed" | "failed" | "numbers">> {
  const failed: { name: string; message: string }[] = [], numbers: Record<string, string> = {};
  for (const [name, one] of Object.entries(cases)) {
    try {
      const given = await one();
      if (given) numbers[name] = await sha256(...given);
    } catch (error) {
      failed.push({ name, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return { passed: Object.keys(cases).length - failed.length, failed, numbers };
}

/** A first step from cold, then all cases. */
export async function report({ forbidden }: { readonly forbidden: boolean }): Promise<Report> {
  const times = await cold();
  const { cases, kernels } = await import("./cases.ts");
  return { kernel: kernels(forbidden), ...times, ...await run(cases(forbidden)) };
}
