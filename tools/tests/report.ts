// What came of tests, whoever ran them, and how it is said: a line a part, failures in full, what was skipped and why, and
// the sum as the last line.

import { readFileSync, writeFileSync } from "node:fs";

/** A test, or something else that had to go well. */
export interface Failure {
  readonly name: string;
  readonly message: string;
}

/** Tests that did not run. */
export interface Skip {
  readonly name: string;
  readonly why: string;
  /** How to have them. */
  readonly remedy?: string;
}

/** What came of a part. */
export interface Report {
  readonly passed: number;
  readonly failed: readonly Failure[];
  readonly skipped: readonly Skip[];
}

/** A part with its name and its seconds. */
export interface Part extends Report {
  readonly name: string;
  readonly seconds: number;
}

/** A report of nothing but a failure. */
export const failure = (name: string, message: string): Report => ({
  passed: 0,
  failed: [{ name, message }],
  skipped: [],
});

/** Writes a report where `--report FILE` among the arguments asks for it. */
export function writeReport(args: readonly string[], report: Report): void {
  const at = args.indexOf("--report"), file = args[at + 1];
  if (at >= 0 && file !== undefined) writeFileSync(file, JSON.stringify(report));
}

/** What a part wrote. */
export const readReport = (file: string): Report => JSON.parse(readFileSync(file, "utf8")) as Report;

/** The report of a part that may skip nothing: what it skipped has failed. */
export const demanding = ({ passed, failed, skipped }: Report): Report => ({
  passed,
  failed: [
    ...failed,
    ...skipped.map(({ name, why, remedy }) => ({ name, message: [why, ...remedy ? [remedy] : []].join("; ") })),
  ],
  skipped: [],
});

const count = ({ passed, failed, skipped }: Report): string =>
  [
    `${passed} passed`,
    ...failed.length > 0 ? [`${failed.length} failed`] : [],
    ...skipped.length > 0 ? [`${skipped.length} skipped`] : [],
  ].join(", ");

/** The line of a part. */
export const lineOf = (part: Part): string =>
  `${part.failed.length > 0 ? "FAILED" : "ok    "}  ${part.name.padEnd(22)} ${part.seconds.toFixed(0).padStart(4)} s  ${
    count(part)
  }`;

/** The failures of a part in full. */
export const failuresOf = ({ name, failed }: Part): string[] =>
  failed.flatMap((one) => [`\n${name}: ${one.name}`, one.message.trimEnd().replace(/^(?=.)/gm, "  ")]);

/** Why tests were skipped and how to have them, those of one reason together. */
export function skipsOf(parts: readonly Part[]): string[] {
  const reasons = new Map<string, { readonly skip: Skip; readonly names: string[] }>();
  for (const { name, skipped } of parts) {
    for (const skip of skipped) {
      const key = `${skip.why}\n${skip.remedy ?? ""}`, known = reasons.get(key) ?? { skip, names: [] };
      known.names.push(`${name}: ${skip.name}`);
      reasons.set(key, known);
    }
  }
  return [...reasons.values()].flatMap(({ skip: { why, remedy }, names }) => [
    `  ${why}${remedy === undefined ? "" : `: ${remedy}`}`,
    ...names.map((name) => `    ${name}`),
  ]);
}

/** Sums over all parts, the last line. */
export function sumLine(parts: readonly Report[]): string {
  const sum = (of: (part: Report) => number): number => parts.reduce((total, part) => total + of(part), 0);
  return `${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed.length)} failed, ${
    sum(({ skipped }) => skipped.length)
  } skipped`;
}

/** The end of a run: what was skipped, then what this command leaves out, then the sum. */
export function ending(parts: readonly Part[], leftOut: readonly string[] = []): string {
  const skips = skipsOf(parts);
  return [
    "",
    ...skips.length > 0 ? ["skipped:", ...skips, ""] : [],
    ...leftOut.length > 0 ? [...leftOut, ""] : [],
    sumLine(parts),
  ].join("\n");
}

/** Whether a run is good: something passed, nothing failed. */
export const isGood = (parts: readonly Report[]): boolean =>
  parts.some(({ passed }) => passed > 0) && parts.every(({ failed }) => failed.length === 0);
