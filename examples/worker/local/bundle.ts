// The worker as Cloudflare's own tool bundles it: one module, and the kernel as a WebAssembly module beside it.

import { copyFileSync, mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

/** Modules by name, each a file in the folder of the bundle. */
export interface Bundle {
  readonly main: string;
  readonly wasm: readonly string[];
}

/** Leaves the imports of compiled modules as they are, and brings the files along. */
function compiled(folder: string, names: Set<string>): Plugin {
  return {
    name: "compiled modules",
    setup({ onResolve }) {
      onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => {
        const file = join(resolveDir, path.slice(0, -"?module".length)), name = basename(file);
        copyFileSync(file, join(folder, name));
        names.add(name);
        return { path: `./${name}`, external: true };
      });
    },
  };
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
    plugins: [compiled(folder, wasm)],
  });
  return { main, wasm: [...wasm] };
}
