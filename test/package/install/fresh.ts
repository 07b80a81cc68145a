// Fresh projects: folders without anything in them but two programs.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { CHECKPOINT, example } from "./example.ts";

const execute = promisify(execFile);

/** A project, and how to run commands in it. */
export interface Fresh {
  readonly folder: string;
  /** Runs a command of this repository's tools, or of the system; gives what it prints. */
  readonly run: (command: string, ...args: readonly string[]) => Promise<string>;
}

/**
 * A new folder with the README's example in `file` and checkpoint.mjs, where package managers know one registry alone and
 * find nothing of earlier runs, nor of the folders above: a deno.json of its own keeps Deno from looking there.
 */
export function freshProject(folder: string, registry: string, file: string): Fresh {
  const cache = join(folder, ".cache");
  mkdirSync(folder);
  writeFileSync(join(folder, file), example());
  writeFileSync(join(folder, "checkpoint.mjs"), CHECKPOINT);
  writeFileSync(join(folder, "deno.json"), "{}");
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    NO_COLOR: "1",
    NPM_CONFIG_REGISTRY: registry,
    NPM_CONFIG_CACHE: cache,
    BUN_INSTALL_CACHE_DIR: cache,
    DENO_DIR: cache,
  };
  const run: Fresh["run"] = async (command, ...args) => {
    const ours = resolve("node_modules/.bin", command);
    const { stdout } = await execute(existsSync(ours) ? ours : command, args, { cwd: folder, env, timeout: 120_000 });
    return stdout;
  };
  return { folder, run };
}
