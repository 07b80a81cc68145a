// edge-runtime, in which Next.js runs code for the edge: bundled under the condition edge-light, kernels handed in as
// globals, and code generation forbidden.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import type { Plugin } from "esbuild";
import { output } from "./programs.ts";
import { bundleProject, freshProject } from "./project.ts";
import type { Report } from "./report.ts";
import type { Run, Runtime } from "./runtime.ts";

/** The global that stands for a kernel. */
const globalOf = (file: string): string => `wasm_${basename(file).replace(/\W/g, "_")}`;

/** Puts a global in the place of an imported kernel; notes which file it stands for. */
const kernelGlobals = (kernels: Map<string, string>): Plugin => ({
  name: "kernel globals",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => {
      return { path: join(resolveDir, path.replace("?module", "")), namespace: "kernel" };
    });
    onLoad({ filter: /.*/, namespace: "kernel" }, ({ path }) => {
      kernels.set(globalOf(path), path);
      return { contents: `export default globalThis.${globalOf(path)};` };
    });
  },
});

async function run(folder: string, tarball: string): Promise<Run> {
  const project = await freshProject(folder, tarball), kernels = new Map<string, string>();
  const plugins = [kernelGlobals(kernels)];
  const { file, entry } = await bundleProject(project, "edge_runtime", {
    conditions: ["edge-light"],
    output: { format: "iife" },
    plugins,
  });
  const given = Array.from(kernels, ([name, path]) => `${name}=${path}`);
  const said = await output(process.execPath, ["tools/run.mjs", "test/runtime/edge_host.ts", file, ...given], {
    seconds: 120,
  });
  const { version } = JSON.parse(readFileSync("node_modules/edge-runtime/package.json", "utf8")) as { version: string };
  return { version, entry, report: JSON.parse(said) as Report };
}

export const edgeRuntime: Runtime = { name: "edge-runtime", condition: "edge-light", run };
