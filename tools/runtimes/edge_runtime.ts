// edge-runtime, in which Next.js runs code for the edge: bundled under the condition edge-light, kernels handed in as
// globals, and code generation forbidden.

import { basename, join } from "node:path";
import process from "node:process";
import type { Plugin } from "esbuild";
import { output } from "./output.ts";
import { bundleProject } from "./project.ts";

/** What a bundle answered, and what it took in milliseconds. */
export interface Answers {
  /** Making the runtime and evaluating the bundle, kernels and code at hand. */
  readonly started: number;
  readonly answers: readonly { readonly ms: number; readonly text: string }[];
}

/** A bundle, ready to be asked for paths; each time in a process of its own. */
export interface EdgeBundle {
  /** The package's entry that it took, relative to the package's folder. */
  readonly entry: string;
  readonly ask: (...paths: readonly string[]) => Promise<Answers>;
}

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

const HOST = ["tools/run.mjs", "tools/runtimes/edge_host.ts"];

/** Bundles edge_runtime.ts of a project's suite: under edge-light with kernels handed in, or with inlined bytes. */
export async function edgeBundle(project: string, kind: "edge-light" | "inlined"): Promise<EdgeBundle> {
  const kernels = new Map<string, string>(), format = { format: "iife" } as const;
  const { file, entry } = await bundleProject(
    project,
    "edge_runtime",
    kind === "inlined"
      ? { outdir: join(project, kind), output: format }
      : { conditions: [kind], output: format, plugins: [kernelGlobals(kernels)] },
  );
  const given = Array.from(kernels, ([name, path]) => `${name}=${path}`);
  const ask: EdgeBundle["ask"] = async (...paths) =>
    JSON.parse(await output(process.execPath, [...HOST, file, paths.join(","), ...given], { seconds: 120 })) as Answers;
  return { entry, ask };
}
