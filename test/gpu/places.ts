// Where the cases run: software devices, so that any machine will do.
//
// Deno brings wgpu, and takes Mesa's lavapipe. Node and Chromium run Dawn on SwiftShader, which comes with Chromium:
// Dawn refuses the lavapipe of Debian 12.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { DENO_GPU } from "../../tools/runtimes/deno.ts";
import { installed } from "../../tools/runtimes/installed.ts";
import { deno } from "../../tools/runtimes/processes.ts";
import { Missing } from "../../tools/runtimes/missing.ts";
import { bundle } from "./bundle.ts";
import { inPage, inPageWithout, inWorker } from "./chromium.ts";
import { type Hear, LIMIT, type Request, type Word } from "./suite.ts";

/** Where it runs, and what it reads: the path of the given as JSON. */
export interface Place {
  readonly name: string;
  /** Which of the long cases it takes as a rule: one place takes all, a page of Chromium trains on digits. */
  readonly long: string | null;
  /** Throws {@link Missing} where this machine lacks what it needs. */
  readonly run: (given: string, request: Request, hear: Hear) => Promise<void>;
}

/** The end of a process; throws the last of what it says where it fails. */
function end(child: ChildProcess): Promise<void> {
  let said = "";
  child.stderr?.on("data", (text: Uint8Array) => said = (said + text.toString()).slice(-2000));
  return new Promise((ended, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) => {
      if (code === 0) ended();
      else failed(new Error(`it ended with ${signal ?? code}: ${said}`));
    });
  });
}

/** Runs a process that tells its words line by line. */
async function tell(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  hear: Hear,
): Promise<void> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
    timeout: LIMIT,
    killSignal: "SIGKILL",
  });
  const ended = end(child);
  createInterface({ input: child.stdout }).on("line", (line) => hear(JSON.parse(line) as Word));
  await ended;
}

/** Deno with an environment. */
const inDeno = (env: Readonly<Record<string, string>>): Place["run"] => (given, request, hear) =>
  tell(
    deno.command,
    [...deno.run, "test/gpu/entries/process.ts", given, JSON.stringify(request)],
    env,
    hear,
  );

/** SwiftShader, as Chromium brings it. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

const node: Place = {
  name: "Node, Dawn",
  long: null,
  run: async (given, request, hear) => {
    if (!existsSync(SWIFTSHADER)) throw new Missing("apt-get install chromium, whose SwiftShader is the device");
    const dawn = await installed("test/gpu/dawn", "webgpu/index.js");
    const file = resolve("node_modules/.cache/fgn/gpu/process.mjs");
    writeFileSync(file, await bundle("process", "node"));
    await tell(process.execPath, [file, given, JSON.stringify(request), dawn], { VK_ICD_FILENAMES: SWIFTSHADER }, hear);
  },
};

/** A place in which no adapter is to be found. */
const without = (name: string, run: Place["run"]): Place => ({
  name: `${name}, no adapter`,
  long: null,
  run: (given, request, hear) => run(given, { ...request, absent: true }, hear),
});

export const places: readonly Place[] = [
  { name: "Deno", long: "", run: inDeno(DENO_GPU) },
  node,
  { name: "Chromium, page", long: "^digits", run: inPage },
  { name: "Chromium, worker", long: null, run: inWorker },
  without("Deno", inDeno({ DENO_WEBGPU_BACKEND: "dx12" })),
  without("Chromium", inPageWithout),
];
