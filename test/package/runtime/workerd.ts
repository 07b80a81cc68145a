// workerd, the runtime of Cloudflare's workers: the suite bundled under its condition, kernels as modules of their own.

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import { wasmModules } from "../../../tools/wasm_modules.ts";
import { failureOf, withForbidden } from "./forbidden.ts";
import { output } from "./programs.ts";
import { bundleProject, freshProject } from "./project.ts";
import type { Report } from "./report.ts";
import type { Run, Runtime } from "./runtime.ts";

const COMMAND = resolve("node_modules/.bin/workerd");

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

/** Serves a bundle with kernels beside it until the work is done; hands over the address. */
export async function serve<A>(
  folder: string,
  kernels: Iterable<string>,
  work: (address: string) => Promise<A>,
): Promise<A> {
  writeFileSync(join(folder, "config.capnp"), configuration(kernels));
  const server = spawn(COMMAND, ["serve", "config.capnp", "--control-fd=3"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const stop = (): boolean => server.kill("SIGKILL");
  process.once("exit", stop);
  let said = "";
  for (const stream of [server.stdout, server.stderr]) stream?.on("data", (text: Buffer) => said += String(text));
  const listening = new Promise<string>((found, failed) => {
    setTimeout(() => failed(new Error(`workerd does not listen: ${said}`)), 20_000).unref();
    server.on("error", failed);
    server.on("exit", (code) => failed(new Error(`workerd ended with ${code}: ${said}`)));
    (server.stdio[3] as Readable).on("data", (text: Buffer) => {
      const port = /"event":"listen".*?"port":(\d+)/.exec(String(text))?.[1];
      if (port !== undefined) found(`http://127.0.0.1:${port}`);
    });
  });
  try {
    return await work(await listening);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${said}`);
  } finally {
    stop();
    process.off("exit", stop);
  }
}

/** Throws what is answered where that is an error. */
export async function answer(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response;
}

async function run(folder: string, tarball: string): Promise<Run> {
  const project = await freshProject(folder, tarball), kernels = new Set<string>();
  const plugins = [wasmModules(project, kernels)];
  const { entry } = await bundleProject(project, "workerd", { conditions: ["workerd"], plugins });
  const version = (await output(COMMAND, ["--version"])).replace("workerd", "").trim();
  const inlined = join(project, "inlined");
  await bundleProject(project, "workerd", { outdir: inlined });
  const said = await failureOf(serve(inlined, [], (address) => answer(`${address}/cold`)));
  return await serve(project, kernels, async (address) => {
    await (await answer(`${address}/`)).text();
    const began = performance.now();
    await (await answer(`${address}/cold`)).text();
    const firstStepMs = performance.now() - began;
    const report = await (await answer(`${address}/report`)).json() as Report;
    return { version, entry, report: withForbidden({ ...report, importMs: null, firstStepMs }, said) };
  });
}

export const workerd: Runtime = { name: "workerd", condition: "workerd", run };
