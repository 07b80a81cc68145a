// Builds the package into dist/: one ES module an entry with the kernel inlined, the same entries in dist/edge/ with
// the kernel as a WebAssembly file that the bundler of an edge runtime compiles beforehand, index.js minified for a page
// without a bundler, the kernels themselves, and type declarations. What is used of fp-ts is bundled, from its
// tree-shakable build: Node cannot import that one, and the other one does not shake.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { relaxed } from "../src/kernel/relaxed.generated.ts";
import { simd } from "../src/kernel/simd.generated.ts";
import { writeDeclarations } from "./declarations.ts";

/**
 * Says of a module of fp-ts that what it computes as it loads has no effect, so that a bundle leaves out what it does not
 * use: calls are marked, and objects, whose members read those of others, are made by a call that is.
 */
const markPure = (code: string): string =>
  code
    .replace(/^(?:export )?var (?!.*function).*$/gm, (line) => line.replace(/[\w.]+\(/g, "/* @__PURE__ */ $&"))
    .replace(/^(var \w+ = )(\{\n[^]*?\n\});/gm, "$1/* @__PURE__ */ (() => ($2))();");

const treeShaken: Plugin = {
  name: "fp-ts",
  setup({ onLoad, onResolve }) {
    onResolve(
      { filter: /^fp-ts\/lib\// },
      ({ path }) => ({ path: resolve("node_modules", path.replace("/lib/", "/es6/")) }),
    );
    onLoad({ filter: /\/fp-ts\/es6\/\w+\.js$/ }, ({ path }) => ({ contents: markPure(readFileSync(path, "utf8")) }));
  },
};

/** Puts the import of a compiled module in the place of the inlined bytes, and of what compiles them. */
const compiledBeforehand: Plugin = {
  name: "compiled beforehand",
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\.generated\.ts$/ }, ({ path }) => {
      const inlined = readFileSync(path, "utf8"), kernel = basename(path, ".generated.ts");
      const code = inlined.replace(/code:\s*"[^"]*"/, "code: module");
      if (code === inlined) throw new Error(`${path} has no code to replace`);
      return { contents: `import module from "../kernel.${kernel}.wasm?module";\n${code}`, loader: "ts" };
    });
    onLoad({ filter: /\/kernel\/compile\.ts$/ }, () => ({
      contents: 'export const compile = ({ code }) => ({ _tag: "Right", right: code });',
    }));
    onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Put first, since the kernel's bytes would divide the rest into what a compressor has in sight and what it has not. */
const KERNEL = "src/kernel/simd.generated.ts";

/** Packages that users install with this one: readers of files need them, and nothing else does. */
const PARSERS = ["papaparse", "fflate", "hyparquet", "hyparquet-compressors"];

const entries = { mod: "mod.ts", relaxed: "src/kernel/relaxed.ts", gpu: "src/gpu/gpu.ts", onnx: "src/onnx/onnx.ts" },
  file = "src/io/file_store.ts",
  data = "src/readers/readers.ts",
  threads = "src/threads/threads.ts";
const banner = { js: "/*! With parts of fp-ts, copyright (c) 2017-present Giulio Canti, MIT license */" };
/** Packages that a single entry needs: they stay imports, so that the others never see them. */
const external = ["@bufbuild/protobuf"];
const modules: BuildOptions = { bundle: true, format: "esm", target: "es2022", banner };

rmSync("dist", { recursive: true, force: true });
await build({
  ...modules,
  entryPoints: { ...entries, file, data, threads },
  outdir: "dist",
  splitting: true,
  external: ["node:*", ...external, ...PARSERS],
  inject: [KERNEL],
  plugins: [treeShaken],
});
await build({
  ...modules,
  entryPoints: entries,
  outdir: "dist/edge",
  splitting: true,
  external,
  plugins: [treeShaken, compiledBeforehand],
});
await build({
  ...modules,
  entryPoints: { index: "mod.ts" },
  outdir: "dist",
  minify: true,
  inject: [KERNEL],
  plugins: [treeShaken],
});
for (const [name, { code }] of Object.entries({ simd, relaxed })) {
  if (typeof code !== "string") throw new Error(`the ${name} kernel is not inlined`);
  writeFileSync(`dist/kernel.${name}.wasm`, Buffer.from(code, "hex"));
}
writeFileSync("dist/kernel.d.ts", "declare const module: WebAssembly.Module;\nexport default module;\n");
writeDeclarations([...Object.values(entries), file, data, threads], "dist");
