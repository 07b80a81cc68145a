// The cases on GPU devices: Deno, Node with Dawn, a page and a worker of Chromium.
//
//   npm run test:gpu [-- --soak] [-- --long] [-- --in PLACE] [-- PATTERN]
//
// --soak takes 5,000 steps in place of the cases; --long takes all long cases in every place, as Deno does; --in picks
// places and PATTERN cases, by their names. A place without an adapter is skipped, saying so; in CI (CI=true) that is a
// failure.

import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { Missing } from "../../tools/runtimes/missing.ts";
import { type Report, writeReport } from "../../tools/tests/report.ts";
import { given } from "./given.ts";
import { type Place, places } from "./places.ts";
import type { Request, Word } from "./suite.ts";
import { type Column, table } from "./table.ts";

/** Steps of a long soak. */
const SOAK = 5000;

const { values, positionals } = parseArgs({
  options: {
    soak: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    in: { type: "string", default: "" },
    report: { type: "string" },
  },
  allowPositionals: true,
});
const request: Omit<Request, "long"> = { pattern: positionals[0] ?? null, soak: values.soak ? SOAK : null };

const folder = resolve("node_modules/.cache/fgn/gpu"), file = `${folder}/given.json`;
mkdirSync(folder, { recursive: true });
writeFileSync(file, JSON.stringify(given()));

/** Runs the cases in a place; what it says of failures is printed at once. */
async function runIn({ name, long, run }: Place): Promise<Column> {
  const began = performance.now(), words: Word[] = [];
  const column = (problem: string | null, skipped = false): Column => {
    const seconds = (performance.now() - began) / 1000;
    return { name, words, seconds, problem, skipped };
  };
  try {
    await run(file, { ...request, long: values.long ? "" : long }, (word) => {
      words.push(word);
      if (word._tag !== "case") return;
      console.error(`${name}: ${word.name}: ${word.failure ?? `${word.ms} ms`}`);
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return column(message, error instanceof Missing && process.env["CI"] !== "true");
  }
  const none = words.find((word) => word._tag === "none");
  if (none !== undefined) return column(none.message, process.env["CI"] !== "true");
  const ran = words.some((word) => word._tag === "case");
  return column(ran ? null : "no case ran", request.pattern !== null);
}

/** The cases of all places, a place that could not run as one. */
function reportOf(columns: readonly Column[]): Report {
  const all = columns.flatMap(({ name, words }) =>
    words.flatMap((word) => word._tag === "case" ? [{ name: `${name}: ${word.name}`, failure: word.failure }] : [])
  );
  const problems = columns.flatMap(({ name, problem, skipped }) =>
    problem === null ? [] : [{ name, problem, skipped }]
  );
  return {
    passed: all.filter(({ failure }) => failure === null).length,
    failed: [
      ...all.flatMap(({ name, failure }) => failure === null ? [] : [{ name, message: failure }]),
      ...problems.filter(({ skipped }) => !skipped).map(({ name, problem }) => ({ name, message: problem })),
    ],
    skipped: problems.filter(({ skipped }) => skipped).map(({ name, problem }) => ({
      name,
      why: problem,
      ...name === "Deno" ? { remedy: "apt-get install mesa-vulkan-drivers" } : {},
    })),
  };
}

// All at once: they wait for their devices most of the time.
const columns = await Promise.all(places.filter(({ name }) => name.includes(values.in)).map(runIn));
console.log(`\n${table(columns)}`);
const bad = columns.some(({ words, problem, skipped }) =>
  problem !== null && !skipped || words.some((word) => word._tag === "case" && word.failure !== null)
);
const none = columns.every(({ words }) => words.every((word) => word._tag !== "case"));
// Without a device nothing may run; what is picked by name must be there.
const demanded = process.env["CI"] === "true" || request.pattern !== null || columns.length === 0;
writeReport(process.argv, reportOf(columns));
process.exit(bad || none && demanded ? 1 : 0);
