// Runs the worker in workerd, on this machine.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { bundle } from "./bundle.ts";
import { readWrangler, type Vars, workerdConfig } from "./config.ts";

/** The folder of the example; commands run in that of the repository. */
export const FOLDER = "examples/worker";

const { default: WORKERD } = createRequire(import.meta.url)("workerd") as { default: string };

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

/** A running worker. */
export interface Running {
  readonly url: string;
  readonly port: number;
  readonly inspector: number | undefined;
  readonly process: ChildProcess;
  /** Ends it with a signal, SIGTERM by default, and waits until it has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** A message of workerd on its control channel. */
interface Listening {
  readonly event: "listen" | "listen-inspector";
  readonly port: number;
}

/** Milliseconds until a process that does not end is killed: it waits for the requests that it has. */
const PATIENCE = 5000;

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  await ended;
  clearTimeout(late);
}

/** The ports that a process listens on, as it says them. */
async function ports(child: ChildProcess, count: number): Promise<ReadonlyMap<string, number>> {
  const byEvent = new Map<string, number>();
  for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
    const { event, port } = JSON.parse(line) as Listening;
    byEvent.set(event, port);
    if (byEvent.size === count) return byEvent;
  }
  throw new Error(`workerd ended with ${child.exitCode ?? child.signalCode ?? "an error"} before it listened`);
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
  const args = ["serve", config, "--control-fd=3", `--socket-addr=http=127.0.0.1:${port}`];
  args.push(`--directory-path=data=${resolve(data)}`, ...inspect ? ["--inspector-addr=127.0.0.1:0"] : []);
  // A file that may not grow is an error of storage, not the end of the process.
  const child = spawn("sh", ["-c", 'trap "" XFSZ; exec "$0" "$@"', WORKERD, ...args], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
    env: { PATH: process.env["PATH"], ...secrets },
  });
  const open = await ports(child, inspect ? 2 : 1), listens = open.get("listen") as number;
  return {
    url: `http://127.0.0.1:${listens}`,
    port: listens,
    inspector: open.get("listen-inspector"),
    process: child,
    stop: (signal = "SIGTERM") => stop(child, signal),
  };
}
