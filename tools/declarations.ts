// Type declarations of the public entries, and of what they refer to: nothing else.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";

const LOCAL = /((?:from |import\()")(\.[^"]*)\.ts"/g;

/** Writes the declarations of the entries (TypeScript files, relative to the root) into a folder. */
export function writeDeclarations(entries: readonly string[], folder: string): void {
  const all = mkdtempSync(join(tmpdir(), "fgn-types-"));
  try {
    execFileSync("node_modules/.bin/tsc", ["--project", "tsconfig.build.json", "--outDir", all], { stdio: "inherit" });
    const waiting = [...entries], done = new Set<string>();
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (done.has(path)) continue;
      done.add(path);
      const name = path.replace(/\.ts$/, ".d.ts"), text = readFileSync(join(all, name), "utf8");
      for (const [, , to] of text.matchAll(LOCAL)) waiting.push(normalize(join(dirname(path), `${to}.ts`)));
      const target = join(folder, name);
      mkdirSync(dirname(target), { recursive: true });
      // tsc keeps `.ts` in the specifiers of declarations; packages need `.js`.
      writeFileSync(target, text.replace(LOCAL, '$1$2.js"'));
    }
  } finally {
    rmSync(all, { recursive: true });
  }
}
