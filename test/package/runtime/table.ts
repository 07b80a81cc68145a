// The table of all runs: on the screen, and without its times as a file.

import { table } from "../../../bench/support/markdown.ts";
import type { Run, Runtime } from "./runtime.ts";

/** A runtime with its run, or what went wrong. */
export interface Row {
  readonly runtime: Runtime;
  readonly run: Run | null;
  /** Hash of everything that the cases computed. */
  readonly hash: string;
  readonly problem: string;
}

const cases = ({ run }: Row): string =>
  run === null ? "–" : `${run.report.passed}/${run.report.passed + run.report.failed.length}`;

function times({ run }: Row): string {
  if (run === null) return "–";
  const { importMs, firstStepMs } = run.report;
  const step = firstStepMs.toFixed(1);
  return importMs === null ? `${step} *` : `${importMs.toFixed(1)} + ${step}`;
}

/** The way that the package was found: a condition of its exports and the file. */
const entry = ({ runtime, run }: Row): string =>
  run === null ? "–" : `${runtime.condition === null ? "" : `${runtime.condition}: `}${run.entry}`;

/** Columns of the same width, for a screen. */
export function screen(rows: readonly Row[]): string {
  const head = ["runtime", "version", "entry", "kernel", "cases", "import + first step, ms", "hash"];
  const body = rows.map((row) => [
    row.runtime.name,
    row.run?.version ?? "–",
    entry(row),
    row.run?.report.kernel ?? "–",
    cases(row),
    times(row),
    row.problem || row.hash,
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((line) => line[i]?.length ?? 0)));
  const lines = [head, ...body].map((line) => line.map((text, i) => text.padEnd(widths[i] ?? 0)).join("  ").trimEnd());
  return [
    ...lines,
    "",
    "* seen from outside, over a request: loading and first step together, since the clock within stands still or the",
    "  code is there before it runs",
  ].join("\n");
}

/** A page of the table, without times, so that it changes with what it says alone. */
export function page(rows: readonly Row[]): string {
  const head = ["runtime", "version", "entry", "kernel", "cases", "hash"];
  const body = rows.map((row) => [
    row.runtime.name,
    row.run?.version ?? "–",
    row.run === null ? "–" : `\`${entry(row)}\``,
    row.run?.report.kernel ?? "–",
    cases(row),
    `\`${row.hash}\``,
  ]);
  return `# Compatibility

The package as it is published, installed in a fresh project of each runtime, and what it passes of one suite
(\`test/package/runtime\`): golden vectors, training, checkpoints, prediction, online learning, files, bad input, kernels.
The hash is that of all parameters, losses and files that the cases make: it is the same everywhere. One case more is
that of a runtime, or a page by its policy, that forbids compiling bytes.

${table(head, body)}

Written by \`npm run test:runtimes -- --write\`.
`;
}
