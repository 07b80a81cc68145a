// Runs the worker in workerd, on this machine.

import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Running, startWorkerd } from "../../../tools/runtimes/workerd.ts";
import { bundle } from "./bundle.ts";
import { readWrangler, type Vars, workerdConfig } from "./config.ts";

export type { Running };

/** The folder of the example; commands run in that of the repository. */
export const FOLDER = "examples/worker";

/** How to run the worker. */
export interface Setting {
  /** Its module in the folder of the example, in the place of that of wrangler.jsonc. */
  readonly main?: string;
  /** Where the bundle and its configuration are written. */
  readonly build: string;
  /** Where the objects' data lie. */
  readonly data: string;
  /** 0, the default: one that is free. */
  readonly port?: number;
  /** Vars in the place of those of wrangler.jsonc. */
  readonly vars?: Vars;
  /** Secrets by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Whether to open the inspector. */
  readonly inspect?: boolean;
}

/** Bundles the worker and writes the configuration; gives its path. */
async function prepare({ main, build, vars = {}, secrets = {} }: Setting): Promise<string> {
  const wrangler = readWrangler(join(FOLDER, "wrangler.jsonc"));
  const bundled = await bundle(join(FOLDER, main ?? wrangler.main), build), path = join(build, "config.capnp");
  writeFileSync(path, workerdConfig(wrangler, bundled, { ...wrangler.vars, ...vars }, Object.keys(secrets)));
  return path;
}

/** Starts the worker; done when it listens. */
export async function start(setting: Setting): Promise<Running> {
  const { data, port = 0, secrets = {}, inspect = false } = setting, config = await prepare(setting);
  mkdirSync(data, { recursive: true });
  const args = [`--socket-addr=http=127.0.0.1:${port}`, `--directory-path=data=${resolve(data)}`];
  return startWorkerd(config, { args, env: secrets, inspect });
}
