// The compiler's word on a copy of the library in which something was changed.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** New texts of files, by their paths from the root. */
export type Edits = Readonly<Record<string, (text: string) => string>>;

/** The part of the project that is checked: the library alone. */
const project = (): string =>
  JSON.stringify({ extends: resolve("tsconfig.json"), compilerOptions: { paths: {} }, include: ["mod.ts", "src"] });

function edit(folder: string, path: string, change: (text: string) => string): void {
  const file = join(folder, path), text = readFileSync(file, "utf8"), changed = change(text);
  if (changed === text) throw new Error(`the edit of ${path} changes nothing`);
  writeFileSync(file, changed);
}

/**
 * What the compiler refuses in a copy with these edits, a line a diagnostic: `src/room/file.ts(line,column): error …`, each
 * on one line. An edit that changes nothing throws, so that a test cannot pass because a file was reworded.
 */
export function compileCopy(edits: Edits): readonly string[] {
  const cache = resolve("node_modules/.cache/fgn");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "copy-"));
  try {
    for (const part of ["mod.ts", "src"]) cpSync(resolve(part), join(folder, part), { recursive: true });
    writeFileSync(join(folder, "tsconfig.json"), project());
    for (const [path, change] of Object.entries(edits)) edit(folder, path, change);
    const args = [resolve("node_modules/typescript/bin/tsc"), "--pretty", "false", "-p", "."];
    try {
      execFileSync("node", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
      return [];
    } catch (error) {
      const { stdout } = error as { stdout?: unknown };
      if (typeof stdout !== "string") throw error;
      return stdout.split("\n").filter((line) => /\(\d+,\d+\): error /.test(line));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The files that diagnostics name, each once, in order. */
export const filesOf = (diagnostics: readonly string[]): readonly string[] =>
  [...new Set(diagnostics.map((line) => line.slice(0, line.indexOf("("))))].sort();
