// Runtimes that load a module from the disk and resolve packages by themselves: Node, Deno, Bun.

import { join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { nodeOf } from "./nodes.ts";
import { output } from "./programs.ts";
import { freshProject } from "./project.ts";
import type { Report } from "./report.ts";
import type { Runtime } from "./runtime.ts";

/** How a runtime is started. */
export interface Program {
  readonly command: string;
  /** Arguments before the file, for a run and for a line of code. */
  readonly run: readonly string[];
  readonly eval: readonly string[];
}

const node = (find: () => string | Promise<string>) => async (): Promise<Program> => ({
  command: await find(),
  run: [],
  eval: ["--input-type=module", "--eval"],
});

const bin = (name: string): string => resolve("node_modules/.bin", name);

/** How each runtime is started; looking for it may install it. */
export const programs: Readonly<Record<string, () => Promise<Program>>> = {
  [`Node ${process.versions.node.split(".")[0]}`]: node(() => process.execPath),
  "Node 24": node(() => nodeOf("node24")),
  "Node 26": node(() => nodeOf("node26")),
  Deno: () => Promise.resolve({ command: bin("deno"), run: ["run", "-A"], eval: ["eval"] }),
  Bun: () => Promise.resolve({ command: bin("bun"), run: ["run"], eval: ["--eval"] }),
};

/** Its version. */
export const versionOf = async ({ command }: Program): Promise<string> =>
  /\d+\.\d+\.\d+/.exec(await output(command, ["--version"]))?.[0] ?? "";

export const processes: readonly Runtime[] = Object.entries(programs).map(([name, find]) => ({
  name,
  condition: "default",
  run: async (folder, tarball) => {
    const program = await find(), { command, run, eval: evaluate } = program;
    const place = { cwd: await freshProject(folder, tarball), env: { DENO_DIR: join(folder, ".deno") } };
    const said = await output(command, [...run, "suite/process.js"], { ...place, seconds: 120 });
    const resolved = await output(command, [...evaluate, 'console.log(import.meta.resolve("fgn"))'], place);
    return {
      version: await versionOf(program),
      entry: relative(join(folder, "node_modules/fgn"), fileURLToPath(resolved.trim())),
      report: JSON.parse(said) as Report,
    };
  },
}));
