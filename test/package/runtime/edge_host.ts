// Runs a bundle in edge-runtime and writes its report as one line.
//
//   node tools/run.mjs test/package/runtime/edge_host.ts BUNDLE [GLOBAL=KERNEL.wasm]...

import process from "node:process";
import { startEdge } from "./edge_start.ts";

const [bundle, ...kernels] = process.argv.slice(2);
if (bundle === undefined) throw new Error("which bundle?");

const { answer, began } = startEdge(bundle, kernels);
await answer("/cold");
const firstStepMs = performance.now() - began;
const report = JSON.parse(await answer("/report")) as Record<string, unknown>;
console.log(JSON.stringify({ ...report, importMs: null, firstStepMs }));
process.exit(0);
