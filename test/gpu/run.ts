// The cases on a GPU in Deno: on the CI machine and here, Mesa's software rasteriser (lavapipe).
//
//   npm run test:gpu [-- PATTERN | STEPS]
//
// PATTERN picks cases by their names; STEPS is a soak of so many. Without an adapter it passes, saying so; in CI
// (CI=true) it fails.

import process from "node:process";
import { webGpu } from "../../src/gpu/gpu.ts";
import { cases, deviceCases } from "./cases.ts";
import { soak } from "./cases/handles.ts";
import type { Case } from "./check.ts";
import { goldenFiles } from "./golden.ts";

const chosen = process.argv[2], steps = Number(chosen);
const matches = ({ name }: { name: string }): boolean => chosen === undefined || new RegExp(chosen).test(name);
const soaks = Number.isInteger(steps) ? [soak(steps)] : null;

async function attempt(name: string, run: () => Promise<void>): Promise<boolean> {
  const began = performance.now();
  try {
    await run();
    console.log(`ok      ${name} (${Math.round(performance.now() - began)} ms)`);
    return true;
  } catch (error) {
    console.log(`FAILED  ${name}\n        ${error instanceof Error ? error.stack : error}`);
    return false;
  }
}

const opened = await webGpu()();
if (opened._tag === "Left") {
  const { _tag, message } = opened.left;
  console.log(`no case ran: ${message}`);
  process.exit(_tag === "UnsupportedRuntime" && process.env["CI"] !== "true" ? 0 : 1);
}
const backend = opened.right, golden = goldenFiles();
console.log(backend.description);
const results: boolean[] = [];
for (const one of (soaks ?? cases.filter(matches)) as readonly Case[]) {
  results.push(await attempt(one.name, () => one.run(backend, golden)));
}
backend.close();
for (const { name, run } of soaks === null ? deviceCases.filter(matches) : []) results.push(await attempt(name, run));
const failed = results.filter((ok) => !ok).length;
console.log(`${results.length - failed} of ${results.length} cases passed`);
process.exit(failed > 0 || results.length === 0 ? 1 : 0);
