// workerd, the runtime of Cloudflare's workers.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { output } from "./output.ts";

const { default: WORKERD } = createRequire(import.meta.url)("workerd") as { default: string };

/** How to run workerd. */
export interface Setting {
  /** Default: the folder of this process. */
  readonly cwd?: string;
  /** Arguments after the configuration. */
  readonly args?: readonly string[];
  /** Variables of the environment beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether to open the inspector. */
  readonly inspect?: boolean;
  /** Whether what it writes is kept for an error instead of shown. */
  readonly quiet?: boolean;
}

/** A running workerd. */
export interface Running {
  readonly url: string;
  readonly port: number;
  readonly inspector: number | undefined;
  readonly process: ChildProcess;
  /** What it has written, where it is quiet. */
  said(): string;
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

/** Starts a configuration with a socket named http; done when it listens. */
export async function startWorkerd(config: string, setting: Setting = {}): Promise<Running> {
  const { cwd = ".", args = [], env = {}, inspect = false, quiet = false } = setting;
  const all = ["serve", config, "--control-fd=3", ...args, ...inspect ? ["--inspector-addr=127.0.0.1:0"] : []];
  const shown = quiet ? "pipe" : "inherit";
  // A file that may not grow is an error of storage, not the end of the process.
  const child = spawn("sh", ["-c", 'trap "" XFSZ; exec "$0" "$@"', WORKERD, ...all], {
    cwd,
    stdio: ["ignore", shown, shown, "pipe"],
    env: { PATH: process.env["PATH"], ...env },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => said += String(text));
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const late = setTimeout(kill, 20_000);
  try {
    const open = await ports(child, inspect ? 2 : 1), port = open.get("listen") as number;
    return {
      url: `http://127.0.0.1:${port}`,
      port,
      inspector: open.get("listen-inspector"),
      process: child,
      said: () => said,
      stop: (signal = "SIGTERM") => stop(child, signal),
    };
  } catch (error) {
    kill();
    throw new Error(`${error instanceof Error ? error.message : error}\n${said}`);
  } finally {
    clearTimeout(late);
  }
}

const configuration = (kernels: Iterable<string>): string => {
  const modules = Array.from(kernels, (name) => `    (name = "${name}", wasm = embed "${name}"),`);
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  compatibilityDate = "2026-10-01",
  modules = [
    (name = "workerd.js", esModule = embed "workerd.js"),
${modules.join("\n")}
  ],
);
`;
};

/** Serves workerd.js of a folder with kernels beside it until the work is done; hands over the address. */
export async function withWorkerd<A>(
  folder: string,
  kernels: Iterable<string>,
  work: (address: string) => Promise<A>,
): Promise<A> {
  writeFileSync(join(folder, "config.capnp"), configuration(kernels));
  const server = await startWorkerd("config.capnp", { cwd: folder, quiet: true });
  try {
    return await work(server.url);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${server.said()}`);
  } finally {
    await server.stop("SIGKILL");
  }
}

/** What is answered; throws it where that is an error. */
export async function answer(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

/** Its version. */
export const workerdVersion = async (): Promise<string> =>
  (await output(WORKERD, ["--version"])).replace("workerd", "").trim();
