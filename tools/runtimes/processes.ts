// Runtimes that load a module from the disk and resolve packages by themselves: Node, Deno, Bun.

import { resolve } from "node:path";
import process from "node:process";
import { nodeOf } from "./nodes.ts";
import { output } from "./output.ts";

/** How a runtime is started. */
export interface Program {
  readonly command: string;
  /** Arguments before the file, for a run and for a line of code. */
  readonly run: readonly string[];
  readonly eval: readonly string[];
}

const node = (command: string): Program => ({ command, run: [], eval: ["--input-type=module", "--eval"] });

/** A program of this repository's tools. */
export const bin = (name: string): string => resolve("node_modules/.bin", name);

export const deno: Program = { command: bin("deno"), run: ["run", "-A"], eval: ["eval"] };
export const bun: Program = { command: bin("bun"), run: ["run"], eval: ["--eval"] };

/** How each runtime is started; looking for it may install it. */
export const programs: Readonly<Record<string, () => Promise<Program>>> = {
  [`Node ${process.versions.node.split(".")[0]}`]: () => Promise.resolve(node(process.execPath)),
  "Node 24": async () => node(await nodeOf("node24")),
  "Node 26": async () => node(await nodeOf("node26")),
  Deno: () => Promise.resolve(deno),
  Bun: () => Promise.resolve(bun),
};

/** Its version. */
export const versionOf = async ({ command }: Program): Promise<string> =>
  /\d+\.\d+\.\d+/.exec(await output(command, ["--version"]))?.[0] ?? "";
