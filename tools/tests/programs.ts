// The tests that are programs of their own: each writes a report where it is told to.

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { runQuietly, tail } from "./processes.ts";
import { type Part, readReport } from "./report.ts";
import { readVitest } from "./runners.ts";

/** A program of tests. */
export interface Program {
  readonly name: string;
  readonly what: string;
  readonly command: string;
  readonly run: (report: string) => readonly string[];
  readonly read: (report: string) => Omit<Part, "name" | "seconds">;
}

const own = (name: string, command: string, what: string, file: string): Program => ({
  name,
  what,
  command,
  run: (report) => ["tools/run.mjs", file, "--report", report],
  read: readReport,
});

export const PROGRAMS: readonly Program[] = [
  own("GPU", "npm run test:gpu", "the cases of test/gpu on software devices", "test/gpu/run.ts"),
  own("package", "npm run test:runtimes", "the packed package in every runtime", "test/package/runtime/conformance.ts"),
  own("installs", "npm run test:install", "the packed package as users install it", "test/package/install/install.ts"),
  {
    name: "worker",
    command: "npm run test:worker",
    what: "examples/worker over HTTP, on workerd, killed among others",
    run: (report) => [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--config",
      "examples/worker/vitest.config.ts",
      "--reporter=json",
      `--outputFile=${report}`,
    ],
    read: (report) => {
      const told = readVitest(readFileSync(report, "utf8"), resolve("."));
      const of = (state: string) => told.filter((one) => one.state === state);
      return {
        passed: of("passed").length,
        failed: of("failed").map(({ file, name, message }) => ({ name: `${file}: ${name}`, message })),
        skipped: of("skipped").map(({ file, name }) => ({
          name: `${file}: ${name}`,
          why: "the test skips itself here",
        })),
      };
    },
  },
];

/** Runs a program and reads its report. */
export async function runProgram({ name, run, read }: Program): Promise<Part> {
  const folder = resolve("node_modules/.cache/fgn/tests"), report = join(folder, `${name}.${process.pid}.txt`);
  mkdirSync(folder, { recursive: true });
  const began = performance.now(), { end, good, said } = await runQuietly(process.execPath, run(report));
  const told = existsSync(report) ? read(report) : { passed: 0, failed: [], skipped: [] };
  rmSync(report, { force: true });
  const ran = told.passed + told.failed.length + told.skipped.length;
  const wrong = ran === 0 || !good && told.failed.length === 0;
  const message = `it ${end}${ran === 0 ? " and told of no test" : ""}\n${tail(said)}`;
  return {
    name,
    seconds: (performance.now() - began) / 1000,
    ...told,
    failed: wrong ? [...told.failed, { name: "the program", message }] : told.failed,
  };
}
