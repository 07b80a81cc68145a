// The pages and sources that have examples, and how an example is run here.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Example, examplesOf, type Importer } from "../../tools/doc_examples.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Paths within the repository, of a folder and those in it. */
function filesIn(folder: string, extension: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesIn(path, extension) : entry.name.endsWith(extension) ? [path] : [];
  }).sort();
}

export const PAGES: readonly string[] = ["README.md", ...filesIn("docs", ".md")];
export const SOURCES: readonly string[] = ["mod.ts", ...filesIn("src", ".ts")];

export const examplesIn = (file: string): Example[] => examplesOf(file, readFileSync(join(ROOT, file), "utf8"));

/** Names that blocks may ask for: the runtimes that the suite runs in, and others whose blocks are checked for types. */
export const RUNTIMES = ["node", "deno", "bun", "browser", "edge", "dawn"] as const;

const here: (typeof RUNTIMES)[number] = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

export const runsHere = ({ runtimes }: Example): boolean => runtimes.length === 0 || runtimes.includes(here);

/** The library's entries as the sources have them. */
const ENTRIES: Readonly<Record<string, () => Promise<unknown>>> = {
  "fgn": () => import("../../mod.ts"),
  "fgn/file": () => import("../../src/io/file_store.ts"),
  "fgn/gpu": () => import("../../src/gpu/gpu.ts"),
  "fgn/relaxed": () => import("../../src/kernel/relaxed.ts"),
  "fgn/threads": () => import("../../src/threads/threads.ts"),
};

export const load: Importer = (specifier) => (ENTRIES[specifier] ?? (() => import(specifier)))();
