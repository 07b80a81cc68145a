// The conformance suite against the packed package, installed in fresh projects, in every runtime.
//
//   npm run test:runtimes [-- --write]     --write puts the table into docs/compatibility.md, too, when all is well

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pack } from "../../../tools/pack.ts";
import { Missing } from "../../../tools/runtimes/missing.ts";
import { type Skip, writeReport } from "../../../tools/tests/report.ts";
import { hashOf } from "./report.ts";
import type { Run, Runtime } from "./runtime.ts";
import { RUNTIMES } from "./runtimes.ts";
import { page, type Row, screen } from "./table.ts";

/** The first runtime that ran, which the others are compared with. */
interface First {
  readonly runtime: Runtime;
  readonly run: Run;
}

/** What is wrong with a run, compared with the first one. */
function complaints({ name, condition }: Runtime, run: Run, first: First, exported: Record<string, string>): string[] {
  const { report, entry } = run, { numbers } = first.run.report;
  const found = report.failed.map(({ name: failed, message }) => `${failed}\n    ${message}`);
  for (const one of new Set([...Object.keys(numbers), ...Object.keys(report.numbers)])) {
    if (numbers[one] !== report.numbers[one]) found.push(`${one}\n    other bytes than in ${first.runtime.name}`);
  }
  if (condition !== null && exported[condition] !== `./${entry}`) {
    found.push(`${entry} was loaded, not ${exported[condition]}, which the package exports for ${condition}`);
  }
  return found.map((complaint) => `${name}: ${complaint}`);
}

const folder = mkdtempSync(join(tmpdir(), "fgn-runtimes-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

const tarball = pack(folder);
const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: { ".": Record<string, string> } };
const rows: Row[] = [], wrong: string[] = [], skips: Skip[] = [];
let first: First | undefined;
for (const [index, runtime] of RUNTIMES.entries()) {
  console.error(`${runtime.name} …`);
  try {
    const run = await runtime.run(join(folder, String(index)), tarball);
    first ??= { runtime, run };
    const found = complaints(runtime, run, first, exports["."]);
    wrong.push(...found);
    const hash = await hashOf(run.report);
    rows.push({ runtime, run, hash, problem: found.length > 0 ? `${hash} ${found.length} FAILED` : "" });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const skipped = error instanceof Missing && !process.env["CI"];
    if (skipped) skips.push({ name: runtime.name, why: "the runtime is not on this machine", remedy: message });
    else wrong.push(`${runtime.name}: ${message}`);
    rows.push({ runtime, run: null, hash: "–", problem: skipped ? `skipped: ${message}` : "FAILED" });
  }
}
console.log(`\n${screen(rows)}`);
writeReport(process.argv, {
  passed: rows.reduce((sum, { run }) => sum + (run?.report.passed ?? 0), 0),
  failed: wrong.map((complaint) => {
    const [name = "", ...message] = complaint.split("\n");
    return { name, message: message.join("\n") };
  }),
  skipped: skips,
});
if (wrong.length > 0) {
  console.error(`\n${wrong.join("\n")}`);
  process.exit(1);
}
if (process.argv.includes("--write")) {
  if (rows.some(({ run }) => run === null)) throw new Error("the table is not written without all runtimes");
  mkdirSync("docs", { recursive: true });
  writeFileSync("docs/compatibility.md", page(rows));
}
