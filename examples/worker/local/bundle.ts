// The worker as Cloudflare's own tool bundles it: one module, and the kernel as a WebAssembly module beside it.

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { wasmModules } from "../../../tools/runtimes/wasm_modules.ts";

/** Modules by name, each a file in the folder of the bundle. */
export interface Bundle {
  readonly main: string;
  readonly wasm: readonly string[];
}

/** Bundles a worker into a folder; `fgn` is the package that this repository builds. */
export async function bundle(entry: string, folder: string): Promise<Bundle> {
  const main = "worker.js", wasm = new Set<string>();
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [entry],
    outfile: join(folder, main),
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    mainFields: ["browser", "module", "main"],
    alias: { fgn: resolve("dist/edge/mod.js") },
    external: ["cloudflare:*"],
    plugins: [wasmModules(folder, wasm)],
  });
  return { main, wasm: [...wasm] };
}
