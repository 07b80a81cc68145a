// Runs a bundle in edge-runtime and writes its report as one line.
//
//   node tools/run.mjs test/runtime/edge_host.ts BUNDLE [GLOBAL=KERNEL.wasm]...

import { readFileSync } from "node:fs";
import process from "node:process";
import { EdgeRuntime } from "edge-runtime";

const [bundle, ...kernels] = process.argv.slice(2);
if (bundle === undefined) throw new Error("which bundle?");

/** A kernel compiled beforehand; none where this engine does not know its instructions. */
function compiled(file: string): WebAssembly.Module | undefined {
  const bytes = readFileSync(file);
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
}

const globals = Object.fromEntries(kernels.map((kernel) => {
  const [name = "", file = ""] = kernel.split("=");
  return [name, compiled(file)];
}));
const code = readFileSync(bundle, "utf8"), began = performance.now();
const runtime = new EdgeRuntime({
  codeGeneration: { strings: false, wasm: false },
  extend: (context) => Object.assign(context, globals),
});

async function answer(path: string): Promise<string> {
  const response = await runtime.dispatchFetch(`http://127.0.0.1${path}`), text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

runtime.evaluate(code);
await answer("/cold");
const firstStepMs = performance.now() - began;
const report = JSON.parse(await answer("/report")) as Record<string, unknown>;
console.log(JSON.stringify({ ...report, importMs: null, firstStepMs }));
process.exit(0);
