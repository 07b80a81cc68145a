// Other versions of Node, installed once into a cache: among the tools of this package they would stand in the way of
// the one that runs them.

import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { output } from "./programs.ts";

const LISTED = "test/runtime/nodes", CACHE = "node_modules/.cache/fgn/nodes", LOCK = "package-lock.json";

/** The program of a version, by its name in nodes/package.json. */
export async function nodeOf(name: string): Promise<string> {
  const program = join(CACHE, "node_modules", name, "bin/node");
  const same = existsSync(join(CACHE, LOCK)) &&
    readFileSync(join(CACHE, LOCK), "utf8") === readFileSync(join(LISTED, LOCK), "utf8");
  if (!(same && existsSync(program))) {
    mkdirSync(CACHE, { recursive: true });
    cpSync(LISTED, CACHE, { recursive: true });
    await output("npm", ["ci", "--no-audit", "--no-fund"], { cwd: CACHE, seconds: 300 });
  }
  return resolve(program);
}
