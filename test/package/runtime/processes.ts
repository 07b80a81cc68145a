// The suite in runtimes that load a module from the disk: Node, Deno, Bun.

import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { output } from "../../../tools/runtimes/output.ts";
import { programs, versionOf } from "../../../tools/runtimes/processes.ts";
import type { Report } from "./report.ts";
import type { Runtime } from "./runtime.ts";
import { fresh } from "./suite.ts";

export const processes: readonly Runtime[] = Object.entries(programs).map(([name, find]) => ({
  name,
  condition: "default",
  run: async (folder, tarball) => {
    const program = await find(), { command, run, eval: evaluate } = program;
    const place = { cwd: await fresh(folder, tarball), env: { DENO_DIR: join(folder, ".deno") } };
    const said = await output(command, [...run, "suite/process.js"], { ...place, seconds: 120 });
    const resolved = await output(command, [...evaluate, 'console.log(import.meta.resolve("fgn"))'], place);
    return {
      version: await versionOf(program),
      entry: relative(join(folder, "node_modules/fgn"), fileURLToPath(resolved.trim())),
      report: JSON.parse(said) as Report,
    };
  },
}));
