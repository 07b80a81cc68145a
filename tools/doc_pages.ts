// The files that have examples, by path from the repository's folder, where everything here is run.

import { readdirSync, readFileSync } from "node:fs";
import { type Example, examplesOf } from "./doc_examples.ts";

/** Paths of the files with an extension in a folder and those in it; hidden ones and packages left out. */
export function filesIn(folder: string, extension: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const { name } = entry;
    if (name.startsWith(".") || name === "node_modules" || name === "dist") return [];
    const path = folder === "." ? name : `${folder}/${name}`;
    return entry.isDirectory() ? filesIn(path, extension) : name.endsWith(extension) ? [path] : [];
  }).sort();
}

/** Pages whose blocks run. */
export const PAGES: readonly string[] = ["README.md", ...filesIn("docs", ".md")];

/** Sources whose doc comments have examples. */
export const SOURCES: readonly string[] = ["mod.ts", ...filesIn("src", ".ts")];

export const examplesIn = (file: string): Example[] => examplesOf(file, readFileSync(file, "utf8"));
