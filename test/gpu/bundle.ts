// Bundles of the cases.

import { build } from "esbuild";

/** The text of an entry of entries/ with all that it imports. */
export async function bundle(name: string, platform: "node" | "browser"): Promise<string> {
  const entryPoints = [`test/gpu/entries/${name}.ts`];
  const { outputFiles: [file] } = await build({
    entryPoints,
    platform,
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
  });
  if (file === undefined) throw new Error(`${name} has no bundle`);
  return file.text;
}
