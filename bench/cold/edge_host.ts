// Phases of a bundle in edge-runtime, each a request: writes their times as one line.
//
//   node tools/run.mjs bench/cold/edge_host.ts BUNDLE PHASE,... [GLOBAL=KERNEL.wasm]...

import process from "node:process";
import { startEdge } from "../../test/package/runtime/edge_start.ts";

const [bundle = "", phases = "", ...kernels] = process.argv.slice(2);
const { answer } = startEdge(bundle, kernels), times: number[] = [];
for (const phase of phases.split(",")) {
  const began = performance.now();
  await answer(`/${phase}`);
  times.push(performance.now() - began);
}
console.log(JSON.stringify(times));
process.exit(0);
