// The runtimes that phases are timed in, each time in a process of their own.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFolder } from "../../tools/runtimes/chromium.ts";
import { edgeBundle } from "../../tools/runtimes/edge_runtime.ts";
import { output } from "../../tools/runtimes/output.ts";
import { type Program, programs } from "../../tools/runtimes/processes.ts";
import { bundleProject, freshProject, type Suite } from "../../tools/runtimes/project.ts";
import { wasmModules } from "../../tools/runtimes/wasm_modules.ts";
import { answer, withWorkerd } from "../../tools/runtimes/workerd.ts";
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

const project = (folder: string, tarball: string): Promise<string> => freshProject(folder, tarball, SUITE);

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
    return (phases) => withWorkerd(home, kernels, (address) => requests(address, phases));
  },
};

const edgeRuntime: ColdRuntime = {
  name: "edge-runtime",
  outside: true,
  prepare: async (folder, tarball) => {
    const { ask } = await edgeBundle(await project(folder, tarball), "edge-light");
    return async (phases) => (await ask(...phases.map((phase) => `/${phase}`))).answers.map(({ ms }) => ms);
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
      const { report } = await openFolder(home, async (page) => {
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
