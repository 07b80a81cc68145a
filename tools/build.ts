// Builds the package into dist/: one ES module an entry, with fp-ts rewritten to its tree-shakable build,
// and type declarations.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

const treeShaken: Plugin = {
  name: "fp-ts",
  setup({ onResolve }) {
    onResolve({ filter: /^fp-ts\/lib\// }, ({ path }) => ({ path: path.replace("/lib/", "/es6/"), external: true }));
  },
};

/** tsc keeps `.ts` in the specifiers of declarations; packages need `.js`. */
function rewriteSpecifiers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) rewriteSpecifiers(path);
    else if (path.endsWith(".d.ts")) {
      writeFileSync(path, readFileSync(path, "utf8").replace(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
    }
  }
}

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: { mod: "mod.ts", relaxed: "src/kernel/relaxed.ts", file: "src/io/file_store.ts" },
  external: ["node:*"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  plugins: [treeShaken],
});
execFileSync("node_modules/.bin/tsc", [
  "--noEmit",
  "false",
  "--emitDeclarationOnly",
  "--declaration",
  "--rootDir",
  ".",
  "--outDir",
  "dist",
  "--project",
  "tsconfig.build.json",
], { stdio: "inherit" });
rewriteSpecifiers("dist");
