// Bundles of the cases.

import { resolve } from "node:path";
import { build } from "esbuild";

/** Bundles an entry of entries/. */
export async function bundle(name: string, platform: "node" | "browser"): Promise<string> {
  const outfile = resolve(`node_modules/.cache/fgn/gpu/${name}.mjs`);
  const entryPoints = [`test/gpu/entries/${name}.ts`];
  await build({ entryPoints, outfile, platform, bundle: true, format: "esm", target: "es2022" });
  return outfile;
}
