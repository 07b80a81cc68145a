// Fresh projects with the tarball installed, and the suite bundled for them.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { output } from "./output.ts";

/** Programs that are bundled for a project: a folder and the names of its entries. */
export interface Suite {
  readonly folder: string;
  readonly entries: readonly string[];
  /** Texts in the place of names. */
  readonly define?: Readonly<Record<string, string>>;
}

/** Throws where an entry imports the package before it asks for it: the first step would not be cold. */
function checkCold({ outputs }: Metafile, { folder }: Suite): void {
  for (const [file, { entryPoint }] of Object.entries(outputs)) {
    if (!entryPoint?.startsWith(`${folder}/`)) continue;
    const waiting = [file];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const imported = outputs[path]?.imports.filter(({ kind }) => kind === "import-statement") ?? [];
      if (imported.some(({ external }) => external)) throw new Error(`${entryPoint} imports the package at its start`);
      waiting.push(...imported.map((one) => one.path));
    }
  }
}

/** Bundles the suite into a folder: one module an entry, the packages outside. */
async function bundleSuite(outdir: string, suite: Suite, external = ["fgn", "fgn/*", "fp-ts/*"]): Promise<void> {
  const { metafile } = await build({
    entryPoints: suite.entries.map((name) => `${suite.folder}/${name}.ts`),
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    external,
    define: { ...suite.define },
    metafile: true,
  });
  checkCold(metafile, suite);
}

/** A new project in a folder, with the tarball as its dependency and the suite in suite/. */
export async function freshProject(
  folder: string,
  tarball: string,
  suite: Suite,
  external?: string[],
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "name": "fresh", "private": true, "type": "module" }\n');
  await output("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], { cwd: folder });
  await bundleSuite(join(folder, "suite"), suite, external);
  return folder;
}

/** A bundle: the file, and what it took from the package. */
export interface Bundle {
  readonly file: string;
  /** The package's entry, relative to its folder. */
  readonly entry: string;
}

interface Bundling {
  /** Where the bundle goes; default: into the project. */
  readonly outdir?: string;
  readonly conditions?: string[];
  readonly plugins?: Plugin[];
  /** Modules that load their parts when they ask for them, or a script of one file. Default: a module of one file. */
  readonly output?: { readonly splitting: true } | { readonly format: "iife" };
}

/** Bundles an entry of a project's suite with what it imports, resolved as the project does. */
export async function bundleProject(project: string, entry: string, bundling: Bundling = {}): Promise<Bundle> {
  const { output = {}, outdir = project, ...options } = bundling;
  const { metafile } = await build({
    ...options,
    entryPoints: [`suite/${entry}.js`],
    outdir,
    absWorkingDir: project,
    bundle: true,
    format: "esm",
    target: "es2022",
    metafile: true,
    ...output,
  });
  const inputs = Object.keys(metafile.inputs);
  const entries = inputs.flatMap((path) => /node_modules\/fgn\/(.*\bmod\.js)$/.exec(path)?.[1] ?? []);
  if (entries.length !== 1) throw new Error(`the bundle has ${entries.length} entries of fgn: ${entries}`);
  return { file: join(outdir, `${entry}.js`), entry: entries[0] as string };
}
