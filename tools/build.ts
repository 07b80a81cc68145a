// Builds the package into dist/: one ES module an entry with the kernel inlined, the same entries in dist/edge/ with
// the kernel as a WebAssembly file that the bundler of an edge runtime compiles beforehand, index.js with everything
// in it for a page without a bundler, the kernels themselves, and type declarations. fp-ts is taken from its
// tree-shakable build.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { relaxed } from "../src/kernel/relaxed.generated.ts";
import { simd } from "../src/kernel/simd.generated.ts";
import type { KernelCode } from "../src/kernel/source.ts";

const treeShaken: Plugin = {
  name: "fp-ts",
  setup({ onResolve }) {
    onResolve({ filter: /^fp-ts\/lib\// }, ({ path }) => ({ path: path.replace("/lib/", "/es6/"), external: true }));
  },
};

/** Puts the import of a compiled module in the place of the inlined bytes. */
const compiledBeforehand: Plugin = {
  name: "compiled beforehand",
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\.generated\.ts$/ }, ({ path }) => {
      const inlined = readFileSync(path, "utf8"), kernel = basename(path, ".generated.ts");
      const contents = `import module from "../kernel.${kernel}.wasm?module";\n` +
        inlined.replace(/code: "[^"]*"/, "code: module");
      return { contents, loader: "ts" };
    });
    onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** tsc keeps `.ts` in the specifiers of declarations; packages need `.js`. */
function rewriteSpecifiers(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) rewriteSpecifiers(path);
    else if (path.endsWith(".d.ts")) {
      writeFileSync(path, readFileSync(path, "utf8").replace(/((?:from |import\()"\.[^"]*)\.ts"/g, '$1.js"'));
    }
  }
}

const bytesOf = ({ code }: KernelCode): Uint8Array => {
  if (typeof code !== "string") throw new Error("a kernel is not inlined");
  return Buffer.from(code, "base64");
};

const entries = { mod: "mod.ts", relaxed: "src/kernel/relaxed.ts" };
const modules: BuildOptions = { bundle: true, format: "esm", target: "es2022" };

rmSync("dist", { recursive: true, force: true });
await build({
  ...modules,
  entryPoints: { ...entries, file: "src/io/file_store.ts" },
  outdir: "dist",
  splitting: true,
  external: ["node:*"],
  plugins: [treeShaken],
});
await build({
  ...modules,
  entryPoints: entries,
  outdir: "dist/edge",
  splitting: true,
  plugins: [treeShaken, compiledBeforehand],
});
await build({ ...modules, entryPoints: { index: "mod.ts" }, outdir: "dist", minify: true });
writeFileSync("dist/kernel.simd.wasm", bytesOf(simd));
writeFileSync("dist/kernel.relaxed.wasm", bytesOf(relaxed));
execFileSync("node_modules/.bin/tsc", ["--project", "tsconfig.build.json"], { stdio: "inherit" });
rewriteSpecifiers("dist");
