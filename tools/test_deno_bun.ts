// Runs the test suite over the source under Deno (vitest) and Bun (its own runner, which maps imports of vitest).

import { spawnSync } from "node:child_process";
import process from "node:process";

const bin = "node_modules/.bin/";
const RUNS: readonly (readonly [string, string, readonly string[]])[] = [
  ["Deno", `${bin}deno`, ["run", "-A", "node_modules/vitest/vitest.mjs", "run", "--reporter=dot"]],
  ["Bun", `${bin}bun`, ["test", "./test"]],
];

for (const [name, command, args] of RUNS) {
  console.log(`\n${name}`);
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error !== undefined || status !== 0) {
    console.error(`the tests failed under ${name}: ${error?.message ?? `exit ${status}`}`);
    process.exit(1);
  }
}
