// edge-runtime, in which Next.js runs code for the edge: bundled under the condition edge-light, kernels handed in as
// globals, and code generation forbidden.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import type { Plugin } from "esbuild";
import { failureOf, withForbidden } from "./forbidden.ts";
import { output } from "./programs.ts";
import { bundleProject, freshProject } from "./project.ts";
import type { Report } from "./report.ts";
import type { Run, Runtime } from "./runtime.ts";

/** The global that stands for a kernel. */
const globalOf = (file: string): string => `wasm_${basename(file).replace(/\W/g, "_")}`;

/** Puts a global in the place of an imported kernel; notes which file it stands for. */
export const kernelGlobals = (kernels: Map<string, string>): Plugin => ({
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

/** Runs a bundle in a process of its own. */
const host = (bundle: string, kernels: readonly string[]): Promise<string> =>
  output(process.execPath, ["tools/run.mjs", "test/package/runtime/edge_host.ts", bundle, ...kernels], {
    seconds: 120,
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
  const told = JSON.parse(await host(file, given)) as Report;
  const inlined = await bundleProject(project, "edge_runtime", {
    outdir: join(project, "inlined"),
    output: { format: "iife" },
  });
  const report = withForbidden(told, await failureOf(host(inlined.file, [])));
  const { version } = JSON.parse(readFileSync("node_modules/edge-runtime/package.json", "utf8")) as { version: string };
  return { version, entry, report };
}

export const edgeRuntime: Runtime = { name: "edge-runtime", condition: "edge-light", run };
