// Packages for tests that would be in the way among the tools of this package: installed once, into a cache.

import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { output } from "./output.ts";

const CACHE = "node_modules/.cache/fgn", LOCK = "package-lock.json";

/** The path of a file of the packages that a folder lists, with a lock. */
export async function installed(listed: string, file: string): Promise<string> {
  const cache = join(CACHE, basename(listed)), path = join(cache, "node_modules", file);
  const same = existsSync(join(cache, LOCK)) &&
    readFileSync(join(cache, LOCK), "utf8") === readFileSync(join(listed, LOCK), "utf8");
  if (!(same && existsSync(path))) {
    mkdirSync(cache, { recursive: true });
    cpSync(listed, cache, { recursive: true });
    await output("npm", ["ci", "--no-audit", "--no-fund"], { cwd: cache, seconds: 300 });
  }
  return resolve(path);
}
