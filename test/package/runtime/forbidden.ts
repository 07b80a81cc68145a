// A case that its runner adds, for a page or runtime that forbids compiling bytes: what the build does there that has to.

import type { Report } from "./report.ts";

const NAME = "a first step by inlined bytes where compiling is forbidden: CompilationForbidden, with both remedies";
const WANTED = /CompilationForbidden: .*'wasm-unsafe-eval'.* condition workerd or edge-light/;

/** What a first step says; nothing where it goes well. */
export const failureOf = (step: Promise<unknown>): Promise<string> =>
  step.then(() => "it went well", (error: unknown) => error instanceof Error ? error.message : String(error));

/** The report with the case, by what that first step said. */
export function withForbidden(report: Report, said: string): Report {
  if (WANTED.test(said)) return { ...report, passed: report.passed + 1 };
  return { ...report, failed: [...report.failed, { name: NAME, message: said }] };
}
