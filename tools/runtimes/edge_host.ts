// A bundle in edge-runtime, asked for paths one after another, in a process of its own: writes its answers as one line.
//
//   node tools/run.mjs tools/runtimes/edge_host.ts BUNDLE PATH,... [GLOBAL=KERNEL.wasm]...

import process from "node:process";
import type { Answers } from "./edge_runtime.ts";
import { startEdge } from "./edge_start.ts";

const [bundle = "", paths = "", ...kernels] = process.argv.slice(2);
const { answer, began } = startEdge(bundle, kernels), started = performance.now() - began;
const answers: { ms: number; text: string }[] = [];
for (const path of paths.split(",")) {
  const asked = performance.now(), text = await answer(path);
  answers.push({ ms: performance.now() - asked, text });
}
console.log(JSON.stringify({ started, answers } satisfies Answers));
process.exit(0);
