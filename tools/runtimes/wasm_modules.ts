import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Plugin } from "esbuild";

/** Leaves imports of `.wasm?module` to the runtime, brings the files into a folder, and notes their names. */
export const wasmModules = (folder: string, names: Set<string>): Plugin => ({
  name: "wasm modules",
  setup({ onResolve }) {
    onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => {
      const file = join(resolveDir, path.replace("?module", "")), name = basename(file);
      copyFileSync(file, join(folder, name));
      names.add(name);
      return { path: `./${name}`, external: true };
    });
  },
});
