// The runtimes that phases are timed in, each time in a process of their own: those of test/package/runtime.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { open } from "../../test/package/runtime/chromium.ts";
import { kernelGlobals } from "../../test/package/runtime/edge_runtime.ts";
import { type Program, programs } from "../../test/package/runtime/processes.ts";
import { output } from "../../test/package/runtime/programs.ts";
import { bundleProject, freshProject, type Suite } from "../../test/package/runtime/project.ts";
import { answer, serve } from "../../test/package/runtime/workerd.ts";
import { wasmModules } from "../../tools/wasm_modules.ts";
import type { Phase } from "./phases.ts";

/** Times phases in a new process. */
export type Timing = (phases: readonly Phase[]) => Promise<number[]>;

/** A runtime: whether its times are those of requests, and how it is made ready in a project of its own. */
export interface ColdRuntime {
  readonly name: string;
  readonly outside: boolean;
  readonly prepare: (folder: string, tarball: string) => Promise<Timing>;
}

const SUITE: Suite = { folder: "bench/cold/entries", entries: ["process", "page", "workerd", "edge_runtime"] };

const project = (folder: string, tarball: string): Promise<string> => freshProject(folder, tarball, undefined, SUITE);

const inProcess = (name: string, find: () => Promise<Program>): ColdRuntime => ({
  name,
  outside: false,
  prepare: async (folder, tarball) => {
    const { command, run } = await find(), cwd = await project(folder, tarball);
    const place = { cwd, env: { DENO_DIR: join(folder, ".deno") } };
    return async (phases) =>
      JSON.parse(await output(command, [...run, "suite/process.js", ...phases], place)) as number[];
  },
});

/** A request that does nothing comes first: connecting is not what is measured. */
async function requests(address: string, phases: readonly Phase[]): Promise<number[]> {
  const times: number[] = [];
  for (const path of ["", ...phases]) {
    const began = performance.now();
    await (await answer(`${address}/${path}`)).text();
    times.push(performance.now() - began);
  }
  return times.slice(1);
}

const workerd: ColdRuntime = {
  name: "workerd",
  outside: true,
  prepare: async (folder, tarball) => {
    const home = await project(folder, tarball), kernels = new Set<string>();
    await bundleProject(home, "workerd", { conditions: ["workerd"], plugins: [wasmModules(home, kernels)] });
    return (phases) => serve(home, kernels, (address) => requests(address, phases));
  },
};

const edgeRuntime: ColdRuntime = {
  name: "edge-runtime",
  outside: true,
  prepare: async (folder, tarball) => {
    const home = await project(folder, tarball), kernels = new Map<string, string>();
    const { file } = await bundleProject(home, "edge_runtime", {
      conditions: ["edge-light"],
      output: { format: "iife" },
      plugins: [kernelGlobals(kernels)],
    });
    const given = Array.from(kernels, ([name, path]) => `${name}=${path}`);
    const host = ["tools/run.mjs", "bench/cold/edge_host.ts", file];
    return async (phases) =>
      JSON.parse(await output(process.execPath, [...host, phases.join(","), ...given])) as number[];
  },
};

const chromium: ColdRuntime = {
  name: "Chromium",
  outside: false,
  prepare: async (folder, tarball) => {
    const home = await project(folder, tarball);
    await bundleProject(home, "page", { output: { splitting: true } });
    writeFileSync(join(home, "index.html"), '<!doctype html>\n<script type="module" src="/page.js"></script>\n');
    return async (phases) => {
      const { report } = await open(home, async (page) => {
        await page.waitForFunction(() => "timed" in globalThis, null, { timeout: 30_000 });
        return await page.evaluate((asked) => (globalThis as unknown as { timed: Timing }).timed(asked), phases);
      });
      return report;
    };
  },
};

export const runtimes: readonly ColdRuntime[] = [
  ...Object.entries(programs).map(([name, find]) => inProcess(name, find)),
  workerd,
  edgeRuntime,
  chromium,
];
