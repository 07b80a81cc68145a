// Runtimes that load a module from the disk and resolve packages by themselves: Node, Deno, Bun.

import { join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { nodeOf } from "./nodes.ts";
import { output } from "./programs.ts";
import { freshProject } from "./project.ts";
import type { Report } from "./report.ts";
import type { Runtime } from "./runtime.ts";

interface Program {
  readonly command: string;
  /** Arguments before the file, for a run and for a line of code. */
  readonly run: readonly string[];
  readonly eval: readonly string[];
}

function runtime(name: string, find: () => Program | Promise<Program>): Runtime {
  return {
    name,
    condition: "default",
    run: async (folder, tarball) => {
      const { command, run, eval: evaluate } = await find();
      const place = { cwd: await freshProject(folder, tarball), env: { DENO_DIR: join(folder, ".deno") } };
      const said = await output(command, [...run, "suite/process.js"], { ...place, seconds: 120 });
      const resolved = await output(command, [...evaluate, 'console.log(import.meta.resolve("fgn"))'], place);
      return {
        version: /\d+\.\d+\.\d+/.exec(await output(command, ["--version"]))?.[0] ?? "",
        entry: relative(join(folder, "node_modules/fgn"), fileURLToPath(resolved.trim())),
        report: JSON.parse(said) as Report,
      };
    },
  };
}

const node = (name: string, find: () => string | Promise<string>): Runtime =>
  runtime(name, async () => ({
    command: await find(),
    run: [],
    eval: ["--input-type=module", "--eval"],
  }));

const bin = (name: string): string => resolve("node_modules/.bin", name);

export const processes: readonly Runtime[] = [
  node(`Node ${process.versions.node.split(".")[0]}`, () => process.execPath),
  node("Node 24", () => nodeOf("node24")),
  node("Node 26", () => nodeOf("node26")),
  runtime("Deno", () => ({ command: bin("deno"), run: ["run", "-A"], eval: ["eval"] })),
  runtime("Bun", () => ({ command: bin("bun"), run: ["run"], eval: ["--eval"] })),
];
