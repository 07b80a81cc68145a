// `deno doc --lint` over the public entries, and every example of a doc comment run. The types of fp-ts that our
// signatures use are re-exported; what the linter says of their own files in node_modules is not ours to mend.

import { spawnSync } from "node:child_process";
import process from "node:process";
import { DENO_GPU } from "./runtimes/deno.ts";

const options = { encoding: "utf8", env: { ...process.env, ...DENO_GPU, NO_COLOR: "1" } } as const;

function deno(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr, error } = spawnSync("node_modules/.bin/deno", args, options);
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

const { stderr } = deno(
  "doc",
  "--lint",
  "mod.ts",
  "src/kernel/relaxed.ts",
  "src/io/file_store.ts",
  "src/threads/threads.ts",
  "src/gpu/gpu.ts",
);
const places = stderr.split("\n").filter((line) => line.trimStart().startsWith("-->"));
const ours = places.filter((line) => !line.includes("node_modules"));
if (ours.length > 0 || (places.length === 0 && stderr.includes("error"))) {
  console.error(stderr);
  process.exit(1);
}
// Types are checked by tsc: here Deno would check them with the compiler options of Node.
const examples = deno("test", "-A", "--doc", "--no-check", "mod.ts", "src");
if (examples.status !== 0) {
  console.error(examples.stdout, examples.stderr);
  process.exit(1);
}
console.log(`public documentation: complete; ${/\d+ passed/.exec(examples.stdout)?.[0] ?? "no"} examples`);
