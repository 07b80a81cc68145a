// The suite: Node, Deno and Bun on the sources; with --everything also what needs devices, browsers, installs.
//
//   npm test [-- PATTERN] [-- --in NAME]     files whose paths have PATTERN in them, or, where none has, tests whose
//                                            names have; a runtime whose name has NAME
//   npm run test:everything [-- --in NAME] [-- --rest]     with --rest only what npm test leaves to it
//
// One line a part, failures in full, then what was skipped, why, and how to have it. The last line is the sum.

import process from "node:process";
import { parseArgs } from "node:util";
import { filesIn } from "./doc_pages.ts";
import { PROGRAMS, runProgram } from "./tests/programs.ts";
import { demanding, ending, failuresOf, isGood, lineOf, type Part } from "./tests/report.ts";
import { RUNNERS, runSources } from "./tests/sources.ts";

const { values, positionals } = parseArgs({
  options: {
    everything: { type: "boolean", default: false },
    rest: { type: "boolean", default: false },
    in: { type: "string", default: "" },
  },
  allowPositionals: true,
});
const wanted = values.in.toLowerCase(),
  isIn = ({ name }: { readonly name: string }): boolean => name.toLowerCase().includes(wanted);
const asked = positionals[0] ?? null, all = filesIn("test", ".test.ts");
const matching = asked === null ? all : all.filter((file) => file.includes(asked));
const pattern = matching.length > 0 ? null : asked, files = pattern === null ? matching : all;
const began = performance.now(), parts: Part[] = [];

function tell(part: Part): void {
  const told = values.everything && process.env["CI"] === "true" && !RUNNERS.some(({ name }) => name === part.name)
    ? { ...part, ...demanding(part) }
    : part;
  parts.push(told);
  console.log([lineOf(told), ...failuresOf(told)].join("\n"));
}

const runners = values.rest ? [] : RUNNERS.filter(isIn), programs = values.everything ? PROGRAMS.filter(isIn) : [];
if (runners.length + programs.length === 0) {
  const names = [...RUNNERS, ...values.everything ? PROGRAMS : []].map(({ name }) => name);
  console.error(`nothing is called ${values.in}: ${names.join(", ")}`);
  process.exit(2);
}
for (const runner of runners) tell(await runSources(runner, files, pattern));
for (const program of programs) tell(await runProgram(program));
const leftOut = values.everything || asked !== null ? [] : [
  "left to npm run test:everything:",
  ...PROGRAMS.map(({ what, command }) => `  ${what}: ${command}`),
];
console.log(ending(parts, [`${((performance.now() - began) / 1000).toFixed(0)} s`, ...leftOut]));
process.exitCode = isGood(parts) ? 0 : 1;
