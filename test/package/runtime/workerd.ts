// The suite in workerd: bundled under its condition, kernels as modules of their own.

import { join } from "node:path";
import { bundleProject } from "../../../tools/runtimes/project.ts";
import { wasmModules } from "../../../tools/runtimes/wasm_modules.ts";
import { answer, withWorkerd, workerdVersion } from "../../../tools/runtimes/workerd.ts";
import { failureOf, withForbidden } from "./forbidden.ts";
import type { Report } from "./report.ts";
import type { Run, Runtime } from "./runtime.ts";
import { fresh } from "./suite.ts";

async function run(folder: string, tarball: string): Promise<Run> {
  const project = await fresh(folder, tarball), kernels = new Set<string>();
  const plugins = [wasmModules(project, kernels)];
  const { entry } = await bundleProject(project, "workerd", { conditions: ["workerd"], plugins });
  const version = await workerdVersion(), inlined = join(project, "inlined");
  await bundleProject(project, "workerd", { outdir: inlined });
  const said = await failureOf(withWorkerd(inlined, [], (address) => answer(`${address}/cold`)));
  return await withWorkerd(project, kernels, async (address) => {
    await (await answer(`${address}/`)).text();
    const began = performance.now();
    await (await answer(`${address}/cold`)).text();
    const firstStepMs = performance.now() - began;
    const report = await (await answer(`${address}/report`)).json() as Report;
    return { version, entry, report: withForbidden({ ...report, importMs: null, firstStepMs }, said) };
  });
}

export const workerd: Runtime = { name: "workerd", condition: "workerd", run };
