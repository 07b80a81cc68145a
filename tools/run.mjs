// Runs a TypeScript file in Node versions that cannot: bundles it with esbuild, then imports the result.
//
//   node tools/run.mjs FILE.ts [arguments]

import { mkdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const [entry, ...rest] = process.argv.slice(2);
if (entry === undefined) {
  console.error("usage: node tools/run.mjs FILE.ts [arguments]");
  process.exit(2);
}
const folder = resolve("node_modules/.cache/fgn");
mkdirSync(folder, { recursive: true });
const name = relative(".", entry).replace(/\.ts$/, "").replaceAll("/", ".");
const outfile = join(folder, `${name}.mjs`);
await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm", packages: "external" });
process.argv = [process.argv[0], entry, ...rest];
await import(pathToFileURL(outfile).href);
