// The suite over the sources in a runtime, run by a child process whose report is read.

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { bun, deno } from "../runtimes/processes.ts";
import { isOnce, whyOf } from "./division.ts";
import { type Ended, runQuietly, tail } from "./processes.ts";
import { type Failure, failure, type Part } from "./report.ts";
import { readJunit, readVitest, type Told } from "./runners.ts";

/** A runtime of the suite. */
export interface Runner {
  readonly name: string;
  /** Whether it takes the files that run once. */
  readonly all: boolean;
  readonly command: string;
  /** Arguments for files, tests whose names match (null: all), and where the report is written. */
  readonly args: (files: readonly string[], pattern: string | null, report: string) => readonly string[];
  readonly read: (report: string) => readonly Told[];
}

const VITEST = ["node_modules/vitest/vitest.mjs", "run", "--reporter=json"];
const named = (pattern: string | null): string[] => pattern === null ? [] : ["-t", pattern];

const vitest = (name: string, all: boolean, command: string, before: readonly string[]): Runner => ({
  name,
  all,
  command,
  args: (files, pattern, report) => [...before, ...VITEST, `--outputFile=${report}`, ...named(pattern), ...files],
  read: (report) => readVitest(report, resolve(".")),
});

export const RUNNERS: readonly Runner[] = [
  vitest("Node", true, process.execPath, []),
  vitest("Deno", false, deno.command, deno.run),
  {
    name: "Bun",
    all: false,
    command: bun.command,
    args: (files, pattern, report) => [
      "test",
      "--parallel=2",
      "--no-isolate",
      "--only-failures",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...named(pattern),
      ...files.map((file) => `./${file}`),
    ],
    read: readJunit,
  },
];

/** What is wrong beside the tests that failed: files of which no test was told, an end that the report does not explain. */
function others(told: readonly Told[], files: readonly string[], { end, good, said }: Ended): Failure[] {
  const seen = new Set(told.map(({ file }) => file)), silent = files.filter((file) => !seen.has(file));
  if (silent.length > 0) return [{ name: silent.join(", "), message: `no test ran; the runner ${end}\n${tail(said)}` }];
  const failed = told.some(({ state }) => state === "failed");
  return good || failed ? [] : [{ name: "the runner", message: `it ${end}, though no test failed\n${tail(said)}` }];
}

/** Runs files in a runtime. With a pattern of names, only tests that match count, and files without one may be silent. */
export async function runSources(
  runner: Runner,
  chosen: readonly string[],
  pattern: string | null,
): Promise<Part> {
  const files = runner.all ? chosen : chosen.filter((file) => !isOnce(file)), began = performance.now();
  const folder = resolve("node_modules/.cache/fgn/tests"), report = join(folder, `${runner.name}.${process.pid}.txt`);
  const part = (rest: Omit<Part, "name" | "seconds">): Part => ({
    name: runner.name,
    seconds: (performance.now() - began) / 1000,
    ...rest,
  });
  if (files.length === 0) return part({ passed: 0, failed: [], skipped: [] });
  mkdirSync(folder, { recursive: true });
  const ended = await runQuietly(runner.command, runner.args(files, pattern, report));
  if (!existsSync(report)) return part(failure("the runner", `it ${ended.end} without a report\n${tail(ended.said)}`));
  const all = runner.read(readFileSync(report, "utf8"));
  rmSync(report);
  const told = pattern === null ? all : all.filter(({ name, state }) => state !== "skipped" || name.includes(pattern));
  const failed = told.filter(({ state }) => state === "failed");
  return part({
    passed: told.filter(({ state }) => state === "passed").length,
    failed: [
      ...failed.map(({ file, name, message }) => ({ name: `${file}: ${name}`, message })),
      ...others(told, pattern === null ? files : [], ended),
    ],
    skipped: told.filter(({ state }) => state === "skipped").map(({ file, name }) => ({
      name: `${file}: ${name}`,
      ...whyOf(name),
    })),
  });
}
